"""Where a late message has changed more than its own entries ask for: wake what it ended, and put right what had been given or taken.

A refuted firing may have given a tag that nobody asks back; a merged or moved purchase may change which of two marks is newer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.engine import records, sentences
from webapp.engine.access import Verdict, desired
from webapp.engine.book import Book
from webapp.engine.firing import entry
from webapp.models import Happening, Holding, Integration, Lane, LogEntry, Target

WHY = "A later message changed what happened before."


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A target whose belief is not what is desired, and nothing waits that would change it."""

    lane: Lane
    target: Target
    integration: Integration
    adds: bool


def put_right(session: Session, book: Book) -> bool:
    """Do so for the customers that the book calls unusual, after it was flushed. Returns whether lanes were made due."""
    customers = sorted(book.unusual)
    book.unusual.clear()
    woken = _wake(session, customers, book.now)
    wrong = list(_wrong(session, customers, book.now))
    for one in wrong:
        _correct(book, one)
    book.flush()
    return bool(wrong or woken)


def _wake(session: Session, customers: Collection[int], now: datetime) -> bool:
    """What waits for a later time may be over already: its lane looks now, and its entry says why nothing had to be done."""
    refuted = select(Happening.id).where(Happening.customer_id.in_(customers), Happening.refuted.is_(True))
    over = (LogEntry.customer_id.in_(customers), LogEntry.open_lane_id.is_not(None), LogEntry.happening_id.in_(refuted))
    lanes = set(session.scalars(select(LogEntry.open_lane_id).where(*over, LogEntry.due_at > now)))
    if not lanes:
        return False
    session.execute(update(LogEntry).where(*over).values(due_at=None).execution_options(synchronize_session=False))
    free = (Lane.id.in_(lanes), Lane.claim.is_(None), Lane.retry_at.is_(None))
    session.execute(update(Lane).where(*free).values(due_at=now).execution_options(synchronize_session=False))
    return True


def _wrong(session: Session, customers: Collection[int], now: datetime) -> Iterable[_Wrong]:
    lanes = {lane.id: lane for lane in session.scalars(select(Lane).where(Lane.customer_id.in_(customers)))}
    believed = _believed(session, lanes)
    asked = {
        (lane, target)
        for lane, target in session.execute(select(LogEntry.open_lane_id, LogEntry.target_id).where(LogEntry.open_lane_id.in_(lanes)))
    }
    for lane, record in records.load(session, lanes).items():
        for target, verdict in desired(record, now).items():
            if (lane, target) not in asked and _disagrees(verdict, believed.get((lane, target))):
                yield _one(session, lanes[lane], target, verdict)


def _disagrees(verdict: Verdict, held: str | None) -> bool:
    """Whether the app is believed to say something else. What was never heard of and is not desired is left alone."""
    if verdict.held:
        return held == "not_held"
    return held == "held" and verdict.ended is not None


def _believed(session: Session, lanes: Collection[int]) -> dict[tuple[int, int], str]:
    rows = session.execute(select(Holding.lane_id, Holding.target_id, Holding.held).where(Holding.lane_id.in_(lanes)))
    return {(lane, target): held for lane, target, held in rows}


def _one(session: Session, lane: Lane, target: int, verdict: Verdict) -> _Wrong:
    return _Wrong(lane, session.get_one(Target, target), session.get_one(Integration, lane.integration_id), verdict.held)


def _correct(book: Book, wrong: _Wrong) -> None:
    """An entry of its own, without a rule: what is put right, and why."""
    lane, target, integration = wrong.lane, wrong.target, wrong.integration
    book.lanes[lane.customer_id, integration.id] = lane.id
    book.lane(lane.marketplace_id, lane.customer_id, integration.id, book.now)
    action = next(a.key for a in APPS[integration.app].actions.values() if a.kind == target.kind and a.adds == wrong.adds)
    asked = sentences.asked(target.kind, target.name, integration.name, wrong.adds)
    entry(
        book, lane.marketplace_id, "queued", f"{asked}. {WHY}", customer_id=lane.customer_id, integration_id=integration.id,
        target_id=target.id, lane_id=lane.id, open_lane_id=lane.id, action=action,
    )  # fmt: skip
