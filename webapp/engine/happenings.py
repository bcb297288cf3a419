"""What a line of a message fires, in the light of all that was said before: each happening once, in the order of event times.

What has fired can't be unfired: where a late message tells a history in which it did not happen, it is refuted, stays, and counts for
nothing in what the customer should hold (docs/access.md). What stands depends on what was said alone, never on the order of arrival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.engine.book import Book, Bought, Buyer, Fired
from webapp.engine.revisions import Moved
from webapp.engine.subscriptions import KINDS, Firing, Said, as_said, fold
from webapp.models import Happening, Step
from webapp.sources import Line, Message

PROSPECT_WAITS = timedelta(hours=2)
"""How long after a prospect appeared its trigger fires (cart abandonment)."""

PURCHASED, PROSPECT = "product_purchased", "prospect_created"

_TRIGGERS = {
    "purchased": PURCHASED, "refunded": "product_refunded", "partially_refunded": "product_partially_refunded", "prospect": PROSPECT,
}  # fmt: skip
"""What a line fires that is no step of a subscription."""

_AT_ONCE = "at_once"
"""What the name of a prospect begins with whose two hours the checkout has waited out: taken at its word."""


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
    is_step = told.line.kind in KINDS
    if is_step:
        _note(book, told)
    merged = told.purchase.id in book.merged.values()
    if merged:
        _once_each(book, told.purchase)
    fired = list(_steps(book, told)) if is_step or merged else []
    if not is_step:
        fired += _tell(book, told)
        _weigh_prospects(book, told)
    return fired


def bought_by(book: Book, buyer: Buyer, product_id: int | None, at: datetime) -> Fired | None:
    """The first purchase of this product by this customer up to `at`; None where there is none."""
    bought = [f for f in book.all_fired(buyer) if f.trigger == PURCHASED and f.product_id == product_id and f.at <= at and not f.refuted]
    return min(bought, key=_time, default=None)


def _tell(book: Book, told: Told) -> list[New]:
    """A purchase, refund or prospect: the same one in other words fires nothing, but the earliest word on its time is taken."""
    trigger, name = _TRIGGERS[told.line.kind], _name(told)
    waits = trigger == PROSPECT and not told.line.at_once
    at = told.message.at + PROSPECT_WAITS if waits else told.message.at
    found = [f for f in book.fired[told.purchase.id] if f.trigger == trigger and f.name == name]
    same = min(found, key=lambda f: f.refuted, default=None)
    if same is None:
        return [_fire(book, told, trigger, name, at, told.message.key, asked_at=told.message.at if waits else None)]
    if (at, told.message.key) < _time(same):
        _move(book, same, at, told.message.key, same.access_until)
    return []


def _name(told: Told) -> str:
    """What tells a happening from another of its kind on the same purchase: a refund's id, else the order or prospect; where nothing is
    named, and for parts of a price, the message itself. Every order of a subscription that is renewed by new ones is bought by itself."""
    line, message = told.line, f"event:{told.message.key}"
    if line.kind == "prospect":
        return ":".join([_AT_ONCE] * line.at_once + [message] * (line.prospect is None))
    if line.ref is not None:
        return f"ref:{line.ref}"
    if line.kind == "partially_refunded" or (line.order is None and line.subscription is None):
        return message
    return "" if line.order is None else f"order:{line.order}"


def _once_each(book: Book, purchase: Bought) -> None:
    """Two purchases have turned out to be one: what fired for both has happened once, at the earlier time."""
    same: dict[tuple[str, str], list[Fired]] = defaultdict(list)
    for fired in book.fired[purchase.id]:
        if fired.step_id is None and fired.trigger != PROSPECT:
            same[fired.trigger, fired.name].append(fired)
    for some in same.values():
        first = min(some, key=_time)
        for fired in some:
            _refute(book, fired, fired is not first)


def _weigh_prospects(book: Book, told: Told) -> None:
    """A prospect whose product is bought before its time comes, by whichever purchase, did not become an abandoned cart."""
    for fired in book.all_fired(told.buyer):
        if fired.trigger == PROSPECT and fired.product_id == told.purchase.product_id and not fired.name.startswith(_AT_ONCE):
            _refute(book, fired, bought_by(book, told.buyer, fired.product_id, fired.at) is not None)


def _note(book: Book, told: Told) -> None:
    """One more step of a subscription's history."""
    line, message = told.line, told.message
    step = Said(book.id(), as_said(line.kind, line.named), message.at, message.key, line.number, line.total, line.access_until)
    book.steps[told.purchase.id].append(step)
    book.rows[Step].append(
        {
            "id": step.id, "purchase_id": told.purchase.id, "event_id": told.event_id, "kind": step.kind, "at": step.at, "tie": step.tie,
            "number": step.number, "total": step.total, "access_until": step.access_until,
        }
    )  # fmt: skip


def _steps(book: Book, told: Told) -> Iterator[New]:
    """A subscription's whole history is folded, and what is newly true fires; what is not true any more is refuted."""
    known = [f for f in book.fired[told.purchase.id] if f.step_id is not None]
    for firing in fold(book.steps[told.purchase.id]):
        step, same = firing.step, _stands_for(known, firing)
        if same is None:
            yield _fire(book, told, firing.trigger, str(step.id), step.at, step.tie, step=step)
            continue
        known.remove(same)
        if (*_time(same), same.access_until) != (step.at, step.tie, step.access_until):
            _move(book, same, step.at, step.tie, step.access_until)
        _refute(book, same, False)
    for gone in known:
        _refute(book, gone, True)


def _stands_for(known: Iterable[Fired], firing: Firing) -> Fired | None:
    """What has fired already for the same happening; at best for the same step."""
    found = [f for f in known if f.trigger == firing.trigger and f.step_id in firing.span]
    return min(found, key=lambda f: (f.step_id != firing.step.id, f.refuted, f.id), default=None)


def _fire(
    book: Book, told: Told, trigger: str, name: str, at: datetime, tie: str, step: Said | None = None, asked_at: datetime | None = None
) -> New:
    purchase = told.purchase
    key, product = f"{trigger}:{purchase.id}:{name}", purchase.product_id or 0
    access_until = step.access_until if step else told.line.access_until
    fired = Fired(book.id(), trigger, step.id if step else None, at, tie, key, False, product, access_until)
    book.fired[purchase.id].append(fired)
    book.rows[Happening].append(
        {
            "id": fired.id, "marketplace_id": purchase.marketplace_id, "event_id": told.event_id, "customer_id": purchase.customer_id,
            "product_id": product, "purchase_id": purchase.id, "step_id": fired.step_id, "trigger": trigger, "at": at, "tie": fired.tie,
            "key": key, "access_until": access_until, "refuted": False,
        }
    )  # fmt: skip
    return New(fired, purchase, asked_at, access_until)


def _refute(book: Book, fired: Fired, never_was: bool) -> None:
    if fired.refuted is not never_was:
        fired.refuted = book.refuted[fired.id] = never_was


def _move(book: Book, fired: Fired, at: datetime, tie: str, access_until: datetime | None) -> None:
    before = book.moved[fired.id].before if fired.id in book.moved else fired.at
    book.moved[fired.id] = Moved(before, at, tie, access_until)
    fired.at, fired.tie, fired.access_until = at, tie, access_until


def _time(fired: Fired) -> tuple[datetime, str]:
    return fired.at, fired.tie
