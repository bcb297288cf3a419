"""Reading the log: a part of it for a query, how many entries there are of each status, and what has changed. Nothing is changed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, bindparam, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.engine import log_query, log_rows, log_search
from webapp.engine.log_query import Query
from webapp.engine.log_rows import WAITING, Row
from webapp.engine.log_search import Count, Search
from webapp.engine.ready import ask
from webapp.models import Integration, Lane, LogEntry

PART = 50
"""How many entries one part of the list has."""

MOST = 1000
"""How far entries of a status are counted: a page must not wait for a count of a million."""

COUNTED = 10_000
"""How far what a query finds is counted."""

FURTHEST = 5000
"""How many changes a page that comes back is told of at most."""

OVERLAP = timedelta(seconds=15)
"""How long a transaction may take from its `changed_at` to its commit and be seen all the same."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the list, the newest first, and whether there are older ones."""

    rows: list[Row]
    older: bool


@dataclass(frozen=True, slots=True)
class News:
    """What changed since a moment: `known` rows are not new to a page that was made then, `fresh` ones are; `more`: fresh ones not given."""

    known: list[Row]
    fresh: list[Row]
    more: int = 0


def part(session: Session, marketplace_id: int, query: Query, now: datetime, before: int | None = None, limit: int = PART) -> Part:
    """The newest entries that the query asks for, below the entry `before` if there is one."""
    return _part(session, _search(session, marketplace_id, query, now), now, before, limit)


def counted(session: Session, marketplace_id: int, query: Query, now: datetime, before: int | None = None) -> tuple[Part, Count]:
    """A part, and how many entries there are in all, exactly up to COUNTED where that is cheap."""
    search = _search(session, marketplace_id, query, now)
    found = _part(session, search, now, before, PART)
    if before is None and not found.older:
        return found, Count(len(found.rows), True)
    count = log_search.count(session, search, COUNTED)
    return found, replace(count, number=max(count.number, len(found.rows) + found.older))


def every(session: Session, marketplace_id: int, query: Query, now: datetime, limit: int = 500) -> Iterator[Row]:
    """All entries that the query asks for, the newest first, read in parts."""
    before = None
    while True:
        found = part(session, marketplace_id, query, now, before, limit)
        yield from found.rows
        if not found.older:
            return
        before = found.rows[-1].id


def matching(session: Session, marketplace_id: int, query: Query, now: datetime) -> Select[int]:
    """The statement of the ids of all entries that the query asks for, in no order: for work on all of them. A page takes `part`."""
    asked = [*log_query.conditions(marketplace_id, query), *log_query.said(marketplace_id, query)]
    parts = _by_status(session, marketplace_id, query.status, now)
    if parts:
        asked.append(or_(*(and_(*its) for its in parts)))
    return select(LogEntry.id).where(*asked)


def counts(session: Session, marketplace_id: int, now: datetime) -> Mapping[str, int]:
    """How many entries there are of each status that shows, up to MOST: those that have more say MOST. What there is none of is left out."""
    found = Counter({row.status: row.number for row in session.execute(_closed(marketplace_id))})
    for row in session.execute(_open(marketplace_id, now)):
        found["running" if row.claimed else "parked" if row.stopped else row.status] += row.number
    return {status: min(found[status], MOST) for status in log_query.STATUSES if found[status]}


def changed(session: Session, marketplace_id: int, since: datetime, until: datetime) -> dict[int, datetime]:
    """The entries that have changed after a moment and no later than another, and when: read from an index alone."""
    return dict(ask(session, _CHANGED, marketplace=marketplace_id, since=since, until=until))


def stops(session: Session, marketplace_id: int) -> dict[int, str]:
    """Why each integration of a marketplace does nothing now; "" where it works."""
    found = select(Integration.id, Integration.attention, Integration.paused_at).where(Integration.marketplace_id == marketplace_id)
    return {one: log_rows.stop_of(attention, paused) for one, attention, paused in session.execute(found)}


def waiting_for(session: Session, marketplace_id: int, integration_id: int, limit: int) -> list[int]:
    """The newest entries that wait for an integration: how they show changes with it, though they do not change."""
    own = [LogEntry.marketplace_id == marketplace_id, LogEntry.integration_id == integration_id]
    return _merged(session, [_newest([*own, LogEntry.status == stored], limit) for stored in WAITING], limit)


def news(
    session: Session, marketplace_id: int, query: Query, since: datetime, top: int, floor: int, now: datetime, limit: int = 200
) -> News:
    """What a page that knows everything up to `since` and shows the entries from `floor` to `top` (0 for none) has missed.

    Known rows come whether they still match or not; they are those of the query but for status, cause and words. With the overlap some come twice.
    """
    fixed = [LogEntry.id.in_(_recent(marketplace_id, since - OVERLAP)), *log_query.conditions(marketplace_id, replace(query, cause=""))]
    shown = select(LogEntry.id).where(*fixed, LogEntry.id <= top, LogEntry.id >= floor)
    known = session.scalars(shown.order_by(LogEntry.id.desc()).limit(limit)).all()
    after = select(LogEntry.id).where(*fixed, *log_query.said(marketplace_id, query), LogEntry.id > top).order_by(LogEntry.id.desc())
    fresh = session.scalars(after.limit(limit + MOST)).all()
    rows = [row for row in log_rows.by_id(session, marketplace_id, fresh[:limit], now) if log_query.matches(query, row)]
    return News(log_rows.by_id(session, marketplace_id, known, now), rows, len(fresh) - len(fresh[:limit]))


def _recent(marketplace_id: int, since: datetime) -> Select[int]:
    """The entries that changed last, from the index that knows: ordered by id, the database would look through the whole log for them."""
    changed_last = (
        select(LogEntry.id)
        .where(LogEntry.marketplace_id == marketplace_id, LogEntry.changed_at > since)
        .order_by(LogEntry.changed_at.desc())
        .limit(FURTHEST)
    )
    return select(changed_last.subquery().c.id)


def _search(session: Session, marketplace_id: int, query: Query, now: datetime) -> Search:
    parts = _by_status(session, marketplace_id, query.status, now)
    return log_search.look_up(session, marketplace_id, query, parts, _stored(query.status))


def _part(session: Session, search: Search, now: datetime, before: int | None, limit: int) -> Part:
    ids = log_search.newest(session, search, before, limit + 1)
    return Part(log_rows.by_id(session, search.marketplace_id, ids[:limit], now), len(ids) > limit)


def _newest(conditions: list[ColumnElement[bool]], limit: int) -> Select[int]:
    return select(LogEntry.id).where(*conditions).order_by(LogEntry.id.desc()).limit(limit)


def _merged(session: Session, parts: list[Select[int]], limit: int) -> list[int]:
    """One index each, and the newest of all: an IN over statuses would have the database sort every entry that waits."""
    found = [entry for one in parts for entry in session.scalars(one)]
    return sorted(found, reverse=True)[:limit]


def _stored(status: str) -> Sequence[str]:
    """The statuses, as stored, that entries of a status that shows may have; none for every status."""
    if not status:
        return ()
    return WAITING if status in {*WAITING, "running"} else (status,)


def _by_status(session: Session, marketplace_id: int, status: str, now: datetime) -> list[list[ColumnElement[bool]]]:
    """The conditions of a status that shows, one list for each status, as stored, under which its entries may be; that status comes first."""
    if not status:
        return []
    if status not in {*WAITING, "running"}:
        return [[LogEntry.status == status]]
    due = or_(LogEntry.due_at.is_(None), LogEntry.due_at <= now)
    claimed = select(Lane.id).where(Lane.id == LogEntry.open_lane_id, Lane.claimed_until > now).exists()
    if status == "running":
        return [[LogEntry.status == stored, claimed, due] for stored in WAITING]
    idle = or_(~claimed, ~due)
    stopped = [one for one, why in stops(session, marketplace_id).items() if why]
    if status == "parked":
        halted = LogEntry.integration_id.in_(stopped)
        return [[LogEntry.status == "parked", idle], *([LogEntry.status == stored, halted, idle] for stored in ("queued", "retrying"))]
    return [[LogEntry.status == status, LogEntry.integration_id.not_in(stopped), idle]]


def _closed(marketplace_id: int) -> Select[str, int]:
    """How many there are of each status that is shown as stored, each up to MOST."""
    statuses = [status for status in log_query.STATUSES if status not in {*WAITING, "running"}]
    counted = [
        select(literal(status).label("status"), func.count().label("number")).select_from(
            select(literal(1)).where(LogEntry.marketplace_id == marketplace_id, LogEntry.status == status).limit(MOST).subquery()
        )
        for status in statuses
    ]
    found = union_all(*counted).subquery()
    return select(found.c.status, found.c.number)


def _open(marketplace_id: int, now: datetime) -> Select[str, bool, bool, int]:
    """The newest MOST entries of each status that waits, counted by what decides how they show."""
    newest = union_all(
        *(
            select(
                select(LogEntry.status, LogEntry.integration_id, LogEntry.open_lane_id, LogEntry.due_at)
                .where(LogEntry.marketplace_id == marketplace_id, LogEntry.status == stored)
                .order_by(LogEntry.id.desc())
                .limit(MOST)
                .subquery()
            )
            for stored in WAITING
        )
    ).subquery()
    due = or_(newest.c.due_at.is_(None), newest.c.due_at <= now)
    claimed = case((and_(Lane.claimed_until > now, due), True), else_=False).label("claimed")
    stopped = case((or_(Integration.attention.is_not(None), Integration.paused_at.is_not(None)), True), else_=False).label("stopped")
    return (
        select(newest.c.status, stopped, claimed, func.count().label("number"))
        .select_from(newest)
        .outerjoin(Integration, Integration.id == newest.c.integration_id)
        .outerjoin(Lane, Lane.id == newest.c.open_lane_id)
        .group_by(newest.c.status, stopped, claimed)
    )


_CHANGED = select(LogEntry.id, LogEntry.changed_at).where(
    LogEntry.marketplace_id == bindparam("marketplace"), LogEntry.changed_at > bindparam("since"), LogEntry.changed_at <= bindparam("until")
)
