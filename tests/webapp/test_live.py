"""What open log pages are told: everything that changes, once, also what commits late, without Redis, and until they end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import NOW
from webapp import create_app, doorbell, live, streams
from webapp.config import Settings
from webapp.database import db, writing
from webapp.engine import log_rows, logs
from webapp.id_times import first_id
from webapp.live import Live, Watch
from webapp.models import Integration, LogEntry, Marketplace
from webapp.parts import parts
from webapp.streams import News, Stream

PATIENCE = 30.0
"""Seconds after which a test that hears nothing fails."""

SOMEBODY = ("a session", 0)

Write = Callable[[], AbstractContextManager[Session]]


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr(live, "TRUST", 3600.0)  # nobody here has a session
    made = create_app(settings)
    made.extensions["cartwheel"] = replace(made.extensions["cartwheel"], now=lambda: NOW)
    yield made
    _end(made.extensions["cartwheel_live"])
    factories.done_with(made)


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
        return [row.id for row in watch.look(db.session(), now, back).rows]


class Hearing:
    """A page that notes what it is told: the entries with their statuses, and the cursors."""

    due = float("inf")

    def __init__(self) -> None:
        self.heard: list[list[tuple[int, str]]] = []
        self.cursor = NOW

    def begin(self) -> bytes:
        return b"begun"

    def tell(self, news: News | None, cursor: datetime, now: datetime) -> bytes:
        assert news is not None
        self.cursor = cursor
        self.heard.append([(row.id, row.status) for row in news.rows])
        return b"told"


class Slow:
    """A reader that takes nothing until it is asked to."""

    free = closed = False

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def send(self, message: bytes) -> None:
        self.begun.set()

    def close(self) -> None:
        self.closed = True
        self.let_go.set()


def _open(hub: Live, market: int, page: Hearing | None = None) -> Stream | None:
    return hub.open(market, SOMEBODY, page or Hearing())


def _listening(hub: Live, market: int) -> tuple[Hearing, Iterator[bytes]]:
    """An open page that has been told what it missed, and what comes to it."""
    page = Hearing()
    stream = _open(hub, market, page)
    assert stream is not None
    messages = hub.messages(stream)
    assert next(messages) == b"begun"
    return page, messages


def test_a_change_is_told_once_and_again_when_it_changes_again(app: Flask, write: Write, market: Marketplace) -> None:
    watch, entry = Watch(market.id, NOW), _entry(write, market)
    later = NOW + timedelta(seconds=1)
    assert _look(app, watch) == [entry]
    assert _look(app, watch) == []
    _touch(write, entry, later)
    assert _look(app, watch, later) == [entry]
    assert watch.cursor == later


def test_what_had_changed_before_anybody_looked_is_no_news_but_what_commits_late_is(app: Flask, write: Write, market: Marketplace) -> None:
    watch, entry, early = Watch(market.id, NOW), _entry(write, market), NOW - logs.OVERLAP + timedelta(seconds=1)
    _entry(write, market, early)
    with app.app_context():
        watch.begin(db.session())
    assert _look(app, watch) == []
    late = _entry(write, market, early)  # commits late
    _touch(write, entry, NOW + timedelta(seconds=1))
    assert _look(app, watch, NOW + timedelta(seconds=1)) == [late, entry]


def test_what_was_never_told_before_is_told_apart(app: Flask, write: Write, market: Marketplace) -> None:
    watch, early, later = Watch(market.id, NOW), first_id(NOW), NOW + timedelta(seconds=1)
    seen = []
    for new, at in ((early, NOW), (early + 1, later), (None, later + 2 * logs.OVERLAP)):
        with write() as session:
            if new:
                factories.make_entry(session, market, id=new, changed_at=at)
        _touch(write, early, at)
        with app.app_context():
            found = watch.look(db.session(), at, logs.OVERLAP)
        watch.forget()
        seen.append(([row.id for row in found.rows], found.firsts))
    assert seen == [([early], {early}), ([early + 1, early], {early + 1}), ([early], set())]


@pytest.mark.parametrize("much", [0, 200])
def test_what_commits_late_is_told_all_the_same(
    app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch, much: int
) -> None:
    monkeypatch.setattr(live, "MUCH", much)
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


@pytest.mark.parametrize("looked", [True, False])
def test_entries_change_with_their_integration(app: Flask, write: Write, market: Marketplace, looked: bool) -> None:
    """Also where it stops before the first look."""
    with write() as session:
        integration = factories.make_integration(session, market)
        lane = factories.make_lane(session, factories.make_customer(session, market), integration)
        entry = factories.make_entry(session, market, lane, changed_at=NOW - timedelta(days=1)).id
        factories.make_entry(session, market, changed_at=NOW - timedelta(days=1), integration_id=integration.id)
    watch = Watch(market.id, NOW)
    with app.app_context():
        watch.begin(db.session())
    if looked:
        assert _look(app, watch) == []
    for attention, status in (("dead_key", "parked"), (None, "queued")):
        with write() as session:
            session.execute(update(Integration).values(attention=attention))
        with app.app_context():
            assert [(row.id, row.status) for row in watch.look(db.session(), NOW, live.BRIEF).rows] == [(entry, status)]


def test_nobody_is_told_of_another_marketplace(app: Flask, write: Write, market: Marketplace) -> None:
    with write() as session:
        other = factories.make_marketplace(session)
    _entry(write, other)
    assert _look(app, Watch(market.id, NOW)) == []


def _found(app: Flask, market: Marketplace) -> dict[int, log_rows.Row]:
    with app.app_context():
        return {row.id: row for row in Watch(market.id, NOW).look(db.session(), NOW, logs.OVERLAP).rows}


def test_a_look_that_fails_on_the_way_is_made_up_for(
    app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, entry = Watch(market.id, NOW), _entry(write, market)
    with monkeypatch.context() as broken:
        broken.setattr(log_rows, "by_id", _fails)
        with pytest.raises(OperationalError):
            _look(app, watch)
    assert _look(app, watch) == [entry]


def _fails(*_: object) -> NoReturn:
    raise OperationalError("SELECT", {}, Exception("gone"))


def test_a_slow_page_gets_each_row_once_as_it_is_then_with_the_cursor(app: Flask, write: Write, market: Marketplace) -> None:
    older, newer = _entry(write, market), _entry(write, market)
    rows, page, reader = _found(app, market), Hearing(), Slow()
    stream = Stream(market.id, SOMEBODY, page)
    stream.reader = reader
    for news in ([rows[older], rows[newer]], [replace(rows[older], status="failed")]):
        assert stream.hear(News(news))
        stream.speak(NOW, NOW)
    assert page.heard == []
    reader.free = True
    for _ in range(2):
        stream.speak(NOW + timedelta(seconds=1), NOW)
    assert page.heard == [[(newer, "succeeded"), (older, "failed")]]
    assert page.cursor == NOW + timedelta(seconds=1)


def test_what_two_slow_pages_have_left_lying_is_put_together_once(app: Flask, write: Write, market: Marketplace) -> None:
    _entry(write, market)
    first, second = (News(_found(app, market).values()) for _ in range(2))
    assert first + second is first + second
    assert first + News([]) is not first + second


def test_a_page_that_leaves_too_much_lying_is_let_go_and_no_other(
    app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEHIND", 1)
    monkeypatch.setattr(live, "REST", 0.05)
    with app.app_context():
        hub = live.live()
    page, messages = _listening(hub, market.id)
    stuck, reader = _open(hub, market.id), Slow()
    assert stuck is not None
    hub.serve(stuck, reader)
    assert reader.begun.wait(PATIENCE)
    for number in (1, 2):
        _entry(write, market)
        assert next(messages) == b"told"
        assert (len(page.heard), reader.let_go.is_set()) == (number, False) or number == 2
    assert reader.let_go.wait(PATIENCE)
    _entry(write, market)
    assert next(messages) == b"told"


def test_a_page_that_fails_is_let_go_and_no_other(
    app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "REST", 0.05)
    with app.app_context():
        hub = live.live()
        (broken, lost), (page, messages) = (_listening(hub, market.id) for _ in range(2))
    monkeypatch.setattr(broken, "tell", _fails)
    entry = _entry(write, market)
    assert (next(messages), list(lost)) == (b"told", [])
    assert page.heard == [[(entry, "succeeded")]]
    assert "could not be told what is new: OperationalError" in caplog.text


def test_news_reach_every_open_page_of_the_marketplace(
    app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REST", 3600.0)
    with app.app_context():
        hub, bell = live.live(), parts().bell
        pages = [_listening(hub, market.id) for _ in range(2)]
    entry = _entry(write, market)
    for page, messages in pages:
        ringing = threading.Event()
        ringer = threading.Thread(target=_ring, args=(bell, market.id, ringing))
        ringer.start()
        assert next(messages) == b"told"
        assert page.heard == [[(entry, "succeeded")]]
        ringing.set()
        ringer.join()


def _ring(bell: doorbell.Bell, marketplace_id: int, enough: threading.Event) -> None:
    """Until it is heard: nobody can know when the subscription stands."""
    while not enough.wait(0.05):
        bell.ring((marketplace_id,), work=False)


def test_without_redis_each_log_is_looked_at_by_itself(
    app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REST", 0.05)
    hub = Live(app, doorbell.connect("unix:///nobody/answers"), 9)
    page, messages = _listening(hub, market.id)
    entry = _entry(write, market)
    assert next(messages) == b"told"
    assert page.heard == [[(entry, "succeeded")]]
    _end(hub)


def test_a_process_takes_so_many_pages_and_no_more(app: Flask) -> None:
    hub = Live(app, doorbell.connect("unix:///nobody/answers"), 4)
    pages = [_open(hub, number) for number in (1, 1, 2, 3)]
    assert all(pages)
    assert _open(hub, 4) is None
    assert pages[0]
    hub.close(pages[0])
    assert _open(hub, 4) is not None
    _end(hub)


def test_when_the_process_ends_its_pages_are_let_go_and_none_is_taken(app: Flask, market: Marketplace) -> None:
    with app.app_context():
        hub = live.live()
    _, messages = _listening(hub, market.id)
    late = _open(hub, market.id)
    assert late is not None
    _end(hub)
    assert list(messages) == list(hub.messages(late)) == []
    assert _open(hub, market.id) is None


def test_a_database_that_fails_once_is_asked_again(app: Flask, write: Write, market: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "REST", 0.05)
    looks, right = [], Watch.look

    def failing(self: Watch, session: Session, now: datetime, back: timedelta) -> News:
        looks.append(now)
        if len(looks) == 1:
            _fails()
        return right(self, session, now, back)

    monkeypatch.setattr(Watch, "look", failing)
    with app.app_context():
        page, messages = _listening(live.live(), market.id)
    entry = _entry(write, market)
    assert next(messages) == b"told"
    assert page.heard == [[(entry, "succeeded")]]
