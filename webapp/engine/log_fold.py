"""Counts the log a while after it was written, quarter of an hour by quarter of an hour: what pages show at a glance, and where search looks.

Nothing of it is done on the way of an event. `due` tells what has changed since, `count` counts those quarters anew, `write` puts that in
the place of what was counted before; so it is right however often it is done, and whoever asks adds what is not counted yet (`uncounted`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from math import log2
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, and_, bindparam, cast, delete, func, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.apps.registry import APPS
from webapp.engine.book import NewId
from webapp.id_times import BITS, first_id, made_at
from webapp.models import Customer, Fold, LogEntry, Marketplace, Quarter, Shape, Tally

LENGTH = timedelta(minutes=15)
"""Every time zone begins its days and hours at one of these."""

STEP = 5000
"""How many changes are counted in one go."""

LATE = timedelta(seconds=15)
"""How long a transaction may take from its `changed_at` to its commit: what is younger is counted, and counted again."""

WORDS = 400
"""Characters of a sentence that are searched."""

FINE = 8
"""Into how many parts a doubling of a duration is divided: a time is known to within 5 %."""

_MILLISECONDS = LENGTH // timedelta(milliseconds=1)
_TIME = re.compile(r"\b\d{1,2}:\d{2}\b")
_DIMENSIONS = (
    LogEntry.status, LogEntry.cause, LogEntry.trigger, LogEntry.action, LogEntry.integration_id, LogEntry.rule_id, LogEntry.product_id,
)  # fmt: skip


class Dimensions(NamedTuple):
    """What entries of one shape have in common, beside their words."""

    status: str
    cause: str
    trigger: str | None
    action: str | None
    integration_id: int | None
    rule_id: int | None
    product_id: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be counted anew: the quarters in which something has changed up to `until`."""

    quarters: Sequence[int]
    until: datetime


@dataclass(slots=True)
class Seen:
    """How many entries of a shape there are in a quarter, and between which ids."""

    number: int = 0
    first: int = 1 << 62
    last: int = 0


@dataclass(slots=True)
class Counted:
    """One quarter, counted."""

    quarter: int
    shapes: dict[tuple[Dimensions, str], Seen] = field(default_factory=lambda: defaultdict(Seen))
    statuses: Counter[str] = field(default_factory=Counter)
    took: Counter[int] = field(default_factory=Counter)


def quarter_of(row_id: int) -> int:
    """The quarter in which the row of an id was made."""
    return (row_id >> BITS) // _MILLISECONDS


def quarter_at(at: datetime) -> int:
    """The quarter in which a moment lies."""
    return quarter_of(first_id(at))


def bounds(quarter: int) -> tuple[int, int]:
    """The first id of a quarter, and the first one after it."""
    return quarter * _MILLISECONDS << BITS, (quarter + 1) * _MILLISECONDS << BITS


def begins(quarter: int) -> datetime:
    """When a quarter begins."""
    return made_at(bounds(quarter)[0])


def lagging(session: Session, now: datetime) -> list[int]:
    """The marketplaces in whose log something has changed that is not counted yet."""
    changed = select(LogEntry.id).where(
        LogEntry.marketplace_id == Marketplace.id,
        LogEntry.changed_at <= now - LATE,
        Fold.until.is_(None) | (LogEntry.changed_at > Fold.until),
    )
    return list(session.scalars(select(Marketplace.id).outerjoin(Fold, Fold.marketplace_id == Marketplace.id).where(changed.exists())))


def due(session: Session, marketplace_id: int, now: datetime) -> Step:
    """What is to be counted next."""
    changed = uncounted(marketplace_id, counted_until(session, marketplace_id))
    furthest = session.scalar(select(LogEntry.changed_at).where(*changed).order_by(LogEntry.changed_at).offset(STEP).limit(1))
    until = min(furthest or now - LATE, now - LATE)
    quarters = select(_quarter()).where(*changed, LogEntry.changed_at <= until).distinct()
    return Step(sorted(session.scalars(quarters), reverse=True), until)


def counted_until(session: Session, marketplace_id: int) -> datetime | None:
    """Up to which change a marketplace's log is counted; None where it never was."""
    return session.scalar(select(Fold.until).where(Fold.marketplace_id == marketplace_id))


def uncounted(marketplace_id: int, until: datetime | None) -> list[ColumnElement[bool]]:
    """That an entry has changed since its log was counted."""
    mine: list[ColumnElement[bool]] = [LogEntry.marketplace_id == marketplace_id]
    return mine if until is None else [*mine, LogEntry.changed_at > until]


def dirty(session: Session, marketplace_id: int) -> set[int]:
    """The quarters in which something has changed since they were counted."""
    return set(session.scalars(select(_quarter()).where(*uncounted(marketplace_id, counted_until(session, marketplace_id))).distinct()))


def count(session: Session, marketplace_id: int, quarters: Iterable[int]) -> list[Counted]:
    """These quarters, as they are now."""
    return [_count(session, marketplace_id, quarter) for quarter in quarters]


def write(session: Session, marketplace_id: int, counted: Sequence[Counted], now: datetime, new_id: NewId) -> None:
    """Put what was counted in the place of what was counted before."""
    shapes = _shapes(session, marketplace_id, {shape for one in counted for shape in one.shapes}, now, new_id)
    mine = and_(Tally.marketplace_id == marketplace_id, Tally.quarter.in_([one.quarter for one in counted]))
    change: Counter[int] = Counter()
    for shape, number in session.execute(select(Tally.shape_id, func.sum(Tally.number)).where(mine).group_by(Tally.shape_id)):
        change[shape] -= number
    session.execute(delete(Tally).where(mine))
    rows = [
        {
            "shape_id": shapes[shape], "quarter": one.quarter, "marketplace_id": marketplace_id, "number": seen.number, "first_id": seen.first,
            "last_id": seen.last,
        }
        for one in counted
        for shape, seen in one.shapes.items()
    ]  # fmt: skip
    for row in rows:
        change[row["shape_id"]] += row["number"]
    if rows:
        session.execute(insert(Tally), rows)
    changes = [{"shape": shape, "by": by} for shape, by in sorted(change.items()) if by]
    if changes:
        session.connection().execute(_MORE, changes)
        session.execute(delete(Shape).where(Shape.id.in_([one["shape"] for one in changes]), Shape.number <= 0))
    _write_quarters(session, marketplace_id, counted)


_MORE = update(Shape).where(Shape.id == bindparam("shape")).values(number=Shape.number + bindparam("by"))


def done(session: Session, marketplace_id: int, until: datetime) -> None:
    """Everything that changed up to `until` is counted."""
    upsert = _insert(session)(Fold).values(marketplace_id=marketplace_id, until=until)
    session.execute(upsert.on_conflict_do_update(index_elements=["marketplace_id"], set_={"until": until}))


def words(sentence: str, email: str) -> str:
    """A sentence without the customer's address and without times of day: those would make every sentence another one."""
    return _TIME.sub("…", sentence.replace(email, "…") if email else sentence)[:WORDS]


def part_of(took: timedelta) -> int:
    """Which part a duration belongs to."""
    return round(FINE * log2(max(took / timedelta(milliseconds=1), 1)))


def duration_of(part: int) -> timedelta:
    """The duration in the middle of a part."""
    return timedelta(milliseconds=2 ** (part / FINE))


def _quarter() -> ColumnElement[int]:
    """The quarter of an entry, for the database. The numbers are written out: an expression with parameters can't be grouped by."""
    return cast(LogEntry.id.op(">>")(literal_column(str(BITS))), BigInteger).op("/")(literal_column(str(_MILLISECONDS))).label("quarter")


_BY_PIECE = {"yield_per": 500}
"""A launch makes hundreds of thousands of entries in a quarter: never all of them at a time."""


def _count(session: Session, marketplace_id: int, quarter: int) -> Counted:
    found = Counted(quarter)
    alike = session.execute(_alike(marketplace_id, quarter), execution_options=_BY_PIECE)
    for *dimensions, sentence, number, first, last, email in alike:
        shape = found.shapes[Dimensions(*dimensions), words(sentence, email or "")]
        shape.number, shape.first, shape.last = shape.number + number, min(shape.first, first), max(shape.last, last)
        found.statuses[dimensions[0]] += number
    bought = session.execute(_bought(marketplace_id, quarter), execution_options=_BY_PIECE)
    found.took.update(part_of(finished - at) for at, finished in bought if finished)
    return found


def _alike(marketplace_id: int, quarter: int) -> Select[Any]:
    """A quarter's entries by what they have in common, each with one customer: a sentence with an address is of that one alone."""
    alike = (
        select(*_DIMENSIONS, LogEntry.sentence, func.count().label("n"), func.min(LogEntry.id).label("first"),
               func.max(LogEntry.id).label("last"), func.min(LogEntry.customer_id).label("customer"))
        .where(*_within(marketplace_id, quarter))
        .group_by(*_DIMENSIONS, LogEntry.sentence)
        .subquery()
    )  # fmt: skip
    columns = [alike.c[column.key] for column in _DIMENSIONS]
    return select(*columns, alike.c.sentence, alike.c.n, alike.c.first, alike.c.last, Customer.email).outerjoin(
        Customer, Customer.id == alike.c.customer
    )


def _bought(marketplace_id: int, quarter: int) -> Select[datetime, datetime | None]:
    """When purchases of a quarter arrived, and when what they give was given."""
    return select(LogEntry.at, LogEntry.finished_at).where(
        *_within(marketplace_id, quarter), LogEntry.status == "succeeded", LogEntry.trigger == "product_purchased",
        LogEntry.action.in_(_gives()), LogEntry.replays_id.is_(None), LogEntry.batch_id.is_(None), LogEntry.finished_at.is_not(None),
    )  # fmt: skip


@cache
def _gives() -> frozenset[str]:
    return frozenset(action.key for app in APPS.values() for action in app.actions.values() if action.adds)


def _within(marketplace_id: int, quarter: int) -> list[ColumnElement[bool]]:
    first, end = bounds(quarter)
    return [LogEntry.marketplace_id == marketplace_id, LogEntry.id >= first, LogEntry.id < end]


def _shapes(
    session: Session, marketplace_id: int, wanted: Collection[tuple[Dimensions, str]], now: datetime, new_id: NewId
) -> Mapping[tuple[Dimensions, str], int]:
    """The ids of these shapes; those that are new are made."""
    keys = {shape: blake2b(repr(shape).encode(), digest_size=16).hexdigest() for shape in wanted}
    known: dict[str, int] = {}
    for some in _pieces(sorted(keys.values()), 500):
        found = select(Shape.key, Shape.id).where(Shape.marketplace_id == marketplace_id, Shape.key.in_(some))
        known |= {key: shape for key, shape in session.execute(found)}  # noqa: C416  a result's rows are no pairs to dict()
    rows = [
        {"id": new_id(now), "marketplace_id": marketplace_id, "key": key, **shape[0]._asdict(), "words": shape[1], "number": 0}
        for shape, key in keys.items()
        if key not in known
    ]
    if rows:
        session.execute(insert(Shape), rows)
    known |= {row["key"]: row["id"] for row in rows}
    return {shape: known[key] for shape, key in keys.items()}


def _write_quarters(session: Session, marketplace_id: int, counted: Sequence[Counted]) -> None:
    mine = and_(Quarter.marketplace_id == marketplace_id, Quarter.quarter.in_([one.quarter for one in counted]))
    session.execute(delete(Quarter).where(mine))
    rows = [
        {
            "marketplace_id": marketplace_id,
            "quarter": one.quarter,
            "statuses": dict(one.statuses),
            "took": {str(p): n for p, n in one.took.items()},
        }
        for one in counted
        if one.statuses
    ]
    if rows:
        session.execute(insert(Quarter), rows)


def _insert(session: Session) -> Any:
    return postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert


def _pieces(of: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (of[start : start + size] for start in range(0, len(of), size))
