"""Ring: "there is work", and "look at the log". Redis carries no work, so nothing is lost with it and nobody waits for it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterable

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

QUEUE = "cartwheel"
FLAG = "cartwheel:rung"
NEWS = "cartwheel:news"
FLAG_SECONDS = 10
JOB_SECONDS = 24 * 3600
log = logging.getLogger(__name__)


def connect(url: str) -> Redis:
    """A connection to Redis that gives up within a second. `rediss://` takes the self-signed certificates that platforms use."""
    extra = {"ssl_cert_reqs": "none"} if url.startswith("rediss://") else {}
    made: Redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=5, health_check_interval=30, **extra)
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


class Bell:
    """Rings from a thread of its own: whoever rings goes on at once, whatever Redis does."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._rung = threading.Event()
        self._work = False
        self._news: set[int] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ring(self, marketplaces: Iterable[int] = (), work: bool = True) -> None:
        """There is work, and news on the log of these marketplaces. Returns at once and never raises."""
        with self._lock:
            self._work = self._work or work
            self._news.update(marketplaces)
            if self._thread is None:  # started late, so that a forked process has its own
                self._thread = threading.Thread(target=self._loop, name="bell", daemon=True)
                self._thread.start()
        self._rung.set()

    def _loop(self) -> None:
        while True:
            self._rung.wait()
            self._rung.clear()
            with self._lock:
                work, news = self._work, self._news
                self._work, self._news = False, set()
            try:
                if work:
                    ring(self.redis)
                if news:
                    tell(self.redis, news)
            except RedisError as gone:  # the clock rings again when Redis is back; the log page looks by itself
                log.warning("Redis did not hear the bell: %s", type(gone).__name__)
