"""Ring: "there is work", "look at the log", "do this chore". Redis carries no work, so nothing is lost with it and nobody waits for it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

QUEUE = "cartwheel"
"""For the job that drains the lanes: there is at most one, and it takes as long as there is work."""

CHORES = "cartwheel-chores"
"""For what does not wait behind a long drain: loading a catalog, sending an e-mail."""

REFRESH = "workers.jobs.refresh_catalog"
"""The chore of loading an integration's catalog, with the integration's id."""

DELIVER = "workers.jobs.deliver"
"""The chore of sending what waits in the outbox."""

WATCH = "workers.jobs.watch"
"""The chore of looking for what needs a person."""

CHECK = "workers.jobs.check"
"""The chore of asking an app what one customer holds there, with the lane's id."""

BATCH = "workers.jobs.run_batch"
"""The chore of going on with a batch for a while, with the batch's id."""

ONCE = frozenset({BATCH, DELIVER})
"""The chores of which one is enough at a time: the clock calls for them every second."""

FLAG = "cartwheel:rung"
NEWS = "cartwheel:news"
FLAG_SECONDS = 2
"""How long a ring counts as heard. A worker that is killed takes its job with it: others are rung after this at the latest."""

ONCE_SECONDS = 10
"""How long a chore of which one is enough counts as called for, should the worker that has it be killed."""

RINGS_AGAIN = 1.0
"""Seconds until it is tried again to ring where Redis did not hear it. Without that, what came while Redis was away would wait for the clock, which
is in a worker that may have been killed."""

JOB_SECONDS = 24 * 3600
CHORE_SECONDS = 900
log = logging.getLogger(__name__)


def connect(url: str) -> Redis:
    """A connection to Redis that gives up within seconds. Nothing is sent yet."""
    made: Redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=5, health_check_interval=30)
    return made


def ring(redis: Redis) -> bool:
    """Put a job into the queue unless one has been called already; true where it was put there. Raises RedisError.

    The flag lives FLAG_SECONDS at most, so a crash between flag and job costs no more than that. The job's id is fresh: RQ's own
    `unique=True` would refuse rings (docs/decisions).
    """
    if not redis.set(FLAG, "1", nx=True, ex=FLAG_SECONDS):
        return False
    Queue(QUEUE, connection=redis).enqueue(
        "workers.jobs.work", job_id=uuid.uuid4().hex, job_timeout=JOB_SECONDS, result_ttl=0, failure_ttl=0
    )
    return True


def unring(redis: Redis) -> None:
    """Take the flag down: whoever commits work from here on rings anew. Raises RedisError."""
    redis.delete(FLAG)


def tell(redis: Redis, marketplaces: Iterable[int]) -> None:
    """Tell the open pages of these marketplaces to look. Raises RedisError."""
    redis.publish(NEWS, ",".join(str(m) for m in marketplaces))


def call_for(redis: Redis, job: str, *args: int) -> None:
    """Have a chore done by a worker: a job by its name, with ids for arguments. One that is in `ONCE` and waits or runs already is not called
    for again until it is `taken_off`. Raises RedisError."""
    if job in ONCE and not redis.set(_flag(job, args), "1", nx=True, ex=ONCE_SECONDS):
        return
    Queue(CHORES, connection=redis).enqueue(job, *args, job_id=uuid.uuid4().hex, job_timeout=CHORE_SECONDS, result_ttl=0, failure_ttl=0)


def taken_off(redis: Redis, job: str, *args: int) -> None:
    """A chore of which one is enough has ended: whoever calls for it from here on is heard. Raises RedisError."""
    redis.delete(_flag(job, args))


def _flag(job: str, args: tuple[int, ...]) -> str:
    return ":".join(["cartwheel", job, *map(str, args)])


@dataclass
class _Said:
    """What has been said since the bell's thread looked last."""

    work: bool = False
    news: set[int] = field(default_factory=set)
    chores: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)


class Bell:
    """Rings from a thread of its own: whoever rings goes on at once, whatever Redis does."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._rung = threading.Event()
        self._said = _Said()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._busy = self._closed = False
        self._thread: threading.Thread | None = None

    def ring(self, marketplaces: Iterable[int] = (), work: bool = True) -> None:
        """There is work, and news on the log of these marketplaces. Returns at once and never raises."""
        with self._lock:
            self._said.work = self._said.work or work
            self._said.news.update(marketplaces)
            self._wake()

    def chore(self, job: str, *args: int) -> None:
        """There is a chore. Returns at once and never raises; where Redis does not hear it, the clock calls again."""
        with self._lock:
            self._said.chores.append((job, args))
            self._wake()

    def flush(self, seconds: float) -> bool:
        """Wait until all that was said has been passed on, so many seconds at most: for a process that is about to end."""
        with self._lock:
            return self._idle.wait_for(lambda: self._closed or not self._busy, seconds)

    def close(self) -> None:
        """Nobody rings here any more, and what Redis did not hear is not tried again: its thread ends."""
        self._closed = True
        self._rung.set()

    def _wake(self) -> None:
        self._busy = True
        if self._thread is None:  # started late, so that a forked process has its own
            self._thread = threading.Thread(target=self._loop, name="bell", daemon=True)
            self._thread.start()
        self._rung.set()

    def _loop(self) -> None:
        unheard = False
        while not self._closed:
            self._rung.wait(RINGS_AGAIN if unheard else None)
            with self._lock:
                self._rung.clear()
                said, self._said = self._said, _Said()
            said.work = said.work or unheard
            try:
                self._pass_on(said)
                unheard = False
            except RedisError as gone:  # the clock calls again for chores when Redis is back; the log page looks by itself
                log.log(logging.DEBUG if unheard else logging.WARNING, "Redis did not hear the bell: %s", type(gone).__name__)
                unheard = said.work
            with self._lock:
                self._busy = self._rung.is_set()
                self._idle.notify_all()

    def _pass_on(self, said: _Said) -> None:
        if said.work:
            ring(self.redis)
        if said.news:
            tell(self.redis, said.news)
        for job, args in said.chores:
            call_for(self.redis, job, *args)
