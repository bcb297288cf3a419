"""How long the log is kept: older entries go, with their calls and events, in small steps. What decides what customers should hold stays.

Purchases, grants, clearings, happenings and the steps of subscriptions are compact and are never cut, nor is an entry that still waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select, text
from sqlalchemy.orm import Session

from webapp.engine import audit, log_fold
from webapp.id_times import first_id
from webapp.models import Call, CallEntry, Check, Event, Lane, LogEntry, Marketplace

AT_LEAST = 1000
"""So many of the newest entries are kept, however old they are."""

STEP = 500
"""How many entries, or events, go in one transaction: what is live must not wait for it."""

PAGES = 500
"""How many free pages of a SQLite file are given back at once."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a step has cut: in which quarters entries have gone, and whether there is more."""

    quarters: Sequence[int]
    more: bool


def set_days(session: Session, marketplace_id: int, days: int) -> None:
    """Say for how many days a marketplace's log is kept."""
    marketplace = session.get_one(Marketplace, marketplace_id)
    before, marketplace.retention_days = marketplace.retention_days, days
    if before != days:
        audit.note(
            session, marketplace_id, "marketplace_changed", marketplace.name, {"log kept for days": before}, {"log kept for days": days}
        )


def boundary(session: Session, marketplace_id: int, now: datetime) -> int | None:
    """Below which id entries go; None where there are too few of them."""
    days = session.scalar(select(Marketplace.retention_days).where(Marketplace.id == marketplace_id))
    newest = select(LogEntry.id).where(LogEntry.marketplace_id == marketplace_id).order_by(LogEntry.id.desc())
    last = session.scalar(newest.offset(AT_LEAST - 1).limit(1))
    return None if days is None or last is None else min(last, first_id(now - timedelta(days=days)))


def overdue(session: Session, marketplace_id: int, now: datetime) -> bool:
    """Whether anything of a marketplace is to go."""
    end = boundary(session, marketplace_id, now)
    return end is not None and bool(session.scalar(_entries(marketplace_id, end, 1)) or session.scalar(_events(marketplace_id, end, 1)))


def cut(session: Session, marketplace_id: int, now: datetime) -> Cut:
    """One step: the oldest entries with the calls that served nothing else, then the events that made no entry that is left, and the
    calls of checks, which serve none."""
    end = boundary(session, marketplace_id, now)
    if end is None:
        return Cut((), False)
    entries = session.scalars(_entries(marketplace_id, end, STEP)).all()
    if entries:
        _cut_entries(session, entries)
        return Cut(sorted({log_fold.quarter_of(one) for one in entries}), True)
    events = session.scalars(_events(marketplace_id, end, STEP)).all()
    session.execute(delete(Event).where(Event.id.in_(events)))
    session.execute(delete(Call).where(Call.id.in_(session.scalars(_asked(marketplace_id, end)).all())))
    return Cut((), len(events) == STEP)


def give_back(session: Session) -> bool:
    """Give free pages of a SQLite file back to the disk. PostgreSQL's autovacuum sees to its own. Returns whether there are more."""
    if session.get_bind().dialect.name != "sqlite" or not session.scalar(text("PRAGMA freelist_count")):
        return False
    session.execute(text(f"PRAGMA incremental_vacuum({PAGES})"))
    return bool(session.scalar(text("PRAGMA auto_vacuum")) == 2 and session.scalar(text("PRAGMA freelist_count")))


def _entries(marketplace_id: int, end: int, limit: int) -> Select[int]:
    oldest = select(LogEntry.id).where(LogEntry.marketplace_id == marketplace_id, LogEntry.id < end, LogEntry.open_lane_id.is_(None))
    return oldest.order_by(LogEntry.id).limit(limit)


def _events(marketplace_id: int, end: int, limit: int) -> Select[int]:
    """Events that made no entry that is left."""
    left = select(LogEntry.id).where(LogEntry.event_id == Event.id).exists()
    return select(Event.id).where(Event.marketplace_id == marketplace_id, Event.id < end, ~left).order_by(Event.id).limit(limit)


def _asked(marketplace_id: int, end: int) -> Select[int]:
    """Calls that served no entry: those of checks. An entry's calls are found by it, since nothing leads from a call to its entries."""
    mine = select(LogEntry.id).join(CallEntry, CallEntry.entry_id == LogEntry.id)
    served = mine.where(LogEntry.customer_id == Lane.customer_id, CallEntry.call_id == Call.id).exists()
    lanes = select(Call.id).join(Lane, Lane.id == Call.lane_id).join(Check, Check.lane_id == Lane.id)
    return lanes.where(Lane.marketplace_id == marketplace_id, Call.id < end, ~served).order_by(Call.id).limit(STEP)


def _cut_entries(session: Session, entries: Sequence[int]) -> None:
    calls = session.scalars(select(CallEntry.call_id).where(CallEntry.entry_id.in_(entries)).distinct()).all()
    session.execute(delete(CallEntry).where(CallEntry.entry_id.in_(entries)))
    served = select(CallEntry.entry_id).where(CallEntry.call_id == Call.id).exists()
    session.execute(delete(Call).where(Call.id.in_(calls), ~served))
    session.execute(delete(LogEntry).where(LogEntry.id.in_(entries)))
