"""Who buys, and what they bought."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id


class Customer(Base):
    """A person who buys, known by e-mail (trimmed, lower-cased). Their address at an integration, if another, is on the lane.

    One who was erased (`erased_at`) keeps a row for the counts' sake: a name of ours in the e-mail's place, and `erased_as`, the keyed digest
    by which a later message of the same address is known to be of somebody who was erased.
    """

    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("marketplace_id", "email"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(320))
    first_name: Mapped[str] = mapped_column(String(200), default="")
    last_name: Mapped[str] = mapped_column(String(200), default="")
    seen_at: Mapped[datetime]
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    erased_as: Mapped[str | None] = mapped_column(String(64))


Index("ix_customers_erased", Customer.marketplace_id, Customer.erased_as,
      sqlite_where=Customer.erased_as.is_not(None), postgresql_where=Customer.erased_as.is_not(None))  # fmt: skip


class Purchase(Base):
    """Why a customer may hold something: customer + product + ground (see docs/access.md).

    `ground` is the subscription it names, else the order, else a prospect, else the product alone: `subscription:77`, `order:9001`,
    `prospect:p1`, `product`; or `hand:…`, without a product, where a person decided. `order_ref` and `subscription_ref` are what it is known
    by; `more_orders`: the further orders of a subscription that is renewed by new ones.
    Of a customer who was erased it is `erased:…`, and nothing is known of it by name.
    `on_record`: something that makes a purchase named it (an order, a charge), not only a refund or cancellation.
    `state`: active / ended / refunded, with the time of what made it so; empty where nothing has been said of that.
    """

    __tablename__ = "purchases"
    __table_args__ = (
        UniqueConstraint("customer_id", "product_id", "ground"),
        Index(None, "marketplace_id", "product_id"),
        Index(None, "order_ref"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"))
    customer_id: Mapped[int] = mapped_column(Id, ForeignKey("customers.id", ondelete="CASCADE"))
    product_id: Mapped[int | None] = mapped_column(Id, ForeignKey("products.id", ondelete="CASCADE"))
    ground: Mapped[str] = mapped_column(String(300))
    order_ref: Mapped[str | None] = mapped_column(String(200))
    subscription_ref: Mapped[str | None] = mapped_column(String(200))
    more_orders: Mapped[list[Any] | None]
    on_record: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(16), default="active")
    state_at: Mapped[datetime]
    bought_at: Mapped[datetime]
    test: Mapped[bool] = mapped_column(default=False)


Index("ix_purchases_subscription_ref", Purchase.subscription_ref,
      sqlite_where=Purchase.subscription_ref.is_not(None), postgresql_where=Purchase.subscription_ref.is_not(None))  # fmt: skip


class Step(Base):
    """One thing a checkout said about a subscription, compact and kept for ever: the history that is folded on each arrival.

    `kind` is what was said (charged, charge_failed, canceled, delinquent, recovered, restarted, completed; `named_` before it where
    the checkout is taken at its word); `number` and `total` count charges.
    """

    __tablename__ = "steps"
    __table_args__ = (Index(None, "purchase_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    purchase_id: Mapped[int] = mapped_column(Id, ForeignKey("purchases.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    tie: Mapped[str] = mapped_column(String(256))
    number: Mapped[int | None]
    total: Mapped[int | None]
    access_until: Mapped[datetime | None]
