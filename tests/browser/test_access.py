"""What a rule takes later, or not at all, as a merchant sees it: said in the dialog, still to come in the log, canceled; kept, removed anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import Site
from tests.engine.shop import Shop, open_shop
from webapp.models import Marketplace
from webapp.parts import utcnow

pytestmark = pytest.mark.browser
MINA = "mina@shop.test"
REMOVED = "remove the customer from the space VIP Room in My community"


@pytest.fixture
def shop(sqlite_url: str, site: Site) -> Iterator[Shop]:
    """A shop behind the site, with a community whose work the test does itself."""
    made = open_shop(sqlite_url)
    made.now = utcnow()
    with made.write() as session:
        factories.make_user(session, session.get_one(Marketplace, made.marketplace), email="owner@shop.test")
    yield made
    made.engine.dispose()


@pytest.fixture
def signed_in(page: Page, site: Site, shop: Shop) -> Page:
    """The owner's page."""
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("E-mail").fill("owner@shop.test")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/logs")
    return page


def test_a_removal_with_a_grace_is_told_comes_and_is_canceled(
    site: Site, shop: Shop, signed_in: Page, looked_at: Callable[[Page], None]
) -> None:
    page, vip = signed_in, shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    page.goto(f"{site.url}/rules/new?action=remove_from_space&integration={shop.integration}")
    page.get_by_label("VIP Room").check()
    page.get_by_role("button", name="Next Step").click()
    page.get_by_label("Trigger", exact=True).select_option("Subscription Charge Failed")
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text(f"{REMOVED}, unless another purchase still grants it.")).to_be_visible()
    expect(page.get_by_label("Days", exact=True)).to_be_hidden()
    page.get_by_label("At the end of the paid period").check()
    expect(page.get_by_text(f"{REMOVED} at the end of the paid period, unless another purchase still grants it.")).to_be_visible()
    page.get_by_label("After a number of days").check()
    page.get_by_label("Days", exact=True).fill("3")
    expect(page.get_by_text(f"{REMOVED} 3 days later, unless another purchase still grants it.")).to_be_visible()
    expect(page.get_by_text("Until then the log shows it, with Cancel.")).to_be_visible()
    looked_at(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Rule added.")).to_be_visible()

    shop.tell("purchased", MINA, "club", subscription="s1", at=shop.now - timedelta(days=1))
    shop.tell("charge_failed", MINA, "club", subscription="s1")
    shop.work()
    page.goto(f"{site.url}/logs")
    page.get_by_text("unless they pay again").click()
    expect(page.get_by_role("heading", name="Mina is to be removed from the space VIP Room")).to_be_visible()
    looked_at(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Canceled by owner@shop.test: nothing is taken.").first).to_be_visible()
    shop.pass_time(days=4)
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room"}


def test_what_another_purchase_grants_is_kept_and_removed_anyway(
    site: Site, shop: Shop, signed_in: Page, looked_at: Callable[[Page], None]
) -> None:
    page, vip = signed_in, shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_refunded", "remove_from_space", vip)
    for product, order in (("ads-101", "1"), ("course-b", "2")):
        shop.tell("purchased", MINA, product, order=order)
    shop.tell("refunded", MINA, "ads-101", order="1", at=shop.now + timedelta(seconds=1))
    shop.work()
    calls = len(shop.calls)
    page.goto(f"{site.url}/logs")
    page.get_by_text("still grants VIP Room").click()
    expect(page.get_by_text("Kept: course-b (bought").first).to_be_visible()
    looked_at(page)
    page.get_by_role("button", name="Remove anyway").click()
    expect(page.get_by_role("heading", name="Mina is to be removed from the space VIP Room")).to_be_visible()
    assert len(shop.calls) == calls
    shop.pass_time(minutes=1)
    shop.work()
    expect(page.get_by_role("heading", name="Mina was removed from the space VIP Room")).to_be_visible()
    assert shop.holds(MINA) == {"member"}
