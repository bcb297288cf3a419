"""What is on sale and what was bought of it: products, orders, subscriptions, carts that were left. What happens to them is in shop.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.people import Buyer

MONTH = timedelta(days=30)
"""How long a payment of a subscription lasts."""
FAILURES = 4
"""Failed payments in a row after which a checkout gives a subscription up."""


@dataclass(frozen=True, slots=True)
class Product:
    """Something on sale. `price` is in cents; where it is `monthly`, each month."""

    id: str
    name: str
    price: int
    monthly: bool = False


PRODUCTS: Mapping[str, Product] = {
    one.id: one
    for one in (
        Product("ads-101", "Ads 101", 4900),
        Product("masterclass", "Masterclass Bundle", 19900),
        Product("alumni", "Alumni Pass", 2900, monthly=True),
    )
}


@dataclass(slots=True)
class Subscription:
    """A product that is paid for each month. The order was the first of its `payments`; `failures` came since the last one, in a row."""

    id: str
    paid_at: datetime
    payments: int = 1
    failures: int = 0
    canceled: bool = False

    @property
    def state(self) -> str:
        """active, failing, delinquent or canceled."""
        if self.canceled:
            return "canceled"
        return "delinquent" if self.failures >= FAILURES else "failing" if self.failures else "active"

    @property
    def payable(self) -> bool:
        """Whether a payment can be tried. That of a delinquent one may still come: it takes the subscription up again."""
        return not self.canceled

    @property
    def paid_until(self) -> datetime:
        """The end of the month that was paid for last."""
        return self.paid_at + MONTH

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "paid_at": self.paid_at.isoformat()}


@dataclass(slots=True)
class Item:
    """One product of an order. `amount` was paid for it and `refunded` given back, both in cents."""

    product_id: str
    name: str
    kind: str
    amount: int
    refunded: int = 0
    subscription: Subscription | None = None

    @property
    def left(self) -> int:
        """What can still be given back."""
        return self.amount - self.refunded

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "subscription": self.subscription.plain() if self.subscription else None}


@dataclass(slots=True)
class Order:
    """What somebody bought at one time; or (`abandoned`) has in the cart and has not bought."""

    id: str
    at: datetime
    buyer: Buyer
    items: list[Item] = field(default_factory=list)
    abandoned: bool = False

    def item(self, product_id: str) -> Item:
        """The item with this product. LookupError for another one."""
        for one in self.items:
            if one.product_id == product_id:
                return one
        raise LookupError(f"Order {self.id} has no product {product_id}.")

    def subscription(self, product_id: str) -> Subscription:
        """The subscription to this product. LookupError where it is none, or was not bought."""
        found = self.item(product_id).subscription
        if found is None or self.abandoned:
            raise LookupError(f"{self.item(product_id).name} in order {self.id} is no subscription.")
        return found

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it; `order` brings it back."""
        return {**asdict(self), "at": self.at.isoformat(), "items": [one.plain() for one in self.items]}


def product(product_id: str) -> Product:
    """LookupError where there is none."""
    found = PRODUCTS.get(product_id)
    if found is None:
        raise LookupError(f"There is no product {product_id}.")
    return found


def order(plain: Mapping[str, Any]) -> Order:
    """An order from what `plain` made of it, or an earlier version, whose orders had neither subscriptions nor carts."""
    items = [_item(row) for row in plain["items"]]
    return Order(**{**plain, "at": datetime.fromisoformat(plain["at"]), "buyer": Buyer(**plain["buyer"]), "items": items})


def _item(plain: Mapping[str, Any]) -> Item:
    said = plain.get("subscription")
    subscription = Subscription(**{**said, "paid_at": datetime.fromisoformat(said["paid_at"])}) if said else None
    return Item(**{**plain, "subscription": subscription})
