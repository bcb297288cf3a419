"""Where webhook requests are received: whose address it is, what the source says, the commit, the answer. HTTP itself is in the page.

Redis and the apps play no part: with them gone the answer is the same.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError  # noqa: A004  its name there
from sqlalchemy.orm import Session

from webapp.database import db, writing
from webapp.engine.intake import Arrival, Taken, take
from webapp.engine.ready import ask
from webapp.engine.repeats import told_apart
from webapp.engine.snapshots import Snapshots
from webapp.group import Group
from webapp.journal import name
from webapp.models import Marketplace, Receipt, Source
from webapp.parts import parts
from webapp.sources import Answers, Message, NotUnderstood, Refusal, Request
from webapp.sources.registry import SOURCES

KEPT = timedelta(seconds=2)
"""How long an address and its secrets are taken from memory. A request that they don't prove has them read anew."""

RECEIPTS = 20
"""How many refused requests of an address are kept."""

NOTED = 5
"""How many of them are at most written in a second: a flood does not become one of writes."""

READ_ANEW = 5
"""How many requests of an address that the secrets in memory don't prove have them read anew in a second. In a flood of forged ones the
memory is then at most a fifth of a second old, and the others cost no query."""

RETRY_AFTER = "1"
"""Seconds, for a checkout that sends more than its marketplace's allowance."""

log = logging.getLogger(__name__)

GONE = (OperationalError, InterfaceError, TimeoutError)
"""What SQLAlchemy raises where the database can't be reached, or has no connection left."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address that a checkout posts to, with the secrets that are good now. `read_at`: when it was read."""

    source_id: int
    marketplace_id: int
    kind: str
    allowance: int
    read_at: datetime
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request: status, JSON body, headers beside the usual ones."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class NoAddress(LookupError):
    """Nobody has this address."""


class Desk:
    """Takes requests for one process. Safe to use from many threads."""

    def __init__(self) -> None:
        self._snapshots = Snapshots()
        self._addresses: dict[str, Address] = {}
        self._take: Group[Arrival, Taken] = Group(self._write, hopeless=GONE)
        self._note: Group[dict[str, Any], None] = Group(_write_receipts, hopeless=GONE)
        self._lately: dict[int, deque[datetime]] = {}
        self._noted: dict[int, deque[datetime]] = {}
        self._read_anew: dict[int, deque[datetime]] = {}
        self._lock = threading.Lock()

    def address(self, text: str, now: datetime, fresh: bool = False) -> Address:
        """Whose address this is. Raises NoAddress."""
        kept = self._addresses.get(text)
        if kept is None or fresh or now - kept.read_at > KEPT:
            kept = self._addresses[text] = _read_address(text, now)
        return kept

    def receive(self, text: str, request: Request) -> Answered:
        """Take a request that came to an address in: verified, understood, committed. `request.secrets` are put in here.

        Raises NoAddress, and SQLAlchemy's DBAPIError where the database can't be reached: then nothing was taken.
        """
        now = parts().now()
        kept = self._addresses.get(text)
        address = self.address(text, now)
        name(marketplace=address.marketplace_id, source=address.source_id)
        try:
            message = self._understand(text, address, address is kept, request, now)
        except Refusal as refusal:
            self._receipt(address, now, refusal.status, refusal.reason)
            return Answered(refusal.status, refusal.body)
        if not self._allowed(address, now):
            return Answered(429, {"error": "too many requests"}, {"Retry-After": RETRY_AFTER})
        answers = SOURCES[address.kind].answers
        if message is None:
            self._receipt(address, now, answers.taken, "A ping: the address works.")
            return Answered(answers.taken, {"ping": True})
        name(key=message.key)
        taken = self._take(Arrival(address.marketplace_id, address.source_id, message, request.body))
        name(event=taken.event_id)
        log.info("An event came again." if taken.duplicate else "An event was taken in.", extra={"entries_made": taken.entries})
        return self._answer(address, message, taken, answers, now)

    def _understand(self, text: str, address: Address, old: bool, request: Request, now: datetime) -> Message | NotUnderstood | None:
        """What the source says. Where the secrets were from memory (`old`) and prove nothing, those of the database are tried, too."""
        source = SOURCES[address.kind]
        try:
            return source.read(_with(request, address.secrets), now)
        except Refusal as refusal:
            if refusal.status != 401 or not old or not self._within(self._read_anew, address.source_id, READ_ANEW, now):
                raise
        return source.read(_with(request, self.address(text, now, fresh=True).secrets), now)

    def _answer(self, address: Address, message: Message | NotUnderstood, taken: Taken, answers: Answers, now: datetime) -> Answered:
        if taken.duplicate:
            self._receipt(address, now, answers.repeat, f"A repeat of {message.key}: nothing happens twice.")
            return Answered(answers.repeat, {"event": str(taken.event_id), "duplicate": True})
        parts().bell.ring((address.marketplace_id,), work=taken.work)
        if isinstance(message, NotUnderstood):
            errors = [{"field": p.field, "message": p.message} for p in message.problems]
            return Answered(answers.not_understood, {"event": str(taken.event_id), "errors": errors})
        return Answered(answers.taken, {"event": str(taken.event_id), "entries": taken.entries})

    def _write(self, arrivals: Sequence[Arrival]) -> list[Taken]:
        here = parts()
        with writing() as session:
            now = here.now()
            return take(session, told_apart(session, arrivals, now), self._snapshots, now, here.new_id)

    def _allowed(self, address: Address, now: datetime) -> bool:
        """Whether the marketplace is within its allowance of requests, counted over the last second in this process. What nobody signed does not
        count: who knows an address can't use it up."""
        return self._within(self._lately, address.marketplace_id, address.allowance, now)

    def _receipt(self, address: Address, now: datetime, status: int, reason: str) -> None:
        if self._within(self._noted, address.source_id, NOTED, now):
            receipt = {"id": parts().new_id(now), "source_id": address.source_id, "at": now, "status": status, "reason": reason[:500]}
            self._note(receipt)

    def _within(self, seen: dict[int, deque[datetime]], key: int, most: int, now: datetime) -> bool:
        with self._lock:
            times = seen.setdefault(key, deque())
            while times and now - times[0] >= timedelta(seconds=1):
                times.popleft()
            if len(times) >= most:
                return False
            times.append(now)
            return True


def desk() -> Desk:
    """The current app's desk."""
    found: Desk = current_app.extensions["cartwheel_desk"]
    return found


def register(app: Flask) -> None:
    """Give the app its desk."""
    app.extensions["cartwheel_desk"] = Desk()


def _with(request: Request, secrets: tuple[str, ...]) -> Request:
    return Request(request.body, request.headers, request.query, secrets)


_ADDRESS = (
    select(
        Source.id, Source.marketplace_id, Source.kind, Marketplace.allowance, Source.secret, Source.previous_secret, Source.previous_until
    )
    .join(Marketplace, Marketplace.id == Source.marketplace_id)
    .where(Source.address == bindparam("address"))
)  # fmt: skip


def _read_address(text: str, now: datetime) -> Address:
    if not (text.isascii() and text.isprintable()):  # PostgreSQL can't even be asked for some of what a path may hold
        raise NoAddress(text)
    rows = ask(db.session(), _ADDRESS, address=text)
    db.session.rollback()
    if not rows or rows[0][2] not in SOURCES:
        raise NoAddress(text)
    source, marketplace, kind, allowance, secret, previous, until = rows[0]
    sealed = (secret, previous if until and until > now else None)  # some checkouts have no secret
    return Address(source, marketplace, kind, allowance, now, tuple(parts().vault.open(one) for one in sealed if one))


def _write_receipts(rows: Sequence[dict[str, Any]]) -> list[None]:
    with writing() as session:
        session.execute(insert(Receipt), list(rows))
        for source in {row["source_id"] for row in rows}:
            _prune(session, source)
    return [None] * len(rows)


def _prune(session: Session, source: int) -> None:
    """Only the newest are kept."""
    newest = select(Receipt.id).where(Receipt.source_id == source).order_by(Receipt.id.desc()).limit(RECEIPTS).subquery()
    oldest = select(func.min(newest.c.id)).scalar_subquery()
    session.execute(delete(Receipt).where(Receipt.source_id == source, Receipt.id < oldest).execution_options(synchronize_session=False))
