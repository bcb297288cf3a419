"""What is still to come for a customer: what waits for its time, and timed access that runs out. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP
from webapp.engine import records
from webapp.engine.access import Record, Verdict, desired
from webapp.models import Integration, Lane, LogEntry, Product, Target


@dataclass(frozen=True, slots=True)
class Coming:
    """Something that time brings: at `at`, to a target of an integration ("" for the membership).

    `entry_id`: the entry that waits for it; None where access runs out. `sentence`: what the entry says of itself. `product`: what it is about.
    `kept`: as things stand nothing will be taken then, since something else grants it, or a recovery has called it off.
    """

    at: datetime
    integration: str
    target: str
    kind: str
    entry_id: int | None = None
    sentence: str = ""
    product: str = ""
    kept: bool = False


def coming(session: Session, customer_id: int, now: datetime) -> list[Coming]:
    """Everything that is to come, the next first."""
    lanes = session.execute(
        select(Lane.id, Integration.name)
        .join(Integration, Integration.id == Lane.integration_id)
        .where(Lane.customer_id == customer_id, Integration.deleted_at.is_(None))
    )
    names: dict[int, str] = dict(lanes.all())
    on_record = records.load(session, list(names), grounds=True)
    found = [*_waiting(session, customer_id, on_record, now), *_running_out(session, names, on_record, now)]
    return sorted(found, key=lambda one: (one.at, one.entry_id or 0))


def _waiting(session: Session, customer_id: int, on_record: Mapping[int, Record], now: datetime) -> Iterator[Coming]:
    """Entries that wait for a time of their own: grace, the end of a paid period, an abandoned cart."""
    rows = session.execute(
        select(LogEntry, Integration.name, Target, Product.name)
        .join(Integration, Integration.id == LogEntry.integration_id)
        .join(Target, Target.id == LogEntry.target_id)
        .join(Product, Product.id == LogEntry.product_id, isouter=True)
        .where(LogEntry.customer_id == customer_id, LogEntry.open_lane_id.is_not(None), LogEntry.due_at > now, LogEntry.status == "queued")
    )
    for entry, integration, target, product in rows:
        due = entry.due_at or now
        record = on_record.get(entry.lane_id or 0)
        marks = [m for m in record.marks if m.entry == entry.id] if record else []
        takes = any(m.op != "open" for m in marks)
        kept = bool(record and takes and _at(record, target.id, due).held)
        yield Coming(due, integration, _name(target), target.kind, entry.id, entry.sentence, product or "", kept)


def _running_out(session: Session, names: Mapping[int, str], on_record: Mapping[int, Record], now: datetime) -> Iterator[Coming]:
    """What is held for a time, and by nothing else beyond it."""
    ends = [(lane, target, at) for lane, record in on_record.items() for target, at in _ends(record, now)]
    targets = {one.id: one for one in session.scalars(select(Target).where(Target.id.in_({target for _, target, _ in ends})))}
    for lane, key, at in ends:
        yield Coming(at, names[lane], _name(targets[key]), targets[key].kind)


def _ends(record: Record, now: datetime) -> Iterator[tuple[int, datetime]]:
    """The targets that are held now, and when they no longer are by time alone, for want of an opening that lasts."""
    for target, verdict in desired(record, now).items():
        times = [m.until for m in verdict.because if m.until is not None and m.target == target]
        last = max(times, default=None)
        if last is not None and _at(record, target, last).expired:
            yield target, last


def _at(record: Record, target: int, moment: datetime) -> Verdict:
    return desired(record, moment).get(target, Verdict(False))


def _name(target: Target) -> str:
    return "" if target.kind == MEMBERSHIP else target.name
