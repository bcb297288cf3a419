"""What needs a person: who is told, what was told, and by what a checkout's silence is known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Watch(Base):
    """Who is told in a marketplace, and how far it was looked after. A marketplace without one tells its owners of everything.

    `people`: ids of users, null for the owners. `muted`: kinds of alert that nobody is told of. `chat`: the address of an incoming webhook,
    encrypted, and `chat_host` where it leads. `looked_at`: up to when troubles were looked for; `digest_day`: the last day (`2026-11-24`, the
    marketplace's) that had its digest.
    """

    __tablename__ = "watches"

    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"), primary_key=True)
    people: Mapped[list[Any] | None]
    muted: Mapped[list[Any]] = mapped_column(default=list)
    digest: Mapped[bool] = mapped_column(default=True)
    chat: Mapped[bytes | None] = mapped_column(LargeBinary)
    chat_host: Mapped[str] = mapped_column(String(255), default="")
    looked_at: Mapped[datetime | None]
    digest_day: Mapped[str] = mapped_column(String(10), default="")


class Alert(Base):
    """One trouble from its beginning to its end. `kind` and `subject` say which; `open_key` is both with the marketplace while it lasts, else null.

    `title` and `todo` are for people. `count`: how many entries, rules or messages are concerned.
    `told_at`: when people were told last; null where nobody was. Acknowledged or snoozed it stays open, and nobody is told of it again.
    """

    __tablename__ = "alerts"
    __table_args__ = (Index(None, "marketplace_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(120))
    open_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    title: Mapped[str] = mapped_column(String(500))
    todo: Mapped[str] = mapped_column(Text, default="")
    count: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[int | None] = mapped_column(Id, ForeignKey("users.id", ondelete="SET NULL"))
    snoozed_until: Mapped[datetime | None]
    recovered_at: Mapped[datetime | None]


class Heard(Base):
    """The hours of one day (`2026-11-24`, UTC) in which a checkout said something, one bit an hour; `missed`: those in which nobody looked."""

    __tablename__ = "heard"

    source_id: Mapped[int] = mapped_column(Id, ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    hours: Mapped[int] = mapped_column(default=0)
    missed: Mapped[int] = mapped_column(default=0)
