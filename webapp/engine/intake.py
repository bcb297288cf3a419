"""Events → happenings → rules → log entries and marks on the record, in one transaction for many events. Nothing is called here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from webapp.engine import opening
from webapp.engine.book import Book, NewId
from webapp.engine.firing import entry, fire
from webapp.engine.happenings import Told, happenings
from webapp.engine.purchases import purchase_of
from webapp.engine.ready import among, ask, write
from webapp.engine.snapshots import Snapshot, Snapshots
from webapp.models import Event
from webapp.sources import Message, NotUnderstood

NOTHING_NEW = "Nothing new: what the message says was known already."


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that has been proven to be the checkout's, with the bytes it came in."""

    marketplace_id: int
    source_id: int
    message: Message | NotUnderstood
    body: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an arrival: its event, how many log entries it made, and whether the same one came before. `work`: lanes were made due."""

    event_id: int
    entries: int
    duplicate: bool = False
    work: bool = False


def take(
    session: Session, arrivals: Sequence[Arrival], snapshots: Snapshots, now: datetime, new_id: NewId, batch_id: int | None = None
) -> list[Taken]:
    """Take in messages, in the order given; the answers come in that order. The caller commits. `batch_id`: whose entries they make.

    Raises IntegrityError where another transaction wrote the same first: roll back and take each one alone.
    """
    connection = session.connection()
    known = snapshots.get(session, {a.marketplace_id for a in arrivals})
    events = _store(connection, arrivals, now, new_id)
    book = Book(connection, now, new_id, batch_id)
    fresh = [(a, event) for a, (event, duplicate) in zip(arrivals, events, strict=True) if not duplicate]
    people = [(a.marketplace_id, a.message.person) for a, _ in fresh if isinstance(a.message, Message) and a.message.person]
    opening.open_customers(book, people)
    counts = {event: _read(book, known[a.marketplace_id], a, event) for a, event in fresh}
    work = book.flush()
    return [Taken(event, 0 if duplicate else counts[event], duplicate, work) for event, duplicate in events]


def _store(connection: Connection, arrivals: Sequence[Arrival], now: datetime, new_id: NewId) -> list[tuple[int, bool]]:
    """Write the events. Gives each arrival's event, and whether it was there before: its key at the source decides, no question before."""
    ids = [new_id(now) for _ in arrivals]
    rows = sorted(
        (_event(a, i, now) for a, i in zip(arrivals, ids, strict=True)), key=lambda row: (row["source_id"], row["key"], row["id"])
    )
    if write(connection, _insert_events(connection.dialect.name), rows) == len(ids):
        return [(i, False) for i in ids]
    written = {event for (event,) in ask(connection, _WRITTEN, events=ids)}
    before = _known(connection, [a for a, i in zip(arrivals, ids, strict=True) if i not in written])
    return [(i, False) if i in written else (before[a.source_id, a.message.key], True) for a, i in zip(arrivals, ids, strict=True)]


def _known(connection: Connection, arrivals: Sequence[Arrival]) -> dict[tuple[int | None, str], int]:
    same = or_(*(and_(Event.source_id == a.source_id, Event.key == a.message.key) for a in arrivals))
    return {(source, key): event for source, key, event in connection.execute(select(Event.source_id, Event.key, Event.id).where(same))}


def _event(arrival: Arrival, event: int, now: datetime) -> dict[str, Any]:
    message = arrival.message
    return {
        "id": event, "marketplace_id": arrival.marketplace_id, "source_id": arrival.source_id, "key": message.key, "type": message.type[:64],
        "at": message.at, "received_at": now, "body": arrival.body, "test": isinstance(message, Message) and message.test,
        "errors": [{"field": p.field, "message": p.message} for p in message.problems] if isinstance(message, NotUnderstood) else None,
    }  # fmt: skip


_WRITTEN = select(Event.id).where(among(Event.id, "events"))


@cache
def _insert_events(dialect: str) -> Any:
    insert = postgresql_insert if dialect == "postgresql" else sqlite_insert
    return insert(Event).on_conflict_do_nothing(index_elements=["source_id", "key"])


def _read(book: Book, snapshot: Snapshot, arrival: Arrival, event_id: int) -> int:
    """What one message means: its happenings, and what the rules make of them. Returns how many log entries that made."""
    message = arrival.message
    if isinstance(message, NotUnderstood):
        return _not_understood(book, arrival, message, event_id)
    made = 0
    for line in message.lines if message.person else ():
        buyer = book.buyers[arrival.marketplace_id, message.person.email]  # type: ignore[union-attr]  # there are no lines without one
        product, name = _product(book, snapshot, line.product, line.product_name)
        purchase = purchase_of(book, buyer, product, line, message.at, message.test)
        told = Told(message, line, event_id, buyer, purchase)
        made += sum(fire(book, snapshot, told, new, name) for new in happenings(book, told))
    if not made:
        person = book.buyers.get((arrival.marketplace_id, message.person.email)) if message.person else None
        customer = person.id if person else None
        entry(
            book, arrival.marketplace_id, "nothing", message.note or NOTHING_NEW, event_id=event_id, customer_id=customer, test=message.test
        )
        made = 1
    return made


def _product(book: Book, snapshot: Snapshot, external_id: str, name: str) -> tuple[int, str]:
    """The product's id and name; one that is new to us is made."""
    known = snapshot.products.get(external_id)
    if known is None:
        return opening.product(book, snapshot.marketplace_id, external_id, name)
    return known


def _not_understood(book: Book, arrival: Arrival, message: NotUnderstood, event_id: int) -> int:
    first = message.problems[0]
    entry(
        book, arrival.marketplace_id, "not_understood", f"{first.field}: {first.message}" if first.field else first.message,
        event_id=event_id, todo="Look at what your checkout sends. The message is kept as it came.",
    )  # fmt: skip
    return 1
