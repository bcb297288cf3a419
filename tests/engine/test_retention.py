"""How long the log is kept: what goes, what stays, and that the disk gets it back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pysqlite3 import dbapi2
from sqlalchemy.orm import Session

from tests import factories
from tests.engine.shop import Shop
from tests.factories import NOW
from webapp.database import WRITES, options, prepare
from webapp.engine import retention
from webapp.id_times import first_id
from webapp.models import Base, Call, CallEntry, Check, Event, Grant, Happening, LogEntry, Marketplace, Purchase

LONG_AGO = NOW - timedelta(days=91)


@pytest.fixture
def market(session: Session) -> Marketplace:
    return factories.make_marketplace(session)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_LEAST", 3)
    monkeypatch.setattr(retention, "STEP", 2)


def event(session: Session, market: Marketplace, at: object = LONG_AGO) -> int:
    made = first_id(at) + factories.new_id()  # type: ignore[arg-type]
    session.add(Event(id=made, marketplace_id=market.id, key=str(made), type="x", at=at, received_at=at, body=b"{}"))
    session.flush()
    return made


def cut(session: Session, market: Marketplace) -> int:
    steps = 1
    while retention.cut(session, market.id, NOW).more:
        steps += 1
    session.expire_all()
    return steps


def test_what_is_older_goes_with_its_events_and_calls(session: Session, market: Marketplace) -> None:
    lane = factories.make_lane(session, factories.make_customer(session, market), factories.make_integration(session, market))
    elsewhere = factories.make_marketplace(session)
    theirs = factories.make_entry(session, elsewhere, at=LONG_AGO)
    old = [factories.make_entry(session, market, at=LONG_AGO, event_id=event(session, market)) for _ in range(5)]
    waits = factories.make_entry(session, market, lane, at=LONG_AGO, event_id=event(session, market))
    theirs_too = {"at": NOW - timedelta(days=89), "customer_id": lane.customer_id}
    young = [factories.make_entry(session, market, event_id=event(session, market), **theirs_too) for _ in range(3)]
    for number, served in ((1, [old[0]]), (2, [old[1], young[0]])):
        session.add(Call(id=number, lane_id=lane.id, integration_id=1, at=LONG_AGO, method="GET", path="/", status=200, duration_ms=1))
        session.flush()
        session.add_all([CallEntry(entry_id=one.id, call_id=number) for one in served])
    session.add_all(
        [
            Check(lane_id=lane.id),
            Call(id=3, lane_id=lane.id, integration_id=1, at=LONG_AGO, method="GET", path="/", status=200, duration_ms=1),
        ]
    )
    session.flush()
    kept = {one.id for one in [theirs, waits, *young]}
    left = {one.event_id for one in [waits, *young]}
    assert retention.overdue(session, market.id, NOW)
    assert cut(session, market) > 3
    assert set(session.scalars(sa.select(LogEntry.id))) == kept
    assert set(session.scalars(sa.select(Event.id))) == left
    assert session.scalars(sa.select(Call.id)).all() == [2]
    assert not retention.overdue(session, market.id, NOW)


def test_the_newest_stay_however_old_they_are(session: Session, market: Marketplace) -> None:
    made = [factories.make_entry(session, market, at=LONG_AGO).id for _ in range(5)]
    cut(session, market)
    assert sorted(session.scalars(sa.select(LogEntry.id))) == made[2:]


def test_what_decides_stays_and_goes_on_to_be_explained(shop: Shop) -> None:
    room = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", room, "ads")
    shop.rule("product_refunded", "remove_from_space", room, "ads")
    shop.tell("purchased", "mina@shop.test", "ads", order="1")
    shop.work()
    shop.tell("refunded", "mina@shop.test", "ads", order="1", at=shop.now + timedelta(minutes=1))
    shop.work()
    with shop.write() as session:
        session.execute(sa.delete(LogEntry))
        session.execute(sa.delete(Event))
    shop.tell("purchased", "mina@shop.test", "ads", order="1", key="again", at=shop.now - timedelta(hours=1))
    shop.work()
    assert [len(shop.rows(model)) for model in (Purchase, Happening, Grant)] == [1, 2, 2]
    assert shop.holds("mina@shop.test") == {"member"}


def test_sqlite_gives_the_disk_back(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    engine = sa.create_engine(f"sqlite+pysqlite:///{path}", **options("sqlite"))
    prepare(engine)
    Base.metadata.create_all(engine)

    def write(act: object) -> object:
        with engine.connect().execution_options(**WRITES) as connection, connection.begin(), Session(connection) as session:
            return act(session)  # type: ignore[operator]

    def fill(session: Session) -> None:
        market = factories.make_marketplace(session)
        for _ in range(300):
            factories.make_entry(session, market, sentence="x" * 3000)

    write(fill)
    full = _size(path)
    write(lambda session: session.execute(sa.delete(LogEntry)))
    while write(retention.give_back):
        pass
    assert _size(path) < full / 3
    engine.dispose()


def _size(path: Path) -> int:
    """The file's size once everything is in it."""
    with dbapi2.connect(str(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size
