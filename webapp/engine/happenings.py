"""What a line of a message fires, in the light of all that was said before: each happening once, in the order of event times.

What has fired can't be unfired: where a late message tells a history in which it did not happen, it is refuted, stays, and counts for
nothing in what the customer should hold (docs/access.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.engine.book import Book, Bought, Buyer, Fired
from webapp.engine.subscriptions import KINDS, Said, fold
from webapp.models import Happening, Step
from webapp.sources import Line, Message

PROSPECT_WAITS = timedelta(hours=2)
"""How long after a prospect appeared its trigger fires (cart abandonment)."""

_ONCE = {"purchased": "product_purchased", "refunded": "product_refunded", "partially_refunded": "product_partially_refunded"}


@dataclass(frozen=True, slots=True)
class New:
    """A happening that has just fired: for rules to be held against. `asked_at`: the event's time, where the happening's own is later."""

    fired: Fired
    purchase: Bought
    asked_at: datetime | None = None
    access_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One line in its place: the message it came with, the event it is stored as, the purchase it is about."""

    message: Message
    line: Line
    event_id: int
    buyer: Buyer
    purchase: Bought


def happenings(book: Book, told: Told) -> list[New]:
    """What this line newly fires. Also refutes, moves and takes back refutations of what fired before (in the book)."""
    if told.line.kind in KINDS:
        return list(_steps(book, told))
    if told.line.kind == "prospect":
        return _prospect(book, told)
    fired = _once(book, told)
    if told.line.kind == "purchased":
        _end_prospects(book, told)
    return fired


def _once(book: Book, told: Told) -> list[New]:
    """A purchase or refund: the same one in other words fires nothing, but the earliest word on its time is taken."""
    trigger, message = _ONCE[told.line.kind], told.message
    key = f"{trigger}:{told.purchase.id}:{_tell_apart(told)}"
    same = next((f for f in book.fired[told.purchase.id] if f.trigger == trigger and _same(f, key, told)), None)
    if same is None:
        return [_fire(book, told, trigger, key, message.at)]
    if (message.at, message.key) < (same.at, same.tie):
        _move(book, told, same, message.at, message.key)
    return []


def _same(fired: Fired, key: str, told: Told) -> bool:
    """After two purchases were merged the key still names the one that is gone: what tells it apart decides."""
    return fired.key.split(":", 2)[2] == key.split(":", 2)[2]


def _tell_apart(told: Told) -> str:
    """What tells a happening from another of its kind on the same purchase: a refund's id; where nothing is named, the message itself."""
    line = told.line
    if line.ref is not None:
        return f"ref:{line.ref}"
    named = line.order is not None or line.subscription is not None
    return "" if named and line.kind != "partially_refunded" else f"event:{told.message.key}"


def _prospect(book: Book, told: Told) -> list[New]:
    """It fires after its two hours, unless the product is bought by then, by whichever purchase. A repeat in other words fires nothing."""
    key = f"prospect_created:{told.purchase.id}:"
    if told.line.prospect is None:
        key += f"event:{told.message.key}"
    if (told.buyer.marketplace_id, key) in book.keys:
        return []
    at = told.message.at if told.line.at_once else told.message.at + PROSPECT_WAITS
    new = _fire(book, told, "prospect_created", key, at, asked_at=None if told.line.at_once else told.message.at)
    if bought_by(book, told.buyer, told.purchase.product_id, at) is not None and not told.line.at_once:
        _refute(book, told, new.fired, True)
    return [new]


def bought_by(book: Book, buyer: Buyer, product_id: int | None, at: datetime) -> Fired | None:
    """The first purchase of this product by this customer up to `at`; None where there is none."""
    bought = [f for f in _all(book, buyer) if f.trigger == "product_purchased" and f.product_id == product_id and f.at <= at]
    return min(bought, key=lambda f: (f.at, f.tie), default=None)


def _end_prospects(book: Book, told: Told) -> None:
    """The product was bought: prospects whose time comes later did not become abandoned carts."""
    for fired in _all(book, told.buyer):
        ours = fired.trigger == "prospect_created" and fired.product_id == told.purchase.product_id
        if ours and not fired.refuted and fired.at >= told.message.at:
            _refute(book, told, fired, True)


def _steps(book: Book, told: Told) -> Iterator[New]:
    """One more step of a subscription's history: the whole of it is folded, and what is newly true fires."""
    line, purchase = told.line, told.purchase
    step = Said(book.id(), line.kind, told.message.at, told.message.key, line.number, line.total, line.access_until)
    book.steps[purchase.id].append(step)
    book.rows[Step].append(
        {
            "id": step.id, "purchase_id": purchase.id, "event_id": told.event_id, "kind": step.kind, "at": step.at, "tie": step.tie,
            "number": step.number, "total": step.total, "access_until": step.access_until,
        }
    )  # fmt: skip
    known = [f for f in book.fired[purchase.id] if f.step_id is not None]
    for firing in fold(book.steps[purchase.id]):
        same = next((f for f in known if f.trigger == firing.trigger and f.step_id in firing.span), None)
        if same is None:
            key = f"{firing.trigger}:{purchase.id}:{firing.step.id}"
            yield _fire(book, told, firing.trigger, key, firing.step.at, firing.step.tie, firing.step)
            continue
        known.remove(same)
        if (same.at, same.tie) != (firing.step.at, firing.step.tie):
            _move(book, told, same, firing.step.at, firing.step.tie)
        if same.refuted:
            _refute(book, told, same, False)
    for gone in known:
        if not gone.refuted:
            _refute(book, told, gone, True)


def _fire(
    book: Book, told: Told, trigger: str, key: str, at: datetime, tie: str = "", step: Said | None = None, asked_at: datetime | None = None
) -> New:
    purchase = told.purchase
    product = purchase.product_id or 0
    fired = Fired(book.id(), trigger, step.id if step else None, at, tie or told.message.key, key, False, product)
    access_until = step.access_until if step else told.line.access_until
    book.fired[purchase.id].append(fired)
    book.keys.add((purchase.marketplace_id, key))
    book.rows[Happening].append(
        {
            "id": fired.id, "marketplace_id": purchase.marketplace_id, "event_id": told.event_id, "customer_id": purchase.customer_id,
            "product_id": product, "purchase_id": purchase.id, "step_id": fired.step_id, "trigger": trigger, "at": at, "tie": fired.tie,
            "key": key, "access_until": access_until, "refuted": False,
        }
    )  # fmt: skip
    return New(fired, purchase, asked_at, access_until)


def _refute(book: Book, told: Told, fired: Fired, refuted: bool) -> None:
    fired.refuted = refuted
    book.refuted[fired.id] = refuted
    book.unusual.add(told.buyer.id)


def _move(book: Book, told: Told, fired: Fired, at: datetime, tie: str) -> None:
    before = book.moved[fired.id][2] if fired.id in book.moved else fired.at
    book.moved[fired.id] = (at, tie, before)
    fired.at, fired.tie = at, tie
    book.unusual.add(told.buyer.id)


def _all(book: Book, buyer: Buyer) -> list[Fired]:
    return [f for p in book.bought[buyer.id] for f in book.fired[p.id]]
