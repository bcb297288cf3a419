"""What a customer should hold and because of what, beside what their communities are believed to say. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP
from webapp.engine import records
from webapp.engine.access import Mark, Verdict, desired
from webapp.models import Customer, Holding, Integration, Lane, Product, Purchase, Target


@dataclass(frozen=True, slots=True)
class Because:
    """One reason: the product (None: a person decided), the purchase's ground, since when it grants this, and the log entry that opened it."""

    product: str | None
    ground: str
    since: datetime
    entry_id: int


@dataclass(frozen=True, slots=True)
class Held:
    """One target of one integration: whether it should be held, because of what, and what is believed (`held`, `not_held`, `unknown`)."""

    integration_id: int
    integration: str
    kind: str
    target: str | None
    held: bool
    because: tuple[Because, ...]
    believed: str
    heard_at: datetime | None


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
    on_record = records.load(session, [lane for lane, _, _ in lanes])
    verdicts = {lane: desired(record, now, at) for lane, record in on_record.items()}
    targets = _targets(session, verdicts)
    believed = _believed(session, list(verdicts))
    reasons = _reasons(session, verdicts)
    found = []
    for lane, integration_id, integration in lanes:
        for key, verdict in verdicts.get(lane, {}).items():
            target = targets[key]
            held, heard_at = believed.get((lane, key), ("unknown", None))
            name = None if target.kind == MEMBERSHIP else target.name
            because = tuple(_because(mark, reasons) for mark in verdict.because)
            found.append(Held(integration_id, integration, target.kind, name, verdict.held, because, held, heard_at))
    return sorted(found, key=lambda one: (one.integration, one.kind != MEMBERSHIP, one.kind, one.target or ""))


def _because(mark: Mark, reasons: Mapping[int, tuple[str | None, str]]) -> Because:
    product, ground = reasons[mark.purchase]
    return Because(product, ground, mark.at, mark.entry)


def _targets(session: Session, verdicts: Mapping[int, Mapping[int, Verdict]]) -> dict[int, Target]:
    ids = {key for some in verdicts.values() for key in some}
    return {target.id: target for target in session.scalars(select(Target).where(Target.id.in_(ids)))}


def _believed(session: Session, lanes: Sequence[int]) -> dict[tuple[int, int], tuple[str, datetime | None]]:
    rows = session.execute(select(Holding.lane_id, Holding.target_id, Holding.held, Holding.heard_at).where(Holding.lane_id.in_(lanes)))
    return {(lane, target): (held, heard_at) for lane, target, held, heard_at in rows}


def _reasons(session: Session, verdicts: Mapping[int, Mapping[int, Verdict]]) -> dict[int, tuple[str | None, str]]:
    ids = {mark.purchase for some in verdicts.values() for verdict in some.values() for mark in verdict.because}
    rows = session.execute(
        select(Purchase.id, Product.external_id, Purchase.ground)
        .join(Product, Product.id == Purchase.product_id, isouter=True)
        .where(Purchase.id.in_(ids))
    )
    return {purchase: (product, ground) for purchase, product, ground in rows}
