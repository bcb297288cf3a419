"""Everything on record that decided about one customer, as one value that JSON can hold; nothing in it says who it is. Reads only."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.engine import purchase_import
from webapp.engine.firing import GONE
from webapp.models import (
    PAID_PERIOD,
    AuditLine,
    Call,
    CallEntry,
    Customer,
    Event,
    Grant,
    Happening,
    Holding,
    Integration,
    Lane,
    LogEntry,
    Marketplace,
    Product,
    Purchase,
    Rule,
    Source,
    Step,
    Target,
)
from webapp.sources import Line, Message, NotUnderstood, Person, Refusal, Request
from webapp.sources.registry import SOURCES
from webapp.sources.signing import signed
from webapp.support.masking import ADDRESS, Masks, in_order

FORM = 1
"""The number of the form in which a case is written."""

_SECRET = "whsec_" + base64.b64encode(b"what a case reads its messages with").decode()
_BY_RULE = {"open": None, "close": "spare", "clear": "always"}
DAY = timedelta(days=1)


def gather(session: Session, customer: Customer, trust: timedelta, now: datetime) -> dict[str, Any]:
    """The case of a customer. `trust`: how long a belief is trusted here without a call."""
    return _Case(session, customer).told(trust, now)


class _Case:
    """One customer's rows, read once."""

    def __init__(self, session: Session, customer: Customer) -> None:
        self.session, self.customer = session, customer
        own = customer.id
        self.lanes = self._all(Lane, Lane.customer_id == own)
        self.entries = self._all(LogEntry, LogEntry.customer_id == own)
        self.purchases = self._all(Purchase, Purchase.customer_id == own)
        self.happenings = self._all(Happening, Happening.customer_id == own)
        lanes = [lane.id for lane in self.lanes]
        self.lane_of = {lane.id: lane for lane in self.lanes}
        self.marks = self._all(Grant, Grant.lane_id.in_(lanes))
        self.calls = self._all(Call, Call.lane_id.in_(lanes))
        steps = set(session.scalars(select(Step.event_id).where(Step.purchase_id.in_([one.id for one in self.purchases]))))
        wanted = {one.event_id for one in (*self.entries, *self.happenings) if one.event_id} | steps
        self.events = self._all(Event, Event.id.in_(wanted))
        self.missing = len(wanted) - len(self.events)
        self.sources = {one.id: one.kind for one in self._all(Source, Source.marketplace_id == customer.marketplace_id)}
        self.messages = {event.id: _message(event, self.sources.get(event.source_id or 0, "")) for event in self.events}
        self.integrations = self._all(Integration, Integration.id.in_({lane.integration_id for lane in self.lanes}))
        self.targets = self._all(Target, Target.integration_id.in_([one.id for one in self.integrations]))
        self.rules = {one.id: one for one in self._all(Rule, Rule.id.in_({one.rule_id for one in self.entries if one.rule_id}))}
        self.masks = self._masks()

    def _all(self, model: Any, *which: Any) -> Any:
        order = model.id if hasattr(model, "id") else None
        return self.session.scalars(select(model).where(*which).order_by(order)).all()

    def _masks(self) -> Masks:
        """The pseudonyms of all that says who it is."""
        people = [one.person for one in self.messages.values() if isinstance(one, Message) and one.person]
        own, said = self.customer, " ".join(f"{call.says} {call.answer}" for call in self.calls)
        aliases = [lane.alias for lane in self.lanes if lane.alias]
        found = {one.replace("%40", "@").lower() for one in ADDRESS.findall(said)}
        lines = [line for one in self.messages.values() if isinstance(one, Message) for line in one.lines]
        refs = [ref for line in lines for ref in (line.order, line.subscription, line.prospect, line.ref) if ref]
        refs += [ref for one in self.purchases for ref in (one.order_ref, one.subscription_ref, *(one.more_orders or ())) if ref]
        refs += [one.ground.partition(":")[2] for one in self.purchases if ":" in one.ground]
        return Masks(
            list(dict.fromkeys([own.email, *aliases, *sorted(found - {own.email})])),
            {own.first_name, *(person.first_name for person in people)},
            {own.last_name, *(person.last_name for person in people)},
            {target.remote_id for target in self.targets},
            in_order([event.key for event in self.events], "m"),
            in_order(refs, "ref-"),
        )

    def told(self, trust: timedelta, now: datetime) -> dict[str, Any]:
        """All of it."""
        marketplace = self.session.get_one(Marketplace, self.customer.marketplace_id)
        served = self._served()
        return {
            "case": FORM,
            "made_at": _at(now),
            "zone": marketplace.time_zone,
            "trust_seconds": trust.total_seconds(),
            "missing_events": self.missing,
            "integrations": [
                {"id": one.id, "app": one.app, "name": one.name, "send_invitation": one.send_invitation, "watch_only": one.watch_only}
                for one in self.integrations
            ],
            "targets": [self._target(one) for one in self.targets],
            "products": self._products(),
            "events": [self._event(event) for event in self.events],
            "purchases": [self._purchase(one) for one in self.purchases],
            "marks": [self._mark(one) for one in self.marks],
            "entries": [self._entry(entry, served[entry.id]) for entry in self.entries],
            "calls": [self._call(call) for call in self.calls],
            "lanes": [self._lane(lane) for lane in self.lanes],
            "rules": self._rule_changes(),
        }

    def _target(self, one: Target) -> dict[str, Any]:
        return {
            "id": one.id, "integration": one.integration_id, "kind": one.kind, "remote_id": one.remote_id, "name": one.name,
            "group": one.group, "gone_at": _at(one.gone_at),
        }  # fmt: skip

    def _products(self) -> list[dict[str, Any]]:
        ids = {one.product_id for one in (*self.purchases, *self.entries) if one.product_id}
        lines = [line for one in self.messages.values() if isinstance(one, Message) for line in one.lines]
        named = Product.external_id.in_({line.product for line in lines})
        mine = Product.marketplace_id == self.customer.marketplace_id
        return [{"id": one.id, "key": one.external_id, "name": one.name} for one in self._all(Product, mine, named | Product.id.in_(ids))]

    def _event(self, event: Event) -> dict[str, Any]:
        """A message as it was understood, and the rules that it started, as they were then."""
        message = self.messages[event.id]
        at_once = [one for one in self.entries if one.event_id == event.id and _by_intake(one, event)]
        return {
            "id": event.id,
            "at": _at(event.received_at),
            "source": self.sources.get(event.source_id or 0, ""),
            "type": event.type,
            "understood": self._said(message, event) if isinstance(message, Message) else None,
            "started": [self._rule(entry) for entry in at_once if entry.rule_id],
        }

    def _said(self, message: Message, event: Event) -> dict[str, Any]:
        person, mask = message.person or Person(""), self.masks
        return {
            "key": mask.key(event.key), "at": _at(event.at), "test": message.test, "note": message.note,
            "first_name": mask.name(person.first_name), "last_name": mask.name(person.last_name),
            "lines": [self._line(line) for line in message.lines],
        }  # fmt: skip

    def _line(self, line: Line) -> dict[str, Any]:
        ref = self.masks.ref
        return {
            "kind": line.kind, "product": line.product, "order": ref(line.order), "subscription": ref(line.subscription),
            "prospect": ref(line.prospect), "ref": ref(line.ref), "number": line.number, "total": line.total,
            "access_until": _at(line.access_until), "at_once": line.at_once, "named": line.named,
        }  # fmt: skip

    def _rule(self, entry: LogEntry) -> dict[str, Any]:
        """The rule of an entry as it was when it fired: what it put on record tells, else what it is today."""
        rule, mark = self.rules.get(entry.rule_id or 0), next((one for one in self.marks if one.entry_id == entry.id), None)
        happened = next((one for one in self.happenings if one.id == entry.happening_id), None)
        removal, days, after = (rule.removal, rule.for_days, rule.after_days) if rule else (None, None, 0)
        if mark is not None:
            removal, days = _BY_RULE.get(mark.op), round((mark.until - mark.at) / DAY) if mark.until else None
            after = _waited(mark, happened)
        return {
            "rule": entry.rule_id, "trigger": entry.trigger, "product": entry.product_id, "integration": entry.integration_id,
            "action": entry.action, "target": entry.target_id, "removal": removal, "for_days": days, "after_days": after,
            "broken": entry.cause == GONE,
        }  # fmt: skip

    def _purchase(self, one: Purchase) -> dict[str, Any]:
        ref = self.masks.ref
        return {
            "id": one.id, "product": one.product_id, "ground": self.masks.ground(one.ground), "order": ref(one.order_ref),
            "subscription": ref(one.subscription_ref), "on_record": one.on_record, "state": one.state, "bought_at": _at(one.bought_at),
            "test": one.test,
        }  # fmt: skip

    def _mark(self, one: Grant) -> dict[str, Any]:
        return {
            "id": one.id, "entry": one.entry_id, "integration": self.lane_of[one.lane_id].integration_id, "target": one.target_id,
            "purchase": one.purchase_id, "rule": one.rule_id, "op": one.op, "at": _at(one.at), "tie": self._tie(one.tie),
            "until": _at(one.until), "asked_at": _at(one.asked_at), "recoverable": one.recoverable,
            "paid_period": one.paid_period, "void": one.void,
        }  # fmt: skip

    def _tie(self, tie: str) -> str:
        return tie if tie.startswith(("hand:", "~batch:")) else self.masks.key(tie)

    def _entry(self, entry: LogEntry, calls: Sequence[int]) -> dict[str, Any]:
        event = next((one for one in self.events if one.id == entry.event_id), None)
        return {
            "id": entry.id, "at": _at(entry.at), "event": entry.event_id, "by_intake": event is not None and _by_intake(entry, event),
            "trigger": entry.trigger, "product": entry.product_id, "rule": entry.rule_id, "integration": entry.integration_id,
            "action": entry.action, "target": entry.target_id, "replays": entry.replays_id, "batch": entry.batch_id is not None,
            "by_hand": bool((entry.details or {}).get("by")), "status": entry.status, "cause": entry.cause, "attempts": entry.attempts,
            "due_at": _at(entry.due_at), "finished_at": _at(entry.finished_at), "open": entry.open_lane_id is not None, "calls": calls,
            "sentence": self._sentence(entry), "todo": self.masks.text(entry.todo),
        }  # fmt: skip

    def _sentence(self, entry: LogEntry) -> str:
        """What it says; that of an entry without a rule begins with a name."""
        first = self.customer.first_name
        named = entry.status == "no_rule" and first and entry.sentence.startswith(f"{first} ")
        said = f"{self.masks.name(first)}{entry.sentence.removeprefix(first)}" if named else entry.sentence
        return self.masks.text(said)

    def _served(self) -> Mapping[int, list[int]]:
        """The calls that served each entry."""
        found: dict[int, list[int]] = defaultdict(list)
        rows = select(CallEntry.entry_id, CallEntry.call_id).where(CallEntry.call_id.in_([call.id for call in self.calls]))
        for entry, call in self.session.execute(rows.order_by(CallEntry.call_id)):
            found[entry].append(call)
        return found

    def _call(self, call: Call) -> dict[str, Any]:
        mask = self.masks
        return {
            "id": call.id, "integration": call.integration_id, "at": _at(call.at), "took_ms": call.duration_ms, "method": call.method,
            "path": mask.path(call.path), "body": mask.body(call.body), "says": mask.text(call.says), "status": call.status,
            "answer": mask.answer(call.answer, call.status),
        }  # fmt: skip

    def _lane(self, lane: Lane) -> dict[str, Any]:
        held = self._all_held(lane.id)
        return {
            "integration": lane.integration_id, "alias": self.masks.email(lane.alias) if lane.alias else None, "alias_by": lane.alias_by,
            "alias_at": _at(lane.alias_at), "member": self.masks.member(lane.member_id) if lane.member_id else None, "holdings": held,
        }  # fmt: skip

    def _all_held(self, lane: int) -> list[dict[str, Any]]:
        rows = self.session.scalars(select(Holding).where(Holding.lane_id == lane).order_by(Holding.target_id))
        return [
            {"target": one.target_id, "held": one.held, "since": _at(one.since), "heard_at": _at(one.heard_at), "word": one.word}
            for one in rows
        ]

    def _rule_changes(self) -> list[dict[str, Any]]:
        """What was changed of rules while the customer was there: for whoever reads the case."""
        what = AuditLine.what.in_(("rule_made", "rule_changed", "rule_switched", "rule_deleted"))
        lines = self._all(
            AuditLine, AuditLine.marketplace_id == self.customer.marketplace_id, what, AuditLine.at >= self.customer.created_at
        )
        return [{"at": _at(one.at), "what": one.what, "about": one.about, "before": one.before, "after": one.after} for one in lines]


def _message(event: Event, kind: str) -> Message | NotUnderstood | None:
    """What a stored message said; None where it can't be read any more."""
    if kind == purchase_import.KEY:
        return purchase_import.unpacked(json.loads(event.body))
    if kind not in SOURCES or event.errors is not None:
        return None
    headers = {"content-type": "application/json", **signed(_SECRET, event.key, event.received_at, event.body)}
    for query in ({}, {"trigger": event.type}):
        try:
            said = SOURCES[kind].read(Request(event.body, {k.lower(): v for k, v in headers.items()}, query, [_SECRET]), event.received_at)
        except Refusal:
            return None
        if isinstance(said, Message) and said.type == event.type:
            return replace(said, key=event.key, at=event.at, again=None)
    return None


def _by_intake(entry: LogEntry, event: Event) -> bool:
    """Whether an entry was made when its message came in, and not later, by a person or a batch."""
    return entry.at == event.received_at and entry.replays_id is None and entry.happening_id is not None


def _waited(mark: Grant, happened: Happening | None) -> int:
    """How many days a removal waited, or that it waited for the end of what was paid."""
    if mark.op == "open" or mark.asked_at is None or not mark.recoverable:
        return 0
    if happened is not None and mark.at == happened.access_until:
        return PAID_PERIOD
    return round((mark.at - mark.asked_at) / DAY)


def _at(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
