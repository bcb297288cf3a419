"""A customer's own page: what they bought, and what happened to them. What they hold is in holdings.py. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.engine import log_rows
from webapp.engine.aliases import LEARNED
from webapp.engine.logs import Part
from webapp.engine.purchases import PROSPECT
from webapp.models import Customer, Lane, LogEntry, Product, Purchase

PART = 50
"""How many entries one part of the list has."""

MOST_PURCHASES = 500


@dataclass(frozen=True, slots=True)
class Bought:
    """One purchase as a page shows it: of which product, as what the checkout knows it, how it stands since when.

    `state` is `active`, `ended` or `refunded`; `unknown` where nothing that makes a purchase is on record, only what takes one back;
    `prospect` where the product was only left in the cart.
    """

    id: int
    product_id: int
    product: str
    product_ref: str
    known_as: str
    state: str
    state_at: datetime
    bought_at: datetime
    test: bool


@dataclass(frozen=True, slots=True)
class Alias:
    """Another address of a customer in an app. `learned`: the app told of it, else a person did; `at`: when (None: before that was kept)."""

    email: str
    learned: bool
    at: datetime | None


def name_of(customer: Customer) -> str:
    """The customer's name, "" where none is known."""
    return f"{customer.first_name} {customer.last_name}".strip()


def purchases(session: Session, customer_id: int) -> list[Bought]:
    """What a customer bought, the newest first. What a person granted by hand is no purchase."""
    rows = session.execute(
        select(Purchase, Product.name, Product.external_id)
        .join(Product, Product.id == Purchase.product_id)
        .where(Purchase.customer_id == customer_id)
        .order_by(Purchase.bought_at.desc(), Purchase.id.desc())
        .limit(MOST_PURCHASES)
    )
    return [_bought(purchase, name, ref) for purchase, name, ref in rows]


def find(session: Session, marketplace_id: int, customer_id: int) -> Customer | None:
    """A marketplace's customer by our id, unless they were erased: about those there is nothing to ask, nor to do."""
    found = session.get(Customer, customer_id)
    return found if found is not None and found.marketplace_id == marketplace_id and found.erased_at is None else None


def entries(session: Session, marketplace_id: int, customer_id: int, now: datetime, before: int | None = None, limit: int = PART) -> Part:
    """What happened to a customer, the newest first, below the entry `before` if there is one."""
    wanted = select(LogEntry.id).where(LogEntry.customer_id == customer_id)
    if before is not None:
        wanted = wanted.where(LogEntry.id < before)
    ids = list(session.scalars(wanted.order_by(LogEntry.id.desc()).limit(limit + 1)))
    return Part(log_rows.by_id(session, marketplace_id, ids[:limit], now), len(ids) > limit)


def aliases(session: Session, customer_id: int) -> Mapping[int, Alias]:
    """By integration, the address under which the customer is there, where it is another one."""
    rows = session.execute(
        select(Lane.integration_id, Lane.alias, Lane.alias_by, Lane.alias_at).where(
            Lane.customer_id == customer_id, Lane.alias.is_not(None)
        )
    )
    return {integration: Alias(alias, by == LEARNED, at) for integration, alias, by, at in rows if alias}


def product_names(session: Session, marketplace_id: int, refs: Collection[str]) -> Mapping[str, tuple[int, str]]:
    """Our id and the name of products, by the checkout's id."""
    rows = session.execute(
        select(Product.external_id, Product.id, Product.name).where(Product.marketplace_id == marketplace_id, Product.external_id.in_(refs))
    )
    return {ref: (product_id, name) for ref, product_id, name in rows}


def ground_words(ground: str) -> str:
    """What a purchase is known by, for people: "order 9001", "subscription 77"; "" for the product alone."""
    kind, found, ref = ground.partition(":")
    if kind == "hand":
        return "by hand"
    return f"{kind} {ref}" if found else ""


def _bought(purchase: Purchase, name: str, ref: str) -> Bought:
    refs = (("order", purchase.order_ref), ("subscription", purchase.subscription_ref))
    known_as = ", ".join(f"{word} {value}" for word, value in refs if value) or ground_words(purchase.ground)
    state = purchase.state if purchase.on_record else "prospect" if purchase.ground.startswith(PROSPECT) else "unknown"
    return Bought(
        purchase.id, purchase.product_id or 0, name, ref, known_as, state, purchase.state_at, purchase.bought_at, purchase.test
    )  # fmt: skip
