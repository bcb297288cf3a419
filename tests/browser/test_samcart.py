"""SamCart switched on, its address replaced and taken away in a real browser: with scripts, and without."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import factories
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

PAGE = "/settings/webhook"
REFUND = {"type": "x", "product": {"id": 4711}, "customer": {"email": "mina@shop.test"}, "order": {"id": 9001}}


@pytest.fixture(autouse=True)
def _owner(site: Site) -> None:
    with site.write() as session:
        factories.make_user(session, factories.make_marketplace(session), email="owner@shop.test")


def sign_in(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("E-mail").fill("owner@shop.test")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/logs")
    page.goto(site.url + PAGE)


def switch_on(page: Page) -> str:
    """Switch it on; gives the address for refunds."""
    page.get_by_role("link", name="Switch on SamCart").click()
    expect(page.get_by_text("Whoever knows that address can say")).to_be_visible()
    page.get_by_role("button", name="Make the address").click()
    expect(page.get_by_role("region", name="Product Refunded")).to_contain_text("product_refunded")
    return page.get_by_role("region", name="Product Refunded").inner_text()


@pytest.mark.parametrize("scripts", [True, False])
def test_samcart_is_pointed_here(site: Site, browser: Browser, scripts: bool) -> None:
    page = browser.new_context(java_script_enabled=scripts).new_page()
    sign_in(site, page)
    address = switch_on(page)
    assert page.request.post(address, data=json.dumps(REFUND)).status == 200
    page.goto(site.url + PAGE)
    expect(page.get_by_role("table", name="Last requests from SamCart")).to_contain_text("product_refunded 1 entry")
    page.get_by_role("link", name="Replace the address").click()
    page.get_by_role("button", name="Replace").click()
    expect(page.get_by_text("SamCart has a new address.")).to_be_visible()
    page.get_by_text("An address for each trigger").click()
    expect(page.get_by_role("region", name="Product Refunded")).not_to_have_text(address, use_inner_text=True)
    page.get_by_role("link", name="Switch off").click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("link", name="Switch on SamCart")).to_be_visible()
    page.context.close()


def test_these_pages_can_be_used_by_everybody(site: Site, page: Page, looked_at: Callable[[Page], None]) -> None:
    sign_in(site, page)
    looked_at(page)
    page.goto(f"{site.url}{PAGE}/samcart/on")
    looked_at(page)
    page.goto(site.url + PAGE)
    address = switch_on(page)
    looked_at(page)
    for body in (REFUND, REFUND, {"type": "x"}):
        page.request.post(address, data=json.dumps(body))
    for path in ("", "/samcart/replace", "/samcart/remove"):
        page.goto(site.url + PAGE + path)
        looked_at(page)
