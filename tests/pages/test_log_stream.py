"""What an open log page is told, over a stream and by polling: what it missed, what changes, what no longer matches; and when it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import delete, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import Clock, SignIn, Write, statements
from webapp import live
from webapp.database import db
from webapp.engine.log_query import Query
from webapp.engine.log_rows import by_id
from webapp.models import LogEntry, Marketplace, Role, SignedIn, User
from webapp.pages import log_counts, log_rows, log_stream
from webapp.pages.log_stream import mark
from webapp.streams import News

STREAM = {"Accept": "text/event-stream"}
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session)


@pytest.fixture
def viewer(write: Write, shop: Marketplace) -> User:
    with write() as session:
        return factories.make_user(session, shop, "viewer")


@pytest.fixture
def client_in(app: Flask, viewer: User, sign_in: SignIn) -> Iterator[FlaskClient]:
    yield sign_in(viewer)
    app.extensions["cartwheel_live"].stop()
    app.extensions["cartwheel_live"].join(30)


def entry(write: Write, shop: Marketplace, changed_at: datetime = LATER, **fields: Any) -> LogEntry:
    with write() as session:
        return factories.make_entry(session, shop, changed_at=changed_at, **fields)


def touch(write: Write, made: LogEntry, **values: Any) -> None:
    with write() as session:
        session.execute(update(LogEntry).where(LogEntry.id == made.id).values(**values))


def address(shop: Marketplace, after: datetime = NOW, **asked: Any) -> str:
    given = {"in": shop.id, "top": 0, "floor": 0, "after": mark(after), **asked}
    return "/logs/live?" + "&".join(f"{key}={value}" for key, value in given.items())


def rows(html: str) -> dict[int, bool]:
    """The entries of a frame in its order, and whether they are only for a page that has them."""
    return {int(number): bool(known) for known, number in re.findall(r'<tr( data-known)? role="row" id="entry-(\d+)"', html)}


def frames(answer: TestResponse) -> Iterator[tuple[str, str]]:
    """The messages of a stream as they come: their id and their data."""
    for piece in answer.iter_encoded():
        fields = [line.partition(": ") for line in piece.decode().splitlines()]
        ids = [value for key, _, value in fields if key == "id"]
        if ids:
            yield ids[0], "".join(value for key, _, value in fields if key == "data")


def test_a_page_that_comes_back_is_told_what_it_missed(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    before = entry(write, shop, NOW - timedelta(hours=1))
    had, new = entry(write, shop), entry(write, shop)
    answer = client_in.get(address(shop, top=had.id), headers=STREAM)
    assert answer.mimetype == "text/event-stream"
    _, html = next(frames(answer))
    assert list(rows(html)) == [new.id, had.id]
    assert before.id not in rows(html)
    assert html.index("entry-") < html.index('id="day-'), "a day's heading comes after its entries"
    answer.close()


def test_the_last_event_heard_counts_for_more_than_the_address(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    entry(write, shop)
    hour = LATER + timedelta(hours=1)
    answer = client_in.get(address(shop), headers={**STREAM, "Last-Event-ID": mark(hour)})
    assert next(frames(answer)) == (mark(hour), "")
    answer.close()


@pytest.mark.parametrize("cursor", ["", "x", "-5", "9" * 17, "9" * 99])
def test_a_cursor_that_is_none_means_from_now_on(write: Write, shop: Marketplace, client_in: FlaskClient, cursor: str) -> None:
    entry(write, shop, NOW - timedelta(days=1))
    answer = client_in.get(address(shop, poll=1).replace(mark(NOW), cursor))
    assert answer.status_code == 204


def test_what_changes_is_told_while_the_page_is_open(write: Write, shop: Marketplace, client_in: FlaskClient, clock: Clock) -> None:
    made = entry(write, shop, NOW - timedelta(hours=1))
    answer = client_in.get(address(shop, top=made.id), headers=STREAM)
    told = frames(answer)
    assert next(told)[1] == ""
    clock.time = LATER
    touch(write, made, status="failed", changed_at=LATER)
    hub: live.Live = client_in.application.extensions["cartwheel_live"]
    hub.tell([shop.id])
    _, html = next(told)
    assert "Failed" in html
    assert rows(html) == {made.id: False}
    assert '<b id="chip-failed" data-known>1</b>' in html, "the chips count on"
    answer.close()


def test_what_no_longer_matches_changes_in_place_only(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    turned, still = entry(write, shop, status="succeeded"), entry(write, shop, status="failed")
    other = entry(write, shop, status="failed", trigger="product_refunded")
    purchased = {"status": "failed", "top": other.id}
    assert rows(client_in.get(address(shop, poll=1, **purchased)).text) == {other.id: False, still.id: False, turned.id: True}
    assert rows(client_in.get(address(shop, poll=1, trigger="product_refunded", **purchased)).text) == {other.id: False}
    now = {"q": "status:failed trigger:product_refunded", "top": other.id}
    narrow = client_in.get(address(shop, poll=1, **now)).text
    assert rows(narrow) == {other.id: False}
    assert "chip-" not in narrow, "its chips count nothing"
    assert rows(client_in.get(address(shop, poll=1, status="failed")).text) == {other.id: False, still.id: False}


def test_what_lies_below_the_page_is_not_new_to_it(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    _below, floor, top = (entry(write, shop) for _ in range(3))
    assert rows(client_in.get(address(shop, poll=1, floor=floor.id, top=top.id)).text) == {top.id: False, floor.id: False}


def test_a_page_that_polls_is_told_once_and_goes_on_from_there(
    write: Write, shop: Marketplace, client_in: FlaskClient, clock: Clock
) -> None:
    made = entry(write, shop)
    clock.time = LATER + timedelta(hours=1)
    answer = client_in.get(address(shop, poll=1))
    assert (answer.status_code, rows(answer.text)) == (200, {made.id: False})
    again = client_in.get(address(shop, poll=1).replace(mark(NOW), answer.headers["X-Cursor"]))
    assert (again.status_code, again.text) == (204, "")
    assert again.headers["X-Cursor"] == mark(clock.time)


def test_of_very_many_only_the_number_is_told(
    write: Write, shop: Marketplace, client_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        entry(write, shop)
    monkeypatch.setattr("webapp.engine.logs.news.__defaults__", (1,))
    html = client_in.get(address(shop, poll=1)).text
    assert (len(rows(html)), re.findall(r'data-more="(\d+)"', html)) == (1, ["2"])


def test_once_enough_wait_they_are_only_counted(app: Flask, write: Write, shop: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_rows, "ENOUGH", 1)
    had, first, second = (entry(write, shop).id for _ in range(3))
    told = log_rows.Frames(Query(), had, 0, UTC)
    seen = []
    for changed, new in (([first, had], {first}), ([second, first, had], {second}), ([second, had], set()), ([first], {first})):
        with app.app_context():
            html = told.make(News(by_id(db.session(), shop.id, changed, NOW), new), NOW)
        seen.append((list(rows(html)), re.findall(r'data-more="(\d+)"', html)))
    assert seen == [([first, had], []), ([had], ["1"]), ([had], ["0"]), ([], ["1"])], (
        "what those that wait are by now is not told, but that it is not"
    )


def test_a_page_that_missed_very_many_is_told_of_none_twice(app: Flask, write: Write, shop: Marketplace) -> None:
    had, missed, told, new = (entry(write, shop).id for _ in range(4))
    page = log_rows.Frames(Query(), had, 0, UTC)
    with app.app_context():
        found = {row.id: row for row in by_id(db.session(), shop.id, [had, missed, told, new], NOW)}
        begun = page.begin(News([found[told]]), 1, NOW)
        later = page.make(News(found.values(), {missed, told, new}), NOW)
    assert [(list(rows(html)), re.findall(r'data-more="(\d+)"', html)) for html in (begun, later)] == [([told], ["1"]), ([had], ["1"])]


def test_numbers_older_than_those_that_a_page_has_are_not_told(
    write: Write, shop: Marketplace, client_in: FlaskClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_counts, "EVERY", 3600.0)
    entry(write, shop, NOW)
    assert "chip-" in client_in.get(address(shop, poll=1)).text
    clock.time = LATER
    entry(write, shop)
    assert "chip-" not in client_in.get(address(shop, LATER, poll=1)).text
    assert "chip-" in client_in.get(address(shop, poll=1)).text


def test_the_log_is_counted_once_for_all_who_are_told_of_a_change(app: Flask, shop: Marketplace) -> None:
    pages = [log_counts.Counts(True, NOW) for _ in range(3)]
    with app.app_context():
        g.marketplace = shop
        with statements(app) as said:
            told = [page.html(True, LATER) for page in pages]
        assert [page.due for page in pages] == [False] * 3, "they know the newest"
        assert all(told)
        assert len([one for one in said if one.startswith("SELECT")]) == 2, "those that wait, and those that don't"


def test_pages_that_are_told_the_same_are_told_one_message(app: Flask, write: Write, shop: Marketplace) -> None:
    had, new = (entry(write, shop).id for _ in range(2))
    pages = [(Query(), had, 0), (Query(), had, had), (Query(), new, had), (Query(), new, new), (Query(status="failed"), had, 0)]
    with app.app_context():
        news = News(by_id(db.session(), shop.id, [new, had], NOW))
        first, second, third, fewer, other = (log_rows.Frames(*asked, UTC).make(news, NOW) for asked in pages)
    assert first is second is third
    assert list(rows(fewer)) == [new], "the other lies below it"
    assert rows(other) == {new: True, had: True}


def test_a_page_of_another_marketplace_is_told_nothing(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    with write() as session:
        other = factories.make_marketplace(session)
    entry(write, other)
    assert client_in.get(address(other), headers=STREAM).status_code == 409
    assert client_in.get(address(shop, poll=1)).status_code == 204


def test_strangers_are_told_nothing(shop: Marketplace, client: FlaskClient) -> None:
    assert client.get(address(shop), headers=STREAM).status_code == 401
    assert client.get(address(shop, poll=1)).status_code == 303


def test_a_page_too_many_polls(shop: Marketplace, client_in: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_in.application.extensions["cartwheel_live"], "_most", 1)
    first = client_in.get(address(shop), headers=STREAM)
    assert client_in.get(address(shop), headers=STREAM).status_code == 204
    first.close()
    again = client_in.get(address(shop), headers=STREAM)
    assert again.status_code == 200
    again.close()


def _leaves(session: Session, user: User) -> None:
    session.execute(delete(Role).where(Role.user_id == user.id))


def _signs_out_everywhere(session: Session, user: User) -> None:
    session.execute(update(User).where(User.id == user.id).values(session_epoch=1))


def _signs_out(session: Session, user: User) -> None:
    session.execute(delete(SignedIn).where(SignedIn.user_id == user.id))


@pytest.mark.parametrize("gone", [_leaves, _signs_out_everywhere, _signs_out])
def test_it_ends_with_the_right_to_look(
    write: Write, shop: Marketplace, viewer: User, client_in: FlaskClient, monkeypatch: pytest.MonkeyPatch, gone: Any
) -> None:
    monkeypatch.setattr(live, "TRUST", 0.0)
    answer = client_in.get(address(shop), headers=STREAM)
    told = frames(answer)
    next(told)
    with write() as session:
        gone(session, viewer)
    entry(write, shop)
    client_in.application.extensions["cartwheel_live"].tell([shop.id])
    assert list(told) == []
    answer.close()


def test_it_says_that_it_is_alive(shop: Marketplace, client_in: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_stream, "BEAT", 0.01)
    answer = client_in.get(address(shop), headers=STREAM)
    told = frames(answer)
    assert [next(told) for _ in range(3)] == [(mark(NOW), "")] * 3
    answer.close()


def test_it_ends_with_the_process(shop: Marketplace, client_in: FlaskClient) -> None:
    answer = client_in.get(address(shop), headers=STREAM)
    client_in.application.extensions["cartwheel_live"].stop()
    assert {html for _, html in frames(answer)} == {""}
    answer.close()


def test_no_connection_is_held_while_it_waits(
    app: Flask, shop: Marketplace, client_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.Watch, "look", lambda *_: [])
    answer = client_in.get(address(shop), headers=STREAM)
    next(frames(answer))
    with app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    answer.close()
