"""The checkout: the orders that were placed, and the messages that tell Cartwheel what happened. No network, no clock of its own.

What is on sale is in orders.py, what happens to a message on its way in messages.py; who carries it, in courier.py.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sandbox.messages import Attempt, Message, Webhook, message
from sandbox.orders import Item, Order, Subscription, order, product
from sandbox.people import PEOPLE, Buyer

CURRENCY = "EUR"
KEPT = 300
"""Orders that are remembered; of older ones only what is still on its way."""


def nowhere() -> Webhook | None:
    """No address: what is said waits until there is one."""
    return None


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


class Shop:
    """A checkout. Not thread-safe. `where` gives Cartwheel's webhook, asked anew for each message; it may be replaced at any time.

    What happens, happens now, unless `at` says when: the message is sent now in any case.
    """

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

    def buy(self, buyer: Buyer, product_id: str, bump_id: str = "", at: datetime | None = None) -> Message:
        """Sell a product, with another one as order bump if `bump_id` names one. Gives the message about it.

        LookupError for an unknown product, ValueError where bump and product are the same.
        """
        if bump_id == product_id:
            raise ValueError("The order bump is the product itself.")
        items = [_item(product_id, "primary"), *([_item(bump_id, "order_bump")] if bump_id else [])]
        return self._sold(self._opened(buyer, items, at), at)

    def leave(self, buyer: Buyer, product_id: str, at: datetime | None = None) -> Message:
        """Somebody leaves a product in the cart, with their address. LookupError for an unknown product."""
        cart = self._opened(buyer, [_item(product_id, "primary")], at)
        cart.abandoned = True
        return self._say("prospect.created", cart, {"prospect_id": cart.id, "product_id": product_id}, at)

    def come_back(self, order_id: str, at: datetime | None = None) -> Message:
        """Whoever left this cart buys what is in it after all. LookupError where there is none, ValueError where it was bought already."""
        cart = self._order(order_id)
        if not cart.abandoned:
            raise ValueError(f"Order {order_id} was bought already.")
        cart.abandoned, cart.at = False, at or self.now()
        self.orders[order_id] = self.orders.pop(order_id)
        return self._sold(cart, at)

    def refund(self, order_id: str, product_id: str, *, full: bool = True) -> Message:
        """Give back all that is left of an item's price, or half of the price. Gives the message about it.

        LookupError for what was not bought, ValueError where so much is not left.
        """
        bought = self._bought(order_id)
        item = bought.item(product_id)
        amount = item.left if full else item.amount // 2
        if not 0 < amount <= item.left or (not full and amount == item.left):
            raise ValueError(f"Of {item.name} in order {order_id} that much is not left to refund.")
        item.refunded += amount
        refund = {"order_id": order_id, "refund_id": self._new_id(), "product_id": product_id, "amount": amount, "full": full}
        return self._say("order.refunded", bought, refund)

    def charge(self, order_id: str, product_id: str, at: datetime | None = None) -> Message:
        """A subscription's next payment succeeds. LookupError where there is no such one, ValueError where it is canceled."""
        bought, one = self._subscribed(order_id, product_id, payable=True)
        one.payments, one.failures, one.paid_at = one.payments + 1, 0, at or self.now()
        return self._step("charged", bought, product_id, at, charge_number=one.payments)

    def fail(self, order_id: str, product_id: str, at: datetime | None = None) -> Message:
        """A subscription's next payment fails. LookupError where there is no such one, ValueError where it is canceled."""
        bought, one = self._subscribed(order_id, product_id, payable=True)
        one.failures += 1
        return self._step("charge_failed", bought, product_id, at)

    def cancel(self, order_id: str, product_id: str, at: datetime | None = None) -> Message:
        """A subscription is canceled. LookupError where there is no such one, ValueError where it is so already."""
        bought, one = self._subscribed(order_id, product_id, payable=True)
        one.canceled = True
        return self._step("canceled", bought, product_id, at, access_until=_iso(max(one.paid_until, at or self.now())))

    def restart(self, order_id: str, product_id: str, at: datetime | None = None) -> Message:
        """A canceled or delinquent subscription is taken up again by hand. ValueError where it is neither, LookupError where there is none."""
        bought, one = self._subscribed(order_id, product_id)
        if one.state not in ("canceled", "delinquent"):
            raise ValueError(f"Subscription {one.id} needs no restart.")
        one.canceled, one.failures = False, 0
        return self._step("restarted", bought, product_id, at)

    def one_after_the_other(self, told: list[Message]) -> None:
        """Let each of these wait until the one before it has come to its end."""
        for before, after in pairwise(told):
            after.after = before.id

    def due(self) -> list[str]:
        """The ids of the messages whose time to be sent has come, in the order in which they were said."""
        now = self.now()
        return [one.id for one in self.messages.values() if one.due_at is not None and one.due_at <= now and not self._held(one)]

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
            "orders": [one.plain() for one in self.orders.values()],
            "messages": [one.plain() for one in self.messages.values()],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Be as `snapshot` says."""
        self._people = snapshot["people"]
        self.orders = {row["id"]: order(row) for row in snapshot["orders"]}
        self.messages = {row["id"]: message(row) for row in snapshot["messages"]}
        self.revision += 1

    def clear(self) -> None:
        """Forget all orders and messages. Who has bought before is not made up again."""
        self.orders.clear()
        self.messages.clear()
        self.revision += 1

    def _opened(self, buyer: Buyer, items: list[Item], at: datetime | None) -> Order:
        opened = Order(self._new_id(), at or self.now(), buyer, items)
        self.orders[opened.id] = opened
        self._people += buyer == self.somebody()
        return opened

    def _sold(self, bought: Order, at: datetime | None) -> Message:
        for one in bought.items:
            one.subscription = Subscription(self._new_id(), bought.at) if product(one.product_id).monthly else None
        return self._say("order.created", bought, {"order_id": bought.id, "items": [_line(one) for one in bought.items]}, at)

    def _order(self, order_id: str) -> Order:
        found = self.orders.get(order_id)
        if found is None:
            raise LookupError(f"There is no order {order_id}.")
        return found

    def _bought(self, order_id: str) -> Order:
        found = self._order(order_id)
        if found.abandoned:
            raise LookupError(f"What is in cart {order_id} was not bought.")
        return found

    def _subscribed(self, order_id: str, product_id: str, *, payable: bool = False) -> tuple[Order, Subscription]:
        bought = self._bought(order_id)
        one = bought.subscription(product_id)
        if payable and one.canceled:
            raise ValueError(f"Subscription {one.id} is canceled.")
        return bought, one

    def _step(self, kind: str, bought: Order, product_id: str, at: datetime | None, **more: object) -> Message:
        data = {"subscription_id": bought.subscription(product_id).id, "product_id": product_id, **more}
        return self._say(f"subscription.{kind}", bought, data, at)

    def _say(self, kind: str, about: Order, data: Mapping[str, Any], at: datetime | None = None) -> Message:
        """Put a message about an order on its way. It is due at once."""
        now = self.now()
        body = {"type": kind, "timestamp": _iso(at or now), "data": {"customer": about.buyer.plain(), **data}}
        said = Message(f"msg_{self._new_id()}", kind, about.id, json.dumps(body, ensure_ascii=False), at or now, now)
        self.messages[said.id] = said
        self._forget()
        self.revision += 1
        return said

    def _held(self, one: Message) -> bool:
        """Whether a message has to wait for the one before it."""
        before = self.messages.get(one.after)
        return before is not None and before.due_at is not None

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
    found = product(product_id)
    return Item(found.id, found.name, kind, found.price)


def _line(item: Item) -> dict[str, object]:
    """An item as an order's message tells it."""
    line = {"product_id": item.product_id, "product_name": item.name, "kind": item.kind, "amount": item.amount, "currency": CURRENCY}
    return {**line, "subscription_id": item.subscription.id} if item.subscription else line


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
