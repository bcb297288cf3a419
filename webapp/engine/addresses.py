"""A marketplace's webhook addresses: their secrets, which come here sealed, and what came to them lately. No request is read here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from webapp.engine import audit
from webapp.models import Event, LogEntry, Receipt, Source
from webapp.sources import Answers

OVERLAP = timedelta(hours=24)
"""How long the secret before the present one stays good, so that a checkout can change over without a message refused."""

SHOWN = 20
"""How many of the last requests are told."""


@dataclass(frozen=True, slots=True)
class Came:
    """One request that came to an address: the answer it got, and why.

    Where it made an event: `type` and `key` (its identity at the source), how many entries it has in the log, and the first of them.
    """

    id: int
    at: datetime
    status: int
    why: str = ""
    type: str = ""
    key: str = ""
    entries: int = 0
    entry_id: int | None = None
    test: bool = False

    @property
    def outcome(self) -> str:
        """taken / not_understood for what is kept as an event; nothing (a repeat, a ping) / refused for the rest."""
        if self.key:
            return "not_understood" if self.why else "taken"
        return "nothing" if self.status < 300 else "refused"


def find(session: Session, marketplace_id: int, kind: str, *, lock: bool = False) -> Source | None:
    """The marketplace's address for a kind of checkout. `lock` it to change it."""
    query = select(Source).where(Source.marketplace_id == marketplace_id, Source.kind == kind)
    return session.scalar(query.with_for_update() if lock else query)


def of(session: Session, marketplace_id: int) -> dict[str, Source]:
    """All addresses of a marketplace, by the kind of checkout."""
    return {one.kind: one for one in session.scalars(select(Source).where(Source.marketplace_id == marketplace_id))}


def remove(session: Session, source: Source) -> None:
    """Nobody can post there any longer. What came stays."""
    session.execute(delete(Source).where(Source.id == source.id))
    audit.note(session, source.marketplace_id, "source_closed", source.kind)


def replace(session: Session, source: Source, address: str) -> None:
    """Give it another address; nobody can post to the one before."""
    source.address = address
    audit.note(session, source.marketplace_id, "source_replaced", source.kind)


def rotate(session: Session, source: Source, sealed: bytes, now: datetime) -> None:
    """Give it another secret. The one before stays good for OVERLAP; the one before that ends at once."""
    source.previous_secret, source.previous_until = source.secret, now + OVERLAP if source.secret else None
    source.secret = sealed
    audit.note(session, source.marketplace_id, "secret_rotated", source.kind)


def end_previous(session: Session, source: Source) -> None:
    """End the overlap: from now on only the present secret is good."""
    source.previous_secret = source.previous_until = None
    audit.note(session, source.marketplace_id, "secret_ended", source.kind)


def previous_until(source: Source, now: datetime) -> datetime | None:
    """Until when the secret before the present one is good; None where there is none, or no longer."""
    until = source.previous_until
    return until if source.previous_secret and until and until > now else None


def lately(session: Session, source: Source, answers: Answers, limit: int = SHOWN) -> list[Came]:
    """The last requests to an address, the newest first: those that made an event, and those that did not."""
    receipts = session.scalars(select(Receipt).where(Receipt.source_id == source.id).order_by(Receipt.id.desc()).limit(limit))
    came = [Came(one.id, one.at, one.status, one.reason) for one in receipts]
    came += _events(session, source, answers, limit)
    return sorted(came, key=lambda one: (one.at, one.id), reverse=True)[:limit]


def _events(session: Session, source: Source, answers: Answers, limit: int) -> list[Came]:
    where = (Event.marketplace_id == source.marketplace_id, Event.source_id == source.id)
    newest = session.scalars(select(Event).where(*where).order_by(Event.id.desc()).limit(limit)).all()
    rows = session.execute(
        select(LogEntry.event_id, func.count(), func.min(LogEntry.id))
        .where(LogEntry.event_id.in_([event.id for event in newest]))
        .group_by(LogEntry.event_id)
    )
    entries = {event: (count, first) for event, count, first in rows}
    return [_came(event, answers, *entries.get(event.id, (0, None))) for event in newest]


def _came(event: Event, answers: Answers, entries: int, first: int | None) -> Came:
    problem = event.errors[0] if event.errors else None
    status = answers.not_understood if problem else answers.taken
    why = ": ".join(filter(None, (problem["field"], problem["message"]))) if problem else ""
    return Came(event.id, event.received_at, status, why, event.type, event.key, entries, first, event.test)
