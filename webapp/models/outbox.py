"""What is to leave by mail or to a chat: kept until it has."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Outgoing(Base):
    """One message to one place. `kind` says how it leaves: `mail`, `reset` (a mail whose link is made at that moment), `chat`.

    `content` is what it says, as JSON, encrypted, since it may hold a link that lets somebody in; it is thrown away once it has left or is
    given up. `recipient`, for people who look at what became of it: an address of the team, or the chat's host; "" where nobody may see it.
    `due_at`: not before; null once nothing more happens. `given_up_at`: it never left, and `fault` says why.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "due_at"), Index(None, "marketplace_id", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int | None] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    recipient: Mapped[str] = mapped_column(String(320), default="")
    subject: Mapped[str] = mapped_column(String(300), default="")
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(default=0)
    fault: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
