"""The log at a glance in a real browser, and what it leads to: why entries failed, an entry's story, a customer who is erased."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories
from tests.browser.conftest import Site
from tests.browser.test_rules import sign_in
from tests.engine.shop import Shop, open_shop
from webapp.apps import Answer
from webapp.models import Customer, LogEntry, Marketplace
from webapp.parts import utcnow

pytestmark = pytest.mark.browser
MAYA = "maya@shop.test"


@pytest.fixture
def shop(sqlite_url: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop behind the site, in which some got what they bought this morning, and for some it failed."""
    made = open_shop(sqlite_url)
    made.now = utcnow() - timedelta(hours=5)
    monkeypatch.setattr(made, "new_id", lambda now: factories.first_id(now) + factories.new_id())
    with made.write() as session:
        factories.make_user(session, session.get_one(Marketplace, made.marketplace), email="owner@shop.test")
    room = made.place("space", "VIP Room")
    made.rule("product_purchased", "add_to_space", room, "ads")
    made.rule("product_refunded", "remove_from_space", room, "ads")
    made.rule("product_purchased", "invite_member", None, "pro")
    for email in (MAYA, "tom@shop.test", "ines@shop.test"):
        made.tell("purchased", email, "ads", order=email)
    made.work()
    made.pass_time(hours=2)
    made.tell("refunded", MAYA, "ads", order=MAYA)
    made.work()
    made.answers = [Answer(422, {"message": "Invalid email"}, '{"message": "Invalid email"}')] * 2
    for email in ("odd@shop.test", "odder@shop.test"):
        made.tell("purchased", email, "pro", order=email)
    made.work()
    made.tell("prospect", "late@shop.test", "pro", prospect="p1")
    yield made
    made.engine.dispose()


def test_from_the_glance_to_why_and_to_an_erased_customer(site: Site, shop: Shop, page: Page, looked_at: Callable[[Page], None]) -> None:
    sign_in(site, page)
    glance = page.get_by_role("region", name="At a glance")
    expect(glance.get_by_text("2 failed", exact=True)).to_be_visible()
    looked_at(page)
    glance.get_by_role("link", name="7 d", exact=True).click()
    expect(glance.get_by_role("link", name="7 d", exact=True)).to_have_attribute("aria-current", "true")
    page.goto(f"{site.url}/logs/causes")
    expect(page.get_by_role("row").filter(has_text="Refused an e-mail address")).to_contain_text("2")
    looked_at(page)
    page.goto(f"{site.url}/logs?q={MAYA}")
    page.get_by_role("link", name="Removed from space VIP Room").click()
    expect(page.get_by_role("heading", name="1 call was needed")).to_be_visible()
    expect(page.get_by_text("Should not be there: refunded")).to_be_visible()
    page.get_by_text("Rules that did not match (1)").click()
    looked_at(page)
    page.get_by_role("link", name="See the entry").click()
    expect(page.get_by_text("Should be there: Ads (bought")).to_be_visible()
    page.goto(f"{site.url}/customers/{MAYA}")
    page.get_by_label("More about this customer").click()
    page.get_by_role("link", name="Erase…").click()
    expect(page.get_by_text("In My community nothing changes")).to_be_visible()
    looked_at(page)
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("heading", name="Erased customer")).to_be_visible()
    looked_at(page)
    with site.write() as session:
        assert session.scalars(select(Customer.email).where(Customer.email == MAYA)).all() == []
        assert session.scalars(select(LogEntry.sentence).where(LogEntry.sentence.contains("maya"))).all() == []
