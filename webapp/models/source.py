"""The webhook addresses of a marketplace, and the requests to them that made no event."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Source(Base):
    """One address that a checkout posts to. `kind` is the way of speaking (`webapp.sources`), one address a kind and marketplace.

    `secret` and `previous_secret` are encrypted; the previous one is good until `previous_until`, so a rotation drops no event.
    """

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("marketplace_id", "kind"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(String(64), unique=True)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Receipt(Base):
    """A request to an address that made no event (refused, a repeat, a ping): the answer it got and why. Only the newest are kept."""

    __tablename__ = "receipts"
    __table_args__ = (Index(None, "source_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    source_id: Mapped[int] = mapped_column(Id, ForeignKey("sources.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    status: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500))
