"""What one worker process has: the app, the drain, threads for calls, its two RQ workers, the clock and the keeper."""

from __future__ import annotations

import logging
import threading
import uuid
from typing import Any

from flask import Flask
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import InvalidJobOperation, NoSuchJobError, StopRequested
from rq.timeouts import BaseDeathPenalty

from webapp import doorbell
from webapp.parts import parts
from workers.callers import Callers
from workers.clients import Clients
from workers.clock import Clock
from workers.drain import Drain
from workers.keeper import Keeper

REDIS_WAITS = 1.0
"""Seconds between two tries to reach Redis."""

log = logging.getLogger(__name__)


class NoPenalty(BaseDeathPenalty):
    """A drain ends when there is nothing left, and a chore by its own deadlines: RQ's alarm works in a main thread alone."""

    def setup_death_penalty(self) -> None:
        """Nothing."""

    def cancel_death_penalty(self) -> None:
        """Nothing."""


class Listener(SimpleWorker):
    """An RQ worker that does not fork, leaves signals alone, and ends within a second once it is told to."""

    death_penalty_class = NoPenalty
    max_connection_wait_time = 2

    def __init__(self, queues: list[Queue], stop: threading.Event, **more: Any) -> None:
        super().__init__(queues, worker_ttl=16, **more)  # it looks up every worker_ttl - 15 seconds
        self._told = stop

    def heartbeat(self, *args: Any, **more: Any) -> None:
        """Called at least once a second while it listens."""
        if self._told.is_set() and not self.executions:
            raise StopRequested
        super().heartbeat(*args, **more)

    def _install_signal_handlers(self) -> None:
        """The process has its own (`workers.__main__`)."""


class Room:
    """The worker process of an app. `open` begins, `run` listens for work until `stop` is called."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.stop = threading.Event()
        with app.app_context():
            here = parts()
        self._url = here.settings.redis_url
        self.clients = Clients(here)  # the chores' own: the drain's are its thread's
        self.drain = Drain(here, Clients(here), here.pace, Callers(here.settings.call_threads), self.stop)
        self._clock = Clock(app, uuid.uuid4().hex, self.stop)
        self._keeper = Keeper(app, uuid.uuid4().hex, self.stop)

    def run(self) -> None:
        """Listen for work in this thread, for chores in another, with the clock in a third and the keeper in a fourth. Returns when told to stop."""
        beside = [
            threading.Thread(target=self._clock.run, name="clock"),
            threading.Thread(target=self._keeper.run, name="keeper", daemon=True),
            threading.Thread(target=self._listen, args=(doorbell.CHORES,), name="chores", daemon=True),
        ]
        for thread in beside:
            thread.start()
        self._begin()
        self._listen(doorbell.QUEUE)
        beside[0].join()

    def _begin(self) -> None:
        """Look for work at once: whoever worked before may have been killed together with the job that was rung for."""
        with self.app.app_context():
            bell = parts().bell
        try:
            doorbell.unring(bell.redis)
        except RedisError:
            return
        bell.ring()

    def _listen(self, queue: str) -> None:
        """Listen to one queue for as long as the process lives. With Redis gone it waits for it to be back."""
        while not self.stop.is_set():
            try:
                connection = doorbell.connect(self._url)
                listener = Listener([Queue(queue, connection=connection)], self.stop, connection=connection, log_job_description=False)
                listener.work(logging_level="WARNING")
            except (RedisError, InvalidJobOperation, NoSuchJobError) as gone:  # it is away, or has forgotten the job that was being done
                log.warning("Redis is out of reach (%s); trying again", type(gone).__name__)
            except Exception:
                log.exception("Listening failed; trying again")
            self.stop.wait(REDIS_WAITS)


_open: list[Room] = []


def enter(made: Room) -> None:
    """This process has that room now."""
    _open[:] = [made]


def room() -> Room:
    """The room of this process. Raises RuntimeError in one that has none: jobs run in workers alone."""
    if not _open:
        raise RuntimeError("there is no worker's room in this process")
    return _open[0]
