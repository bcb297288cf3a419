"""The log at a glance: how many entries of a span ended well, failed or are open, bar by bar, and how long purchases took. Reads only.

What was counted (`webapp.engine.log_fold`) is added up; where something has changed since, the entries themselves are counted.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.engine import log_fold
from webapp.models import Quarter

PERIODS = {"24h": (24, timedelta(hours=1)), "7d": (28, timedelta(hours=6)), "30d": (30, timedelta(days=1))}
"""How many bars each span has, and how long each is."""

GOOD, OPEN, POOR = ("succeeded", "unchanged"), ("queued", "retrying", "parked"), ("failed",)


@dataclass(frozen=True, slots=True)
class Bar:
    """What arrived in a part of the span."""

    since: datetime
    until: datetime
    good: int
    open: int
    poor: int


@dataclass(frozen=True, slots=True)
class Glance:
    """The bars, the oldest first; `median` and `most` (nine in ten): from a purchase's arrival to its access, None where there was none."""

    bars: Sequence[Bar]
    median: timedelta | None
    most: timedelta | None

    def total(self, what: str) -> int:
        """How many there are of `good`, `open` or `poor`."""
        return sum(getattr(bar, what) for bar in self.bars)


def glance(session: Session, marketplace_id: int, period: str, zone: tzinfo, now: datetime) -> Glance:
    """The span of PERIODS that ends now."""
    edges = list(_edges(*PERIODS[period], zone, now))
    statuses, took = _counted(session, marketplace_id, log_fold.quarter_at(edges[0]), log_fold.quarter_at(now))
    bars = [_bar(statuses, since, until) for since, until in itertools.pairwise(edges)]
    return Glance(bars, _share(took, 0.5), _share(took, 0.9))


def _counted(session: Session, marketplace_id: int, first: int, last: int) -> tuple[dict[int, Counter[str]], Counter[int]]:
    """How many entries of each status each quarter has, and how long its purchases took."""
    dirty = log_fold.dirty(session, marketplace_id)
    fresh = log_fold.count(session, marketplace_id, sorted(one for one in dirty if first <= one <= last))
    statuses, took = {one.quarter: one.statuses for one in fresh}, Counter[int]()
    for one in fresh:
        took.update(one.took)
    wanted = select(Quarter.quarter, Quarter.statuses, Quarter.took).where(
        Quarter.marketplace_id == marketplace_id, Quarter.quarter >= first, Quarter.quarter <= last
    )
    for quarter, counts, durations in session.execute(wanted):
        if quarter not in dirty:
            statuses[quarter] = Counter(counts)
            took.update({int(part): number for part, number in durations.items()})
    return statuses, took


def _bar(statuses: dict[int, Counter[str]], since: datetime, until: datetime) -> Bar:
    found: Counter[str] = Counter()
    for quarter in range(log_fold.quarter_at(since), log_fold.quarter_at(until)):
        found.update(statuses.get(quarter, {}))
    good, still, poor = (sum(found[status] for status in some) for some in (GOOD, OPEN, POOR))
    return Bar(since, until, good, still, poor)


def _edges(bars: int, length: timedelta, zone: tzinfo, now: datetime) -> Iterator[datetime]:
    """Where the bars begin, and where the last one ends: on the hours or days of the zone, also where a day has 23 or 25."""
    here = now.astimezone(zone)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    at = midnight + (here.replace(tzinfo=None) - midnight) // length * length + length
    if length < timedelta(days=1):
        end = here - (here.replace(tzinfo=None) - at)
        yield from (end - length * back for back in range(bars, -1, -1))
        return
    yield from ((at - length * back).replace(tzinfo=zone) for back in range(bars, -1, -1))


def _share(took: Counter[int], share: float) -> timedelta | None:
    """The duration within which this share of the purchases had their access."""
    left = took.total() * share
    for part in sorted(took):
        left -= took[part]
        if left <= 0:
            return log_fold.duration_of(part)
    return None
