"""Which purchase a line of a message is about: found by what the checkout knows it by, made where there is none, merged where two are one."""

from __future__ import annotations

from datetime import datetime

from webapp.engine.book import Book, Bought, Buyer
from webapp.sources import Line

BARE = "product"
"""The ground of a purchase for which no order, subscription or prospect is known: the product alone."""

PROSPECT = "prospect:"

STATES = {
    "purchased": "active", "charged": "active", "recovered": "active", "restarted": "active", "completed": "active",
    "refunded": "refunded", "canceled": "ended", "delinquent": "ended",
}  # fmt: skip
"""What a line makes of its purchase, in the words of `models.Purchase.state`."""

MAKES = frozenset({"purchased", "charged", "recovered", "restarted", "completed"})
"""The kinds of line that put a purchase on record; a refund or a cancellation alone does not."""

_LAST = ("active", "ended", "refunded")
"""Of what is said at the same time the last one of these counts."""


def purchase_of(book: Book, buyer: Buyer, product: int, line: Line, at: datetime, test: bool) -> Bought:
    """The purchase that this line is about, brought up to date with what the line tells of it."""
    found = _named(book, buyer, product, line) or [_new(book, buyer, product, line, at, test)]
    keep = min(found, key=lambda p: (p.new, p.id))
    for other in found:
        if other is not keep:
            _join(keep, other)
            book.merge(keep, other)
    _learn(keep, line, at)
    return keep


def _named(book: Book, buyer: Buyer, product: int, line: Line) -> list[Bought]:
    """Those that the line names; more than one where it tells that an order and a subscription are the same purchase."""
    mine = [p for p in book.bought[buyer.id] if p.product_id == product]
    if line.subscription is not None:
        return [p for p in mine if p.subscription_ref == line.subscription or (p.subscription_ref is None and line.order in p.orders)]
    if line.order is not None:
        # One order may hold one product under two subscriptions: those stay two purchases, whichever of them the order alone means.
        return sorted((p for p in mine if line.order in p.orders), key=lambda p: p.subscription_ref or "")[:1]
    return [p for p in mine if p.ground == _ground(line)]


def _ground(line: Line) -> str:
    if line.subscription is not None:
        return f"subscription:{line.subscription}"
    if line.order is not None:
        return f"order:{line.order}"
    return f"{PROSPECT}{line.prospect}" if line.prospect is not None else BARE


def _new(book: Book, buyer: Buyer, product: int, line: Line, at: datetime, test: bool) -> Bought:
    made = Bought(
        book.id(), buyer.marketplace_id, buyer.id, product, _ground(line), line.order, line.subscription, None,
        on_record=False, state="", state_at=at, bought_at=at, test=test, new=True,
    )  # fmt: skip
    book.bought[buyer.id].append(made)
    return made


def _join(keep: Bought, other: Bought) -> None:
    """What was known of either is known of both."""
    for order in other.orders:
        _know(keep, order)
    keep.subscription_ref = keep.subscription_ref or other.subscription_ref
    if other.on_record:
        keep.bought_at = min(keep.bought_at, other.bought_at) if keep.on_record else other.bought_at
        keep.on_record = True
    _stand(keep, other.state, other.state_at)
    keep.changed = True


def _learn(purchase: Bought, line: Line, at: datetime) -> None:
    before = purchase.values()
    if line.order is not None:
        _know(purchase, line.order)
    purchase.subscription_ref = purchase.subscription_ref or line.subscription
    if line.kind in MAKES:
        purchase.bought_at = min(purchase.bought_at, at) if purchase.on_record else at
        purchase.on_record = True
    _stand(purchase, STATES.get(line.kind, ""), at)
    purchase.changed = purchase.changed or before != purchase.values()


def _know(purchase: Bought, order: str) -> None:
    if purchase.order_ref is None:
        purchase.order_ref = order
    elif order not in purchase.orders:
        purchase.more_orders = sorted([*(purchase.more_orders or ()), order])


def _stand(purchase: Bought, state: str, at: datetime) -> None:
    """The newest word on how it stands counts. Nothing has been said ("") until something is."""
    if state and (not purchase.state or (at, _LAST.index(state)) > (purchase.state_at, _LAST.index(purchase.state))):
        purchase.state, purchase.state_at = state, at
