"""The log: an entry for each rule and happening, and the calls that served them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id

OPEN = ("queued", "retrying")
"""Statuses, as stored, of entries that still wait. `running` and `parked` are read off the lane and the integration (`webapp.engine.logs`);
`parked` is stored only for an entry that waits for the app's next day."""


class LogEntry(Base):
    """What one rule did for one happening; or, without a rule, why an event did nothing (`no_rule`, `nothing`, `not_understood`).

    `at` is the time of arrival. `open_lane_id` is the lane's id while the entry waits, else null. `due_at`: not before. `changed_at` moves with
    every change that a page should show. `cause` groups failures; `todo` says what to do. `details`: what else a page shows
    (`close`: the rules that came close and why not; `shared`: the entries that one call served with this one).
    """

    __tablename__ = "log_entries"
    __table_args__ = (
        Index(None, "marketplace_id", "id"),
        Index(None, "marketplace_id", "changed_at"),
        Index(None, "marketplace_id", "status", "id"),
        Index(None, "customer_id", "id"),
        Index(None, "event_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    event_id: Mapped[int | None] = mapped_column(Id)
    happening_id: Mapped[int | None] = mapped_column(Id)
    customer_id: Mapped[int | None] = mapped_column(Id)
    product_id: Mapped[int | None] = mapped_column(Id)
    rule_id: Mapped[int | None] = mapped_column(Id)
    integration_id: Mapped[int | None] = mapped_column(Id)
    target_id: Mapped[int | None] = mapped_column(Id)
    lane_id: Mapped[int | None] = mapped_column(Id)
    open_lane_id: Mapped[int | None] = mapped_column(Id)
    trigger: Mapped[str | None] = mapped_column(String(40))
    action: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(16))
    sentence: Mapped[str] = mapped_column(Text)
    todo: Mapped[str] = mapped_column(Text, default="")
    cause: Mapped[str] = mapped_column(String(32), default="")
    at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    replays_id: Mapped[int | None] = mapped_column(Id)
    batch_id: Mapped[int | None] = mapped_column(Id)
    details: Mapped[dict[str, Any] | None]
    test: Mapped[bool] = mapped_column(default=False)


Index("ix_log_entries_open", LogEntry.open_lane_id, LogEntry.due_at,
      sqlite_where=LogEntry.open_lane_id.is_not(None), postgresql_where=LogEntry.open_lane_id.is_not(None))  # fmt: skip

Index("ix_log_entries_batch", LogEntry.batch_id, LogEntry.status, LogEntry.due_at,
      sqlite_where=LogEntry.batch_id.is_not(None), postgresql_where=LogEntry.batch_id.is_not(None))  # fmt: skip


class Call(Base):
    """One request to an app's API with its answer. Secrets are not in it: a call's key travels in a header, which is not kept.

    `says` is what it was to do, in the infinitive; `status` 0 where no answer came (`answer` then says why). `duration_ms` in milliseconds.
    """

    __tablename__ = "calls"
    __table_args__ = (Index(None, "lane_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    lane_id: Mapped[int] = mapped_column(Id, ForeignKey("lanes.id", ondelete="CASCADE"))
    integration_id: Mapped[int] = mapped_column(Id)
    at: Mapped[datetime]
    method: Mapped[str] = mapped_column(String(8))
    path: Mapped[str] = mapped_column(String(500))
    body: Mapped[str] = mapped_column(Text, default="")
    says: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[int]
    answer: Mapped[str] = mapped_column(Text, default="")
    duration_ms: Mapped[int]


class CallEntry(Base):
    """Which calls served which entries: one call can serve many, one entry can need many."""

    __tablename__ = "call_entries"

    entry_id: Mapped[int] = mapped_column(Id, primary_key=True)
    call_id: Mapped[int] = mapped_column(Id, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
