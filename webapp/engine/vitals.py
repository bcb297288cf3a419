"""How a deployment is: numbers for who runs it, over all marketplaces. Nothing about anybody, and nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.id_times import first_id
from webapp.models import Batch, Event, Integration, Lane, LogEntry, Usage

LATELY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Vitals:
    """`lag`: for how many seconds the lane that is due longest has been due, where its integration may be called; 0 where none is.

    `open`: entries that have not ended, by status; `events`: how many came in LATELY; `failed`: how many entries of LATELY failed.
    """

    lag: float
    due: int
    open: Mapping[str, int]
    events: int
    failed: int
    attention: int
    paused: int
    batches: int
    calls: int
    metered: int


def lag(session: Session, now: datetime) -> float:
    """For how many seconds the lane that is due longest has been due."""
    due_since = session.scalar(select(func.min(Lane.due_at)).join(Integration, Integration.id == Lane.integration_id).where(*_due(now)))
    return (now - due_since).total_seconds() if due_since else 0.0


def read(session: Session, now: datetime) -> Vitals:
    """All of it."""
    since = first_id(now - LATELY)
    open_now = select(LogEntry.status, func.count()).where(LogEntry.open_lane_id.is_not(None)).group_by(LogEntry.status)
    living = Integration.deleted_at.is_(None)
    calls, metered = session.execute(
        select(func.coalesce(func.sum(Usage.calls), 0), func.coalesce(func.sum(Usage.metered), 0)).where(Usage.month == f"{now:%Y-%m}")
    ).one()
    return Vitals(
        lag=lag(session, now),
        due=session.scalar(
            select(func.count()).select_from(Lane).join(Integration, Integration.id == Lane.integration_id).where(*_due(now))
        )
        or 0,
        open=dict(session.execute(open_now).all()),
        events=session.scalar(select(func.count()).where(Event.id >= since)) or 0,
        failed=session.scalar(select(func.count()).where(LogEntry.id >= since, LogEntry.status == "failed")) or 0,
        attention=session.scalar(select(func.count()).where(living, Integration.attention.is_not(None))) or 0,
        paused=session.scalar(select(func.count()).where(living, Integration.paused_at.is_not(None))) or 0,
        batches=session.scalar(select(func.count()).where(Batch.state == "running")) or 0,
        calls=calls,
        metered=metered,
    )


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = (Integration.deleted_at.is_(None), Integration.attention.is_(None), Integration.paused_at.is_(None))
    return (Lane.due_at <= now, Lane.claim.is_(None), *free)
