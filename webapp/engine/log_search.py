"""Finds the newest entries of a query among a million, and tells how many there are, in well under a tenth of a second. Reads only.

First the newest entries are looked through, which finds what is common. What is rare is found from the other end: customers, products and
the shapes of entries (`webapp.engine.log_fold`) are few; their entries have indexes, or are known to lie between certain ids. docs/search.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import CTE, JSON, BigInteger, Select, Text, and_, cast, func, literal, literal_column, or_, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.engine import log_fold, log_query
from webapp.engine.log_query import Query, Word, has, has_plain
from webapp.models import Customer, Event, Happening, LogEntry, Shape, Tally

WALK = 2000
"""How many of the newest entries are looked through first."""

MANY = 1000
"""From so many customers on a word is a common one: their entries are met on the way. So many shapes are named by their ids."""

EACH = 10
"""How many entries a customer is reckoned to have."""

DENSE = 100_000
"""A word that so many entries are reckoned to say is found sooner by looking through them all."""

COUNTED = 5000
"""Among how many of the newest entries is counted what is common."""

RANGES = 64
"""How many spans of ids are looked through in the first statement; each further one takes twice as many."""

Status = Sequence[list[ColumnElement[bool]]]
"""What an entry of the status that is asked for must be: one list for each status, as stored, that it may have; none for any status."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries there are; where not `exact`, at least so many."""

    number: int
    exact: bool


@dataclass(frozen=True, slots=True)
class _Word:
    """A word with whom and what it means: `people` is None where they are too many to be named."""

    word: Word
    people: Sequence[int] | None
    products: Sequence[int]


@dataclass(frozen=True, slots=True)
class Search:
    """A query in its marketplace, its words looked up."""

    marketplace_id: int
    query: Query
    words: Sequence[_Word]
    status: Status
    stored: Sequence[str]

    def asked(self, any_status: bool = True, leading: bool = True) -> list[ColumnElement[bool]]:
        """All that an entry must be. `leading`: as in `log_query.conditions`."""
        found = [*log_query.conditions(self.marketplace_id, self.query, leading), *(_says(one) for one in self.words)]
        return [*found, or_(*(and_(*its) for its in self.status))] if self.status and any_status else found


def newest(session: Session, search: Search, before: int | None, limit: int) -> list[int]:
    """The ids of the newest entries that are looked for, below `before`."""
    if search.query.wrong:
        return []
    if not _needs_search(search.query):
        return _merged(session, [_select(search.asked(False), its, before, limit) for its in search.status or ([],)], limit)
    found, floor = _walk(session, search, before, limit)
    while floor is not None and len(found) < limit:
        sources = _sources(session, search, floor, limit)
        if sources is not None:
            return sorted({*found, *sources}, reverse=True)[:limit]
        further, floor = _walk(session, search, floor, limit - len(found), 8 * WALK)
        found += further
    return found[:limit]


def count(session: Session, search: Search, most: int) -> Count:
    """How many entries are looked for: exactly up to `most` where that is cheap, else at least how many."""
    if search.query.wrong:
        return Count(0, True)
    if not _needs_search(search.query):
        return _counted(session, select(LogEntry.id).where(*search.asked()), most)
    if _only_shapes(search):
        number = _by_shapes(session, search)
        return Count(min(number, most), number <= most)
    driver = min(search.words, key=lambda one: _cost(session, search, one), default=None)
    if driver is None or driver.people is None or _number(session, search, [driver]):
        first, floor = _walk(session, search, None, most, COUNTED)
        return Count(len(first), floor is None)
    asked = search.asked(leading=False)
    sources = [select(LogEntry.id).where(*asked, source).limit(most + 1) for source in _indexed(session, search, driver)]
    found = {entry for source in sources for entry in session.scalars(source)}
    return Count(min(len(found), most), len(found) <= most)


def look_up(session: Session, marketplace_id: int, query: Query, status: Status, stored: Sequence[str]) -> Search:
    """The search for a query. `stored`: the statuses, as stored, that `status` is about."""
    return Search(marketplace_id, query, [_meant(session, marketplace_id, word) for word in query.words], status, stored)


def _needs_search(query: Query) -> bool:
    """Whether no index leads to what is asked for."""
    if query.customer_id is not None or query.batch_id is not None:
        return False
    return bool(query.words or query.trigger or query.action or query.cause or query.happenings is not None) or any(
        one is not None for one in (query.integration_id, query.rule_id, query.product_id)
    )


def _meant(session: Session, marketplace_id: int, word: Word) -> _Word:
    people = session.scalars(log_query.people(marketplace_id, word).limit(MANY + 1)).all()
    products = session.scalars(log_query.products(marketplace_id, word)).all()
    return _Word(word, people if len(people) <= MANY else None, products)


def _says(one: _Word) -> ColumnElement[bool]:
    """That an entry says a word: `log_query.said`, but with people and products by their ids, and common people looked up one by one."""
    if one.people is None:
        # Not EXISTS, for which PostgreSQL would look all customers up before it begins.
        address = select(Customer.email).where(Customer.id == LogEntry.customer_id).scalar_subquery()
        of: list[ColumnElement[bool]] = [has_plain(address, one.word.text.lower())]
    else:
        of = [LogEntry.customer_id.in_(one.people)]
    of.append(LogEntry.product_id.in_(one.products))
    if one.word.in_sentences:
        of.append(has(LogEntry.sentence, one.word.text))
    if one.word.happenings:
        of.append(LogEntry.happening_id.in_(one.word.happenings))
    return or_(*of)


def _select(asked: Sequence[ColumnElement[bool]], its: Sequence[ColumnElement[bool]], before: int | None, limit: int) -> Select[int]:
    wanted = select(LogEntry.id).where(*asked, *its)
    if before is not None:
        wanted = wanted.where(LogEntry.id < before)
    return wanted.order_by(LogEntry.id.desc()).limit(limit)


def _merged(session: Session, parts: Sequence[Select[int]], limit: int) -> list[int]:
    """One index each, and the newest of all: an IN over statuses would have the database sort every entry that waits."""
    return sorted((entry for one in parts for entry in session.scalars(one)), reverse=True)[:limit]


def _walk(session: Session, search: Search, before: int | None, limit: int, steps: int = WALK) -> tuple[list[int], int | None]:
    """What is found among the newest entries, and below which entry it was not looked; None where the log ends."""
    spans = log_query.conditions(search.marketplace_id, Query(since=search.query.since, until=search.query.until))
    floors = []
    for its in search.status or ([],):
        stored = its[:1]  # the status as stored: what follows is not in the index
        at = select(LogEntry.id).where(*spans, *stored)
        at = at if before is None else at.where(LogEntry.id < before)
        floors.append(session.scalar(at.order_by(LogEntry.id.desc()).offset(steps - 1).limit(1)))
    known = [one for one in floors if one is not None]
    floor = max(known) if known else None
    asked = search.asked(False) if floor is None else [*search.asked(False), LogEntry.id >= floor]
    return _merged(session, [_select(asked, its, before, limit) for its in search.status or ([],)], limit), floor


def _sources(session: Session, search: Search, floor: int, limit: int, cheap: int = DENSE) -> list[int] | None:
    """The newest entries below `floor`, found from what is rare; None where nothing is."""
    drivers = [(_cost(session, search, one), number, one) for number, one in enumerate(search.words)]
    cost, _, driver = min(drivers, default=(_number(session, search, ()), 0, None))
    if cost > cheap or log_fold.counted_until(session, search.marketplace_id) is None:
        return None
    asked = search.asked(leading=False)
    found = set(_spans(session, search, driver, floor, limit))
    for source in _indexed(session, search, driver):
        # Not `id`, but `id + 0`: by the id the database would go through the whole log for the newest ones.
        wanted = select(LogEntry.id).where(*asked, source, LogEntry.id + 0 < floor).order_by((LogEntry.id + 0).desc()).limit(limit)
        found |= set(session.scalars(wanted))
    return sorted(found, reverse=True)[:limit]


def _indexed(session: Session, search: Search, driver: _Word | None) -> Iterator[ColumnElement[bool]]:
    """The entries that an index leads to: of the people, of the order, and all that has changed since the log was counted."""
    yield and_(*log_fold.uncounted(search.marketplace_id, log_fold.counted_until(session, search.marketplace_id)))
    if driver is not None and driver.people:
        yield LogEntry.customer_id.in_(driver.people)
    happenings = driver.word.happenings if driver is not None else search.query.happenings
    if happenings:
        events = select(Happening.event_id).where(Happening.id.in_(happenings))
        yield LogEntry.event_id.in_(select(Event.id).where(Event.id.in_(events)))


def _spans(session: Session, search: Search, driver: _Word | None, floor: int, limit: int) -> list[int]:
    """The newest entries among those that were counted under a shape that the query may mean, span by span of their ids."""
    found: list[int] = []
    shapes = _shapes(search, [driver] if driver else ())
    known = session.scalars(shapes.limit(MANY + 1)).all()
    # By their ids, where they are few: PostgreSQL takes a text's shapes for more than they are, and would go through all tallies.
    which = Tally.shape_id.in_(known if len(known) <= MANY else shapes)
    wanted = select(Tally.first_id, Tally.last_id).where(which, Tally.first_id < floor).order_by(Tally.last_id.desc())
    spans = _joined([(first, last) for first, last in session.execute(_dated(wanted, search.query))], floor)
    dialect = session.get_bind().dialect.name
    start, most = 0, RANGES
    while start < len(spans) and len(found) < limit:
        found += session.scalars(_between(search, spans[start : start + most], limit, dialect))
        start, most = start + most, 2 * most
    return found


def _dated(wanted: Select[int, int], query: Query) -> Select[int, int]:
    if query.since:
        wanted = wanted.where(Tally.quarter >= log_fold.quarter_at(query.since - log_query.ASTRAY))
    return wanted.where(Tally.quarter <= log_fold.quarter_at(query.until + log_query.ASTRAY)) if query.until else wanted


def _joined(rows: Sequence[tuple[int, int]], floor: int) -> list[tuple[int, int]]:
    """Spans that overlap are one, the newest first; none reaches up to the floor."""
    found: list[tuple[int, int]] = []
    for first, last in rows:
        high = min(last, floor - 1)
        if found and high >= found[-1][0]:
            found[-1] = min(found[-1][0], first), found[-1][1]
        else:
            found.append((first, high))
    return found


def _between(search: Search, spans: Sequence[tuple[int, int]], limit: int, dialect: str) -> Select[int]:
    listed = _listed(json.dumps(spans), dialect)
    if dialect == "postgresql":  # which takes a span for a third of the log, and would sooner go through all of it
        one = select(LogEntry.id).where(LogEntry.id >= listed.c.low, LogEntry.id <= listed.c.high, *search.asked(leading=False))
        found = one.order_by(LogEntry.id.desc()).limit(limit).lateral()
        return select(found.c.id).select_from(listed.join(found, true())).order_by(found.c.id.desc()).limit(limit)
    within = and_(LogEntry.marketplace_id == search.marketplace_id, LogEntry.id >= listed.c.low, LogEntry.id <= listed.c.high)
    wanted = select(LogEntry.id).select_from(listed).join(LogEntry, within).where(*search.asked(leading=False))
    return wanted.order_by((LogEntry.id + 0).desc()).limit(limit)


def _listed(spans: str, dialect: str) -> CTE:
    """Spans, given as one parameter: with a place for each, statements would be others for each number of them, and making one costs
    more than what it finds. Materialized, since SQLite would go through the log first."""
    if dialect == "postgresql":
        pairs = func.json_array_elements(cast(literal(spans, Text), JSON)).table_valued("value")
        ends: list[ColumnElement[int]] = [cast(pairs.c.value.op("->>")(literal_column(str(end))), BigInteger) for end in (0, 1)]
    else:
        pairs = func.json_each(spans).table_valued("value")
        ends = [func.json_extract(pairs.c.value, literal_column(f"'$[{end}]'"), type_=BigInteger) for end in (0, 1)]
    return select(ends[0].label("low"), ends[1].label("high")).select_from(pairs).cte("spans").prefix_with("MATERIALIZED")


def _shapes(search: Search, words: Sequence[_Word]) -> Select[int]:
    return select(Shape.id).where(*_of_shape(search, words))


def _of_shape(search: Search, words: Sequence[_Word]) -> list[ColumnElement[bool]]:
    """What the shape of an entry must be that is asked for, and that says these words."""
    query = search.query
    wanted = {
        Shape.trigger: query.trigger or None, Shape.action: query.action or None, Shape.cause: query.cause or None,
        Shape.integration_id: query.integration_id, Shape.rule_id: query.rule_id, Shape.product_id: query.product_id,
    }  # fmt: skip
    found: list[ColumnElement[bool]] = [Shape.marketplace_id == search.marketplace_id]
    found += [column == value for column, value in wanted.items() if value is not None]
    if search.stored:
        found.append(Shape.status.in_(search.stored))
    for one in words:
        said: list[ColumnElement[bool]] = [Shape.product_id.in_(one.products)]
        if one.word.in_sentences:
            said.append(has(Shape.words, one.word.text))
        found.append(or_(*said))
    return found


def _cost(session: Session, search: Search, one: _Word) -> int:
    """How many entries must be looked at to find those that say a word."""
    if one.people is None:
        return DENSE + 1
    return len(one.people) * EACH + _number(session, search, [one])


def _number(session: Session, search: Search, words: Sequence[_Word]) -> int:
    return session.scalar(select(func.coalesce(func.sum(Shape.number), 0)).where(*_of_shape(search, words))) or 0


def _counted(session: Session, wanted: Select[int], most: int) -> Count:
    found = session.scalar(select(func.count()).select_from(wanted.limit(most + 1).subquery())) or 0
    return Count(min(found, most), found <= most)


def _only_shapes(search: Search) -> bool:
    """Whether an entry's shape alone tells if it is meant."""
    query, waits = search.query, any(len(its) > 1 for its in search.status)
    apart = any(one.people is None or one.people or one.word.happenings for one in search.words)
    return not (apart or query.since or query.until or query.happenings is not None or waits)


def _by_shapes(session: Session, search: Search) -> int:
    """What was counted, but where something has changed since: there as it is now."""
    dirty = sorted(log_fold.dirty(session, search.marketplace_id))
    shapes = _shapes(search, search.words)
    then = select(func.coalesce(func.sum(Tally.number), 0)).where(
        Tally.shape_id.in_(shapes), Tally.marketplace_id == search.marketplace_id, Tally.quarter.in_(dirty)
    )
    number = _number(session, search, search.words) - (session.scalar(then) or 0)
    for first, end in _stretches(dirty):
        now = select(func.count()).select_from(LogEntry).where(*search.asked(), LogEntry.id >= first, LogEntry.id < end)
        number += session.scalar(now) or 0
    return number


def _stretches(quarters: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Quarters, in their order, as spans of ids: those that follow each other are one."""
    if not quarters:
        return
    gaps = [place for place, (one, other) in enumerate(pairwise(quarters), 1) if other != one + 1]
    for start, end in pairwise([0, *gaps, len(quarters)]):
        yield log_fold.bounds(quarters[start])[0], log_fold.bounds(quarters[end - 1])[1]
