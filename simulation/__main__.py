"""python -m simulation: `--seeds 300` plays so many, `--seed 17` one. A seed that fails is shrunk, and printed with the command that plays it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from time import monotonic

from simulation.play import Outcome, run
from simulation.shrink import shrink


def main() -> int:
    """Play what is asked for. Returns 1 where a seed fails."""
    asked = _arguments()
    if asked.seed is not None:
        only = [int(place) for place in asked.steps.split(",")] if asked.steps else None
        return _one(run(asked.seed, only), shrunk=only is not None)
    return _many(range(asked.first, asked.first + asked.seeds))


def _arguments() -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="python -m simulation", description="Simulate the whole engine (docs/simulation.md).")
    reader.add_argument("--seeds", type=int, default=300, help="how many seeds to play")
    reader.add_argument("--first", type=int, default=0, help="the first of them")
    reader.add_argument("--seed", type=int, help="play this one alone, and print what happens")
    reader.add_argument("--steps", default="", help="of this seed only these steps: 3,8,9")
    return reader.parse_args()


def _one(outcome: Outcome, *, shrunk: bool) -> int:
    sys.stdout.write("\n".join(outcome.trace) + f"\n{outcome.hash}\n")
    return _failed(outcome, shrunk=shrunk) if outcome.faults else 0


def _many(seeds: range) -> int:
    began, failed, totals = monotonic(), 0, Counter[str]()
    for seed in seeds:
        outcome = run(seed)
        totals.update(outcome.totals)
        failed += _failed(outcome) if outcome.faults else 0
    told = ", ".join(f"{count:,} {what}" for what, count in totals.items())
    sys.stdout.write(f"{len(seeds):,} seeds in {monotonic() - began:.0f} s, {failed} failed; {told}\n")
    return min(failed, 1)


def _failed(outcome: Outcome, *, shrunk: bool = False) -> int:
    short = outcome if shrunk else shrink(outcome)
    steps = ",".join(str(step.place) for step in short.steps)
    lines = [f"Seed {outcome.seed} fails: {outcome.faults[0]}", f"  make simulate SEED={outcome.seed}"]
    lines += [f"In {len(short.steps)} steps: {short.faults[0]}", f"  make simulate SEED={outcome.seed} STEPS={steps}"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
