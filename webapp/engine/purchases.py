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


def purchase_of(book: Book, buyer: Buyer, product: int, line: Line, at: datetime, test: bool) -> Bought:
    """The purchase that this line is about, brought up to date with what the line tells of it."""
    found = _named(book, buyer, product, line)
    if not found:
        found = [_new(book, buyer, product, line, at, test)]
    keep = min(found, key=lambda p: p.id)
    for other in found:
        if other is not keep:
            book.merge(keep, other)
    _learn(keep, line, at)
    return keep


def _named(book: Book, buyer: Buyer, product: int, line: Line) -> list[Bought]:
    mine = [p for p in book.bought[buyer.id] if p.product_id == product]
    if line.order is None and line.subscription is None:
        ground = _ground(line)
        return [p for p in mine if p.ground == ground]
    return [
        p
        for p in mine
        if (line.subscription is not None and p.subscription_ref == line.subscription)
        or (line.order is not None and p.order_ref == line.order and _agree(p.subscription_ref, line.subscription))
    ]


def _agree(known: str | None, told: str | None) -> bool:
    """One order may hold one product under two subscriptions: those are two purchases."""
    return known is None or told is None or known == told


def _ground(line: Line) -> str:
    if line.subscription is not None:
        return f"subscription:{line.subscription}"
    if line.order is not None:
        return f"order:{line.order}"
    return f"{PROSPECT}{line.prospect}" if line.prospect is not None else BARE


def _new(book: Book, buyer: Buyer, product: int, line: Line, at: datetime, test: bool) -> Bought:
    made = Bought(
        book.id(), buyer.marketplace_id, buyer.id, product, _ground(line), line.order, line.subscription,
        on_record=False, state=STATES.get(line.kind, "active"), state_at=at, bought_at=at, test=test, new=True,
    )  # fmt: skip
    book.bought[buyer.id].append(made)
    return made


def _learn(purchase: Bought, line: Line, at: datetime) -> None:
    before = (purchase.order_ref, purchase.subscription_ref, purchase.on_record, purchase.state, purchase.state_at, purchase.bought_at)
    purchase.order_ref = purchase.order_ref or line.order
    purchase.subscription_ref = purchase.subscription_ref or line.subscription
    if line.kind in MAKES:
        purchase.bought_at = min(purchase.bought_at, at) if purchase.on_record else at
        purchase.on_record = True
    if line.kind in STATES and at >= purchase.state_at:
        purchase.state, purchase.state_at = STATES[line.kind], at
    after = (purchase.order_ref, purchase.subscription_ref, purchase.on_record, purchase.state, purchase.state_at, purchase.bought_at)
    purchase.changed = purchase.changed or before != after
