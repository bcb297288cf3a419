"""Work on many entries or customers that is one thing to the merchant, and the lease that picks one clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Batch(Base):
    """A replay of a filter, a rule applied to past customers, an import: with progress, pausable, each person once.

    `kind` names what it does, `given` what it was asked with (with its `title`), `cursor` the last of its items that it has taken care of.
    `state`: running / paused / done / stopped / failed; `sentence` says why it was stopped or failed.
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


class BatchItem(Base):
    """One person or entry that a batch has yet to take care of, gone with the step that does it. `number`: a row's id, or a file's line."""

    __tablename__ = "batch_items"

    batch_id: Mapped[int] = mapped_column(Id, ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Id, primary_key=True)
    data: Mapped[dict[str, Any] | None]


class Lease(Base):
    """Who does a thing that only one process may do (the clock), and until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]
