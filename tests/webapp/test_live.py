"""What open log pages are told: everything that changes, once, also what commits late, without Redis, and until they end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import make_settings
from tests.factories import NOW
from webapp import create_app, doorbell, live
from webapp.config import Settings
from webapp.database import db, writing
from webapp.engine import log_rows, logs
from webapp.live import Live, Stream, Watch
from webapp.models import Integration, LogEntry, Marketplace
from webapp.parts import parts

PATIENCE = 30.0
"""Seconds after which a test that hears nothing fails."""

Write = Callable[[], AbstractContextManager[Session]]


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    made.extensions["cartwheel"] = replace(made.extensions["cartwheel"], now=lambda: NOW)
    yield made
    _end(made.extensions["cartwheel_live"])
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def write(app: Flask) -> Write:
    @contextmanager
    def opened() -> Iterator[Session]:
        with app.app_context(), writing() as session:
            yield session

    return opened


@pytest.fixture
def market(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session)


def _end(hub: Live) -> None:
    hub.stop()
    hub.join(PATIENCE)


def _entry(write: Write, market: Marketplace, changed_at: datetime = NOW) -> int:
    with write() as session:
        return factories.make_entry(session, market, changed_at=changed_at).id


def _touch(write: Write, entry: int, at: datetime, **values: object) -> None:
    with write() as session:
        session.execute(update(LogEntry).where(LogEntry.id == entry).values(changed_at=at, **values))


def _look(app: Flask, watch: Watch, now: datetime = NOW, back: timedelta = logs.OVERLAP) -> list[int]:
    with app.app_context():
        return [row.id for row in watch.look(db.session(), now, back)]


def _told(stream: Stream) -> list[int]:
    rows, _ = stream.take(PATIENCE)
    return [row.id for row in rows]


def test_a_change_is_told_once_and_again_when_it_changes_again(app: Flask, write: Write, market: Marketplace) -> None:
    watch, entry = Watch(market.id, NOW), _entry(write, market)
    later = NOW + timedelta(seconds=1)
    assert _look(app, watch) == [entry]
    assert _look(app, watch) == []
    _touch(write, entry, later)
    assert _look(app, watch, later) == [entry]
    assert watch.cursor == later


def test_what_commits_late_is_told_all_the_same(app: Flask, write: Write, market: Marketplace) -> None:
    watch = Watch(market.id, NOW)
    _look(app, watch)
    first = _entry(write, market, NOW)
    assert _look(app, watch) == [first]
    late = _entry(write, market, NOW - logs.OVERLAP + timedelta(seconds=1))
    assert _look(app, watch, back=live.BRIEF) == []
    assert _look(app, watch) == [late]


def test_a_clock_that_is_ahead_hides_nothing(app: Flask, write: Write, market: Marketplace) -> None:
    watch, ahead = Watch(market.id, NOW), _entry(write, market, NOW + timedelta(hours=1))
    assert _look(app, watch) == [ahead]
    usual = _entry(write, market, NOW + timedelta(seconds=1))
    assert _look(app, watch, NOW + timedelta(seconds=1)) == [usual]
    watch.forget()
    assert _look(app, watch, NOW + timedelta(seconds=2)) == []


def test_more_than_fits_goes_with_the_next_look(app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "AT_ONCE", 2)
    watch = Watch(market.id, NOW)
    made = [_entry(write, market, NOW + timedelta(minutes=number)) for number in range(5)]
    seen = []
    for more in (True, True, False):
        watch.told = False
        seen.append(_look(app, watch, NOW + timedelta(hours=1), live.BRIEF))
        assert watch.told is more
    assert seen == [made[1::-1], made[3:1:-1], made[4:]]


def test_entries_change_with_their_integration(app: Flask, write: Write, market: Marketplace) -> None:
    with write() as session:
        integration = factories.make_integration(session, market)
        lane = factories.make_lane(session, factories.make_customer(session, market), integration)
        entry = factories.make_entry(session, market, lane, changed_at=NOW - timedelta(days=1)).id
        factories.make_entry(session, market, changed_at=NOW - timedelta(days=1), integration_id=integration.id)
    watch = Watch(market.id, NOW)
    assert _look(app, watch) == []
    for attention, status in (("dead_key", "parked"), (None, "queued")):
        with write() as session:
            session.execute(update(Integration).values(attention=attention))
        with app.app_context():
            assert [(row.id, row.status) for row in watch.look(db.session(), NOW, live.BRIEF)] == [(entry, status)]


def test_nobody_is_told_of_another_marketplace(app: Flask, write: Write, market: Marketplace) -> None:
    with write() as session:
        other = factories.make_marketplace(session)
    _entry(write, other)
    assert _look(app, Watch(market.id, NOW)) == []


def test_a_page_gets_each_row_once_as_it_is_now_with_the_cursor(app: Flask, write: Write, market: Marketplace) -> None:
    older, newer = _entry(write, market), _entry(write, market)
    with app.app_context():
        rows = {row.id: row for row in Watch(market.id, NOW).look(db.session(), NOW, logs.OVERLAP)}
    stream = Stream(market.id, NOW)
    stream.put([rows[older], rows[newer]], NOW)
    stream.put([replace(rows[older], status="failed")], NOW + timedelta(seconds=1))
    taken, cursor = stream.take(PATIENCE)
    assert [(row.id, row.status) for row in taken] == [(newer, "succeeded"), (older, "failed")]
    assert cursor == NOW + timedelta(seconds=1)
    assert stream.take(0) == ([], cursor)


def test_a_page_that_does_not_read_is_let_go(app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEHIND", 1)
    _entry(write, market), _entry(write, market)
    with app.app_context():
        rows = Watch(market.id, NOW).look(db.session(), NOW, logs.OVERLAP)
    stream = Stream(market.id, NOW)
    stream.put(rows[:1], NOW)
    assert not stream.ended
    stream.put(rows[1:], NOW)
    assert stream.ended


def test_news_reach_every_open_page_of_the_marketplace(
    app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REST", 3600.0)
    with app.app_context():
        hub, bell = live.live(), parts().bell
        pages = [hub.open(market.id) for _ in range(2)]
    entry = _entry(write, market)
    heard: list[list[int]] = []
    for page in pages:
        assert page is not None
        ringing = threading.Event()
        ringer = threading.Thread(target=_ring, args=(bell, market.id, ringing))
        ringer.start()
        heard.append(_told(page))
        ringing.set()
        ringer.join()
    assert heard == [[entry], [entry]]


def _ring(bell: doorbell.Bell, marketplace_id: int, enough: threading.Event) -> None:
    """Until it is heard: nobody can know when the subscription stands."""
    while not enough.wait(0.05):
        bell.ring((marketplace_id,), work=False)


def test_without_redis_each_log_is_looked_at_by_itself(
    app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REST", 0.05)
    with app.app_context():
        hub = Live(app, doorbell.connect("unix:///nobody/answers"), 9)
        page = hub.open(market.id)
    assert page is not None
    entry = _entry(write, market)
    assert _told(page) == [entry]
    _end(hub)


def test_a_process_takes_so_many_pages_and_no_more(database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    app = create_app(make_settings(database_url, redis_url, tmp_path_factory.mktemp("var"), WEB_THREADS="5"))
    with app.app_context():
        hub = live.live()
        pages = [hub.open(number) for number in (1, 1, 2, 3)]
        assert all(pages)
        assert hub.open(4) is None
        assert pages[0]
        hub.close(pages[0])
        assert hub.open(4) is not None
        _end(hub)
        db.engine.dispose()


def test_when_the_process_ends_its_pages_are_let_go_and_none_is_taken(app: Flask, market: Marketplace) -> None:
    with app.app_context():
        hub = live.live()
        page = hub.open(market.id)
        assert page is not None
        hub.stop()
        while not page.ended:
            page.take(PATIENCE)
        assert hub.open(market.id) is None


def test_a_database_that_fails_once_is_asked_again(app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "REST", 0.05)
    looks, right = [], Watch.look

    def failing(self: Watch, session: Session, now: datetime, back: timedelta) -> list[log_rows.Row]:
        looks.append(now)
        if len(looks) == 1:
            raise OperationalError("SELECT", {}, Exception("gone"))
        return right(self, session, now, back)

    monkeypatch.setattr(Watch, "look", failing)
    with app.app_context():
        page = live.live().open(market.id)
    assert page is not None
    entry = _entry(write, market)
    assert _told(page) == [entry]
