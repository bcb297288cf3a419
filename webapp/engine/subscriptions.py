"""What a subscription's history fires: a fold over all that was said about it, in the order of its times. Pure.

Each firing carries the steps that stand for the same happening (`span`), so that a history which is told again, late or in other
words finds what has fired already (docs/access.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FAILURES_TO_DELINQUENT = 4
"""Failed payments in a row that make a subscription delinquent."""

BESIDE = timedelta(hours=6)
"""A recovery that a checkout names within so long after one that its charge has told is the same one."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said about a subscription: `models.Step` as a value."""

    id: int
    kind: str
    at: datetime
    tie: str = ""
    number: int | None = None
    total: int | None = None
    access_until: datetime | None = None


@dataclass(slots=True)
class Firing:
    """A trigger that the history fires at one of its steps; `span`: the ids of all steps that stand for the same happening."""

    trigger: str
    step: Said
    span: set[int]


@dataclass
class _Story:
    """Where the fold is: the subscription's status, its run of failures, and the firings so far."""

    status: str = "active"
    run: list[Said] = field(default_factory=list)
    recovered: Firing | None = None
    out: Firing | None = None
    delinquent: Firing | None = None
    failing: Firing | None = None
    restarted: Firing | None = None
    completed: Firing | None = None
    charges: dict[int, Firing] = field(default_factory=dict)
    fired: list[Firing] = field(default_factory=list)

    def fire(self, trigger: str, step: Said, span: Iterable[Said] = ()) -> Firing:
        firing = Firing(trigger, step, {step.id, *(s.id for s in span)})
        self.fired.append(firing)
        return firing

    def reactivate(self) -> None:
        self.status, self.run = "active" if self.status != "completed" else "completed", []
        self.out = self.delinquent = self.failing = None


def fold(history: Iterable[Said]) -> list[Firing]:
    """Everything that this history fires, in its order. The order in which it is given does not matter."""
    story = _Story()
    for step in sorted(history, key=lambda s: (s.at, s.tie, s.id)):
        _SAID[step.kind](story, step)
        for firing in (story.failing, story.out, story.delinquent, story.recovered, story.restarted, story.completed):
            if firing:
                firing.span.add(step.id)
    return story.fired


def _charged(story: _Story, step: Said) -> None:
    if step.number is not None and step.number in story.charges:
        story.charges[step.number].span.add(step.id)
        return
    firing = story.fire("subscription_charged", step)
    if step.number is not None:
        story.charges[step.number] = firing
    if story.run or story.status == "delinquent":
        story.recovered = story.fire("subscription_recovered", step)
    story.reactivate()
    if step.total is not None and step.number is not None and step.number >= step.total:
        _completed(story, step)


def _charge_failed(story: _Story, step: Said) -> None:
    story.recovered = story.restarted = None
    story.run.append(step)
    if len(story.run) == 1:
        story.failing = story.fire("subscription_charge_failed", step)
    if len(story.run) == FAILURES_TO_DELINQUENT:
        _delinquent(story, step)


def _delinquent(story: _Story, step: Said) -> None:
    story.recovered = story.restarted = None
    if story.status == "delinquent":
        return
    story.delinquent = story.fire("subscription_delinquent", step)
    if story.status != "canceled":
        story.out = story.fire("subscription_canceled", step)
    story.status = "delinquent"


def _canceled(story: _Story, step: Said) -> None:
    story.recovered = story.restarted = None
    if story.status in ("canceled", "delinquent"):
        return
    story.out = story.fire("subscription_canceled", step)
    story.status = "canceled"


def _recovered(story: _Story, step: Said) -> None:
    if story.recovered is None:
        story.recovered = story.fire("subscription_recovered", step)
    story.reactivate()


def _restarted(story: _Story, step: Said) -> None:
    if story.status not in ("canceled", "delinquent"):
        return
    story.restarted = story.fire("subscription_restarted", step)
    story.reactivate()


def _completed(story: _Story, step: Said) -> None:
    if story.status == "completed":
        return
    story.completed = story.fire("subscription_completed", step)
    story.status = "completed"


def _named_recovered(story: _Story, step: Said) -> None:
    """A checkout that names it need not have said that payments failed."""
    if story.recovered is None or step.at - story.recovered.step.at > BESIDE:
        story.recovered = story.fire("subscription_recovered", step)
    story.reactivate()


def _named_restarted(story: _Story, step: Said) -> None:
    """A checkout that names it need not have said that it was canceled: only a restart on a restart is nothing new."""
    if story.restarted is None:
        story.restarted = story.fire("subscription_restarted", step)
    story.reactivate()


_SAID: Mapping[str, Callable[[_Story, Said], None]] = {
    "charged": _charged,
    "charge_failed": _charge_failed,
    "canceled": _canceled,
    "delinquent": _delinquent,
    "recovered": _recovered,
    "restarted": _restarted,
    "completed": _completed,
    "named_recovered": _named_recovered,
    "named_restarted": _named_restarted,
}

KINDS = frozenset(kind for kind in _SAID if not kind.startswith("named_"))
"""What can be said about a subscription."""


def as_said(kind: str, named: bool) -> str:
    """The kind of a step: what was said, and whether the checkout is taken at its word (`sources.Line.named`), where that makes a difference."""
    return f"named_{kind}" if named and f"named_{kind}" in _SAID else kind


def status(history: Sequence[Said]) -> str:
    """The subscription's status now: active / failing / canceled / delinquent / completed."""
    story = _Story()
    for step in sorted(history, key=lambda s: (s.at, s.tie, s.id)):
        _SAID[step.kind](story, step)
    return "failing" if story.run and story.status == "active" else story.status
