"""What a merchant sells."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Product(Base):
    """Something sold, known by the checkout's own id. An unknown id that arrives makes one, with the name the checkout gave."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("marketplace_id", "external_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(300))
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
