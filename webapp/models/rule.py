"""Rules: what a trigger means for a community."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id

PAID_PERIOD = -1
"""`after_days` of a removal that waits for the end of the paid period."""


class Rule(Base):
    """Trigger + integration + action + target, on a product or (`product_id` null) for every product.

    `removal` (of a removal only): `spare` what another purchase still grants, or `always`. `for_days`: an add holds so many days (null: for
    good). `after_days`: a removal acts so many days later (0 at once, PAID_PERIOD at the end of the paid period).
    `identity` is what may not exist twice while the rule is alive; null once it is deleted. A deleted rule keeps its row for the log's sake.
    """

    __tablename__ = "rules"
    __table_args__ = (Index(None, "marketplace_id", "product_id"), Index(None, "integration_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    product_id: Mapped[int | None] = mapped_column(Id, ForeignKey("products.id", ondelete="CASCADE"))
    trigger: Mapped[str] = mapped_column(String(40))
    integration_id: Mapped[int] = mapped_column(Id, ForeignKey("integrations.id", ondelete="CASCADE"))
    action: Mapped[str] = mapped_column(String(40))
    target_id: Mapped[int] = mapped_column(Id, ForeignKey("targets.id", ondelete="CASCADE"))
    removal: Mapped[str | None] = mapped_column(String(8))
    for_days: Mapped[int | None]
    after_days: Mapped[int] = mapped_column(default=0)
    identity: Mapped[str | None] = mapped_column(String(200), unique=True)
    off_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
