"""Every second, in whichever worker holds the lease: is anything due, was anything called for and not begun → ring. It decides nothing."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import or_, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from webapp.database import db, writing
from webapp.doorbell import BATCH, CHECK, DELIVER, REFRESH, WATCH
from webapp.engine import batches, checks, lanes, loading, outbox
from webapp.models import Lease
from webapp.parts import parts

NAME = "clock"
HELD_FOR = timedelta(seconds=4)
"""Should the worker with the clock be killed another one has it after so long. Two clocks at a time do no harm."""

RENEW_AFTER = timedelta(seconds=2)

LOOK_EVERY = timedelta(seconds=30)
"""Between two calls for whoever looks for what needs a person."""

log = logging.getLogger(__name__)


class Clock:
    """The clock of one process. `run` goes on until `stop` is set."""

    def __init__(self, app: Flask, holder: str, stop: threading.Event) -> None:
        self._app, self._holder, self._stop = app, holder, stop
        self._held_until: datetime | None = None
        self._looked_at: datetime | None = None

    def run(self) -> None:
        """Tick once a second."""
        while not self._stop.wait(1.0):
            try:
                with self._app.app_context():
                    self.tick()
            except DBAPIError as gone:  # the database will be back
                log.warning("The clock could not look: %s", type(gone).__name__)
        with self._app.app_context():
            self._let_go()

    def tick(self) -> None:
        """Look once, if the lease is ours."""
        here, now = parts(), parts().now()
        if not self._holds(now):
            return
        session = db.session()
        due, wanted, going = lanes.waiting(session, now), loading.wanted(session, now), batches.running(session)
        letters, unchecked = outbox.waiting(session, now), checks.wanted(session, now)
        db.session.rollback()
        if due:
            here.bell.ring()
        for integration in wanted:
            here.bell.chore(REFRESH, integration)
        for lane in unchecked:
            here.bell.chore(CHECK, lane)
        for batch in going:
            here.bell.chore(BATCH, batch)
        if letters:
            here.bell.chore(DELIVER)
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            here.bell.chore(WATCH)

    def _holds(self, now: datetime) -> bool:
        """Whether this process is the one: by a lease in the database, renewed now and then."""
        if self._held_until and self._held_until - now > HELD_FOR - RENEW_AFTER:
            return True
        with writing() as session:
            held = take_lease(session, NAME, self._holder, now, HELD_FOR)
        self._held_until = now + HELD_FOR if held else None
        return held

    def _let_go(self) -> None:
        """Another worker may take over at once."""
        if self._held_until is not None:
            try:
                with writing() as session:
                    take_lease(session, NAME, self._holder, parts().now(), timedelta(0))
            except DBAPIError:
                log.info("The clock's lease runs out by itself.")


def take_lease(session: Session, name: str, holder: str, now: datetime, length: timedelta) -> bool:
    """Take or keep a lease. False where somebody else holds it."""
    free = or_(Lease.holder == holder, Lease.until <= now)
    taken = session.execute(update(Lease).where(Lease.name == name, free).values(holder=holder, until=now + length).returning(Lease.name))
    if taken.scalar() is not None:
        return True
    try:
        with session.begin_nested():
            session.add(Lease(name=name, holder=holder, until=now + length))
    except IntegrityError:
        return False
    return True
