"""An open log page in a real browser: statuses change in place, new entries wait, and nothing is missed while the server was away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests import factories, servers
from tests.conftest import make_settings
from webapp import config, create_app
from webapp.database import writing
from webapp.engine import logs
from webapp.models import Event, LogEntry, Marketplace
from webapp.parts import parts

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None: ...


@dataclass
class Place:
    """A web process that can be stopped and started again at the same address, and a way into its database."""

    settings: config.Settings
    port: int
    app: Flask = field(init=False)
    server: BaseWSGIServer = field(init=False)
    thread: threading.Thread = field(init=False)
    shop: Marketplace = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.app = create_app(self.settings)
        self.server = make_server("127.0.0.1", self.port, self.app, threaded=True, request_handler=_Quiet)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self) -> None:
        open_pages = self.app.extensions["cartwheel_live"]
        open_pages.stop()
        self.server.shutdown()
        self.thread.join()
        open_pages.join(30)
        self.server.server_close()
        factories.done_with(self.app)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Write, and say so as whoever writes does."""
        with self.app.app_context():
            with writing() as session:
                yield session
            parts().bell.ring((self.shop.id,) if hasattr(self, "shop") else (), work=False)

    def entry(self, email: str, status: str = "succeeded", **fields: Any) -> int:
        with self.write() as session:
            customer = factories.make_customer(session, self.shop, email)
            now = parts().now()
            given = {"id": parts().new_id(now), "at": now, "changed_at": now, "sentence": "Added to space VIP Room.", **fields}
            made = LogEntry(marketplace_id=self.shop.id, customer_id=customer.id, status=status, **given)
            session.add(made)
            return made.id

    def turn(self, entry: int, **values: Any) -> None:
        with self.write() as session:
            row = session.get_one(LogEntry, entry)
            for name, value in {"changed_at": parts().now(), **values}.items():
                setattr(row, name, value)


@pytest.fixture
def place(sqlite_url: str, redis_url: str, tmp_path: Path) -> Iterator[Place]:
    made = Place(make_settings(sqlite_url, redis_url, tmp_path), servers.free_port())
    made.start()
    with made.write() as session:
        made.shop = factories.make_marketplace(session, "Acme Courses")
        factories.make_user(session, made.shop, email="owner@shop.test")
    yield made
    made.stop()


@pytest.fixture
def log(place: Place, page: Page) -> Callable[[str], Page]:
    """`log("/logs")` is that page, for somebody who has signed in, once it hears what is new."""

    def opened(path: str = "/logs") -> Page:
        page.goto(f"{place.url}/sign-in")
        page.get_by_label("E-mail").fill("owner@shop.test")
        page.get_by_label("Password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/logs")
        page.goto(place.url + path)
        expect(page.locator("[data-live-state]")).to_have_text("Live")
        return page

    return opened


def now_at(place: Place) -> datetime:
    with place.app.app_context():
        return parts().now()


def mails(page: Page) -> list[str]:
    return page.locator(".log .name").all_inner_texts()


def test_statuses_change_in_place_and_new_entries_wait(place: Place, log: Callable[..., Page]) -> None:
    first, second = place.entry("first@shop.test", "queued"), place.entry("second@shop.test")
    page = log()
    assert mails(page) == ["second@shop.test", "first@shop.test"]
    page.locator(f"#entry-{first} .go").focus()
    place.turn(first, status="succeeded")
    expect(page.locator(f"#entry-{first} .pill")).to_have_text("Succeeded")
    assert page.evaluate("document.activeElement.closest('tr').id") == f"entry-{first}", "the focus stays"
    button = page.locator("[data-live-new]")
    expect(button).to_be_hidden()
    third = place.entry("third@shop.test", "queued")
    expect(button).to_have_text("1 new entry")
    place.entry("fourth@shop.test")
    expect(button).to_have_text("2 new entries")
    place.turn(third, status="failed")
    place.turn(second, status="failed")
    expect(page.locator(f"#entry-{second} .pill")).to_have_text("Failed")
    assert mails(page) == ["second@shop.test", "first@shop.test"], "nothing moves under the reader"
    page.keyboard.press(".")
    expect(page.locator(f"#entry-{third} .pill")).to_have_text("Failed")
    assert mails(page) == ["fourth@shop.test", "third@shop.test", "second@shop.test", "first@shop.test"]
    expect(button).to_be_hidden()


def test_where_very_many_wait_they_are_shown_as_they_are_by_then(
    place: Place, log: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.pages.log_rows.ENOUGH", 1)
    first = place.entry("first@shop.test")
    page = log()
    second = place.entry("second@shop.test", "queued")
    expect(page.locator("[data-live-new]")).to_have_text("1 new entry")
    for changed in (second, first):
        place.turn(changed, status="failed")
    expect(page.locator(f"#entry-{first} .pill")).to_have_text("Failed")
    page.locator("[data-live-new]").click()
    expect(page.locator(f"#entry-{second} .pill")).to_have_text("Failed")
    assert mails(page) == ["second@shop.test", "first@shop.test"]


def test_nothing_is_missed_while_the_server_was_away(place: Place, log: Callable[..., Page]) -> None:
    first = place.entry("first@shop.test", "queued")
    page = log()
    page.evaluate("window.stayed = true")
    place.stop()
    expect(page.locator("[data-live-state]")).to_have_text("Connection lost. Trying again…")
    place.turn(first, status="succeeded")
    place.entry("second@shop.test")
    place.start()
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    expect(page.locator(f"#entry-{first} .pill")).to_have_text("Succeeded")
    expect(page.locator("[data-live-new]")).to_have_text("1 new entry")
    assert page.evaluate("window.stayed"), "without loading the page again"


def test_the_first_entry_comes_by_itself(place: Place, log: Callable[..., Page]) -> None:
    page = log()
    expect(page.get_by_role("heading", name="Three steps to your first member")).to_be_visible()
    made = place.entry("first@shop.test")
    expect(page.locator(f"#entry-{made}")).to_be_visible()
    expect(page.get_by_role("heading", name="Three steps to your first member")).to_be_hidden()
    expect(page.get_by_role("heading", name="Logs")).to_be_visible()


def test_a_filtered_page_hears_of_what_it_asks_for(place: Place, log: Callable[..., Page]) -> None:
    failed = place.entry("first@shop.test", "failed")
    page = log("/logs?q=status:failed")
    place.entry("second@shop.test")
    place.entry("third@shop.test", "failed")
    expect(page.locator("[data-live-new]")).to_have_text("1 new entry")
    place.turn(failed, status="skipped")
    expect(page.locator(f"#entry-{failed} .pill")).to_have_text("Skipped")
    page.locator("[data-live-new]").click()
    assert mails(page) == ["third@shop.test", "first@shop.test"]


def test_an_entry_that_commits_late_takes_its_place(place: Place, log: Callable[..., Page]) -> None:
    place.entry("old@shop.test", at=now_at(place) - timedelta(days=2))
    page = log()
    with place.app.app_context():
        early = parts().new_id(parts().now() - timedelta(seconds=3))
    place.entry("later@shop.test")
    expect(page.locator("[data-live-new]")).to_have_text("1 new entry")
    place.entry("early@shop.test", id=early)
    expect(page.locator("[data-live-new]")).to_have_text("2 new entries")
    page.locator("[data-live-new]").click()
    assert mails(page) == ["later@shop.test", "early@shop.test", "old@shop.test"]


def test_a_page_too_many_asks_every_few_seconds(place: Place, log: Callable[..., Page]) -> None:
    made = place.entry("first@shop.test", "queued")
    page = log()
    place.app.extensions["cartwheel_live"]._most = 0
    page.reload()
    expect(page.locator("[data-live-state]")).to_have_text("Live, every 5 seconds")
    place.turn(made, status="succeeded")
    expect(page.locator(f"#entry-{made} .pill")).to_have_text("Succeeded")


def test_whoever_signs_out_elsewhere_hears_no_more(place: Place, log: Callable[..., Page]) -> None:
    place.entry("first@shop.test")
    page = log()
    other = page.context.new_page()
    other.goto(f"{place.url}/logs")
    other.get_by_role("button", name="Sign out").click()
    place.stop()
    place.start()
    expect(page.locator("[data-live-state]")).to_have_text("Stopped. Load the page again.")


def test_an_open_entrys_page_follows_it(place: Place, log: Callable[..., Page]) -> None:
    now = now_at(place)
    with place.write() as session:
        lane = factories.make_lane(session, factories.make_customer(session, place.shop), factories.make_integration(session, place.shop))
        event = Event(id=1, marketplace_id=place.shop.id, key="m", type="order.created", at=now, received_at=now, body=b"{}")
        session.add(event)
    made = place.entry("maya@shop.test", "queued", open_lane_id=lane.id, lane_id=lane.id, event_id=1)
    page = log()
    page.locator(f"#entry-{made} .go").click()
    expect(page.locator(".answer .pill")).to_have_text("Queued")
    page.get_by_text("Show the message").click()
    place.turn(made, status="succeeded", open_lane_id=None)
    expect(page.locator(".answer .pill")).to_have_text("Succeeded")
    expect(page.locator(".story pre").first).to_be_visible()


def test_older_entries_load_when_one_gets_to_them(place: Place, log: Callable[..., Page]) -> None:
    made = [place.entry(f"person{number}@shop.test", "queued") for number in range(logs.PART + 5)]
    page = log()
    expect(page.locator(".log .name")).to_have_count(logs.PART)
    page.get_by_role("link", name="Older entries").scroll_into_view_if_needed()
    expect(page.locator(".log .name")).to_have_count(logs.PART + 5)
    expect(page.locator(".day")).to_have_count(1)
    place.turn(made[0], status="failed")
    expect(page.locator(f"#entry-{made[0]} .pill")).to_have_text("Failed")
    expect(page.locator("[data-live-new]")).to_be_hidden()


def test_the_log_by_keyboard_and_for_everybody(place: Place, log: Callable[..., Page], looked_at: Callable[[Page], None]) -> None:
    first, second = place.entry("first@shop.test", "failed"), place.entry("second@shop.test")
    page = log()
    looked_at(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr').id") == f"entry-{first}"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/logs/{second}")
    looked_at(page)
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/logs")
    page.keyboard.press("/")
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No entry matches “nobody”")).to_be_visible()
    looked_at(page)
