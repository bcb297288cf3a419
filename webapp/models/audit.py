"""Who changed what in a marketplace: one line a change, never changed itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class AuditLine(Base):
    """One change by a person. `who`: their address, or what else did it; `user_id` where it was a person who was signed in.

    `what` names the change (`webapp.engine.audit`), `about` is what was changed, by the name it had. `before` and `after` hold only what
    differs, and never a secret.
    """

    __tablename__ = "audit_lines"
    __table_args__ = (Index(None, "marketplace_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(Id)
    who: Mapped[str] = mapped_column(String(320))
    what: Mapped[str] = mapped_column(String(40))
    about: Mapped[str] = mapped_column(String(600))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
