"""How many lanes a worker may claim and how many calls it may send: as many as it has threads, and as the pace allows. Nothing is called here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.engine import lanes
from webapp.pacing import Allowed, Pace

GONE_WAITS = 1.0
"""Seconds without a call after nobody could be asked for the pace."""

LOOKS_ROUND = 2.0
"""Seconds for which it is taken for known whether there are others beside those with a backlog."""

FOR_OTHERS = 8
"""One of so many threads is kept for integrations without a backlog: calls that hang don't take them all."""


class Gate:
    """Of one worker with so many threads (`size`). What is `patient` is of a backlog; all else is urgent. `clock`: monotonic seconds."""

    def __init__(self, pace: Pace, size: int, clock: Callable[[], float]) -> None:
        self._pace, self._size, self._clock = pace, size, clock
        self._allowed = Allowed(0, 0)
        self._urgent_at = self._patient_at = 0.0
        self._crowded: set[int] = set()
        self._keeps, self._looked_at = False, clock()

    def crowd(self, integration: int) -> None:
        """This integration has a backlog."""
        if integration not in self._crowded:
            self._crowded.add(integration)
            self._looked_at = float("-inf")

    def forget(self) -> None:
        """Nobody has a backlog any more."""
        self._crowded.clear()
        self._keeps = False

    def look_round(self, session: Session, now: datetime) -> None:
        """See whether there is anybody to keep room for: an integration that may be called, beside those with a backlog."""
        if self._crowded and self._clock() - self._looked_at > LOOKS_ROUND:
            self._looked_at = self._clock()
            self._keeps = lanes.others(session, self._crowded, now)

    def room(self, busy: int, patient: int) -> lanes.Room:
        """How many lanes may be claimed so that their calls need not wait, where so many are in hand, `patient` of them of a backlog."""
        most, now, known = self._size - busy, self._clock(), self._allowed
        stale = (not known.urgent_left and now >= self._urgent_at) or (not known.patient_left and now >= self._patient_at)
        if most > 0 and stale:
            known = self.take(0, 0)
        most = max(0, min(most, known.urgent_left))
        kept = self._size // FOR_OTHERS if self._keeps else 0
        return lanes.Room(most, max(0, min(most, self._size - kept - patient, known.patient_left)))

    def take(self, urgent: int, patient: int) -> Allowed:
        """Ask for so many calls. Where nobody counts nothing is allowed."""
        try:
            self._allowed = self._pace.take(urgent, patient, keep=self._keeps)
        except (RedisError, DBAPIError):
            self._allowed = Allowed(0, 0, 0, 0, GONE_WAITS, GONE_WAITS)
        self._urgent_at = self._clock() + self._allowed.urgent_wait
        self._patient_at = self._clock() + self._allowed.patient_wait
        return self._allowed

    def opens_in(self) -> float:
        """Seconds until a call may go again, 0 where one may now."""
        return max(0.0, min(self._urgent_at, self._patient_at) - self._clock())
