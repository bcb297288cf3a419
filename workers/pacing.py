"""Circle's rate limit, shared by all workers: so many calls in so many seconds for the whole deployment, counted in Redis."""

from __future__ import annotations

import uuid
from typing import Protocol

from redis import Redis

from webapp.environment import Rate

KEY = "cartwheel:calls"

# The last window's calls in a sorted set by Redis's own clock; gives how many of the asked ones may go now, and when (ms) the next may.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local window = tonumber(ARGV[2]) * 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local free = tonumber(ARGV[1]) - redis.call('ZCARD', KEYS[1])
local given = math.max(0, math.min(free, tonumber(ARGV[3])))
for i = 1, given do redis.call('ZADD', KEYS[1], now, ARGV[4] .. ':' .. i) end
redis.call('PEXPIRE', KEYS[1], window)
local wait = 0
if given < tonumber(ARGV[3]) then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  wait = math.max(1, oldest[2] + window - now)
end
return {given, wait}
"""


class Pace(Protocol):
    """Says how many calls may go out now."""

    def take(self, calls: int) -> tuple[int, float]:
        """How many of these calls may be made now, and the seconds until the next one may. Raises RedisError: then none may."""


class Unlimited:
    """No limit at all (`CIRCLE_RATE=0`)."""

    def take(self, calls: int) -> tuple[int, float]:
        """All of them."""
        return calls, 0.0


class Limited:
    """At most `rate.calls` calls in any `rate.seconds`; a burst goes out at once while the window has room."""

    def __init__(self, redis: Redis, rate: Rate) -> None:
        self._rate = rate
        self._take = redis.register_script(_TAKE)

    def take(self, calls: int) -> tuple[int, float]:
        """How many of these calls may be made now, and the seconds until the next one may. Raises RedisError."""
        if calls <= 0:
            return 0, 0.0
        given, wait = self._take(keys=[KEY], args=[self._rate.calls, self._rate.seconds, calls, uuid.uuid4().hex])
        return int(given), int(wait) / 1000


def pace(redis: Redis, rate: Rate | None) -> Pace:
    """The pace that a setting asks for."""
    return Limited(redis, rate) if rate else Unlimited()
