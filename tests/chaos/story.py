"""What the checkout of a chaos run sends, drawn from a seed, and what the community must say in the end. No process is known here."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BEGAN = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PRODUCTS = ("ads-101", "course-b")
REFUNDS = 0.25
"""The share of events that refund an earlier order."""


@dataclass(frozen=True)
class Event:
    """One message: its `webhook-id`, and what it says."""

    key: str
    email: str
    product: str
    order: str
    refund: bool
    at: datetime

    @property
    def body(self) -> bytes:
        """As it is posted."""
        customer = {"email": self.email, "first_name": "Chaos"}
        if self.refund:
            data = {"order_id": self.order, "customer": customer, "product_id": self.product, "full": True}
        else:
            data = {"order_id": self.order, "customer": customer, "items": [{"product_id": self.product}]}
        kind = "order.refunded" if self.refund else "order.created"
        return json.dumps({"type": kind, "timestamp": self.at.isoformat(), "data": data}).encode()


def story(seed: int, events: int, customers: int) -> list[Event]:
    """Purchases, and refunds of some, of two products by so many customers, in the order in which they happened."""
    dice = random.Random(seed)
    told: list[Event] = []
    bought: list[Event] = []
    for number in range(events):
        at = BEGAN + timedelta(seconds=number)
        if bought and dice.random() < REFUNDS:
            order = bought.pop(dice.randrange(len(bought)))
            told.append(Event(f"chaos-{number}", order.email, order.product, order.order, True, at))
            continue
        email = f"customer{number if number < customers else dice.randrange(customers)}@chaos.test"
        told.append(Event(f"chaos-{number}", email, dice.choice(PRODUCTS), f"order-{number}", False, at))
        bought.append(told[-1])
    return told


def held(events: Sequence[Event], spaces: Mapping[str, int]) -> dict[str, frozenset[int]]:
    """Who must be a member in the end, and in which spaces: those of products of which an order was not refunded. Whoever bought anything
    stays a member."""
    refunded = {event.order for event in events if event.refund}
    orders = [event for event in events if not event.refund]
    kept = {(event.email, event.product) for event in orders if event.order not in refunded}
    return {one.email: frozenset(space for product, space in spaces.items() if (one.email, product) in kept) for one in orders}
