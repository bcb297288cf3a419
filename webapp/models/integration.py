"""Connections to an app, what can be picked there, and how many calls they cost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Integration(Base):
    """One connection to an app.

    `credentials`: the secret ones, as JSON, encrypted; `public` the others (`community_url`), and `key_tail` the key's last four characters.
    `attention`: why it needs the merchant (`dead_key`, `no_api_plan`), else null; then nothing is called. `paused_at`: the merchant
    paused it. `hold_until`: the app asked for a pause, or its circuit is open. `failures`: passing failures in a row, over all customers.
    `watch_only`: decide and log, call nothing. `quota`: requests a month that its plan includes; `batch_share`: the percentage of them from
    which on batches wait for the next month (0: never). `catalog`: how far loading it is, and what the last load changed.
    A deleted one (`deleted_at`) keeps its row for the log's sake.
    """

    __tablename__ = "integrations"
    __table_args__ = (UniqueConstraint("marketplace_id", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    app: Mapped[str] = mapped_column(String(32))
    credentials: Mapped[bytes] = mapped_column(LargeBinary)
    public: Mapped[dict[str, Any]] = mapped_column(default=dict)
    key_tail: Mapped[str] = mapped_column(String(8), default="")
    community: Mapped[str] = mapped_column(String(300), default="")
    community_id: Mapped[str] = mapped_column(String(64), default="")
    attention: Mapped[str | None] = mapped_column(String(32))
    attention_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    watch_only: Mapped[bool] = mapped_column(default=False)
    send_invitation: Mapped[bool] = mapped_column(default=True)
    hold_until: Mapped[datetime | None]
    hold_reason: Mapped[str] = mapped_column(String(32), default="")
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    quota: Mapped[int] = mapped_column(default=5000)
    batch_share: Mapped[int] = mapped_column(default=80, server_default="80")
    catalog: Mapped[dict[str, Any]] = mapped_column(default=dict)
    catalog_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class Target(Base):
    """One thing of an integration's catalog, or (kind `membership`, one an integration) the membership itself.

    `group` is the remote id of a space's space group. `gone_at`: the app no longer lists it; rules about it are broken.
    """

    __tablename__ = "targets"
    __table_args__ = (UniqueConstraint("integration_id", "kind", "remote_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    integration_id: Mapped[int] = mapped_column(Id, ForeignKey("integrations.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    remote_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(300))
    group: Mapped[str | None] = mapped_column(String(64))
    gone_at: Mapped[datetime | None]


class Stop(Base):
    """A time in which an integration did nothing. `reason`: what its `attention` was, or `paused`. `until`: null while it lasts."""

    __tablename__ = "stops"

    integration_id: Mapped[int] = mapped_column(Id, ForeignKey("integrations.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(String(32), primary_key=True)
    until: Mapped[datetime | None]


class Usage(Base):
    """How many calls an integration made in a month (`2026-11`, UTC), and how many of them the app meters."""

    __tablename__ = "usage"
    __table_args__ = (Index(None, "month"),)

    integration_id: Mapped[int] = mapped_column(Id, ForeignKey("integrations.id", ondelete="CASCADE"), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    calls: Mapped[int] = mapped_column(default=0)
    metered: Mapped[int] = mapped_column(default=0)
