"""The working set of one intake transaction: who bought what, as read at its start, and the rows to write at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from webapp.engine.subscriptions import Said
from webapp.models import Base, Customer, Grant, Happening, Lane, LogEntry, Marketplace, Product, Purchase, Step
from webapp.sources import Person

NewId = Callable[[datetime], int]


@dataclass(slots=True)
class Buyer:
    """A customer in this transaction. `new`: nothing can be on record for them yet."""

    id: int
    marketplace_id: int
    email: str
    new: bool


@dataclass(slots=True)
class Bought:
    """A purchase in this transaction: `models.Purchase` to be written back."""

    id: int
    marketplace_id: int
    customer_id: int
    product_id: int | None
    ground: str
    order_ref: str | None
    subscription_ref: str | None
    on_record: bool
    state: str
    state_at: datetime
    bought_at: datetime
    test: bool = False
    new: bool = False
    changed: bool = False


@dataclass(slots=True)
class Fired:
    """A happening in this transaction: `models.Happening` to be written back."""

    id: int
    trigger: str
    step_id: int | None
    at: datetime
    tie: str
    key: str
    refuted: bool
    product_id: int = 0


@dataclass
class Book:
    """What one transaction reads and writes. Rows collect in `rows` by model and are written in the order of `_WRITE_ORDER`."""

    connection: Connection
    now: datetime
    new_id: NewId
    buyers: dict[tuple[int, str], Buyer] = field(default_factory=dict)
    bought: dict[int, list[Bought]] = field(default_factory=lambda: defaultdict(list))
    steps: dict[int, list[Said]] = field(default_factory=lambda: defaultdict(list))
    fired: dict[int, list[Fired]] = field(default_factory=lambda: defaultdict(list))
    keys: set[tuple[int, str]] = field(default_factory=set)
    lanes: dict[tuple[int, int], int] = field(default_factory=dict)
    due: dict[int, datetime] = field(default_factory=dict)
    rows: dict[type[Base], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    refuted: dict[int, bool] = field(default_factory=dict)
    moved: dict[int, tuple[datetime, str, datetime]] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    fresh: dict[int, dict[str, Any]] = field(default_factory=dict)
    unusual: set[int] = field(default_factory=set)
    """Customers for whom more may have changed than the entries of this transaction ask for (see `corrections`)."""

    def id(self) -> int:
        """A new id."""
        return self.new_id(self.now)

    # ---- reading

    def open_customers(self, people: Collection[tuple[int, Person]]) -> None:
        """Find or make these customers, and lock them till the end of the transaction: intake of one customer is one at a time."""
        wanted = {(marketplace, person.email): person for marketplace, person in people}
        if not wanted:
            return
        mine = {}
        rows = []
        for (marketplace, email), person in sorted(wanted.items(), key=lambda item: item[0]):
            mine[marketplace, email] = self.id()
            rows.append(
                {
                    "id": mine[marketplace, email], "marketplace_id": marketplace, "email": email, "first_name": person.first_name,
                    "last_name": person.last_name, "seen_at": self.now, "created_at": self.now,
                }
            )  # fmt: skip
        self.connection.execute(_upsert_customers(self.connection.dialect.name), rows)
        for marketplace in sorted({m for m, _ in wanted}):
            emails = [e for m, e in wanted if m == marketplace]
            found = select(Customer.id, Customer.email).where(Customer.marketplace_id == marketplace, Customer.email.in_(emails))
            for customer_id, email in self.connection.execute(found):
                new = customer_id == mine[marketplace, email]
                self.buyers[marketplace, email] = Buyer(customer_id, marketplace, email, new)
        known = [buyer.id for buyer in self.buyers.values() if not buyer.new]
        if known:
            self._read_known(known)

    def _read_known(self, customers: Collection[int]) -> None:
        columns = (
            Purchase.id, Purchase.marketplace_id, Purchase.customer_id, Purchase.product_id, Purchase.ground, Purchase.order_ref,
            Purchase.subscription_ref, Purchase.on_record, Purchase.state, Purchase.state_at, Purchase.bought_at, Purchase.test,
        )  # fmt: skip
        for row in self.connection.execute(select(*columns).where(Purchase.customer_id.in_(customers))):
            self.bought[row.customer_id].append(Bought(*row))
        lanes = select(Lane.customer_id, Lane.integration_id, Lane.id).where(Lane.customer_id.in_(customers))
        for customer, integration, lane in self.connection.execute(lanes):
            self.lanes[customer, integration] = lane
        happenings = select(
            Happening.marketplace_id, Happening.purchase_id, Happening.id, Happening.trigger, Happening.step_id, Happening.at,
            Happening.tie, Happening.key, Happening.refuted, Happening.product_id,
        ).where(Happening.customer_id.in_(customers))  # fmt: skip
        for marketplace, purchase, *rest in self.connection.execute(happenings):
            fired = Fired(*rest)
            self.fired[purchase].append(fired)
            self.keys.add((marketplace, fired.key))
        subscribed = [p.id for c in customers for p in self.bought[c]]
        if subscribed:
            said = select(Step.purchase_id, Step.id, Step.kind, Step.at, Step.tie, Step.number, Step.total, Step.access_until).where(
                Step.purchase_id.in_(subscribed)
            )
            for purchase, *rest in self.connection.execute(said):
                self.steps[purchase].append(Said(*rest))

    def product(self, marketplace: int, external_id: str, name: str) -> tuple[int, str]:
        """Find or make a product that the snapshot does not have: its id and its name."""
        mine = self.id()
        row = {
            "id": mine, "marketplace_id": marketplace, "external_id": external_id, "name": name or external_id, "created_at": self.now,
        }  # fmt: skip
        self.connection.execute(_insert_product(self.connection.dialect.name), [row])
        found = select(Product.id, Product.name).where(Product.marketplace_id == marketplace, Product.external_id == external_id)
        product_id, known = self.connection.execute(found).one()
        if product_id == mine:  # what is kept in memory of the marketplace lacks it
            self.connection.execute(update(Marketplace).where(Marketplace.id == marketplace).values(version=Marketplace.version + 1))
        return product_id, known

    # ---- writing

    def lane(self, marketplace: int, customer: int, integration: int, due: datetime) -> int:
        """The lane of a customer at an integration, made where there is none, and due at that time at the latest."""
        lane = self.lanes.get((customer, integration))
        if lane is None:
            lane = self.lanes[customer, integration] = self.id()
            row = {"id": lane, "marketplace_id": marketplace, "customer_id": customer, "integration_id": integration, "due_at": due}
            self.fresh[lane] = row
            self.rows[Lane].append(row)
        if due < self.due.setdefault(lane, due):
            self.due[lane] = due
        if lane in self.fresh:
            self.fresh[lane]["due_at"] = self.due[lane]
        return lane

    def merge(self, keep: Bought, gone: Bought) -> None:
        """Two purchases turn out to be one: an order line told that its order and its subscription are the same."""
        self.merged[gone.id] = keep.id
        self.unusual.add(keep.customer_id)
        self.bought[keep.customer_id].remove(gone)
        for step in self.steps.pop(gone.id, []):
            self.steps[keep.id].append(step)
        self.fired[keep.id].extend(self.fired.pop(gone.id, []))
        keep.on_record = keep.on_record or gone.on_record
        keep.order_ref, keep.subscription_ref = keep.order_ref or gone.order_ref, keep.subscription_ref or gone.subscription_ref
        keep.bought_at = min(keep.bought_at, gone.bought_at)
        if gone.state_at > keep.state_at:
            keep.state, keep.state_at = gone.state, gone.state_at
        keep.changed = True
        for rows in self.rows.values():
            for row in rows:
                if row.get("purchase_id") == gone.id:
                    row["purchase_id"] = keep.id

    def flush(self) -> None:
        """Write everything. Raises IntegrityError where somebody else wrote the same first."""
        self._write_purchases()
        for model in _WRITE_ORDER:
            if rows := self.rows.pop(model, None):
                self.connection.execute(insert(model), rows)
        self._write_changes()
        self._make_due()

    def _write_purchases(self) -> None:
        for gone, keep in self.merged.items():
            for model in (Grant, Happening, Step):
                self.connection.execute(update(model).values(purchase_id=keep).where(model.purchase_id == gone))
            self.connection.execute(delete(Purchase).where(Purchase.id == gone))
        self.merged.clear()
        everybody = [p for ps in self.bought.values() for p in ps]
        if new := [_purchase_row(p) for p in everybody if p.new]:
            self.connection.execute(insert(Purchase), new)
        for p in everybody:
            if p.changed and not p.new:
                values = _purchase_row(p)
                self.connection.execute(update(Purchase).where(Purchase.id == values.pop("id")).values(values))
            p.new = p.changed = False

    def _write_changes(self) -> None:
        for happening, refuted in self.refuted.items():
            self.connection.execute(update(Happening).where(Happening.id == happening).values(refuted=refuted))
            self.connection.execute(update(Grant).where(Grant.happening_id == happening).values(void=refuted))
        for happening, (at, tie, before) in self.moved.items():
            self._move_grants(happening, at, tie, before)
            self.connection.execute(update(Happening).where(Happening.id == happening).values(at=at, tie=tie))
        self.refuted.clear()
        self.moved.clear()

    def _move_grants(self, happening: int, at: datetime, tie: str, before: datetime) -> None:
        """Its marks move with a happening, by as much; one that waits for the end of the paid period stays."""
        by = at - before
        columns = (Grant.id, Grant.at, Grant.asked_at, Grant.until, Happening.access_until)
        rows = select(*columns).join(Happening, Happening.id == Grant.happening_id).where(Happening.id == happening)
        for grant, marked, asked, until, period in self.connection.execute(rows).all():
            values = {
                "at": marked if asked and marked == period else marked + by, "tie": tie,
                "asked_at": asked + by if asked else None, "until": until + by if until else None,
            }  # fmt: skip
            self.connection.execute(update(Grant).where(Grant.id == grant).values(values))

    def _make_due(self) -> None:
        """Wake the lanes. One that is claimed or backs off comes to it by itself; its row is written all the same, so that whoever
        gives it back at this moment waits for our commit and sees what we have put there."""
        rows = [{"lane": lane, "due": due, "moment": self.now} for lane, due in sorted(self.due.items()) if lane not in self.fresh]
        if rows:
            self.connection.execute(_WAKE, rows)
        self.due.clear()
        self.fresh.clear()


_WRITE_ORDER = (Lane, Step, Happening, LogEntry, Grant)

_due = bindparam("due", type_=Lane.due_at.type)
_moment = bindparam("moment", type_=Lane.due_at.type)
_WAKE = (
    update(Lane)
    .where(Lane.id == bindparam("lane"))
    .values(
        due_at=case(
            (or_(Lane.claimed_until > _moment, Lane.retry_at > _moment), Lane.due_at),
            (and_(Lane.due_at.is_not(None), Lane.due_at <= _due), Lane.due_at),
            else_=_due,
        )
    )
)


def _purchase_row(p: Bought) -> dict[str, Any]:
    return {
        "id": p.id, "marketplace_id": p.marketplace_id, "customer_id": p.customer_id, "product_id": p.product_id, "ground": p.ground,
        "order_ref": p.order_ref, "subscription_ref": p.subscription_ref, "on_record": p.on_record, "state": p.state,
        "state_at": p.state_at, "bought_at": p.bought_at, "test": p.test,
    }  # fmt: skip


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


@cache
def _insert_product(dialect: str) -> Any:
    return _insert(dialect)(Product).on_conflict_do_nothing()
