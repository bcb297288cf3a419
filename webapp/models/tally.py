"""What is counted of the log, a while after it was written: by the fold (`webapp.engine.log_fold`), never on the way of an event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Shape(Base):
    """Entries that are alike: same status, cause, trigger, action, integration, rule and product, and the same words.

    `words` is their sentence without addresses and times of day. `key` is a digest of all of it; `number`: how many entries have it.
    """

    __tablename__ = "shapes"
    __table_args__ = (UniqueConstraint("marketplace_id", "key"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(String(32))
    trigger: Mapped[str | None] = mapped_column(String(40))
    action: Mapped[str | None] = mapped_column(String(40))
    integration_id: Mapped[int | None] = mapped_column(Id)
    rule_id: Mapped[int | None] = mapped_column(Id)
    product_id: Mapped[int | None] = mapped_column(Id)
    words: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(default=0)


class Tally(Base):
    """How many entries of a shape arrived in a quarter of an hour (counted from `id_times.EPOCH`), and between which ids they lie."""

    __tablename__ = "tallies"
    __table_args__ = (Index(None, "marketplace_id", "quarter"), {"sqlite_with_rowid": False})

    shape_id: Mapped[int] = mapped_column(Id, ForeignKey("shapes.id", ondelete="CASCADE"), primary_key=True)
    quarter: Mapped[int] = mapped_column(primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id)
    number: Mapped[int]
    first_id: Mapped[int] = mapped_column(Id)
    last_id: Mapped[int] = mapped_column(Id)


class Quarter(Base):
    """A quarter of an hour of a marketplace's log: how many entries there are of each status, as stored, and how long purchases took.

    `took`: purchases by how long it was to their access, as `webapp.engine.glance` divides times.
    """

    __tablename__ = "quarters"
    __table_args__ = ({"sqlite_with_rowid": False},)

    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"), primary_key=True)
    quarter: Mapped[int] = mapped_column(primary_key=True)
    statuses: Mapped[dict[str, Any]]
    took: Mapped[dict[str, Any]]


class Fold(Base):
    """Up to which change (`LogEntry.changed_at`) a marketplace's log has been counted."""

    __tablename__ = "folds"

    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"), primary_key=True)
    until: Mapped[datetime]
