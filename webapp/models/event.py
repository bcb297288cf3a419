"""What a checkout said, as it came, and what it meant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Event(Base):
    """One message from the checkout. `key` is its identity at the source (its `webhook-id`), `at` when it happened, `body` the bytes as they came.

    `errors` is set where it was not understood: a list of {field, message}.
    """

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("source_id", "key"), Index(None, "marketplace_id", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    source_id: Mapped[int | None] = mapped_column(Id, ForeignKey("sources.id", ondelete="SET NULL"))
    key: Mapped[str] = mapped_column(String(256))
    type: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    errors: Mapped[list[Any] | None]
    test: Mapped[bool] = mapped_column(default=False)


class Happening(Base):
    """What an event means: a trigger, for one customer and one product, at one time; each once, under its key.

    `step_id`: the step of the subscription's history that it stands for, where there is one. `refuted`: a later message told a history in which
    it did not happen; it stays, and counts for nothing in what the customer should hold.
    """

    __tablename__ = "happenings"
    __table_args__ = (
        UniqueConstraint("marketplace_id", "key"),
        Index(None, "purchase_id"),
        Index(None, "marketplace_id", "trigger", "product_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(Id)
    customer_id: Mapped[int] = mapped_column(Id, ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    product_id: Mapped[int] = mapped_column(Id, ForeignKey("products.id", ondelete="CASCADE"))
    purchase_id: Mapped[int] = mapped_column(Id, ForeignKey("purchases.id", ondelete="CASCADE"))
    step_id: Mapped[int | None] = mapped_column(Id)
    trigger: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    tie: Mapped[str] = mapped_column(String(256))
    key: Mapped[str] = mapped_column(String(600))
    access_until: Mapped[datetime | None]
    refuted: Mapped[bool] = mapped_column(default=False)
