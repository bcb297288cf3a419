"""Opens the book of an intake transaction: finds or makes the customers and products that its messages name, and reads what is on record."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, collate, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from webapp.engine.book import Book, Bought, Buyer, Fired
from webapp.engine.ready import among, ask, write
from webapp.engine.subscriptions import Said
from webapp.models import Customer, Happening, Lane, Marketplace, Product, Purchase, Step
from webapp.sources import Person


def open_customers(book: Book, people: Collection[tuple[int, Person]]) -> None:
    """Find or make these customers, and lock them till the end of the transaction: intake of one customer is one at a time."""
    wanted = {(marketplace, person.email): person for marketplace, person in people}
    if not wanted:
        return
    rows = [
        {
            "id": book.id(), "marketplace_id": marketplace, "email": email, "first_name": person.first_name,
            "last_name": person.last_name, "seen_at": book.now, "created_at": book.now,
        }
        for (marketplace, email), person in sorted(wanted.items(), key=lambda item: item[0])
    ]  # fmt: skip
    mine = {row["id"] for row in rows}
    write(book.connection, _upsert_customers(book.connection.dialect.name), rows)
    for marketplace in sorted({m for m, _ in wanted}):
        emails = [e for m, e in wanted if m == marketplace]
        for customer_id, email in ask(book.connection, _BY_EMAIL, marketplace=marketplace, emails=emails):
            book.buyers[marketplace, email] = Buyer(customer_id, marketplace, email, customer_id in mine)
    known = [buyer.id for buyer in book.buyers.values() if not buyer.new]
    if known:
        _read_known(book, known)


def open_known(book: Book, marketplace: int, customers: Collection[int]) -> dict[int, Buyer]:
    """The same for customers by their ids, who are there already. Those who are not, were erased, or are somebody else's, are left out."""
    there = (Customer.marketplace_id == marketplace, Customer.id.in_(customers), Customer.erased_at.is_(None))
    # In the order in which intake takes them, whatever the database thinks of alphabets: else the two could wait for each other.
    by_bytes = collate(Customer.email, "C" if book.connection.dialect.name == "postgresql" else "BINARY")
    found = book.connection.execute(select(Customer.id, Customer.email).where(*there).order_by(by_bytes).with_for_update()).all()
    opened = {customer_id: Buyer(customer_id, marketplace, email, False) for customer_id, email in found}
    book.buyers |= {(marketplace, buyer.email): buyer for buyer in opened.values()}
    if opened:
        _read_known(book, list(opened))
    return opened


def product(book: Book, marketplace: int, external_id: str, name: str) -> tuple[int, str]:
    """Find or make a product that the snapshot does not have: its id and its name."""
    row = {"id": book.id(), "marketplace_id": marketplace, "external_id": external_id, "name": name or external_id, "created_at": book.now}
    book.connection.execute(_insert(book.connection.dialect.name)(Product).on_conflict_do_nothing(), [row])
    found = select(Product.id, Product.name).where(Product.marketplace_id == marketplace, Product.external_id == external_id)
    product_id, known = book.connection.execute(found).one()
    if product_id == row["id"]:  # what is kept in memory of the marketplace lacks it
        book.connection.execute(update(Marketplace).where(Marketplace.id == marketplace).values(version=Marketplace.version + 1))
    return product_id, known


def _read_known(book: Book, customers: Collection[int]) -> None:
    """What is on record for customers who were here before."""
    asked = list(customers)
    for row in ask(book.connection, _PURCHASES, customers=asked):
        bought = Bought(*row)
        book.bought[bought.customer_id].append(bought)
    for customer, integration, lane in ask(book.connection, _LANES, customers=asked):
        book.lanes[customer, integration] = lane
    for purchase, *rest in ask(book.connection, _HAPPENINGS, customers=asked):
        book.fired[purchase].append(Fired(*rest))
    purchases = [p.id for c in customers for p in book.bought[c]]
    if purchases:
        for purchase, *rest in ask(book.connection, _STEPS, purchases=purchases):
            book.steps[purchase].append(Said(*rest))


_BY_EMAIL = select(Customer.id, Customer.email).where(Customer.marketplace_id == bindparam("marketplace"), among(Customer.email, "emails"))
_PURCHASES = select(
    Purchase.id, Purchase.marketplace_id, Purchase.customer_id, Purchase.product_id, Purchase.ground, Purchase.order_ref,
    Purchase.subscription_ref, Purchase.more_orders, Purchase.on_record, Purchase.state, Purchase.state_at, Purchase.bought_at,
    Purchase.test,
).where(among(Purchase.customer_id, "customers"))  # fmt: skip
_LANES = select(Lane.customer_id, Lane.integration_id, Lane.id).where(among(Lane.customer_id, "customers"))
_HAPPENINGS = select(
    Happening.purchase_id, Happening.id, Happening.trigger, Happening.step_id, Happening.at, Happening.tie, Happening.key,
    Happening.refuted, Happening.product_id, Happening.access_until,
).where(among(Happening.customer_id, "customers"))  # fmt: skip
_STEPS = select(Step.purchase_id, Step.id, Step.kind, Step.at, Step.tie, Step.number, Step.total, Step.access_until).where(
    among(Step.purchase_id, "purchases")
)


def _insert(dialect: str) -> Any:
    """The dialect's own INSERT, which knows ON CONFLICT."""
    return postgresql_insert if dialect == "postgresql" else sqlite_insert


@cache
def _upsert_customers(dialect: str) -> Any:
    statement = _insert(dialect)(Customer)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["marketplace_id", "email"],
        set_={
            "seen_at": new.seen_at,
            "first_name": case((new.first_name != "", new.first_name), else_=Customer.first_name),
            "last_name": case((new.last_name != "", new.last_name), else_=Customer.last_name),
        },
    )
