"""What a check of one customer at one integration was asked for, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Check(Base):
    """The last time that an app was asked what one customer holds there.

    `wanted_at`: somebody wishes for it; null once it is over. `run`: whoever does it, who told of it last at `told_at`. Of the last one that
    is over: when (`ended_at`), what it cost (`metered` calls), `error` and `todo` where it could not be done, and `found`: what was other
    than believed, a list of {target, was, now}.
    """

    __tablename__ = "checks"
    __table_args__ = (Index(None, "wanted_at"),)

    lane_id: Mapped[int] = mapped_column(Id, ForeignKey("lanes.id", ondelete="CASCADE"), primary_key=True)
    wanted_at: Mapped[datetime | None]
    run: Mapped[str | None] = mapped_column(String(40))
    told_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    metered: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(String(500), default="")
    todo: Mapped[str] = mapped_column(String(500), default="")
    found: Mapped[list[Any] | None]
