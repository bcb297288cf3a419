"""Past purchases that come from a file: what they would do is counted, then a batch takes them in as if the checkout had told of them.

A purchase has the identity that its order would have: one that is known already, or is told again by the checkout later, changes nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP
from webapp.engine import intake, timing
from webapp.engine.batch_work import Kind, Tools, Worked
from webapp.engine.book import NewId
from webapp.engine.intake import Arrival
from webapp.engine.snapshots import RuleView, Snapshot
from webapp.models import Batch, BatchItem, Customer, Holding, Lane, Purchase, Source, Target
from webapp.sources import Line, Message, Person

KEY = "import"
PURCHASED = "product_purchased"
CHUNK = 400


@dataclass(frozen=True, slots=True)
class Plan:
    """What the lines of a file would do: `new` purchases by their lines' numbers, with the product that each names made sure of; how many
    are `known`; the ids of `products` that would be made; of how many people; how many new ones no rule is about; the metered calls, and at
    which integrations."""

    new: Mapping[int, Message]
    known: int
    products: Sequence[str]
    people: int
    ruleless: int
    calls: int
    integrations: Sequence[int] = ()


@dataclass(slots=True)
class _Customer:
    """What is on record of somebody: the purchases of each product, by the orders that name them; where they are a member, and have what."""

    bought: dict[int, set[str | None]] = field(default_factory=lambda: defaultdict(set))
    members: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)


def plan(session: Session, snapshot: Snapshot, messages: Mapping[int, Message], now: datetime) -> Plan:
    """What these messages would do."""
    called = _by_name(snapshot)
    named = {number: _with_product(snapshot, called, message) for number, message in messages.items()}
    known = _known(session, snapshot.marketplace_id, {_email(message) for message in named.values()})
    new = {number: message for number, message in named.items() if not _is_known(snapshot, known.get(_email(message)), message)}
    asked: dict[str, list[RuleView]] = defaultdict(list)
    ruleless = 0
    for message in new.values():
        product = snapshot.products.get(message.lines[0].product, (0, ""))[0]
        rules = [rule for rule in snapshot.firing(PURCHASED, product) if not rule.broken]
        asked[_email(message)] += [rule for rule in rules if _lasts(rule, message.at, now)]
        ruleless += not rules
    calls = sum(_calls(rules, known.get(email) or _Customer()) for email, rules in asked.items())
    made = sorted({m.lines[0].product for m in new.values()} - snapshot.products.keys())
    integrations = sorted({rule.integration_id for rules in asked.values() for rule in rules})
    return Plan(new, len(named) - len(new), made, len(asked), ruleless, calls, integrations)


def packed(message: Message) -> dict[str, Any]:
    """A message as a batch keeps it."""
    line, person = message.lines[0], message.person or Person("")
    return {
        "key": message.key, "type": message.type, "at": message.at.isoformat(), "email": person.email, "product": line.product,
        "order": line.order,
    }  # fmt: skip


def open_source(session: Session, marketplace_id: int, now: datetime, new_id: NewId) -> None:
    """Make sure of the source that imports stand under. Nobody can post to it: it is no kind of checkout."""
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[session.get_bind().dialect.name]
    row = {"id": new_id(now), "marketplace_id": marketplace_id, "kind": KEY, "address": f"{KEY}-{marketplace_id}", "created_at": now}
    session.execute(insert(Source).values(row).on_conflict_do_nothing())


def _work(session: Session, batch: Batch, items: Sequence[BatchItem], tools: Tools) -> Worked:
    """Take these lines in."""
    source = session.scalars(select(Source.id).where(Source.marketplace_id == batch.marketplace_id, Source.kind == KEY)).one()
    arrivals = [
        Arrival(batch.marketplace_id, source, unpacked(item.data or {}), json.dumps(item.data, ensure_ascii=False).encode())
        for item in items
    ]
    taken = intake.take(session, arrivals, tools.snapshots, tools.now, tools.new_id, batch.id)
    return Worked(work=any(one.work for one in taken))


def unpacked(data: Mapping[str, Any]) -> Message:
    """And back."""
    line = Line("purchased", data["product"], order=data["order"])
    return Message(data["key"], data["type"], datetime.fromisoformat(data["at"]), Person(data["email"]), (line,))


def _email(message: Message) -> str:
    return message.person.email if message.person else ""


def _by_name(snapshot: Snapshot) -> Mapping[str, str]:
    """The ids of products by their names, of those that no other one has."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, (_, name) in snapshot.products.items():
        found[name.casefold()].append(key)
    return {name: keys[0] for name, keys in found.items() if len(keys) == 1}


def _with_product(snapshot: Snapshot, called: Mapping[str, str], message: Message) -> Message:
    """With the product's id, where the file has the name of just one of ours instead."""
    (line,) = message.lines
    key = line.product if line.product in snapshot.products else called.get(line.product.casefold(), line.product)
    return replace(message, lines=(replace(line, product=key),))


def _is_known(snapshot: Snapshot, customer: _Customer | None, message: Message) -> bool:
    """Whether this purchase is on record."""
    line = message.lines[0]
    if customer is None or line.product not in snapshot.products:
        return False
    return line.order in customer.bought[snapshot.products[line.product][0]]


def _lasts(rule: RuleView, at: datetime, now: datetime) -> bool:
    """Whether what a rule gives for so many days would not be over by now."""
    until = timing.opening(at, rule.for_days).until if rule.adds else None
    return until is None or until > now


def _calls(rules: Iterable[RuleView], customer: _Customer) -> int:
    """The metered calls for one person: an invite carries everything but events; a member gets what they lack, one by one."""
    by_integration: dict[int, dict[int, RuleView]] = defaultdict(dict)
    for rule in rules:
        by_integration[rule.integration_id][rule.target_id] = rule
    total = 0
    for integration, targets in by_integration.items():
        adds = [rule for target, rule in targets.items() if rule.adds and target not in customer.held]
        total += sum(not rule.adds for rule in targets.values())
        if integration in customer.members:
            total += sum(rule.kind != MEMBERSHIP for rule in adds)
        elif adds:
            total += 1 + sum(rule.kind == "event" for rule in adds)
    return total


def _known(session: Session, marketplace_id: int, emails: Collection[str]) -> dict[str, _Customer]:
    """What is on record of those who are here already, by their addresses."""
    found: dict[str, _Customer] = {}
    for some in _chunks(sorted(emails)):
        who = (Customer.marketplace_id == marketplace_id, Customer.email.in_(some))
        bought = select(Customer.email, Purchase.product_id, Purchase.order_ref, Purchase.more_orders, Purchase.on_record)
        for email, product, order, more, on_record in session.execute(
            bought.join(Purchase, Purchase.customer_id == Customer.id).where(*who)
        ):
            if on_record:
                found.setdefault(email, _Customer()).bought[product].update([order, *(more or ())])
        lanes = select(Customer.email, Lane.integration_id, Lane.member_id, Holding.target_id, Holding.held, Target.kind)
        lanes = lanes.join(Lane, Lane.customer_id == Customer.id).outerjoin(Holding, Holding.lane_id == Lane.id)
        for email, integration, member, target, held, kind in session.execute(
            lanes.outerjoin(Target, Target.id == Holding.target_id).where(*who)
        ):
            customer = found.setdefault(email, _Customer())
            if member or (kind == MEMBERSHIP and held == "held"):
                customer.members.add(integration)
            if held == "held":
                customer.held.add(target)
    return found


def _chunks(emails: Sequence[str]) -> Iterator[Sequence[str]]:
    return (emails[at : at + CHUNK] for at in range(0, len(emails), CHUNK))


IMPORT = Kind(KEY, "purchase", "purchases", _work)
