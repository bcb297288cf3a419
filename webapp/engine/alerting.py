"""What is to be told when: from the troubles that were found and the alerts that stand, what begins, goes on, is over, and who hears of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ATTENTION, FAILED, BROKEN, NOT_UNDERSTOOD, SILENT = "attention", "failed", "broken", "not_understood", "silent"
KINDS: Mapping[str, str] = {
    ATTENTION: "An integration needs attention",
    FAILED: "Entries fail for good",
    BROKEN: "A rule breaks, because what it is about is gone",
    NOT_UNDERSTOOD: "Messages of a checkout are not understood",
    SILENT: "A checkout that used to speak falls silent",
}
"""What people can be told of."""

QUIET = timedelta(hours=6)
"""After so long without another one, entries that failed, and messages that were not understood, are one outage that is over."""


@dataclass(frozen=True)
class Trouble:
    """One thing that needs a person, as it is now. `subject` tells it from others of its kind. The rest as in `webapp.models.Alert`."""

    kind: str
    subject: str
    title: str
    todo: str
    first_at: datetime
    last_at: datetime
    count: int = 1

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by in its marketplace."""
        return self.kind, self.subject


@dataclass(frozen=True)
class Standing:
    """An alert that is open."""

    id: int
    key: tuple[str, str]
    told_at: datetime | None = None
    acknowledged: bool = False
    snoozed_until: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """What is to be written and told: new troubles, those that go on (by alert), what is over, and the alerts people hear of."""

    begin: list[Trouble] = field(default_factory=list)
    go_on: dict[int, Trouble] = field(default_factory=dict)
    over: list[int] = field(default_factory=list)
    tell: list[Trouble] = field(default_factory=list)
    remind: list[int] = field(default_factory=list)
    tell_over: list[int] = field(default_factory=list)


def decide(standing: Iterable[Standing], troubles: Iterable[Trouble], muted: Iterable[str], now: datetime) -> Decision:
    """What these troubles mean for these alerts. A muted kind is written down all the same, for the page."""
    made, silenced = Decision(), set(muted)
    by_key = {one.key: one for one in standing}
    for trouble in troubles:
        known = by_key.pop(trouble.key, None)
        if known is None:
            made.begin.append(trouble)
            if trouble.kind not in silenced:
                made.tell.append(trouble)
        else:
            made.go_on[known.id] = trouble
            if trouble.kind not in silenced and _again(known, now):
                made.remind.append(known.id)
    for known in by_key.values():
        made.over.append(known.id)
        if known.told_at is not None and known.key[0] not in silenced:
            made.tell_over.append(known.id)
    return made


def _again(known: Standing, now: datetime) -> bool:
    """Whether people hear once more of what they could know: it was snoozed and is still there, or nobody was told."""
    if known.acknowledged:
        return False
    if known.snoozed_until is not None:
        return known.snoozed_until <= now
    return known.told_at is None
