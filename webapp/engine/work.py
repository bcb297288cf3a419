"""One lane's piece of work, from claim to end: what waits, what is desired and believed, and what came of each entry. Pure.

A step is one call: `next_call`, then `take_answer`, until there is no further call or a setback ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from webapp.apps import Answer, App, Call, Known, Setback, Settled, Want
from webapp.engine.access import Verdict

MOST_CALLS = 200
"""More calls than this for one piece of work means that an app's plan runs in a circle: better to fail and say so."""

OURS, FOUND = "call", "found"
"""On whose word a belief stands: a call of ours has made it so, or has left it unknown; or its answer said that it was so already."""

CHECK = "check"
"""On whose word, too: a check that somebody asked for has found it so."""

WATCHED = "watch_only"
"""The cause of an entry for which nothing was called, since the merchant only watches."""

CIRCLE = Settled(
    "failed",
    "Cartwheel stopped: this took more calls than it ever should.",
    "too_many_calls",
    "Replay the entry. If it happens again, report it with the calls that are shown here.",
)


@dataclass(frozen=True, slots=True)
class Open:
    """An entry that waits: what it asks for (`adds`: to be held), when it arrived. `why` goes with its sentence: of one without a rule, what it
    puts right; of one that gives for a time, until when. `event`: what it came by, if by anything."""

    id: int
    target: int
    adds: bool
    at: datetime
    trigger: str | None
    product_id: int | None
    happening_id: int | None
    rule_id: int | None
    attempts: int
    event: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """What became of an entry: its status, and what the merchant reads."""

    status: str
    sentence: str
    cause: str = ""
    todo: str = ""
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """An integration as a worker needs it: `sealed` is opened by the worker alone."""

    id: int
    marketplace_id: int
    app: str
    name: str
    zone: str
    sealed: bytes
    public: Mapping[str, str]
    send_invitation: bool
    watch_only: bool
    membership: int


Hold = tuple[int, str]
"""A lane and the claim that it was taken with."""


@dataclass(slots=True)
class Work:
    """A claimed lane in a worker's hands. `stored` is what the database has of `known`.

    `wrong`: targets that are not believed to be as desired, though nobody asks for them (see corrections). `changes_at`: when time alone
    may change what is desired. `backlog`: it is one of many, and leaves room for others. `ended`: entries that needed no call; `settled`:
    targets that calls have settled; `alias`: another address, just learned. `unanswered`: the last call brought no answer of the app's.
    `word`: on whose word that stands which no call of ours has made so.
    """

    lane_id: int
    customer_id: int
    seat: Seat
    claim: str
    app: App
    entries: list[Open]
    want: Want
    known: Known
    stored: Known
    verdicts: Mapping[int, Verdict]
    failures: int = 0
    wrong: frozenset[int] = frozenset()
    changes_at: datetime | None = None
    backlog: bool = False
    ended: dict[int, End] = field(default_factory=dict)
    settled: dict[int, Settled] = field(default_factory=dict)
    setback: Setback | None = None
    alias: str | None = None
    calls: int = 0
    unanswered: bool = False
    word: str = FOUND

    @property
    def hold(self) -> Hold:
        """What it is held by. A process that stood still for too long may have a lane in hand twice: once as its claim had it, once anew."""
        return self.lane_id, self.claim

    def next_call(self) -> Call | None:
        """The next call to make; None where nothing is left to do, or a setback stands in the way."""
        if self.setback or not self._left():
            return None
        if self.calls >= MOST_CALLS:
            self.settled |= dict.fromkeys(self._left(), CIRCLE)
            return None
        calls = self.app.plan(self._want(), self.known)
        return calls[0] if calls else None

    def is_stored(self) -> None:
        """What has been learned so far is committed."""
        self.stored, self.alias = self.known, None

    def take_answer(self, call: Call, answer: Answer) -> None:
        """Learn from what a call brought."""
        self.calls += 1
        learned = self.app.learn(self._want(), self.known, call, answer)
        self.known = learned.known
        self.settled |= learned.settled
        self.setback = learned.setback
        silent = answer.status == 0 or answer.status >= 500
        self.unanswered = silent and self.setback is not None and self.setback.kind == "retry"
        self.alias = learned.alias or self.alias

    def watch(self) -> None:
        """Watch only: say what would be called, call nothing, and leave what is believed as it is."""
        calls = self.app.plan(self._want(), self.known)
        rest = self.app.rest(self._want(), self.known)
        for target in self._left():
            says = [call.says for call in calls if target in call.targets]
            if says:
                self.settled[target] = Settled("already", f"Watch only: would {', then '.join(says)}. Nothing was called.", WATCHED)
            elif target in rest:
                self.settled[target] = rest[target]

    def finish(self) -> dict[int, End]:
        """What became of every entry; those that a setback leaves waiting are not in it."""
        if not self.setback:
            for target, settled in self.app.rest(self._want(), self.known).items():
                self.settled.setdefault(target, settled)
        ends = dict(self.ended)
        for entry in self.entries:
            if entry.id not in ends and entry.target in self.settled:
                ends[entry.id] = _end(self.settled[entry.target], entry)
        return ends

    def _want(self) -> Want:
        return replace(self.want, settled=frozenset(self.settled))

    def _left(self) -> set[int]:
        return {target for target in self.want.asked if target not in self.settled}


_STATUS = {"done": "succeeded", "already": "unchanged", "failed": "failed", "broken": "failed"}


def _end(settled: Settled, entry: Open) -> End:
    so = settled.outcome == "done" or (settled.outcome == "already" and entry.rule_id is not None and settled.cause != WATCHED)
    said = f"{settled.sentence} {entry.why}" if entry.why and so else settled.sentence
    return End(_STATUS[settled.outcome], said, settled.cause, settled.todo)
