"""The working set of one intake transaction: who bought what, as read at its start (opening.py), and the rows to write at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, SmallInteger, and_, bindparam, case, insert, or_, update

from webapp.engine import ranks, revisions
from webapp.engine.ready import write
from webapp.engine.revisions import Moved
from webapp.engine.subscriptions import Said
from webapp.models import Base, Grant, Happening, Lane, LogEntry, Purchase, Step

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
    more_orders: list[str] | None
    on_record: bool
    state: str
    state_at: datetime
    bought_at: datetime
    test: bool = False
    new: bool = False
    changed: bool = False

    @property
    def orders(self) -> list[str]:
        """All orders that it is known by."""
        return [self.order_ref, *(self.more_orders or ())] if self.order_ref is not None else []

    def values(self) -> dict[str, Any]:
        """Its row."""
        return {column: getattr(self, column) for column in _COLUMNS}


_COLUMNS = (
    "id", "marketplace_id", "customer_id", "product_id", "ground", "order_ref", "subscription_ref", "more_orders", "on_record", "state",
    "state_at", "bought_at", "test",
)  # fmt: skip


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
    access_until: datetime | None = None

    @property
    def name(self) -> str:
        """What tells it from another of its trigger on the same purchase. The key may still name a purchase that was merged since."""
        return self.key.split(":", 2)[2]


@dataclass
class Book:
    """What one transaction reads and writes. Rows collect in `rows` by model and are written in the order of `_WRITE_ORDER`.

    `lanes`: by customer and integration. `ranks`: how urgent what is asked of them here is. `refuted`, `moved` (by happening) and `merged` (by
    purchase): what a late message changes of what is on record. `batch_id`: the batch whose entries it writes, if it is one's.
    """

    connection: Connection
    now: datetime
    new_id: NewId
    batch_id: int | None = None
    buyers: dict[tuple[int, str], Buyer] = field(default_factory=dict)
    bought: dict[int, list[Bought]] = field(default_factory=lambda: defaultdict(list))
    steps: dict[int, list[Said]] = field(default_factory=lambda: defaultdict(list))
    fired: dict[int, list[Fired]] = field(default_factory=lambda: defaultdict(list))
    lanes: dict[tuple[int, int], int] = field(default_factory=dict)
    rows: dict[type[Base], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    ranks: dict[int, int] = field(default_factory=dict)
    fresh: dict[int, dict[str, Any]] = field(default_factory=dict)
    refuted: dict[int, bool] = field(default_factory=dict)
    moved: dict[int, Moved] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)

    def id(self) -> int:
        """A new id."""
        return self.new_id(self.now)

    def all_fired(self, buyer: Buyer) -> list[Fired]:
        """All happenings of a customer."""
        return [fired for purchase in self.bought[buyer.id] for fired in self.fired[purchase.id]]

    def lane(self, marketplace: int, customer: int, integration: int, due: datetime, rank: int) -> int:
        """The lane of a customer at an integration. One that is made here is due at that time at the latest; the others are due anyway."""
        lane = self.lanes.get((customer, integration))
        if lane is None:
            lane = self.lanes[customer, integration] = self.id()
            self.fresh[lane] = {
                "id": lane, "marketplace_id": marketplace, "customer_id": customer, "integration_id": integration, "due_at": due,
                "rank": rank,
            }  # fmt: skip
            self.rows[Lane].append(self.fresh[lane])
        elif lane in self.fresh:
            self.fresh[lane]["due_at"] = min(due, self.fresh[lane]["due_at"])
            self.fresh[lane]["rank"] = min(rank, self.fresh[lane]["rank"])
        else:
            self.ranks[lane] = min(rank, self.ranks.get(lane, rank))
        return lane

    def merge(self, keep: Bought, gone: Bought) -> None:
        """Two purchases turn out to be one: all that is on record of the one is the other's."""
        self.merged[gone.id] = keep.id
        self.bought[keep.customer_id].remove(gone)
        self.steps[keep.id].extend(self.steps.pop(gone.id, []))
        self.fired[keep.id].extend(self.fired.pop(gone.id, []))
        for rows in self.rows.values():
            for row in rows:
                if row.get("purchase_id") == gone.id:
                    row["purchase_id"] = keep.id

    def flush(self) -> bool:
        """Write everything. Returns whether lanes were made due. Raises IntegrityError where somebody else wrote the same first."""
        self._write_purchases()
        for model in _WRITE_ORDER:
            if rows := self.rows.pop(model, None):
                write(self.connection, _INSERT[model], rows)
        due = self._make_due()  # before entries are changed: workers, too, lock a lane before its entries
        revisions.move(self.connection, self.moved)
        revisions.refute(self.connection, self.refuted)
        return due

    def _write_purchases(self) -> None:
        everybody = [p for ps in self.bought.values() for p in ps]
        if new := [p.values() for p in everybody if p.new]:
            write(self.connection, _INSERT[Purchase], new)
        revisions.merge(self.connection, self.merged)
        for p in everybody:
            if p.changed and not p.new:
                self.connection.execute(update(Purchase).where(Purchase.id == p.id).values(p.values()))

    def _make_due(self) -> bool:
        """Have every lane of these customers looked at: whatever is said of somebody may change what came before. One that is claimed or
        backs off comes to it by itself; whoever gives it back at this moment waits for our commit, and sees that it must be looked at."""
        known = sorted(set(self.lanes.values()) - set(self.fresh))
        rows = [{"lane": lane, "moment": self.now, "urgency": self.ranks.get(lane, ranks.LEAVES)} for lane in known]
        if rows:
            write(self.connection, _LOOK, rows)
        return bool(rows or self.fresh)


_WRITE_ORDER = (Lane, Step, Happening, LogEntry, Grant)
_INSERT = {model: insert(model) for model in (Purchase, *_WRITE_ORDER)}

_moment = bindparam("moment", type_=Lane.due_at.type)
_urgency = bindparam("urgency", type_=SmallInteger)
_LOOK = (
    update(Lane)
    .where(Lane.id == bindparam("lane"))
    .values(
        look_at=_moment,
        rank=case((and_(Lane.due_at.is_not(None), Lane.due_at <= _moment, Lane.rank < _urgency), Lane.rank), else_=_urgency),
        due_at=case(
            (or_(Lane.claimed_until > _moment, Lane.retry_at > _moment), Lane.due_at),
            (and_(Lane.due_at.is_not(None), Lane.due_at <= _moment), Lane.due_at),
            else_=_moment,
        ),
    )
)
