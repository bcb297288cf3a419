"""Connecting a community and pointing the checkout here, in a real browser: with scripts, and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from sandbox.server import CommunityServer, running
from tests import factories
from tests.browser.conftest import Site
from webapp.apps import Item
from webapp.apps.circle.actions import KINDS
from webapp.engine import integrations, loading
from webapp.models import Integration, Marketplace, Source
from webapp.parts import utcnow

pytestmark = pytest.mark.browser

LIST, WEBHOOK = "/settings/integrations", "/settings/webhook"


@pytest.fixture
def circle(site: Site) -> Iterator[CommunityServer]:
    """A community, which the app takes for Circle."""
    with running() as server:
        known = site.app.extensions["cartwheel"]
        site.app.extensions["cartwheel"] = replace(known, settings=replace(known.settings, circle_api_url=server.api_url))
        yield server


@pytest.fixture
def shop(site: Site) -> Marketplace:
    with site.write() as session:
        made = factories.make_marketplace(session, "Acme Courses", time_zone="Europe/Berlin")
        factories.make_user(session, made, email="owner@shop.test")
        session.add(Source(id=factories.new_id(), marketplace_id=made.id, kind="cartwheel", address="here", created_at=utcnow()))
    return made


def sign_in(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("E-mail").fill("owner@shop.test")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/logs")


def connect(page: Page) -> None:
    """New Integration with a wrong key first, then with the right one."""
    page.get_by_role("link", name="New Integration").click()
    page.get_by_label("Circle").check()
    page.get_by_role("button", name="Next Step").click()
    page.get_by_label("Name").fill("My community")
    page.get_by_label("API Key").fill("another-key")
    page.get_by_label("Community URL").fill("acme.circle.test")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Circle does not accept this API key")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("My community")
    expect(page.get_by_label("API Key")).to_have_value("")
    page.get_by_label("API Key").fill("sandbox-token")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="My community")).to_be_visible()


def number_of(site: Site) -> int:
    with site.write() as session:
        return session.scalars(select(Integration.id)).one()


def begin(site: Site, number: int) -> str:
    """A worker has begun to load the catalog, and has come to the hundredth space."""
    with site.write() as session:
        run = loading.begin(session, number, utcnow())
        assert run
        loading.tell(session, number, run, ("space", 100, 230), utcnow())
    return run


def finish(site: Site, number: int, run: str) -> None:
    with site.write() as session:
        loading.finish(session, number, run, [Item("space", "1", "VIP Room")], KINDS, utcnow(), lambda _: factories.new_id())


def test_a_community_is_connected_and_its_catalog_seen_to_load(site: Site, page: Page, circle: CommunityServer, shop: Marketplace) -> None:
    sign_in(site, page)
    page.goto(site.url + LIST)
    connect(page)
    expect(page.get_by_text("as soon as a worker is free")).to_be_visible()
    number = number_of(site)
    edit = page.get_by_role("link", name="Edit")
    edit.focus()
    run = begin(site, number)
    expect(page.get_by_text("100 of 230")).to_be_visible()
    finish(site, number, run)
    expect(page.get_by_text("Loaded: 1 space.")).to_be_visible()
    expect(page.locator("[hx-trigger]")).to_have_count(0)
    expect(edit).to_be_focused()
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("as soon as a worker is free")).to_be_visible()
    expect(page.get_by_role("button", name="Refresh")).to_be_focused()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def test_the_same_without_scripts(site: Site, browser: Browser, circle: CommunityServer, shop: Marketplace) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in(site, page)
    page.goto(site.url + LIST)
    connect(page)
    number = number_of(site)
    run = begin(site, number)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("100 of 230")).to_be_visible()
    finish(site, number, run)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("Loaded: 1 space.")).to_be_visible()
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("as soon as a worker is free")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Paused").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Type My community to delete it").fill("My community")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No community is connected")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_checkout_is_pointed_here(site: Site, browser: Browser, shop: Marketplace, scripts: bool) -> None:
    page = browser.new_context(java_script_enabled=scripts).new_page()
    sign_in(site, page)
    page.goto(site.url + WEBHOOK)
    page.get_by_role("button", name="Make a secret").click()
    expect(page.get_by_role("region", name="Your secret")).to_contain_text("whsec_")
    first = page.get_by_role("region", name="Your secret").inner_text()
    page.get_by_role("link", name="Rotate").click()
    page.get_by_role("button", name="Rotate").click()
    expect(page.get_by_text("Two secrets are good until")).to_be_visible()
    expect(page.get_by_role("region", name="Your secret")).not_to_have_text(first, use_inner_text=True)
    page.get_by_role("button", name="End the old one now").click()
    expect(page.get_by_text("Two secrets are good until")).to_have_count(0)
    page.get_by_role("link", name="Send a test event").click()
    page.get_by_label("Product ID").fill("ads-101")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("cell", name="owner@shop.test")).to_be_visible()
    page.context.close()


def test_these_pages_can_be_used_by_everybody(
    site: Site, page: Page, circle: CommunityServer, shop: Marketplace, looked_at: Callable[[Page], None]
) -> None:
    sign_in(site, page)
    for address in (LIST, WEBHOOK):
        page.goto(site.url + address)
        looked_at(page)
    page.get_by_role("button", name="Make a secret").click()
    looked_at(page)
    page.goto(site.url + LIST)
    connect(page)
    number = number_of(site)
    with site.write() as session:
        mine = session.get_one(Integration, number)
        mine.catalog, mine.catalog_at = {"sentence": "1 gone: 1 rule is broken now.", "names": {"gone": ["Lounge"]}}, utcnow()
        factories.make_rule(session, factories.make_target(session, mine, gone_at=utcnow()))
        for name, fields in (("Paused", {"paused_at": utcnow()}), ("Watching", {"watch_only": True})):
            factories.make_integration(session, shop, name, **fields)
        factories.make_integration(session, shop, "Failed", catalog={"error": "Circle did not answer.", "todo": "Press Refresh."})
        factories.make_integration(session, shop, "Loads", catalog={"wanted_at": utcnow().isoformat()})
        needy = factories.make_integration(session, shop, "Needy")
        integrations.needs_attention(session, needy, "dead_key", utcnow())
    at = f"{LIST}/{needy.id}"
    for address in (LIST, f"{LIST}/new", f"{LIST}/new/circle", at, f"{at}/edit", f"{LIST}/{number}/delete", f"{WEBHOOK}/rotate"):
        page.goto(site.url + address)
        looked_at(page)
    page.goto(f"{site.url}{WEBHOOK}/test")
    looked_at(page)
    page.get_by_label("Product ID").fill("ads-101")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/logs")
    page.goto(site.url + WEBHOOK)
    looked_at(page)
    assert len(page.content()) < 60_000
