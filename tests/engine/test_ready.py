"""Statements that are compiled once: they give and take what SQLAlchemy itself would, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, case, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from tests import factories
from webapp.engine.ready import MOST_ROWS, among, ask, change, write
from webapp.models import Event, Lane, LogEntry, Source

AT = datetime(2026, 11, 24, 9, 30, 0, 250, timezone(timedelta(hours=1)))
EVENTS = insert(Event)


def events(session: Session, many: int) -> list[dict[str, object]]:
    """So many rows of a source."""
    shop = factories.make_marketplace(session)
    source = Source(id=7, marketplace_id=shop.id, kind="cartwheel", address="there", secret=b"s", created_at=AT)
    session.add(source)
    session.flush()
    return [
        {
            "id": number, "marketplace_id": shop.id, "source_id": 7, "key": f"k{number}", "type": "order.created", "at": AT,
            "received_at": AT, "body": b"\0{}", "errors": [{"field": "é", "message": "%"}] if number % 2 else None,
        }
        for number in range(many)
    ]  # fmt: skip


@pytest.mark.parametrize("many", [1, 2, 3, MOST_ROWS - 1, MOST_ROWS, 2 * MOST_ROWS + 5])
def test_rows_are_written_as_the_library_writes_them(session: Session, many: int) -> None:
    rows = events(session, many)
    assert write(session, EVENTS, rows) == many
    for row, event in zip(rows, session.scalars(select(Event).order_by(Event.id)), strict=True):
        assert (event.id, event.key, event.body, event.at, event.errors) == (row["id"], row["key"], row["body"], AT, row["errors"])
        assert event.test is False  # what no row names has the column's own value


def test_rows_are_read_as_the_library_reads_them(session: Session) -> None:
    write(session, EVENTS, events(session, 2))
    statement = select(Event.id, Event.at, Event.test, Event.errors, Event.body).where(among(Event.key, "keys")).order_by(Event.id)
    found = [tuple(row) for row in ask(session, statement, keys=["k0", "k1", "none"])]
    assert found == [(0, AT, False, None, b"\0{}"), (1, AT, False, [{"field": "é", "message": "%"}], b"\0{}")]
    assert found[0][1].tzinfo is UTC


@pytest.mark.parametrize(("keys", "found"), [([], []), (["k3"], [3]), (['k", "k3'], []), ([f"k{n}" for n in range(3, 400)], [3, 4])])
def test_a_list_may_have_any_length(session: Session, keys: list[str], found: list[int]) -> None:
    write(session, EVENTS, events(session, 5))
    statement = select(Event.id).where(among(Event.key, "keys"), Event.test.is_(False)).order_by(Event.id)
    assert [event for (event,) in ask(session, statement, keys=keys)] == found


def test_what_the_orm_has_not_written_yet_is_found(session: Session) -> None:
    shop = factories.make_marketplace(session)
    lane = factories.make_lane(session, factories.make_customer(session, shop), factories.make_integration(session, shop))
    lane.attempts = 3
    assert [*ask(session, select(Lane.attempts).where(among(Lane.id, "lanes")), lanes=[lane.id])] == [(3,)]


def test_a_change_tells_how_many_rows_it_changed(session: Session) -> None:
    rows = events(session, 4)
    write(session, EVENTS, rows)
    named = update(Event).where(among(Event.id, "events")).values(type=case((Event.type.in_(["a", "b"]), "c"), else_=bindparam("new")))
    assert change(session, named, events=[1, 2, 99], new="b") == 2
    each = update(Event).where(Event.id == bindparam("event")).values(key=bindparam("new"))
    assert write(session, each, [{"event": 1, "new": "x"}, {"event": 77, "new": "y"}]) == 1
    assert session.execute(select(Event.key, Event.type).where(Event.id == 1)).one() == ("x", "b")


def test_mistakes_are_told(session: Session) -> None:
    rows = events(session, 3)
    with pytest.raises(KeyError):
        write(session, EVENTS, [rows[0], {name: value for name, value in rows[2].items() if name != "body"}])
    with pytest.raises(KeyError):
        ask(session, select(Event.id).where(among(Event.id, "events")))
    with pytest.raises(ValueError, match="without a zone"):
        write(session, EVENTS, [{**rows[0], "at": AT.replace(tzinfo=None)}])
    with pytest.raises(TypeError, match="no value of its own"):
        write(session, insert(LogEntry.__table__.metadata.tables["integrations"]), [{"id": 1}])
    with pytest.raises(IntegrityError):
        write(session, EVENTS, [rows[0], {**rows[1], "key": "k0"}])


def test_what_fails_at_a_later_row_is_the_librarys_error(session: Session) -> None:
    """SQLite looks for a row when it is fetched: a disc that fails meanwhile is answered with 503 as one that fails at once."""
    rows = events(session, 2)
    write(session, EVENTS, [{**rows[0], "id": -(2**63) + 1}, {**rows[1], "id": 5}])
    edge = bindparam("edge", type_=Event.id.type)
    with pytest.raises(DBAPIError):
        ask(session, select(func.abs(case((Event.id == 5, edge), else_=Event.id))).order_by(Event.id), edge=-(2**63))


def test_a_savepoint_takes_back_what_was_written_in_it(session: Session) -> None:
    rows = events(session, 2)
    with pytest.raises(IntegrityError), session.begin_nested():
        write(session, EVENTS, rows[:1])
        write(session, EVENTS, rows[:1])
    assert write(session, EVENTS, rows) == 2
