"""Circle's rate limit, shared by all processes: so many calls in any so many seconds for the whole deployment, counted in Redis.

What is asked for an integration without a backlog is `urgent`: a tenth of the window is kept for it, so that it never waits for somebody
else's launch. The rest is `patient`, and is lent most of that tenth where as many calls leave the window soon. docs/decisions has the reasons.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from webapp.environment import Rate

KEY = "cartwheel:pace"

LATE = 5.0
"""Seconds that a call may take from its permission to its arrival at the app: what a connection may take (`webapp.apps.circle.client`). A
call counts for so much longer, else those that were slow and those of the next window that are quick would be one window's for the app."""

PARTS = 300
"""Into how many parts a window is divided; calls are counted by the part in which they were permitted, and until its end has passed."""

KEPT = 10
"""The share of a window that is kept for what is urgent: one of so many."""

NEVER_LENT = 50
"""The share of a window that is kept in any case: one of so many."""

SOON = 10
"""Calls that leave a window within this share of it, one of so many, leave it soon: so much of what is kept is lent on them."""

ASKS_AGAIN = 0.5
"""Seconds until somebody who waits for one call asks again, where Redis could not be asked."""

PLENTY = 1_000_000
UNCOUNTED = "Cartwheel can't count its calls just now, so it makes none."
USED_UP = "Cartwheel has made all the calls that Circle allows in a while."

Spent = tuple[float, int]
"""At a Unix time, so many calls."""

# A hash: the number of a part → its calls. Gives 1, how many of the urgent and of the patient ones may go, how many of each may go after
# that, the milliseconds until the next of each may; or 0 where nothing is known: the key is new, and the caller brings what was called lately.
_TAKE = """
local calls, part, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept, unlent, soon = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local urgent, patient, now = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
if now < 0 then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  if ARGV[10] == '' then return {0} end
  redis.call('HSET', KEYS[1], 0, 0)
  for at, count in string.gmatch(ARGV[10], '(%d+):(%d+)') do
    redis.call('HINCRBY', KEYS[1], math.floor(tonumber(at) / part), count)
  end
end
local found, used, staying, slots = redis.call('HGETALL', KEYS[1]), 0, 0, {}
for i = 1, #found, 2 do
  local ends, count = (found[i] + 1) * part + window, tonumber(found[i + 1])
  if ends <= now then
    if found[i] ~= '0' then redis.call('HDEL', KEYS[1], found[i]) end
  else
    used = used + count
    if ends - soon > now then staying = staying + count end
    slots[#slots + 1] = {ends, count}
  end
end
local first = math.max(0, math.min(calls - used, urgent))
local function room() return math.max(0, math.min(calls - unlent - used, calls - kept - staying)) end
used, staying = used + first, staying + first
local second = math.min(room(), patient)
used, staying = used + second, staying + second
if first + second > 0 then
  local here = math.floor(now / part)
  redis.call('HINCRBY', KEYS[1], here, first + second)
  slots[#slots + 1] = {(here + 1) * part + window, first + second}
end
redis.call('PEXPIRE', KEYS[1], math.ceil(window + 2 * part))
table.sort(slots, function(a, b) return a[1] < b[1] end)
local function wait(limit, early)
  local rest, at = used, 0
  for _, slot in ipairs(slots) do
    if rest < limit then break end
    rest, at = rest - slot[2], math.max(0, math.ceil(slot[1] - early - now))
  end
  return at
end
return {1, first, second, math.max(0, calls - used), room(), wait(calls, 0), math.max(wait(calls - unlent, 0), wait(calls - kept, soon))}
"""


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many calls may go now (`urgent`, `patient`), how many more could, and the seconds until the next of each could, 0 for at once."""

    urgent: int
    patient: int
    urgent_left: int = PLENTY
    patient_left: int = PLENTY
    urgent_wait: float = 0.0
    patient_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Of a window's calls so many are `kept` for what is urgent; all but `unlent` of them are lent on those that leave it within `soon` seconds."""

    kept: int = 0
    unlent: int = 0
    soon: float = 0.0


def window_of(rate: Rate) -> float:
    """For how many seconds a call counts."""
    return rate.seconds + min(LATE, rate.seconds / 60)


def keeping(rate: Rate) -> Keeping:
    """What is kept where there is somebody to keep it for."""
    kept = rate.calls // KEPT
    return Keeping(kept, min(kept, max(1, rate.calls // NEVER_LENT)), window_of(rate) / SOON)


class Pace(Protocol):
    """Says how many calls may go out now."""

    def take(self, urgent: int, patient: int = 0, *, keep: bool = True) -> Allowed:
        """How many of these calls may be made now. `keep`: there are others, for whom a part of the window is kept.

        Raises RedisError: then none may.
        """

    def spent(self) -> Sequence[Spent] | None:
        """When calls that count now cease to count, the first ones first; None where there is no limit. Raises RedisError."""


class Unlimited:
    """No limit at all (`CIRCLE_RATE=0`)."""

    def take(self, urgent: int, patient: int = 0, *, keep: bool = True) -> Allowed:
        """All of them."""
        return Allowed(urgent, patient)

    def spent(self) -> None:
        """There is no limit."""


class Limited:
    """At most `rate.calls` calls in any `rate.seconds`; a burst goes out at once while the window has room.

    `recall` gives the calls since a Unix time from the ledger, for when Redis has forgotten them. `now`, Unix seconds, stands for Redis's own
    clock in tests.
    """

    def __init__(
        self, redis: Redis, rate: Rate, recall: Callable[[float], Iterable[Spent]], now: Callable[[], float] | None = None
    ) -> None:
        self._redis, self._rate, self._recall, self._now = redis, rate, recall, now
        self._part = rate.seconds * 1000 / PARTS
        self._window = window_of(rate) * 1000
        self._take = redis.register_script(_TAKE)

    def take(self, urgent: int, patient: int = 0, *, keep: bool = True) -> Allowed:
        """How many of these calls may be made now, by the app's count, too."""
        answer = self._ask(urgent, patient, keep, "")
        if not answer[0]:
            answer = self._ask(urgent, patient, keep, self._history())
        _, first, second, left, patient_left, wait, patient_wait = answer
        return Allowed(first, second, left, patient_left, wait / 1000, patient_wait / 1000)

    def spent(self) -> list[Spent]:
        """When the calls that count now cease to count."""
        found: dict[bytes, bytes] = self._redis.hgetall(KEY)  # type: ignore[assignment]
        parts = sorted((int(part), int(count)) for part, count in found.items() if int(part))
        return [(((part + 1) * self._part + self._window) / 1000, count) for part, count in parts]

    def _ask(self, urgent: int, patient: int, keep: bool, history: str) -> list[int]:
        now = -1 if self._now is None else int(self._now() * 1000)
        kept = keeping(self._rate) if keep else Keeping()
        limits = [self._rate.calls, self._part, self._window, kept.kept, kept.unlent, kept.soon * 1000]
        args: list[str | int | float] = [*limits, urgent, patient, now, history]
        found: list[int] = self._take(keys=[KEY], args=args)
        return found

    def _history(self) -> str:
        """What was called within the window, as the script reads it; never empty."""
        since = (time.time() if self._now is None else self._now()) - self._window / 1000
        return " ".join(["0:0", *(f"{int(at * 1000)}:{count}" for at, count in self._recall(since))])


def pace(redis: Redis, rate: Rate | None, recall: Callable[[float], Iterable[Spent]]) -> Pace:
    """The pace that a setting asks for."""
    return Limited(redis, rate, recall) if rate else Unlimited()


def admit(pace: Pace, patience: float, sleep: Callable[[float], object] = time.sleep) -> str:
    """Wait until one call may be made for which somebody waits, so many seconds at most. Gives "" where it may, else why not, in a sentence."""
    while True:
        try:
            allowed = pace.take(1)
        except (RedisError, DBAPIError):
            allowed = None
        if allowed and allowed.urgent:
            return ""
        wait = allowed.urgent_wait if allowed else ASKS_AGAIN
        if wait > patience:
            return USED_UP if allowed else UNCOUNTED
        patience -= wait
        sleep(wait)
