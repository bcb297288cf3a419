"""What one looks for in the log: the query, as conditions for the database and as a test of one row. Nothing is read here but who is meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.engine.log_rows import Row
from webapp.models import Customer, LogEntry, Product

STATUSES = (
    "failed", "retrying", "parked", "queued", "running", "not_understood", "no_rule", "skipped", "unchanged", "succeeded", "nothing",
)  # fmt: skip
"""As pages show them, what may need somebody first."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; what is empty does not narrow. `text`: a part of an e-mail address, product name, product id or sentence.

    `customer_id`: the one customer whose address the text is (see `settle`). `since` ≤ arrival < `until`.
    """

    text: str = ""
    status: str = ""
    trigger: str = ""
    action: str = ""
    integration_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    customer_id: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything is looked for at all."""
        return self != Query()


def settle(session: Session, marketplace_id: int, query: Query) -> Query:
    """The query with its customer, where the text is the whole address of one: then nothing else is searched, which an index does."""
    if "@" not in query.text:
        return query
    customer = select(Customer.id).where(Customer.marketplace_id == marketplace_id, Customer.email == query.text.lower())
    return replace(query, customer_id=session.scalar(customer))


def conditions(marketplace_id: int, query: Query) -> list[ColumnElement[bool]]:
    """What an entry must be, but for its status (`webapp.engine.logs`) and its text."""
    # A customer is of one marketplace: named beside it, SQLite would go through all of the marketplace's entries.
    whose = LogEntry.marketplace_id == marketplace_id if query.customer_id is None else LogEntry.customer_id == query.customer_id
    found: list[ColumnElement[bool]] = [whose]
    if query.trigger:
        found.append(LogEntry.trigger == query.trigger)
    if query.action:
        found.append(LogEntry.action == query.action)
    if query.integration_id is not None:
        found.append(LogEntry.integration_id == query.integration_id)
    if query.since:  # an entry can't have changed before it arrived: that has an index
        found.append(and_(LogEntry.at >= query.since, LogEntry.changed_at >= query.since))
    if query.until:
        found.append(LogEntry.at < query.until)
    return found


def text(marketplace_id: int, query: Query) -> list[ColumnElement[bool]]:
    """What an entry must say: the text in its customer's address, its product or its sentence."""
    if not query.text or query.customer_id is not None:
        return []
    customers = select(Customer.id).where(
        Customer.marketplace_id == marketplace_id, Customer.email.contains(query.text.lower(), autoescape=True)
    )
    products = select(Product.id).where(
        Product.marketplace_id == marketplace_id,
        or_(Product.name.icontains(query.text, autoescape=True), Product.external_id.icontains(query.text, autoescape=True)),
    )
    said = LogEntry.sentence.icontains(query.text, autoescape=True)
    return [or_(LogEntry.customer_id.in_(customers), LogEntry.product_id.in_(products), said)]


def could_match(query: Query, row: Row) -> bool:
    """Whether a row has what never changes about an entry and the query asks for. A customer's address and a product's name count as that."""
    same = (
        (query.customer_id, row.customer_id),
        (query.trigger or None, row.trigger),
        (query.action or None, row.action),
        (query.integration_id, row.integration_id),
    )
    if any(wanted is not None and wanted != is_ for wanted, is_ in same):
        return False
    return (query.since is None or row.at >= query.since) and (query.until is None or row.at < query.until)


def matches(query: Query, row: Row) -> bool:
    """Whether a row is what the query asks for, now."""
    return could_match(query, row) and query.status in {"", row.status} and _says(query, row)


def _says(query: Query, row: Row) -> bool:
    if not query.text or query.customer_id is not None:
        return True
    wanted = query.text.lower()
    return any(wanted in said.lower() for said in (row.email, row.product, row.product_ref, row.sentence))
