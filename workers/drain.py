"""The job `work`: drain the lanes. Threads make the calls; this one thread alone touches the database, for many lanes at once.

Every few milliseconds one transaction records what has finished and claims what is due. The order of a lane's steps is kept by its
claim; nothing here is lost with the process, since all that is not committed is claimed again.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from webapp import doorbell
from webapp.apps import Answer, Call, Client, Setback
from webapp.database import db, writing
from webapp.engine import corrections, lanes, recording
from webapp.engine.states import UNREADABLE
from webapp.engine.work import Hold, Work
from webapp.journal import about
from webapp.pacing import Pace
from webapp.parts import Parts
from webapp.vault import Sealed
from workers.callers import Callers
from workers.clients import Clients
from workers.gate import Gate

TICK = 0.008
"""Seconds between two transactions while calls are under way: what finishes meanwhile is recorded together."""

LONGEST_TICK = 0.03
"""Seconds between two looks for new work while nothing happens but calls under way."""

FAULT_WAITS = 0.5
"""Seconds to wait after the database failed, before the same is tried again."""

STOP_WAITS = 6.0
"""Seconds that calls under way may take after the worker was told to stop; platforms kill 10 s after SIGTERM."""

RENEW_AFTER = timedelta(seconds=8)
"""A claim that waits for the pace is renewed when it is this old."""

BUG = Setback("retry", "Cartwheel made a mistake of its own here and has written it down.", "bug")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Step:
    """A call that is to be made, and since when its lane has been held without a renewal."""

    work: Work
    call: Call
    client: Client
    held_since: datetime


@dataclass(slots=True)
class _Turn:
    """What one transaction writes down."""

    made: list[recording.Made] = field(default_factory=list)
    finished: list[Work] = field(default_factory=list)
    given_back: list[Work] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.made or self.finished or self.given_back)


class Drain:
    """Works the lanes of one process. `run` is called by one thread at a time; `stop` is set from any. `clock`: monotonic seconds."""

    def __init__(
        self,
        parts: Parts,
        clients: Clients,
        pace: Pace,
        callers: Callers,
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts, self._clients, self._callers, self._stop = parts, clients, callers, stop
        self._gate = Gate(pace, callers.size, clock)
        self._trust = timedelta(hours=parts.settings.belief_hours)
        self._dice = random.Random()  # noqa: S311  spreads retries, guards nothing
        self._answers: queue.SimpleQueue[tuple[_Step, Answer, datetime]] = queue.SimpleQueue()
        self._flying: dict[Hold, _Step] = {}
        self._ready: deque[_Step] = deque()
        self._turn = _Turn()
        self._next: list[_Step] = []
        self._taken: dict[int, bool] = {}
        self._token = ""  # a new one for each claim: a process that stood still for too long may claim anew what it has in hand itself
        self._rotation: deque[int] = deque()

    def run(self) -> None:
        """Work until nothing may be claimed and no call is under way, then take the bell's flag down and look once more. What the pace holds
        back then the clock calls for."""
        self._gate.forget()
        while not self._stop.is_set():
            self._work()
            if self._stop.is_set():
                break
            try:
                doorbell.unring(self._parts.bell.redis)
            except RedisError:  # the flag is gone with it; the clock rings when it is back
                return
            if not self._tick():
                return
        self._end()

    def _work(self) -> None:
        wait = TICK
        while not self._stop.is_set():
            began = time.monotonic()
            busy = self._tick()
            if not (self._flying or self._ready or self._turn):
                if not busy:
                    return
                continue
            spent = time.monotonic() - began  # a slow transaction is followed by a larger one, not by the next one at once
            wait = min(max(TICK, spent) if busy else wait * 1.5, LONGEST_TICK)
            self._collect(wait)

    def _tick(self) -> bool:
        """Record, claim, send. Returns whether there was anything to record or claim."""
        try:
            if not self._taken:
                self._transact()
            works = self._brief()
        except DBAPIError as fault:  # nothing is committed, or nothing that was claimed is begun: the same is tried again
            log.warning("The database failed, trying again: %s", type(fault).__name__)
            db.session.remove()
            self._stop.wait(FAULT_WAITS)
            return True
        for work in works:
            self._begin(work)
        self._send()
        return bool(works)

    def _transact(self) -> None:
        turn, room = self._turn, self._room()
        due = self._waiting() if room.all > 0 and not self._stop.is_set() else []
        if not (turn or due or self._old()):
            self._go_on(_NOTHING)
            return
        now, self._token = self._parts.now(), f"{self._dice.getrandbits(128):032x}"
        with writing() as session:
            held = [step.work for step in [*self._next, *self._old()]]
            recording.hold(session, [*held, *turn.finished, *turn.given_back])
            written = recording.record(session, turn.made, held, turn.finished, now, self._parts.new_id, self._dice.random())
            recording.give_back(session, turn.given_back, now)
            taken = lanes.take(session, due, room, self._token, now)
        self._taken = taken
        for work in {id(w): w for w in [*(made.work for made in turn.made), *turn.finished]}.values():
            work.is_stored()
        _told(turn.finished)
        self._turn = _Turn()
        for step in self._old():
            step.held_since = now
        self._go_on(written)
        if written.marketplaces:
            self._parts.bell.ring(written.marketplaces, work=False)

    def _brief(self) -> list[Work]:
        """Read what the work of the lanes needs that were just taken. No other writer waits for that, but where something in them is to be put
        right: then it is read again, so that it is what it was when it is written down."""
        if not self._taken:
            return []
        now = self._parts.now()
        works = lanes.brief(db.session(), self._taken, self._token, now, self._trust)
        db.session.rollback()
        if corrections.concern(works):
            with writing() as session:
                works = lanes.brief(session, self._taken, self._token, now, self._trust)
                corrections.put_right(session, works, now, self._parts.new_id)
        self._taken = {}
        return works

    def _room(self) -> lanes.Room:
        """How many lanes may be claimed now."""
        busy = [*self._flying.values(), *self._ready, *self._next]
        return self._gate.room(len(busy), sum(step.work.backlog for step in busy))

    def _waiting(self) -> list[lanes.Due]:
        """The integrations with work, beginning after the one that was served last, so that each has its turn."""
        session, now = db.session(), self._parts.now()
        found = {one.integration: one for one in lanes.waiting(session, now)}
        self._gate.look_round(session, now)
        db.session.rollback()
        kept = [one for one in self._rotation if one in found]
        self._rotation = deque(kept + [one for one in found if one not in set(kept)])
        order = [found[one] for one in self._rotation]
        self._rotation.rotate(-1)
        return order

    def _old(self) -> list[_Step]:
        """The steps that have waited so long for the pace that their claims need a renewal."""
        if not self._ready:
            return []
        now = self._parts.now()
        return [step for step in self._ready if now - step.held_since > RENEW_AFTER]

    def _go_on(self, written: recording.Recorded) -> None:
        """The next steps of lanes that are still ours may be made: their claims are renewed and what came before is committed. Those of
        integrations that must not be called any more are given back."""
        ours = [step for step in [*self._ready, *self._next] if step.work.hold not in written.lost]
        self._ready = deque(step for step in ours if step.work.seat.id not in written.stopped)
        self._turn.given_back = [step.work for step in ours if step.work.seat.id in written.stopped]
        self._next = []

    def _begin(self, work: Work) -> None:
        """A lane that was just claimed."""
        if work.backlog:
            self._gate.crowd(work.seat.id)
        if work.seat.watch_only:
            _guarded(work, work.watch)
            self._turn.finished.append(work)
            return
        self._step(work, self._ready.append)

    def _step(self, work: Work, put: Callable[[_Step], None]) -> None:
        """Plan the next call of this work, or see that it has none."""
        call = _guarded(work, work.next_call)
        if call is None:
            self._turn.finished.append(work)
            return
        try:
            put(_Step(work, call, self._clients.of(work.seat), self._parts.now()))
        except Sealed:
            work.setback = Setback("attention", "Cartwheel can no longer read the API key.", UNREADABLE)
            self._turn.finished.append(work)

    def _send(self) -> None:
        """Send as many of the ready calls as the pace allows. A lane for which nothing was called yet does not wait here for it."""
        if not self._ready or self._gate.opens_in() > 0:
            return
        patient = sum(step.work.backlog for step in self._ready)
        allowed = self._gate.take(len(self._ready) - patient, patient)
        left = {False: allowed.urgent, True: allowed.patient}
        waiting, self._ready = self._ready, deque()
        for step in waiting:
            if left[step.work.backlog] > 0:
                left[step.work.backlog] -= 1
                self._flying[step.work.hold] = step
                self._callers.submit(partial(self._call, step))
            elif step.work.calls:
                self._ready.append(step)
            else:
                self._turn.given_back.append(step.work)

    def _call(self, step: _Step) -> None:
        """In a thread of its own: make the call. Clients never raise; should one all the same, the call's fate is unknown."""
        try:
            answer = step.client.send(step.call)
        except Exception:
            with _about(step.work):
                log.exception("A client raised")
            answer = Answer(0, error="Cartwheel made a mistake of its own while it called.")
        self._answers.put((step, answer, self._parts.now()))

    def _collect(self, wait: float) -> None:
        """Wait for answers, so many seconds at most, and take all that have come."""
        end = time.monotonic() + wait
        while self._flying and (left := end - time.monotonic()) > 0:
            if not self._take_one(left):
                return
        if not self._flying and self._ready and not self._turn:
            self._stop.wait(max(wait, min(self._gate.opens_in(), LONGEST_TICK)))

    def _take_one(self, wait: float) -> bool:
        """Take one answer, if one comes within so many seconds."""
        try:
            self._take(*self._answers.get(timeout=wait))
        except queue.Empty:
            return False
        return True

    def _take(self, step: _Step, answer: Answer, at: datetime) -> None:
        work = step.work
        self._flying.pop(work.hold, None)
        self._turn.made.append(recording.Made(work, step.call, answer, at))
        _guarded(work, lambda: work.take_answer(step.call, answer))
        self._step(work, self._next.append)

    def _end(self) -> None:
        """The worker ends: let the calls under way finish, write down what came of them, give everything else back."""
        end = time.monotonic() + STOP_WAITS
        while self._flying and (left := end - time.monotonic()) > 0 and self._take_one(left):
            pass
        left_over = [*self._turn.given_back, *(step.work for step in [*self._ready, *self._next])]
        self._ready, self._next = deque(), []
        with writing() as session:
            now = self._parts.now()
            turn = self._turn
            recording.hold(session, [*turn.finished, *left_over])
            recording.record(session, turn.made, [], turn.finished, now, self._parts.new_id, self._dice.random())
            recording.give_back(session, left_over, now)
        self._turn = _Turn()
        _told(turn.finished)


_NOTHING = recording.Recorded(set(), set(), set())

T = TypeVar("T")


def _guarded(work: Work, act: Callable[[], T]) -> T | None:
    """A mistake in one lane's plan must not stop the others: it is logged, and the lane tries again later."""
    try:
        return act()
    except Exception:
        with _about(work):
            log.exception("Planning or learning failed")
        work.setback = BUG
        return None


def _told(finished: Sequence[Work]) -> None:
    """A line for each piece of work that is written down."""
    for work in finished if log.isEnabledFor(logging.INFO) else ():
        with _about(work):
            log.info("A customer's work was done." if not work.setback else "A customer's work has to wait.", extra={"calls": work.calls})


def _about(work: Work) -> about:
    return about(
        marketplace=work.seat.marketplace_id, integration=work.seat.id, lane=work.lane_id,
        entries=[entry.id for entry in work.entries], events=sorted({entry.event for entry in work.entries if entry.event}),
    )  # fmt: skip
