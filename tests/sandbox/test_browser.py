"""The sandbox in a real browser: it brings itself up to date, works by keyboard, and axe finds nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.community import Community
from sandbox.demo import KEY, fill
from sandbox.messages import Webhook
from sandbox.people import Buyer
from sandbox.server import CommunityServer, running
from sandbox.shop import Shop
from tests import axe
from tests.sandbox.conftest import Clock

pytestmark = pytest.mark.browser

CALL = {"Authorization": f"Bearer {KEY}", "Accept": "application/json", "Content-Type": "application/json"}
PATHS = ("/checkout", "/community", "/community/spaces", "/community/calls", "/community/switches", "/community/members/1072", "/nowhere")


@pytest.fixture
def server(clock: Clock) -> Iterator[CommunityServer]:
    community = Community(clock, tokens=(KEY,))
    fill(community)
    with running(community, shop=Shop(clock), cartwheel="http://cartwheel.test") as it:
        it.shop.where = lambda: Webhook("http://cartwheel.test/webhooks/a", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        it.courier._post = lambda *_: (202, '{"event":"e","entries":2}')
        yield it


def test_every_page_is_readable_for_everybody(page: Page, server: CommunityServer) -> None:
    message = server.shop.buy(Buyer("ines@example.com", "Ines"), "ads-101", "alumni")
    server.courier.send(message.id)
    server.courier._post = lambda *_: (503, "Busy.")
    server.courier.send(server.shop.refund(message.order, "ads-101", full=False).id)
    server.courier._post = lambda *_: (422, '{"errors": []}')
    server.courier.send(server.shop.refund(message.order, "alumni").id)
    server.shop.fail(message.order, "alumni")
    server.shop.leave(Buyer("emil@example.com", "Emil"), "alumni")
    server.community.handle(
        "POST", "/community_members", {}, CALL, b'{"email": "a-very-long-address-of-somebody@a-very-long-domain.example"}'
    )
    server.community.handle("GET", "/nowhere", {}, CALL, b"")
    server.community.modes = server.community.modes.changed({"plan_without_api": True, "trouble": "hang"})
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    for path in PATHS:
        page.goto(server.url + path)
        axe.look(page)
    page.goto(f"{server.url}/checkout?said={message.id}")
    page.get_by_text("What was sent").first.click()
    axe.look(page)
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_role("button", name="Buy", exact=True).click()
    axe.look(page)
    assert problems == []


def test_an_open_page_brings_itself_up_to_date_without_closing_what_is_open(page: Page, server: CommunityServer) -> None:
    first = server.shop.buy(Buyer("ines@example.com", "Ines"), "ads-101")
    page.goto(f"{server.url}/checkout")
    page.get_by_text("What was sent").click()
    page.get_by_label("Name").fill("Somebody Else")
    with server.box.open():
        server.shop.buy(Buyer("emil@example.com", "Emil"), "alumni")
    server.courier.send(first.id)
    expect(page.get_by_role("heading", name="Emil")).to_be_visible()
    expect(page.get_by_text("Cartwheel took it: 2 log entries.")).to_be_visible()
    expect(page.get_by_label(f"Message {first.id}")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Somebody Else")


def test_a_purchase_by_keyboard(page: Page, server: CommunityServer) -> None:
    page.goto(f"{server.url}/checkout")
    page.get_by_label("Ads 101").first.focus()
    page.keyboard.press("ArrowDown")
    page.get_by_label("Order bump").focus()
    page.keyboard.press("A")
    page.get_by_role("button", name="Buy", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("bought Masterclass Bundle and Ads 101. Cartwheel took it: 2 log entries.")
    page.get_by_role("link", name="Look in the community").click()
    expect(page.get_by_text("Nobody here has “ines.moreau@example.com”")).to_be_visible()
    with server.box.open():
        server.community.add_member("ines.moreau@example.com", "Ines Moreau")
    expect(page.get_by_role("link", name="Ines Moreau")).to_be_visible()


def test_everything_works_without_javascript(browser: Browser, server: CommunityServer) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/checkout")
    page.get_by_role("button", name="Buy", exact=True).click()
    page.get_by_role("button", name="Refund Ads 101 of Ines Moreau").click()
    expect(page.get_by_role("status")).to_contain_text("Ads 101 was refunded to Ines Moreau.")
    page.get_by_role("link", name="Community", exact=True).click()
    page.get_by_role("link", name="Switches").click()
    page.get_by_role("button", name="Delete the key that ends in").click()
    expect(page.get_by_text("has no API key that works")).to_be_visible()
    context.close()
