"""The first days beside an old tool: a rule is tested for real, an integration is paused, goes on, and only watches. With scripts and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import Site
from tests.engine.shop import Shop, open_shop
from webapp.models import Marketplace, Source
from webapp.parts import parts, utcnow
from webapp.sources.cartwheel import new_secret

pytestmark = pytest.mark.browser
CARD = "/settings/integrations"


@pytest.fixture
def shop(sqlite_url: str, site: Site) -> Iterator[Shop]:
    """A shop behind the site whose checkout can sign; the test does its workers' work."""
    made = open_shop(sqlite_url)
    made.now = utcnow()
    with site.app.app_context():
        sealed = parts().vault.seal(new_secret())
    with made.write() as session:
        factories.make_user(session, session.get_one(Marketplace, made.marketplace), email="owner@shop.test")
        session.get_one(Source, made.source).secret = sealed
    yield made
    made.engine.dispose()


@pytest.fixture
def page(shop: Shop, owners_page: Page) -> Page:
    """The owner's page, with scripts and without."""
    return owners_page


def work(shop: Shop) -> None:
    """What waits is done, a moment later."""
    shop.now = utcnow()
    shop.work()


def test_a_rule_is_tested(site: Site, shop: Shop, page: Page, scripts: bool) -> None:
    rule = shop.rule("product_purchased", "add_to_space", shop.place("space", "VIP Room"), product="club")
    page.goto(f"{site.url}/rules/{rule.id}/test")
    page.get_by_label("E-mail").fill("owner@shop.test")
    page.get_by_role("button", name="Test it for real").click()
    told = page.get_by_role("status").filter(has_text="owner@shop.test")
    expect(told).to_contain_text("Queued")
    work(shop)
    if not scripts:
        page.get_by_role("link", name="Reload to see how far it is").click()
    expect(told).to_contain_text("Succeeded")
    assert shop.holds("owner@shop.test") == {"member", "VIP Room"}


def test_a_pause_and_watching_only(site: Site, shop: Shop, page: Page) -> None:
    shop.rule("product_purchased", "add_to_space", shop.place("space", "VIP Room"))

    def choose(how: str) -> None:
        page.goto(f"{site.url}{CARD}/{shop.integration}/edit")
        page.get_by_label(how).check()
        page.get_by_role("button", name="Save").click()

    choose("Paused")
    expect(page.get_by_text("Paused: nothing is called.")).to_be_visible()
    shop.tell("purchased", "mina@shop.test", "club", order="1")
    work(shop)
    page.goto(f"{site.url}/logs")
    expect(page.get_by_role("row").filter(has_text="mina@shop.test")).to_contain_text("Parked")
    page.goto(site.url + CARD)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    work(shop)
    assert shop.holds("mina@shop.test") == {"member", "VIP Room"}

    choose("Watch only")
    expect(page.get_by_text("Everything is decided and logged, and nothing is called")).to_be_visible()
    shop.tell("purchased", "jo@shop.test", "club", order="2")
    work(shop)
    page.goto(f"{site.url}/logs")
    expect(page.get_by_role("row").filter(has_text="jo@shop.test")).to_contain_text("would invite")
    assert shop.holds("jo@shop.test") == set()
    page.goto(site.url + CARD)
    page.get_by_role("button", name="Start calling").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
