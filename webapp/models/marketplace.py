"""Marketplaces: the tenants. Who may enter one is in user.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Marketplace(Base):
    """One merchant's shop. Everything else belongs to exactly one.

    `version` grows with each change of a rule, product or integration, in the same transaction: what intake keeps in memory is
    held against it. `allowance` is how many requests a second its webhook addresses take. `retention_days` is how long entries are kept.
    """

    __tablename__ = "marketplaces"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    version: Mapped[int] = mapped_column(default=0)
    allowance: Mapped[int] = mapped_column(default=1000)
    retention_days: Mapped[int] = mapped_column(default=90)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
