"""Keeps house, in whichever worker holds the lease: counts the log a while after it was written, and cuts what is old. It decides nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from webapp.database import db, writing
from webapp.engine import log_fold, retention
from webapp.models import Marketplace
from webapp.parts import parts
from workers.clock import take_lease

NAME = "keeper"
HELD_FOR = timedelta(minutes=2)
EVERY = 30.0
"""Seconds between two rounds. What is not counted yet is looked up by whoever asks."""
AT_ONCE = 20
"""How many quarters of an hour are written in one transaction: what is live must not wait for it."""

log = logging.getLogger(__name__)


class Keeper:
    """The keeper of one process. `run` goes on until `stop` is set."""

    def __init__(self, app: Flask, holder: str, stop: threading.Event) -> None:
        self._app, self._holder, self._stop = app, holder, stop

    def run(self) -> None:
        """A round now and then."""
        while not self._stop.wait(EVERY):
            try:
                with self._app.app_context():
                    self.round()
            except DBAPIError as gone:  # the database will be back
                log.warning("The house could not be kept: %s", type(gone).__name__)

    def round(self) -> None:
        """Do what there is to do, if the lease is ours."""
        if not self._holds():
            return
        for marketplace in log_fold.lagging(db.session(), parts().now()):
            self._count(marketplace)
        for marketplace in db.session.scalars(select(Marketplace.id)).all():
            self._cut(marketplace)

    def _cut(self, marketplace: int) -> None:
        """Cut what is older than the marketplace keeps, step by step, and give the disk back."""
        if not retention.overdue(db.session(), marketplace, parts().now()):
            return
        more = True
        while more and not self._stop.is_set() and self._holds():
            with writing() as session:
                done = retention.cut(session, marketplace, parts().now())
            for start in range(0, len(done.quarters), AT_ONCE):
                count_quarters(marketplace, done.quarters[start : start + AT_ONCE])
            more = done.more
        more = True
        while more and not self._stop.is_set():
            with writing() as session:
                more = retention.give_back(session)

    def _holds(self) -> bool:
        with writing() as session:
            return take_lease(session, NAME, self._holder, parts().now(), HELD_FOR)

    def _count(self, marketplace: int) -> None:
        """Count what has changed in a marketplace's log."""
        step = log_fold.due(db.session(), marketplace, parts().now())
        for start in range(0, len(step.quarters), AT_ONCE):
            if self._stop.is_set() or not self._holds():
                return
            count_quarters(marketplace, step.quarters[start : start + AT_ONCE])
        with writing() as session:
            log_fold.done(session, marketplace, step.until)


def count_quarters(marketplace: int, quarters: Sequence[int]) -> None:
    """Count these quarters anew. Nothing is locked while they are read."""
    here, counted = parts(), log_fold.count(db.session(), marketplace, quarters)
    db.session.rollback()
    with writing() as session:
        log_fold.write(session, marketplace, counted, here.now(), here.new_id)
