"""A row of the log, as pages show it: an entry with the names it needs, and its status as it is now. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from webapp.models import CallEntry, Customer, Integration, Lane, LogEntry, Product, Target

WAITING = ("queued", "retrying", "parked")
"""The statuses, as stored, of an entry that is open: what it shows may be `running` or `parked` (see `status_of`)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the log. `status` is as it shows: also `running` and `parked` by what its lane and its integration are now.

    `stop`: why its integration does nothing now, `attention` or `paused`, else "". `called`: whether a call served it; `took`: from its arrival to
    its end. `email`, `product`, `integration` and `target` are "" where it is about none.
    """

    id: int
    at: datetime
    changed_at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    sentence: str
    todo: str
    cause: str
    attempts: int
    trigger: str | None
    action: str | None
    event_id: int | None
    happening_id: int | None
    customer_id: int | None
    product_id: int | None
    rule_id: int | None
    integration_id: int | None
    batch_id: int | None
    test: bool
    email: str
    product: str
    product_ref: str
    integration: str
    target: str
    status: str
    stop: str
    open: bool
    called: bool = False

    @property
    def took(self) -> timedelta | None:
        """How long it was from the arrival to the end, where it has ended."""
        return self.finished_at - self.at if self.finished_at else None

    @property
    def says(self) -> str:
        """The sentence, or what it waits for where its integration is stopped."""
        if self.status == "parked" and self.stop:
            return f"Waits until {self.integration} is {'connected again' if self.stop == 'attention' else 'resumed'}."
        return self.sentence


_COLUMNS = (
    LogEntry.id, LogEntry.at, LogEntry.changed_at, LogEntry.finished_at, LogEntry.due_at, LogEntry.sentence, LogEntry.todo, LogEntry.cause,
    LogEntry.attempts, LogEntry.trigger, LogEntry.action, LogEntry.event_id, LogEntry.happening_id, LogEntry.customer_id, LogEntry.product_id,
    LogEntry.rule_id, LogEntry.integration_id, LogEntry.batch_id, LogEntry.test,
)  # fmt: skip
_NAMES = (
    LogEntry.status, LogEntry.open_lane_id, Customer.email, Product.name.label("product"),
    Product.external_id, Integration.name.label("integration"), Target.name.label("target"),
    Integration.attention, Integration.paused_at, Lane.claimed_until,
)  # fmt: skip


def selecting() -> Select[*tuple[Any, ...]]:
    """The statement of rows, without any condition, order or limit. `made` makes rows of what it gives."""
    return (
        select(*_COLUMNS, *_NAMES)
        .select_from(LogEntry)
        .outerjoin(Customer, Customer.id == LogEntry.customer_id)
        .outerjoin(Product, Product.id == LogEntry.product_id)
        .outerjoin(Integration, Integration.id == LogEntry.integration_id)
        .outerjoin(Target, Target.id == LogEntry.target_id)
        .outerjoin(Lane, Lane.id == LogEntry.open_lane_id)
    )


def made(session: Session, found: Iterable[Any], now: datetime) -> list[Row]:
    """Rows, in the order given, of what `selecting` found; one more query tells which of them were served by a call."""
    records = list(found)
    served = _served(session, [record.id for record in records if record.open_lane_id is None])
    return [_row(record, record.id in served, now) for record in records]


def by_id(session: Session, marketplace_id: int, ids: Collection[int], now: datetime) -> list[Row]:
    """The marketplace's entries of these ids, the newest first."""
    if not ids:
        return []
    wanted = selecting().where(and_(LogEntry.marketplace_id == marketplace_id, LogEntry.id.in_(ids)))
    return made(session, session.execute(wanted.order_by(LogEntry.id.desc())), now)


def status_of(stored: str, is_open: bool, stop: str, claimed_until: datetime | None, due_at: datetime | None, now: datetime) -> str:
    """The status that shows: `running` while its lane is claimed and it is due, `parked` while its integration is stopped, else the stored one."""
    if not is_open:
        return stored
    if claimed_until is not None and claimed_until > now and (due_at is None or due_at <= now):
        return "running"
    return "parked" if stop else stored


def stop_of(attention: str | None, paused_at: datetime | None) -> str:
    """Why an integration does nothing now: `attention`, `paused`, or "" where it works."""
    if attention:
        return "attention"
    return "paused" if paused_at else ""


def _served(session: Session, ids: Collection[int]) -> set[int]:
    if not ids:
        return set()
    return set(session.scalars(select(CallEntry.entry_id).where(CallEntry.entry_id.in_(ids)).distinct()))


def _row(record: Any, called: bool, now: datetime) -> Row:
    is_open = record.open_lane_id is not None
    stop = stop_of(record.attention, record.paused_at)
    status = status_of(record.status, is_open, stop, record.claimed_until, record.due_at, now)
    names = (record.email, record.product, record.external_id, record.integration, record.target)
    fields: list[Any] = [*record[: len(_COLUMNS)], *(name or "" for name in names), status, stop, is_open, called]
    return Row(*fields)
