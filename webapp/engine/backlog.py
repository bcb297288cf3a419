"""What waits for its turn, and when that will be done: for the sentence that pages say while many wait. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.engine.lanes import BACKLOG, callable_now
from webapp.models import Call, Integration, Lane

RECENT = 500
"""How many of the newest calls tell how many a lane takes, and how fast they are made."""

SHORT = timedelta(seconds=30)
"""What will be done sooner than this needs no sentence."""

FURTHEST = timedelta(days=30)

Freed = tuple[float, int]
"""At a Unix time, so many calls cease to count."""


@dataclass(frozen=True, slots=True)
class Speed:
    """`a_lane`: how many calls a lane takes; `a_second`: how many calls are made where nothing but their answers holds them up."""

    a_lane: float
    a_second: float


@dataclass(frozen=True, slots=True)
class Window:
    """The app's limit: so many `calls` in any so many `seconds`; when those that count now cease to, the first ones first.

    Of the calls so many are `kept` for others, and all but `unlent` of them are lent on those that cease to count within `soon` seconds.
    """

    calls: int
    seconds: float
    freed: Sequence[Freed]
    kept: int = 0
    unlent: int = 0
    soon: float = 0.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """So many customers of these integrations wait for their turn; `done_at`: when the last of them will have been served."""

    waiting: int
    done_at: datetime
    integrations: tuple[str, ...]


def due(session: Session, now: datetime, integrations: Sequence[int] | None = None) -> dict[int, int]:
    """How many lanes of each integration wait for their turn: of these, else of all. Read from an index alone."""
    waits = select(Lane.integration_id, func.count()).where(Lane.due_at <= now, Lane.integration_id.in_(callable_now(now)))
    if integrations is not None:
        waits = waits.where(Lane.integration_id.in_(integrations))
    return dict(session.execute(waits.group_by(Lane.integration_id)).all())


def of(session: Session, marketplace_id: int, now: datetime) -> dict[int, int]:
    """How many wait at each integration of a marketplace that has a backlog."""
    mine = select(Integration.id).where(Integration.marketplace_id == marketplace_id, Integration.deleted_at.is_(None))
    return {one: waiting for one, waiting in due(session, now, list(session.scalars(mine))).items() if waiting > BACKLOG}


def ahead(mine: int, everybody: Mapping[int, int]) -> int:
    """How many lanes are served until the last of this integration is: each has its turn, so of the others no more than it has itself."""
    return sum(min(waiting, everybody[mine]) for waiting in everybody.values())


def speed(session: Session, threads: int) -> Speed:
    """What the newest calls tell. `threads`: how many are made at once where nothing is known."""
    newest = select(Call.lane_id, Call.at, Call.duration_ms).order_by(Call.id.desc()).limit(RECENT)
    calls = session.execute(newest).all()
    if not calls:
        return Speed(1.0, float(threads))
    at = [call.at for call in calls]
    took = max(1.0, sum(call.duration_ms for call in calls) / len(calls)) / 1000
    span = (max(at) - min(at)).total_seconds()
    measured = (len(calls) - 1) / span if len(calls) == RECENT and span > 0 else 0.0
    return Speed(len(calls) / len({call.lane_id for call in calls}), measured or threads / took)


def seconds(calls: float, window: Window | None, a_second: float, now: float) -> float:
    """How long so many calls take from a Unix time on: as many at once as the window has room for, then as it frees."""
    if window is None:
        return calls / a_second
    at, left, counting, staying = now, round(calls), 0, 0
    ends: list[tuple[float, int, int]] = []  # at a Unix time, so many calls cease to count, and so many to stay for long

    def begin(until: float, count: int) -> None:
        nonlocal counting, staying
        counting, staying = counting + count, staying + count
        heappush(ends, (until, count, 0))
        heappush(ends, (until - window.soon, 0, count))

    for until, count in window.freed:
        begin(until, count)
    while True:
        while ends and ends[0][0] <= at:
            _, over, leaving = heappop(ends)
            counting, staying = counting - over, staying - leaving
        go = min(max(0, min(window.calls - window.unlent - counting, window.calls - window.kept - staying)), left)
        if go:
            left -= go
            begin(at + window.seconds, go)
        if left < 1 or not ends or at - now > FURTHEST.total_seconds():
            return at - now + go / a_second
        at = ends[0][0]
