"""What a late message changes of what is on record: purchases that are one, happenings that never were or were at another time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from webapp.engine import sentences, timing
from webapp.engine.timing import Terms
from webapp.models import PAID_PERIOD, Grant, Happening, LogEntry, Marketplace, Purchase, Step


@dataclass(frozen=True, slots=True)
class Moved:
    """A happening's time as it is known now, with what was paid for until then; `before`: the time it had in the database."""

    before: datetime
    at: datetime
    tie: str
    access_until: datetime | None


def merge(connection: Connection, merged: Mapping[int, int]) -> None:
    """Purchases (by id) that are one with another."""
    for gone, keep in merged.items():
        for model in (Grant, Happening, Step):
            connection.execute(update(model).values(purchase_id=keep).where(model.purchase_id == gone))
        connection.execute(delete(Purchase).where(Purchase.id == gone))


def refute(connection: Connection, refuted: Mapping[int, bool]) -> None:
    """Happenings that a later message tells not to have happened, or to have happened after all. Their marks count for nothing, or count
    again; what still waits for one that never was has waited long enough."""
    for happening, never_was in refuted.items():
        connection.execute(update(Happening).where(Happening.id == happening).values(refuted=never_was))
        connection.execute(update(Grant).where(Grant.happening_id == happening).values(void=never_was))
        if never_was:
            entries = select(Grant.entry_id).where(Grant.happening_id == happening)
            waits = (LogEntry.id.in_(entries), LogEntry.open_lane_id.is_not(None), LogEntry.status == "queued")
            connection.execute(update(LogEntry).where(*waits).values(due_at=None))


def move(connection: Connection, moved: Mapping[int, Moved]) -> None:
    """Happenings whose time has turned out to be another one. Their marks move along, and what waits for the time of its mark."""
    for happening, to in moved.items():
        values = {"at": to.at, "tie": to.tie, "access_until": to.access_until}
        connection.execute(update(Happening).where(Happening.id == happening).values(values))
        for mark in connection.execute(_MARKS.where(Grant.happening_id == happening)).all():
            terms = _retimed(mark, to)
            values = {"at": terms.at, "until": terms.until, "asked_at": terms.asked_at, "recoverable": terms.recoverable, "tie": to.tie}
            connection.execute(update(Grant).where(Grant.id == mark.id).values(values))
            if mark.waits_until == mark.at:
                said = {"due_at": terms.at, "sentence": _said_anew(mark, terms.at)}
                connection.execute(update(LogEntry).where(LogEntry.id == mark.entry_id, LogEntry.open_lane_id.is_not(None)).values(said))


def _said_anew(mark: Any, at: datetime) -> str:
    """What a waiting entry says, with another time."""
    told, zone = mark.told_at, mark.time_zone
    sentence: str = mark.sentence
    return sentence.replace(sentences.when(mark.at, zone, told), sentences.when(at, zone, told))


_MARKS = (
    select(
        Grant.id,
        Grant.entry_id,
        Grant.at,
        Grant.until,
        Grant.asked_at,
        Grant.recoverable,
        Grant.paid_period,
        LogEntry.due_at.label("waits_until"),
        LogEntry.sentence,
        LogEntry.at.label("told_at"),
        Marketplace.time_zone,
    )
    .join(LogEntry, LogEntry.id == Grant.entry_id, isouter=True)
    .join(Marketplace, Marketplace.id == LogEntry.marketplace_id, isouter=True)
)


def _retimed(mark: Any, to: Moved) -> Terms:
    """By as much as the happening moves, whatever the rule says by now; but the end of a paid period does not move along."""
    by = to.at - to.before
    until, asked_at = (at + by if at else None for at in (mark.until, mark.asked_at))
    if mark.paid_period:
        return timing.removal(to.at, PAID_PERIOD, to.access_until, None if mark.recoverable else asked_at)
    return Terms(mark.at + by, until, asked_at, mark.recoverable)
