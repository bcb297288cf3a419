"""The log's pages: the list at its two addresses, search and filters, older parts, and what a new marketplace sees."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import SignIn, Write
from webapp.database import db
from webapp.engine import logs
from webapp.models import LogEntry, Marketplace, User

HTMX = {"HX-Request": "true"}


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, "Acme Courses", time_zone="Europe/Berlin")


@pytest.fixture
def owner(write: Write, shop: Marketplace) -> User:
    with write() as session:
        return factories.make_user(session, shop)


@pytest.fixture
def client_in(owner: User, sign_in: SignIn) -> FlaskClient:
    return sign_in(owner)


def entry(write: Write, shop: Marketplace, email: str = "maya@shop.test", **fields: Any) -> LogEntry:
    with write() as session:
        customer = session.scalar(sa.select(factories.Customer).filter_by(email=email, marketplace_id=shop.id))
        customer = customer or factories.make_customer(session, shop, email)
        return factories.make_entry(session, shop, customer_id=customer.id, **fields)


def shown(page: str) -> list[int]:
    """The entries of a page, in its order."""
    return [int(number) for number in re.findall(r'id="entry-(\d+)"', page)]


def link(page: str, label: str) -> str:
    """The address behind a link that begins with these words."""
    found = re.search(rf'<a[^>]*href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?{re.escape(label)}', page)
    assert found, label
    return html.unescape(found[1])


@pytest.mark.parametrize("address", ["/logs", "/settings/integrations/logs"])
def test_both_doors_lead_to_the_same_log(write: Write, shop: Marketplace, client_in: FlaskClient, address: str) -> None:
    first, second = entry(write, shop), entry(write, shop, "emil@shop.test", status="failed", sentence="Circle refused it.")
    page = client_in.get(address).text
    assert shown(page) == [second.id, first.id]
    assert "Circle refused it." in page
    assert "emil@shop.test" in page
    assert link(page, "Failed") == f"{address}?q=status%3Afailed"
    assert shown(client_in.get(f"{address}?q=status:failed").text) == [second.id]


def test_somebody_elses_entries_are_not_in_it(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    with write() as session:
        other = factories.make_marketplace(session)
    theirs, mine = entry(write, other, "theirs@shop.test"), entry(write, shop)
    assert shown(client_in.get("/logs").text) == [mine.id]
    assert shown(client_in.get("/logs?q=theirs").text) == []
    assert client_in.get(f"/logs/{theirs.id}").status_code == 404


def test_strangers_sign_in_first(client: FlaskClient) -> None:
    assert client.get("/logs?q=maya").headers["Location"] == "/sign-in?next=/logs?q%3Dmaya"


def test_a_row_says_what_the_mock_says(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    with write() as session:
        ads = factories.make_product(session, shop, "Ads <101>")
    made = entry(write, shop, product_id=ads.id, trigger="product_purchased", finished_at=NOW + timedelta(seconds=1))
    page = client_in.get("/logs").text
    row = page[page.index(f'id="entry-{made.id}"') :]
    for words in (
        f'href="/logs/{made.id}"',
        "Succeeded",
        "Added to space VIP Room.",
        "Ads &lt;101&gt;",
        "Product Purchased",
        "15:02:08",
        "no call",
    ):
        assert words in row
    assert "Today, 24 November" in page


def test_days_stand_over_their_entries_in_the_marketplaces_zone(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    late = entry(write, shop, at=NOW.replace(day=22, hour=23, minute=30))
    today = entry(write, shop)
    page = client_in.get("/logs").text
    order = re.findall(r'id="(day-[\d-]+|entry-\d+)"', page)
    assert order == ["day-2026-11-24", f"entry-{today.id}", "day-2026-11-23", f"entry-{late.id}"]
    assert "Yesterday, 23 November" in page


@pytest.mark.parametrize(
    ("fields", "remedy"),
    [
        ({"status": "failed", "cause": "target_gone", "rule_id": 7}, ">Repair rule<"),
        ({"status": "failed"}, ">What to do<"),
        ({"status": "succeeded"}, None),
    ],
)
def test_a_remedy_stands_in_the_row(
    write: Write, shop: Marketplace, client_in: FlaskClient, fields: dict[str, Any], remedy: str | None
) -> None:
    entry(write, shop, **fields)
    page = client_in.get("/logs").text
    assert (remedy in page) if remedy else ('class="fix"' not in page)


def test_a_parked_row_offers_to_reconnect_to_those_who_may(write: Write, shop: Marketplace, sign_in: SignIn, owner: User) -> None:
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
        integration = factories.make_integration(session, shop, "Alumni Club", attention="dead_key")
        lane = factories.make_lane(session, factories.make_customer(session, shop), integration)
        factories.make_entry(session, shop, lane)
    page = sign_in(owner).get("/logs").text
    assert "Waits until Alumni Club is connected again." in page
    assert f'class="fix" href="/settings/integrations/{integration.id}/edit"' in page
    assert 'class="fix"' not in sign_in(viewer).get("/logs").text


def test_filters_and_search_share_one_address(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    with write() as session:
        community = factories.make_integration(session, shop, "My community")
    right = entry(write, shop, status="failed", trigger="product_refunded", action="add_to_space", integration_id=community.id)
    entry(write, shop, "maya2@shop.test", status="failed")
    entry(write, shop, status="failed", trigger="product_purchased")
    page = client_in.get("/logs?q=maya").text
    assert 'value="maya"' in page
    for label in ("Product Refunded", "Add to space", "My community", "Today", "Failed"):
        page = client_in.get(link(page, label)).text
    assert shown(page) == [right.id]
    asked = 'maya status:failed trigger:product_refunded action:add_to_space integration:"My community" after:today'
    assert f'value="{html.escape(asked).replace("&quot;", "&#34;")}"' in page
    page = client_in.get(link(page[page.index('aria-label="Filters"') :], "Product Refunded")).text
    assert html.escape(asked).replace("&quot;", "&#34;").replace("trigger:product_refunded ", "") in page


@pytest.mark.parametrize(
    "asked",
    ["status:odd", "trigger:odd", "action:odd", "integration:x", "rule:" + "9" * 30, "product:none", "after:2026-13-01", "before:x"],
)
def test_what_a_query_cannot_mean_is_said(write: Write, shop: Marketplace, client_in: FlaskClient, asked: str) -> None:
    entry(write, shop)
    page = client_in.get(f"/logs?q={asked}").text
    assert shown(page) == []
    assert "This can’t be looked for" in page
    key, _, value = asked.partition(":")
    assert (f"There is no {key} “{value}”." in page) or (f"“{value}” is no time such as" in page)


@pytest.mark.parametrize(
    ("old", "asked"),
    [
        ("q=maya&status=failed", "maya status:failed"),
        ("trigger=product_refunded&date=yesterday", "trigger:product_refunded after:yesterday before:today"),
        ("date=2026-11-24", "after:2026-11-24 before:2026-11-25"),
        ("date=2026-11-24T23&q=a b", "a b after:2026-11-24T23 before:2026-11-25T00"),
        ("action=add_tag&integration=7&date=30d", "action:add_tag integration:7 after:30d"),
    ],
)
def test_addresses_of_the_earlier_form_lead_on(client_in: FlaskClient, old: str, asked: str) -> None:
    answer = client_in.get(f"/settings/integrations/logs?{old}")
    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"q": [asked]}


@pytest.mark.parametrize(
    ("date", "found"),
    [
        ("today", [4, 3]), ("yesterday", [2]), ("7d", [4, 3, 2, 1]), ("30d", [4, 3, 2, 1, 0]), ("2026-11-24", [4, 3]), ("2026-11-23", [2]),
        ("2026-11-24T15", [4]), ("2026-11-24T00", [3]), ("2020-01-01", []),
    ],
)  # fmt: skip
def test_dates_are_the_marketplaces(write: Write, shop: Marketplace, client_in: FlaskClient, date: str, found: list[int]) -> None:
    """Berlin's day begins at 23:00 in November."""
    times = [NOW - timedelta(days=8), NOW - timedelta(days=3), NOW.replace(day=23, hour=22, minute=59), NOW.replace(day=23, hour=23), NOW]
    made = [entry(write, shop, at=at, changed_at=at).id for at in times]
    assert shown(client_in.get(f"/logs?date={date}", follow_redirects=True).text) == [made[place] for place in found]


def test_chips_count_the_whole_log(write: Write, shop: Marketplace, client_in: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for status in ("failed", "failed", "succeeded"):
        entry(write, shop, status=status)
    page = client_in.get("/logs").text
    assert re.findall(r'(All|Failed|Succeeded|Skipped) <b id="chip-\w+">([\d,+]+)</b>', page) == [
        ("All", "3"),
        ("Failed", "2"),
        ("Succeeded", "1"),
    ]
    assert '<b id="chip-skipped"></b>' in page, "it shows as soon as there is one"
    assert '<b id="chip-skipped">0</b>' in client_in.get("/logs?q=status:skipped").text
    assert "<b " not in client_in.get("/logs?q=maya").text


def test_older_entries_follow_by_a_plain_link_and_by_themselves(
    write: Write, shop: Marketplace, client_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [entry(write, shop).id for _ in range(logs.PART + 2)]
    page = client_in.get("/logs?q=status:succeeded").text
    assert shown(page) == made[:1:-1]
    older = link(page, "Older entries")
    whole = client_in.get(older)
    assert shown(whole.text) == made[1::-1]
    assert "<!doctype html>" in whole.text
    assert "day-2026-11-24" in whole.text
    assert link(whole.text, "Back to the newest entries") == "/logs?q=status%3Asucceeded"
    assert "data-live=" not in whole.text, "what is new does not belong above old entries"
    part = client_in.get(older, headers=HTMX).text
    assert shown(part) == made[1::-1]
    assert "<table" not in part
    assert "day-" not in re.sub('data-day="[^"]+"', "", part), "the day's heading stands there already"
    assert "Older entries" not in part


def test_a_search_without_hits_says_what_was_searched(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    entry(write, shop)
    page = client_in.get("/logs?q=<founder> status:failed").text
    assert "No entry matches “&lt;founder&gt;”" in page
    assert link(page, "Clear the search") == "/logs?q=status%3Afailed"
    assert link(client_in.get("/logs?q=status:skipped").text, "Clear the filters") == "/logs"


def test_a_new_marketplace_sees_three_steps_with_ticks(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    page = client_in.get("/logs").text
    assert re.findall(r'<li class="(\w*)"><div><h2>([^<]+)', page) == [
        ("now", "Connect your community"), ("", "Say what a purchase means"), ("", "Tell your checkout where to send"),
    ]  # fmt: skip
    assert link(page, "New Integration") == "/settings/integrations/new"
    with write() as session:
        target = factories.make_target(session, factories.make_integration(session, shop))
    page = client_in.get("/logs").text
    assert re.findall(r'<li class="(\w*)">', page) == ["done", "now", ""]
    with write() as session:
        factories.make_rule(session, target)
    assert re.findall(r'<li class="(\w*)">', client_in.get("/logs").text) == ["done", "done", "now"]
    assert "Three steps" not in client_in.get("/logs?q=maya").text
    entry(write, shop)
    assert "Three steps" not in client_in.get("/logs").text


def test_viewers_see_the_steps_and_cannot_take_them(write: Write, shop: Marketplace, sign_in: SignIn) -> None:
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
    page = sign_in(viewer).get("/logs").text
    assert "Connect your community" in page
    assert 'href="/settings/integrations/new"' not in page


def test_the_page_costs_the_same_queries_however_much_it_shows(app: Flask, write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    asked: list[str] = []
    with app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    entry(write, shop)
    asked.clear()
    client_in.get("/logs")
    few = len(asked)
    for number in range(30):
        entry(write, shop, f"person{number}@shop.test")
    asked.clear()
    page = client_in.get("/logs")
    assert len(shown(page.text)) == 31
    assert len(asked) == few
    assert len(page.data) < 60_000
