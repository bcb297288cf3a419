"""Work on many entries or customers that is one thing to the merchant, and the lease that picks one clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Batch(Base):
    """A replay of a filter, a rule applied to past customers, an import: with progress, pausable, each person once.

    `kind` names what it does, `given` what it was asked with, `cursor` how far it is. `state`: running / paused / done / stopped / failed.
    """

    __tablename__ = "batches"
    __table_args__ = (Index(None, "marketplace_id", "id"), Index(None, "state"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    given: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(16))
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    cursor: Mapped[int] = mapped_column(Id, default=0)
    sentence: Mapped[str] = mapped_column(String(500), default="")
    created_by: Mapped[int | None] = mapped_column(Id)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Lease(Base):
    """Who does a thing that only one process may do (the clock), and until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]
