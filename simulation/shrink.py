"""A failing run made short: steps are left out as long as it still fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulation.play import Outcome, run


def shrink(failed: Outcome) -> Outcome:
    """A run of the same seed that fails, too, with as few steps as are found: without any one of them it does not."""
    best, size = failed, max(1, len(failed.steps) // 2)
    while size:
        shorter = _without(best, size, lambda places: run(failed.seed, places))
        best, size = (shorter, size) if shorter else (best, size // 2)
    return best


def _without(failed: Outcome, size: int, play: Callable[[Sequence[int]], Outcome]) -> Outcome | None:
    """The first run that fails without so many steps in a row; None where none does."""
    places = [step.place for step in failed.steps]
    for start in reversed(range(0, len(places), size)):
        outcome = play(places[:start] + places[start + size :])
        if outcome.faults:
            return outcome
    return None
