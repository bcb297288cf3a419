"""What is to leave by mail or to a chat: written in the transaction that wants it said, taken and sent by a worker, tried again until it is too late.

Nothing is sent here, and what it says is not decided here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from webapp.models import Outgoing

MAIL, RESET, CHAT = "mail", "reset", "chat"
"""How a message leaves: see `Outgoing.kind`."""

TAKEN_FOR = timedelta(minutes=2)
"""A message that was taken and never ended belongs to a worker that has died: another takes it after this."""

WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""Between two tries; the last one from then on."""

GOOD_FOR = timedelta(days=3)
"""How long a message is worth sending, unless whoever writes it says otherwise."""

KEPT = timedelta(days=30)
"""How long is known what became of a message."""

LATE = "It could not be sent in time."

NewId = Callable[[datetime], int]
Seal = Callable[[str], bytes]


@dataclass(frozen=True)
class Letter:
    """What a message says."""

    subject: str
    text: str


@dataclass(frozen=True)
class Post:
    """A message that a worker has in hand."""

    id: int
    marketplace_id: int | None
    kind: str
    content: bytes
    created_at: datetime


def put(
    session: Session,
    kind: str,
    content: Mapping[str, str],
    seal: Seal,
    new_id: NewId,
    now: datetime,
    *,
    recipient: str = "",
    subject: str = "",
    marketplace_id: int | None = None,
    good_for: timedelta = GOOD_FOR,
) -> int:
    """Have something said. It leaves soon after this transaction is committed, once at least."""
    made = Outgoing(
        id=new_id(now),
        marketplace_id=marketplace_id,
        kind=kind,
        recipient=recipient,
        subject=subject[:300],
        content=seal(json.dumps(dict(content))),
        created_at=now,
        expires_at=now + good_for,
        due_at=now,
    )
    session.add(made)
    session.flush()
    return made.id


def mail(session: Session, to: str, letter: Letter, seal: Seal, new_id: NewId, now: datetime, marketplace_id: int | None = None) -> int:
    """Have a letter mailed to somebody."""
    content = {"to": to, "subject": letter.subject, "text": letter.text}
    return put(session, MAIL, content, seal, new_id, now, recipient=to, subject=letter.subject, marketplace_id=marketplace_id)


def chat(session: Session, host: str, subject: str, text: str, seal: Seal, new_id: NewId, now: datetime, marketplace_id: int) -> int:
    """Have something said in a marketplace's chat. Its address is not written down here: it is a secret, and may change."""
    return put(session, CHAT, {"text": text}, seal, new_id, now, recipient=host, subject=subject, marketplace_id=marketplace_id)


def waiting(session: Session, now: datetime) -> bool:
    """Whether anything is due."""
    return session.scalar(select(Outgoing.id).where(Outgoing.due_at <= now).limit(1)) is not None


def take(session: Session, now: datetime) -> Post | None:
    """Take the message that is due longest, for TAKEN_FOR. The caller commits, sends it, and says what came of it."""
    _give_up_late(session, now)
    first = select(Outgoing).where(Outgoing.due_at <= now).order_by(Outgoing.due_at, Outgoing.id).limit(1)
    found = session.scalar(first.with_for_update(skip_locked=True))
    if found is None or found.content is None:
        return None
    found.due_at, found.attempts = now + TAKEN_FOR, found.attempts + 1
    session.flush()
    return Post(found.id, found.marketplace_id, found.kind, found.content, found.created_at)


def _give_up_late(session: Session, now: datetime) -> None:
    """What nobody sent in time says something that is no longer so."""
    late = update(Outgoing).where(Outgoing.due_at <= now, Outgoing.expires_at <= now)
    session.execute(late.values(due_at=None, content=None, given_up_at=now, fault=func.coalesce(func.nullif(Outgoing.fault, ""), LATE)))


def sent(session: Session, message_id: int, now: datetime) -> None:
    """It has left."""
    session.execute(update(Outgoing).where(Outgoing.id == message_id).values(sent_at=now, due_at=None, content=None, fault=""))


def failed(session: Session, message_id: int, fault: str, now: datetime, *, for_good: bool = False) -> bool:
    """It could not be sent. Whether it was given up: it would be refused again, or the next try would be too late."""
    found = session.get_one(Outgoing, message_id, with_for_update=True)
    found.fault = fault[:500]
    again = now + WAITS[min(found.attempts, len(WAITS)) - 1]
    if for_good or again > found.expires_at:
        found.due_at, found.content, found.given_up_at = None, None, now
    else:
        found.due_at = again
    session.flush()
    return found.given_up_at is not None


def latest(session: Session, marketplace_id: int, most: int) -> Sequence[Outgoing]:
    """A marketplace's newest messages, the newest first."""
    return session.scalars(select(Outgoing).where(Outgoing.marketplace_id == marketplace_id).order_by(Outgoing.id.desc()).limit(most)).all()


def forget(session: Session, now: datetime) -> None:
    """Throw away what ended long ago."""
    session.execute(delete(Outgoing).where(Outgoing.due_at.is_(None), Outgoing.created_at < now - KEPT))
