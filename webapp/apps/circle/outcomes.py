"""What the readers of answers share: how something is settled, and how a refusal is. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from webapp.apps import Answer, Known, Learned, Settled, Want
from webapp.apps.circle import memory, texts, words
from webapp.apps.circle.memory import wanted
from webapp.apps.circle.plan import within


def conclude(want: Want, known: Known, outcomes: Mapping[int, Settled]) -> Learned:
    """Settle what is asked for. Where something is adrift, what went well is said only once that is seen to: else nobody would see to it
    should the work be interrupted now. So it is with a space that a removal of its group may take along yet."""
    bad = {t: one for t, one in outcomes.items() if one.outcome in ("failed", "broken")}
    good = {t: outcomes[t] for t in memory.open_(want, outcomes) if t not in bad}
    without = replace(want, settled=want.settled | set(bad)) if bad else want
    unsaid = set(good) if memory.adrift(without, known) else _in_danger(replace(want, settled=want.settled | set(outcomes)), good)
    did = [memory.about(memory.DID, t) for t in sorted(unsaid) if good[t].outcome == "done"]
    return Learned(known.after(*did), bad | {t: one for t, one in good.items() if t not in unsaid})


def _in_danger(want: Want, targets: Iterable[int]) -> set[int]:
    """The spaces that are held and wanted, and whose group is still to be left."""
    groups = [want.targets[t] for t in memory.open_(want, want.asked) if not wanted(want, t)]
    return {t for t in targets for group in groups if wanted(want, t) and within(want.targets[t], group)}


def done(want: Want, known: Known, targets: Collection[int]) -> Learned:
    """Our call did it, for each of these."""
    return conclude(want, known.did(*targets), {t: words.done(want.targets[t], want.community, held=wanted(want, t)) for t in targets})


def already(want: Want, known: Known, targets: Iterable[int]) -> Learned:
    """It was so before, for each of these."""
    return conclude(want, known, {t: words.already(want.targets[t], want.community, held=wanted(want, t)) for t in targets})


def broken(want: Want, known: Known, key: int) -> Learned:
    """Circle no longer has this target."""
    return conclude(want, known.believe("not_held", key), {key: words.broken(want.targets[key], want.community)})


def failed(want: Want, known: Known, key: int, sentence: str, cause: str, todo: str) -> Learned:
    """What an add or removal came to, for good."""
    now = _doubt(want, known, (key,))
    return conclude(want, now, {key: Settled("failed", sentence, cause, todo)})


def refused(want: Want, known: Known, targets: Iterable[int], doing: str, answer: Answer) -> Learned:
    """Circle refuses for a reason of its own, and would again: its words are quoted."""
    settled = words.refused(doing, texts.quoted(answer))
    return conclude(want, _doubt(want, known, targets), dict.fromkeys(targets, settled))


def _doubt(want: Want, known: Known, targets: Iterable[int]) -> Known:
    """What a refused add was about is unknown: it is no proof that they don't have it, and whoever reads of it may give it to them by hand,
    so that a later removal must be called. After a refused removal what was believed is believed as ever."""
    return known.believe("unknown", *(t for t in targets if wanted(want, t)))


def all_adds(want: Want) -> tuple[int, ...]:
    """Everything that is asked for and needs a member."""
    return tuple(t for t in memory.open_(want, want.asked) if wanted(want, t))
