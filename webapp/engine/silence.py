"""Whether a checkout that used to speak has fallen silent: learnt from its own rhythm, so that a quiet shop doesn't cry wolf. Pure.

Time is counted in hours. For each hour of the week it is known how often something came in it lately. A silence is the more surprising the
more hours it has in which something mostly came; and it counts for nothing unless it is more surprising than all that this
checkout has ever been silent before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from math import log

WINDOW = 12 * 7 * 24
"""Hours before its last word by which a checkout is known."""

LEAST_WEEKS, LEAST_HEARD = 2, 25
"""Weeks of history, and hours in which something came, without which nothing is said about a checkout."""

LEAST_SILENCE = 3
"""Hours. Shorter ones are nobody's business."""

SURPRISING = 13.0
"""The least surprise, in nats, that counts: one silence in 400,000 is as surprising by mere chance."""

MORE_THAN_EVER = 1.6
"""So many times as surprising as the most surprising silence before."""

MOST_SURE = 0.95
"""No hour is surer than this to bring something."""

LATELY = (2 * 24, 7 * 24, 28 * 24)
"""Hours in which a checkout may have become quieter than it was (holidays, the end of a launch): then less is expected of it."""

BORROWED, LATE_BORROWED = 4.0, 3.0
"""How many hours of the coarser knowledge count beside what is known of the finer one."""

WEEK = 7 * 24


def hour_of(moment: datetime) -> int:
    """The hour of a moment, counted from 1970 in UTC."""
    return int(moment.timestamp()) // 3600


def moment_of(hour: int) -> datetime:
    """When an hour begins."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)


@dataclass(frozen=True)
class Rhythm:
    """The hours in which a checkout said something, and those in which nobody was there to hear it, which count for nothing."""

    heard: Collection[int]
    missed: Collection[int] = ()

    @cached_property
    def last(self) -> int:
        """The last hour in which it spoke."""
        return max(self.heard)

    @cached_property
    def first(self) -> int:
        """The first hour by which it is known."""
        return max(min(self.heard), self.last - WINDOW + 1)

    @cached_property
    def known(self) -> bool:
        """Whether there is enough to go by."""
        if not self.heard or self.last - self.first + 1 < LEAST_WEEKS * WEEK:
            return False
        return len(self._spoken) >= LEAST_HEARD

    def silent(self, now: datetime) -> bool:
        """Whether its silence, up to the last hour that is over, is one that somebody should look into."""
        until = hour_of(now)
        if not self.known or until - self.last - 1 < LEAST_SILENCE:
            return False
        surprise = self._surprise(range(self.last + 1, until))
        return surprise >= SURPRISING and surprise >= MORE_THAN_EVER * self._greatest

    def _surprise(self, hours: Collection[int]) -> float:
        """How surprising it is that none of these hours brought anything, in nats."""
        return sum(self._weights[hour % WEEK] for hour in hours if hour not in self._missed)

    @cached_property
    def _weights(self) -> list[float]:
        """How surprising it is, for each hour of the week, that it brought nothing."""
        return [-log(1 - min(self._lately * part, MOST_SURE)) for part in self._expected]

    @cached_property
    def _greatest(self) -> float:
        """The surprise of the most surprising silence between two words of the past."""
        return max(
            (self._surprise(range(one + 1, next_)) for one, next_ in pairwise(self._spoken) if next_ - one > LEAST_SILENCE), default=0.0
        )

    @cached_property
    def _spoken(self) -> list[int]:
        """The hours that count, in their order."""
        return sorted(hour for hour in self.heard if hour >= self.first)

    @cached_property
    def _missed(self) -> frozenset[int]:
        return frozenset(self.missed)

    @cached_property
    def _expected(self) -> list[float]:
        """For each hour of the week, the part of such hours in which something came. What is known of one hour of the week leans on what is
        known of that hour on all days, and this on what is known of all hours."""
        length = self.last - self.first + 1
        tries, hits = [length // WEEK] * WEEK, [0] * WEEK
        for hour in range(self.first, self.first + length % WEEK):
            tries[hour % WEEK] += 1
        for hour in self._missed:
            tries[hour % WEEK] -= self.first <= hour <= self.last
        for hour in self._spoken:
            hits[hour % WEEK] += 1
        overall = sum(hits) / max(sum(tries), 1)
        daily = [(sum(hits[h::24]) + BORROWED * overall) / (sum(tries[h::24]) + BORROWED) for h in range(24)]
        return [(hits[h] + BORROWED * daily[h % 24]) / (tries[h] + BORROWED) for h in range(WEEK)]

    @cached_property
    def _lately(self) -> float:
        """How much of what was expected came lately, where it was less."""
        parts = [1.0]
        for length in LATELY:
            begin = max(self.first, self.last - length + 1)
            came = len(self._spoken) - bisect_left(self._spoken, begin)
            expected = sum(self._expected[hour % WEEK] for hour in range(begin, self.last + 1) if hour not in self._missed)
            parts.append((came + LATE_BORROWED) / (expected + LATE_BORROWED))
        return min(parts)
