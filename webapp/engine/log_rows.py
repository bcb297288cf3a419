"""A row of the log, as pages show it: an entry with the names it needs, and its status as it is now. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.engine.ready import among, ask
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
    LogEntry.status, LogEntry.open_lane_id, Customer.email, Product.name, Product.external_id, Integration.name, Target.name,
    Integration.attention, Integration.paused_at, Lane.claimed_until,
)  # fmt: skip


def by_id(session: Session, marketplace_id: int, ids: Collection[int], now: datetime) -> list[Row]:
    """The marketplace's entries of these ids, the newest first."""
    if not ids:
        return []
    found = ask(session, _BY_ID, marketplace=marketplace_id, ids=list(ids))
    served = {entry for (entry,) in ask(session, _SERVED, ids=[record[0] for record in found])}
    return [_row(record, record[0] in served, now) for record in found]


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


def _row(record: Sequence[Any], called: bool, now: datetime) -> Row:
    stored, lane, email, product, product_ref, integration, target, attention, paused_at, claimed_until = record[len(_COLUMNS) :]
    names = (email or "", product or "", product_ref or "", integration or "", target or "")
    is_open, stop = lane is not None, stop_of(attention, paused_at)
    status = status_of(stored, is_open, stop, claimed_until, record[_DUE], now)
    fields: list[Any] = [*record[: len(_COLUMNS)], *names, status, stop, is_open, called and not is_open]
    return Row(*fields)


_DUE = [column.key for column in _COLUMNS].index("due_at")
_BY_ID = (
    select(*_COLUMNS, *_NAMES)
    .outerjoin(Customer, Customer.id == LogEntry.customer_id)
    .outerjoin(Product, Product.id == LogEntry.product_id)
    .outerjoin(Integration, Integration.id == LogEntry.integration_id)
    .outerjoin(Target, Target.id == LogEntry.target_id)
    .outerjoin(Lane, Lane.id == LogEntry.open_lane_id)
    .where(LogEntry.marketplace_id == bindparam("marketplace"), among(LogEntry.id, "ids"))
    .order_by(LogEntry.id.desc())
)  # fmt: skip
_SERVED = select(CallEntry.entry_id).where(among(CallEntry.entry_id, "ids")).distinct()
