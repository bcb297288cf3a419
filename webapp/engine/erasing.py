"""Erases a customer: whatever names them goes, from every table; what is counted stays, and so does what happened, without whom it befell.

Their row stays under a name of ours. Nothing is desired for it any longer, so nothing is called for it again. What the shapes of the log
say of them (`log_fold`) goes when the keeper counts their quarters anew, within a minute: every entry of theirs has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Text, cast, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.engine import audit
from webapp.engine.entries import Refused
from webapp.engine.hand import HAND
from webapp.engine.triggers import TRIGGERS
from webapp.models import (
    AuditLine,
    Batch,
    BatchItem,
    Call,
    Check,
    Customer,
    Event,
    Grant,
    Happening,
    Holding,
    Lane,
    LogEntry,
    Product,
    Purchase,
    Receipt,
    Source,
    Step,
)  # fmt: skip

GONE = "(erased)"
"""Stands where something said who it was."""

BODY = b'{"erased": true}'
CANCELED = "Not done: the customer was erased."
NOTHING_TO_DO = "Nothing: the customer was erased."
STEP = 500
"""How many ids one statement names."""

_ADDRESS = re.compile(r"[^\s@,;:<>\"'()]+@[^\s@,;:<>\"'()]*\w")
_NUMBERS = re.compile(r"(?<=/)\d+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Traces:
    """Where else somebody is named than in what belongs to them: messages that told of nobody, and lines of files that wait in a batch."""

    events: Sequence[int]
    items: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class _Names:
    """All that says who somebody is."""

    addresses: frozenset[str]
    full_name: str

    def wiped(self, text: str) -> str:
        """A text without them."""
        return self._pattern().sub(GONE, text)

    def are_in(self, text: str) -> bool:
        """Whether a text has one of them."""
        return self._pattern().search(text) is not None

    def within(self, value: Any) -> Any:
        """The same of what JSON holds."""
        if isinstance(value, str):
            return self.wiped(value)
        if isinstance(value, list):
            return [self.within(one) for one in value]
        return {key: self.within(one) for key, one in value.items()} if isinstance(value, dict) else value

    def may_be_in(self, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        """That one of the columns has one of the addresses, or a longer one that ends or begins like it."""
        said = (json.dumps(address)[1:-1].lower() for address in sorted(self.addresses))
        texts = [func.lower(cast(column, Text)) for column in columns]
        return or_(*(text.contains(address, autoescape=True) for address in said for text in texts))

    def _pattern(self) -> re.Pattern[str]:
        names = sorted(filter(None, [*self.addresses, self.full_name]), key=len, reverse=True)
        return re.compile("|".join(rf"(?<![\w.+-]){re.escape(name)}(?![\w-]|\.\w)" for name in names), re.IGNORECASE)


def erased_before(session: Session, marketplace_id: int, erased_as: str) -> datetime | None:
    """When somebody of this digest was erased last; None where nobody was."""
    mine = (Customer.marketplace_id == marketplace_id, Customer.erased_as == erased_as)
    return session.scalar(select(func.max(Customer.erased_at)).where(*mine))


def traces(session: Session, customer: Customer) -> Traces:
    """Look for them, which may take a while: nothing is locked, nothing is changed."""
    here = customer.marketplace_id
    unread = (
        select(Event.id, Event.body)
        .join(LogEntry, LogEntry.event_id == Event.id)
        .where(LogEntry.marketplace_id == here, LogEntry.status.in_(("not_understood", "nothing")), LogEntry.customer_id.is_(None))
    )
    names = _names(session, customer)
    items = select(BatchItem).join(Batch, Batch.id == BatchItem.batch_id).where(Batch.marketplace_id == here, BatchItem.data.is_not(None))
    waiting = session.scalars(items.where(names.may_be_in(BatchItem.data)))
    return Traces(
        [event for event, body in session.execute(unread) if names.are_in(_plain(body))],
        [(item.batch_id, item.number) for item in waiting if names.within(item.data) != item.data],
    )


def erase(session: Session, marketplace_id: int, customer_id: int, found: Traces, erased_as: str, now: datetime) -> str:
    """Erase the customer, whose traces were looked for before, and call off what waits for them. Returns what they are called from now on.

    `erased_as`: the digest of their address. Raises Refused while a call for them is under way, and LookupError where there is no such
    customer or they are erased already.
    """
    _forget_items(session, found.items)
    customer = session.get(Customer, customer_id, with_for_update=True)
    if customer is None or customer.marketplace_id != marketplace_id or customer.erased_at is not None:
        raise LookupError(customer_id)
    lanes = list(session.scalars(select(Lane).where(Lane.customer_id == customer.id).order_by(Lane.id).with_for_update()))
    if any(lane.claimed_until is not None and lane.claimed_until > now for lane in lanes):
        raise Refused("A call for them is under way. Try again in a moment.")
    names = _names(session, customer)
    called = f"erased-{customer.id}"
    events = _events(session, customer.id)
    _wipe_entries(session, customer, found.events, names, now)
    _wipe_calls(session, [lane.id for lane in lanes])
    _wipe_record(session, customer.id, [lane.id for lane in lanes])
    _wipe_messages(session, {*events, *found.events}, names)
    _wipe_audit(session, marketplace_id, names, called)
    _wipe_receipts(session, marketplace_id, names)
    for lane in lanes:
        lane.due_at = lane.look_at = lane.retry_at = lane.claim = lane.claimed_until = None
        lane.alias = lane.alias_by = lane.alias_at = lane.member_id = None
        lane.attempts = 0
    customer.email, customer.first_name, customer.last_name = called, "", ""
    customer.erased_at, customer.erased_as = now, erased_as
    audit.note(session, marketplace_id, "customer_erased", called)
    return called


def _names(session: Session, customer: Customer) -> _Names:
    full = f"{customer.first_name} {customer.last_name}" if customer.first_name and customer.last_name else ""
    return _Names(frozenset(_addresses(session, customer)), full)


def _addresses(session: Session, customer: Customer) -> set[str]:
    """Every address under which they were known, in lower case: their own, and those they have or had in apps."""
    found = {customer.email}
    found |= set(session.scalars(select(Lane.alias).where(Lane.customer_id == customer.id, Lane.alias.is_not(None))))
    said = session.scalars(select(Call.says).join(Lane, Lane.id == Call.lane_id).where(Lane.customer_id == customer.id).distinct())
    found |= {address for text in said for address in _ADDRESS.findall(text)}
    about = select(AuditLine.before, AuditLine.after).where(
        AuditLine.marketplace_id == customer.marketplace_id, AuditLine.what == "alias_set",
        AuditLine.about.startswith(f"{customer.email} in ", autoescape=True),
    )  # fmt: skip
    found |= {address for line in session.execute(about) for facts in line if facts and (address := facts.get("address"))}
    return {address.lower() for address in found if address}


def _plain(body: bytes) -> str:
    """A body as it is searched: an address stands in it plainly, however it was encoded."""
    return unquote(body.decode("utf-8", "replace").replace("\\u0040", "@"))


def _events(session: Session, customer_id: int) -> set[int]:
    """The messages about them."""
    purchases = select(Purchase.id).where(Purchase.customer_id == customer_id)
    asked = (
        select(LogEntry.event_id).where(LogEntry.customer_id == customer_id, LogEntry.event_id.is_not(None)),
        select(Happening.event_id).where(Happening.customer_id == customer_id),
        select(Step.event_id).where(Step.purchase_id.in_(purchases)),
    )
    return {event for one in asked for event in session.scalars(one.distinct()) if event is not None}


def _forget_items(session: Session, items: Sequence[tuple[int, int]]) -> None:
    """Lines of files that wait to be taken in are not taken in. Batches come first: their steps, too, lock them before customers."""
    for batch in session.scalars(
        select(Batch).where(Batch.id.in_({batch for batch, _ in items})).order_by(Batch.id).with_for_update()
    ).all():
        numbers = [number for its, number in items if its == batch.id]
        mine = (BatchItem.batch_id == batch.id, BatchItem.number.in_(numbers))
        gone = session.scalars(delete(BatchItem).where(*mine).returning(BatchItem.number)).all()
        batch.total -= len(gone)


def _wipe_entries(session: Session, customer: Customer, others: Collection[int], names: _Names, now: datetime) -> None:
    """What entries say. Those that wait are called off; none of them can be replayed, since they have no lane any more."""
    asked = [LogEntry.customer_id == customer.id, *(LogEntry.event_id.in_(some) for some in _pieces(others))]  # an index each
    for entry in (one for which in asked for one in session.scalars(select(LogEntry).where(which))):
        entry.sentence, entry.todo = names.wiped(entry.sentence), names.wiped(entry.todo)
        trigger = TRIGGERS.get(entry.trigger or "")
        if entry.status == "no_rule" and trigger is not None:  # it begins with a name
            product = session.get(Product, entry.product_id)
            did = trigger.did.format(product=product.name if product else "a product")
            entry.sentence = f"{GONE} {did}. No rule is about that."
        if entry.open_lane_id is not None:
            entry.status, entry.sentence, entry.finished_at = "skipped", CANCELED, now
        if entry.action is not None and entry.todo:
            entry.todo = NOTHING_TO_DO
        if (entry.details or {}).get("kept"):
            entry.details = None
        entry.lane_id = entry.open_lane_id = entry.due_at = None
        entry.changed_at = now


def _wipe_calls(session: Session, lanes: Sequence[int]) -> None:
    """That a call was made stays, with what it was to do and how it went; not about whom."""
    for call in session.scalars(select(Call).where(Call.lane_id.in_(lanes))):
        call.path = _NUMBERS.sub("…", call.path.partition("?")[0])
        call.says = _ADDRESS.sub(GONE, call.says)
        call.body = call.answer = ""


def _wipe_record(session: Session, customer_id: int, lanes: Sequence[int]) -> None:
    """What they bought and what that gave stays on record, and counts for nothing."""
    session.execute(delete(Holding).where(Holding.lane_id.in_(lanes)))
    session.execute(delete(Check).where(Check.lane_id.in_(lanes)))
    purchases = select(Purchase.id).where(Purchase.customer_id == customer_id)
    marks: dict[str, Any] = {"void": True, "tie": ""}
    _change(session, Grant, Grant.lane_id.in_(lanes), marks)
    _change(session, Step, Step.purchase_id.in_(purchases), {"tie": ""})
    named = Happening.trigger + ":" + cast(Happening.purchase_id, Text) + ":erased-" + cast(Happening.id, Text)
    _change(session, Happening, Happening.customer_id == customer_id, {"tie": "", "key": named})
    known: dict[str, Any] = {"order_ref": None, "subscription_ref": None, "more_orders": None}
    _change(session, Purchase, Purchase.customer_id == customer_id, known)
    bought = Purchase.ground.not_like(f"{HAND}%")
    _change(session, Purchase, (Purchase.customer_id == customer_id) & bought, {"ground": "erased:" + cast(Purchase.id, Text)})


def _change(session: Session, model: Any, which: ColumnElement[bool], to: dict[str, Any]) -> None:
    session.execute(update(model).where(which).values(to).execution_options(synchronize_session=False))


def _wipe_messages(session: Session, events: Collection[int], names: _Names) -> None:
    """What the checkout said of them."""
    for some in _pieces(events):
        for event in session.scalars(select(Event).where(Event.id.in_(some))):
            event.body, event.errors = BODY, names.within(event.errors)
            if any(address in event.key.lower() for address in names.addresses):
                event.key = f"erased-{event.id}"


def _wipe_audit(session: Session, marketplace_id: int, names: _Names, called: str) -> None:
    mine = AuditLine.marketplace_id == marketplace_id
    for line in session.scalars(select(AuditLine).where(mine, names.may_be_in(AuditLine.about, AuditLine.before, AuditLine.after))):
        line.about = names.wiped(line.about).replace(GONE, called)
        line.before, line.after = names.within(line.before), names.within(line.after)


def _wipe_receipts(session: Session, marketplace_id: int, names: _Names) -> None:
    """What was answered to messages that made no event."""
    ours = select(Source.id).where(Source.marketplace_id == marketplace_id)
    for receipt in session.scalars(select(Receipt).where(Receipt.source_id.in_(ours), names.may_be_in(Receipt.reason))):
        receipt.reason = names.wiped(receipt.reason)


def _pieces(ids: Iterable[int]) -> Iterable[Sequence[int]]:
    every = sorted(ids)
    return (every[start : start + STEP] for start in range(0, len(every), STEP))
