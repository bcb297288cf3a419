"""The chore of going on with a batch: steps for a second, each a transaction. While it runs the clock calls for the next second of it."""

from __future__ import annotations

import logging
import threading
import time

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from webapp import doorbell
from webapp.database import writing
from webapp.engine import batches
from webapp.engine.batch_work import Tools
from webapp.engine.batches import Stepped
from webapp.engine.snapshots import Snapshots
from webapp.parts import Parts, parts

SLICE = 1.0
"""Seconds that one batch goes on for at most: other chores have their turn then."""

BREATH = 0.05
"""Seconds between two looks at whether what was begun has ended. Intake and the lanes have the database for themselves meanwhile."""

log = logging.getLogger(__name__)


def run(batch_id: int, stop: threading.Event) -> None:
    """Go on with it for SLICE seconds, or until it is over."""
    here, snapshots, end = parts(), Snapshots(), time.monotonic() + SLICE
    try:
        while not stop.is_set() and time.monotonic() < end:
            stepped = _step(here, batch_id, snapshots)
            here.bell.ring((stepped.marketplace_id,) if stepped.came == "more" else (), work=stepped.work)
            if stepped.came == "over":
                return
            if stepped.came == "waits":
                stop.wait(BREATH)
    except DBAPIError as fault:  # nothing of the step is committed: the same is tried again
        log.warning("A batch could not go on, trying again: %s", type(fault).__name__)
    finally:
        _taken_off(here, batch_id)


def _step(here: Parts, batch_id: int, snapshots: Snapshots) -> Stepped:
    """One step. A mistake of ours in it ends the batch: it would be made again and again."""
    try:
        with writing() as session:
            return batches.step(session, batch_id, Tools(snapshots, here.now(), here.new_id))
    except DBAPIError:
        raise
    except Exception:
        log.exception("A step of a batch failed")
        with writing() as session:
            batches.fail(session, batch_id, here.now())
        return Stepped("over")


def _taken_off(here: Parts, batch_id: int) -> None:
    try:
        doorbell.taken_off(here.bell.redis, doorbell.BATCH, batch_id)
    except RedisError:
        log.info("A batch is called for again when its flag has run out.")
