"""The checkout: three products, the orders that were placed, and the messages that tell Cartwheel of them. No network, no clock of its own.

What happens to a message on its way is in messages.py; who carries it, in courier.py.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.messages import Attempt, Message, Webhook, message
from sandbox.people import PEOPLE, Buyer

CURRENCY = "EUR"
KEPT = 300
"""Orders that are remembered; of older ones only what is still on its way."""


@dataclass(frozen=True, slots=True)
class Product:
    """Something on sale. `price` is in cents."""

    id: str
    name: str
    price: int


PRODUCTS: Mapping[str, Product] = {
    one.id: one
    for one in (
        Product("ads-101", "Ads 101", 4900),
        Product("masterclass", "Masterclass Bundle", 19900),
        Product("alumni", "Alumni Pass", 2900),
    )
}


@dataclass(slots=True)
class Item:
    """One product of an order. `amount` was paid for it and `refunded` given back, both in cents."""

    product_id: str
    name: str
    kind: str
    amount: int
    refunded: int = 0

    @property
    def left(self) -> int:
        """What can still be given back."""
        return self.amount - self.refunded


@dataclass(slots=True)
class Order:
    """What somebody bought at one time."""

    id: str
    at: datetime
    buyer: Buyer
    items: list[Item] = field(default_factory=list)

    def item(self, product_id: str) -> Item:
        """The item with this product. LookupError for another one."""
        for one in self.items:
            if one.product_id == product_id:
                return one
        raise LookupError(f"Order {self.id} has no product {product_id}.")


def nowhere() -> Webhook | None:
    """No address: what is said waits until there is one."""
    return None


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


class Shop:
    """A checkout. Not thread-safe. `where` gives Cartwheel's webhook, asked anew for each message; it may be replaced at any time."""

    def __init__(
        self,
        now: Callable[[], datetime] = utc_now,
        where: Callable[[], Webhook | None] = nowhere,
        new_id: Callable[[], str] = lambda: secrets.token_hex(5),
    ) -> None:
        """Ids of `new_id` must differ from those that another checkout has used before: Cartwheel knows orders by them."""
        self.now = now
        self.where = where
        self._new_id = new_id
        self.revision = 0
        self.orders: dict[str, Order] = {}
        self.messages: dict[str, Message] = {}
        self._people = 0

    def somebody(self) -> Buyer:
        """A made-up person who has bought nothing here yet."""
        return PEOPLE.buyer(self._people)

    def buy(self, buyer: Buyer, product_id: str, bump_id: str = "") -> Message:
        """Sell a product, with another one as order bump if `bump_id` names one. Gives the message about it.

        LookupError for an unknown product, ValueError where bump and product are the same.
        """
        if bump_id == product_id:
            raise ValueError("The order bump is the product itself.")
        order = Order(self._new_id(), self.now(), buyer)
        order.items = [_item(product_id, "primary"), *([_item(bump_id, "order_bump")] if bump_id else [])]
        self.orders[order.id] = order
        self._people += buyer == self.somebody()
        items = [
            {"product_id": one.product_id, "product_name": one.name, "kind": one.kind, "amount": one.amount, "currency": CURRENCY}
            for one in order.items
        ]
        return self._say("order.created", order, {"items": items})

    def refund(self, order_id: str, product_id: str, *, full: bool = True) -> Message:
        """Give back all that is left of an item's price, or half of the price. Gives the message about it.

        LookupError for what was not bought, ValueError where so much is not left.
        """
        order = self._order(order_id)
        item = order.item(product_id)
        amount = item.left if full else item.amount // 2
        if not 0 < amount <= item.left or (not full and amount == item.left):
            raise ValueError(f"Of {item.name} in order {order_id} that much is not left to refund.")
        item.refunded += amount
        refund = {"refund_id": self._new_id(), "product_id": product_id, "amount": amount, "full": full}
        return self._say("order.refunded", order, refund)

    def due(self) -> list[str]:
        """The ids of the messages whose time to be sent has come, in the order in which they were said."""
        now = self.now()
        return [one.id for one in self.messages.values() if one.due_at is not None and one.due_at <= now]

    def again(self, message_id: str) -> Message:
        """Let a message be sent once more at once, also one that has arrived. LookupError where there is no such message."""
        found = self.messages.get(message_id)
        if found is None:
            raise LookupError(f"There is no message {message_id}.")
        found.due_at = self.now()
        self.revision += 1
        return found

    def record(self, message_id: str, attempt: Attempt) -> None:
        """A message was sent, with this outcome. One that is not here any more is let go."""
        found = self.messages.get(message_id)
        if found is not None:
            found.record(attempt)
            self.revision += 1

    def about(self, order_id: str) -> list[Message]:
        """What was said about an order, the first first."""
        return [one for one in self.messages.values() if one.order == order_id]

    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return {
            "people": self._people,
            "orders": [{**asdict(one), "at": one.at.isoformat()} for one in self.orders.values()],
            "messages": [one.plain() for one in self.messages.values()],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Be as `snapshot` says."""
        self._people = snapshot["people"]
        self.orders = {row["id"]: _order(row) for row in snapshot["orders"]}
        self.messages = {row["id"]: message(row) for row in snapshot["messages"]}
        self.revision += 1

    def clear(self) -> None:
        """Forget all orders and messages. Who has bought before is not made up again."""
        self.orders.clear()
        self.messages.clear()
        self.revision += 1

    def _order(self, order_id: str) -> Order:
        found = self.orders.get(order_id)
        if found is None:
            raise LookupError(f"There is no order {order_id}.")
        return found

    def _say(self, kind: str, order: Order, data: Mapping[str, Any]) -> Message:
        """Put a message about an order on its way. It is due at once."""
        now = self.now()
        body = {
            "type": kind,
            "timestamp": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": {"order_id": order.id, "customer": order.buyer.plain(), **data},
        }
        said = Message(f"msg_{self._new_id()}", kind, order.id, json.dumps(body, ensure_ascii=False), now, now)
        self.messages[said.id] = said
        self._forget()
        self.revision += 1
        return said

    def _forget(self) -> None:
        for order_id in list(self._forgettable()):
            for one in self.about(order_id):
                del self.messages[one.id]
            del self.orders[order_id]

    def _forgettable(self) -> Iterator[str]:
        for order_id in list(self.orders)[: max(0, len(self.orders) - KEPT)]:
            if all(one.due_at is None for one in self.about(order_id)):
                yield order_id


def _item(product_id: str, kind: str) -> Item:
    found = PRODUCTS.get(product_id)
    if found is None:
        raise LookupError(f"There is no product {product_id}.")
    return Item(found.id, found.name, kind, found.price)


def _order(row: Mapping[str, Any]) -> Order:
    items = [Item(**one) for one in row["items"]]
    return Order(row["id"], datetime.fromisoformat(row["at"]), Buyer(**row["buyer"]), items)
