"""What a customer should hold and because of what, beside what their communities are believed to say. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP
from webapp.engine import granting, records
from webapp.engine.access import Mark, Record, Verdict, desired
from webapp.models import Customer, Holding, Integration, Lane, LogEntry, Product, Purchase, Rule, Target


@dataclass(frozen=True, slots=True)
class Because:
    """One reason: the product (None: a person decided), the purchase's ground, since when it grants this, and the log entry that opened it.

    `until`: when that runs out, where it does. `trigger`: what started the rule that opened it, None where none did; `everywhere`: that rule
    is for every product.
    """

    product: str | None
    ground: str
    since: datetime
    entry_id: int
    purchase_id: int
    until: datetime | None = None
    trigger: str | None = None
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Belief:
    """What the app is believed to say (`held`, `not_held`, `unknown`): since when, when it was last heard, on whose word (`models.Holding`)."""

    held: str = "unknown"
    since: datetime | None = None
    heard_at: datetime | None = None
    word: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """One target of one integration: whether it should be held, because of what, and what is believed.

    `by_hand`: a person has granted it or taken it away, and that stands. `gone`: the app no longer has it.
    """

    integration_id: int
    integration: str
    target_id: int
    kind: str
    target: str | None
    held: bool
    because: tuple[Because, ...]
    belief: Belief
    by_hand: bool = False
    gone: bool = False

    @property
    def believed(self) -> str:
        """`held`, `not_held` or `unknown`."""
        return self.belief.held

    @property
    def heard_at(self) -> datetime | None:
        """When that was last heard."""
        return self.belief.heard_at


@dataclass(frozen=True)
class _Read:
    """What is read for all lanes of a customer."""

    records: Mapping[int, Record]
    verdicts: Mapping[int, Mapping[int, Verdict]]
    targets: Mapping[int, Target]
    beliefs: Mapping[tuple[int, int], Belief]
    purchases: Mapping[int, tuple[str | None, str]]
    openings: Mapping[int, tuple[str | None, bool]]


def find_customer(session: Session, marketplace_id: int, email: str) -> Customer | None:
    """A marketplace's customer by e-mail, however it is written."""
    return session.scalar(select(Customer).where(Customer.marketplace_id == marketplace_id, Customer.email == email.strip().lower()))


def holdings(session: Session, customer_id: int, now: datetime, at: datetime | None = None) -> list[Held]:
    """Everything that is on record for a customer, by integration, the membership first. With `at`, as it was desired then."""
    lanes = session.execute(
        select(Lane.id, Integration.id, Integration.name)
        .join(Integration, Integration.id == Lane.integration_id)
        .where(Lane.customer_id == customer_id, Integration.deleted_at.is_(None))
        .order_by(Integration.name)
    ).all()
    read = _read(session, [lane for lane, _, _ in lanes], now, at)
    found = []
    for lane, integration_id, integration in lanes:
        for key, verdict in read.verdicts.get(lane, {}).items():
            target = read.targets[key]
            name = None if target.kind == MEMBERSHIP else target.name
            because = tuple(_because(mark, read) for mark in verdict.because)
            belief = read.beliefs.get((lane, key), Belief())
            by_hand = granting.by_hand(verdict, read.records[lane], key)
            gone = target.gone_at is not None
            found.append(Held(integration_id, integration, key, target.kind, name, verdict.held, because, belief, by_hand, gone))
    return sorted(found, key=lambda one: (one.integration, one.kind != MEMBERSHIP, one.kind, one.target or ""))


def _read(session: Session, lanes: Sequence[int], now: datetime, at: datetime | None) -> _Read:
    on_record = records.load(session, lanes, grounds=True)
    verdicts = {lane: desired(record, now, at) for lane, record in on_record.items()}
    because = [mark for some in verdicts.values() for verdict in some.values() for mark in verdict.because]
    return _Read(
        on_record,
        verdicts,
        _targets(session, verdicts),
        _beliefs(session, lanes),
        _purchases(session, because),
        _openings(session, because),
    )


def _because(mark: Mark, read: _Read) -> Because:
    product, ground = read.purchases[mark.purchase]
    trigger, everywhere = read.openings.get(mark.entry, (None, False))
    return Because(product, ground, mark.at, mark.entry, mark.purchase, mark.until, trigger, everywhere)


def _targets(session: Session, verdicts: Mapping[int, Mapping[int, Verdict]]) -> dict[int, Target]:
    ids = {key for some in verdicts.values() for key in some}
    return {target.id: target for target in session.scalars(select(Target).where(Target.id.in_(ids)))}


def _beliefs(session: Session, lanes: Sequence[int]) -> dict[tuple[int, int], Belief]:
    rows = session.scalars(select(Holding).where(Holding.lane_id.in_(lanes)))
    return {(one.lane_id, one.target_id): Belief(one.held, one.since, one.heard_at, one.word) for one in rows}


def _purchases(session: Session, marks: Sequence[Mark]) -> dict[int, tuple[str | None, str]]:
    """By purchase: the checkout's id of its product, and its ground."""
    rows = session.execute(
        select(Purchase.id, Product.external_id, Purchase.ground)
        .join(Product, Product.id == Purchase.product_id, isouter=True)
        .where(Purchase.id.in_({mark.purchase for mark in marks}))
    )
    return {purchase: (product, ground) for purchase, product, ground in rows}


def _openings(session: Session, marks: Sequence[Mark]) -> dict[int, tuple[str | None, bool]]:
    """By entry: its trigger, and whether its rule is for every product."""
    everywhere = and_(Rule.id.is_not(None), Rule.product_id.is_(None))
    rows = session.execute(
        select(LogEntry.id, LogEntry.trigger, everywhere)
        .join(Rule, Rule.id == LogEntry.rule_id, isouter=True)
        .where(LogEntry.id.in_({mark.entry for mark in marks}))
    )
    return {entry: (trigger, bool(every)) for entry, trigger, every in rows}
