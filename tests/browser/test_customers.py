"""A customer's page in a real browser: what a merchant says and does there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories
from tests.browser.conftest import Site
from tests.browser.test_rules import sign_in
from webapp.models import Check, Customer, Grant, Lane
from webapp.parts import utcnow

pytestmark = pytest.mark.browser

MAYA = "maya@shop.test"


@pytest.fixture
def maya(site: Site) -> Customer:
    """A customer of a shop with two communities; nothing is on record in the second one."""
    with site.write() as session:
        shop = factories.make_marketplace(session, "Acme Courses", time_zone="Europe/Berlin")
        factories.make_user(session, shop, email="owner@shop.test")
        made = factories.make_customer(session, shop, MAYA, first_name="Maya", last_name="Okafor")
        for name in ("My community", "Alumni Club"):
            community = factories.make_integration(session, shop, name, catalog_at=utcnow())
            factories.make_target(session, community, "membership")
            factories.make_target(session, community, "space", "VIP Room")
            factories.make_target(session, community, "tag", "Student")
    return made


def test_their_address_in_circle(site: Site, maya: Customer, page: Page, looked_at: Callable[[Page], None]):
    sign_in(site, page)
    page.goto(f"{site.url}/customers/{MAYA}")
    page.get_by_role("link", name="Change the e-mail in Alumni Club").click()
    expect(page.get_by_role("textbox", name="E-mail in Circle")).to_be_focused()
    page.get_by_role("textbox", name="E-mail in Circle").fill("maya@home.test")
    page.get_by_role("textbox", name="E-mail in Circle").press("Enter")
    expect(page.get_by_text("In Circle as maya@home.test, set by hand on")).to_be_visible()
    looked_at(page)
    page.get_by_role("link", name="Change the e-mail in Alumni Club").click()
    looked_at(page)
    page.get_by_role("textbox", name="E-mail in Circle").fill("okafor@home.test")
    page.get_by_role("textbox", name="E-mail in Circle").press("Enter")  # and not the button that takes it away
    expect(page.get_by_text("In Circle as okafor@home.test, set by hand on")).to_be_visible()
    page.get_by_role("link", name="Change the e-mail in Alumni Club").click()
    page.get_by_role("button", name=f"Use {MAYA} again").click()
    expect(page.get_by_text("set by hand on")).to_have_count(0)
    with site.write() as session:
        assert session.scalars(select(Lane.alias)).all() == [None]


def test_granted_by_hand_and_taken_away(site: Site, maya: Customer, page: Page, looked_at: Callable[[Page], None]):
    sign_in(site, page)
    page.goto(f"{site.url}/customers/{MAYA}")
    page.get_by_role("link", name="Grant by hand").click()
    page.get_by_label("Integration", exact=True).select_option("My community")
    page.get_by_label("Action", exact=True).select_option("Add tag")
    page.get_by_label("Search: Tag").fill("stud")
    expect(page.get_by_text("1 tag", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Student").check()
    page.get_by_label("For how many days").fill("30")
    looked_at(page)
    page.get_by_role("button", name="Grant").click()
    expect(page.get_by_role("cell", name="by hand · entry")).to_be_visible()
    looked_at(page)
    page.get_by_label("More for Student").click()
    page.get_by_role("link", name="Take away…").click()
    expect(page.get_by_role("radio", name="Student")).to_be_checked()
    page.get_by_role("button", name="Take away").click()
    expect(page.get_by_text("No longer held (1)")).to_be_visible()
    page.get_by_text("No longer held (1)").click()
    page.get_by_label("More for Student").click()
    page.get_by_role("button", name="Leave to purchases again").click()
    expect(page.get_by_text("Left to purchases again.", exact=True)).to_be_visible()
    looked_at(page)
    with site.write() as session:
        assert session.scalars(select(Grant.op).order_by(Grant.id)).all() == ["open", "close", "veto", "lift"]


def test_what_they_had_on_a_day(site: Site, maya: Customer, page: Page, looked_at: Callable[[Page], None]):
    sign_in(site, page)
    page.goto(f"{site.url}/customers/{MAYA}")
    page.get_by_text("What they had access to on a day").click()
    page.get_by_label("Day", exact=True).fill("2026-11-20")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="At the end of 20 November")).to_be_visible()
    looked_at(page)
    page.get_by_role("link", name="Back to today").click()
    expect(page.get_by_role("heading", name="Alumni Club")).to_be_visible()


def test_checked_with_circle(site: Site, maya: Customer, page: Page, looked_at: Callable[[Page], None]):
    sign_in(site, page)
    page.goto(f"{site.url}/customers/{MAYA}")
    place = page.get_by_role("region", name="Alumni Club")
    expect(place.get_by_text("costs 1 metered call")).to_be_visible()
    place.get_by_role("button", name="Check with Circle").click()
    expect(place.get_by_text("Asking Circle")).to_be_visible()
    looked_at(page)
    with site.write() as session:  # what a worker does
        row = session.scalars(select(Check)).one()
        row.wanted_at, row.ended_at, row.metered, row.found = None, utcnow(), 1, []
    expect(place.get_by_text("all was as believed, 1 metered call")).to_be_visible()
    looked_at(page)


def test_why_not(site: Site, maya: Customer, page: Page, looked_at: Callable[[Page], None]):
    sign_in(site, page)
    page.goto(f"{site.url}/customers/{MAYA}")
    page.get_by_role("link", name="Why, or why not?").click()
    page.get_by_label("What", exact=True).select_option("Tag")
    page.get_by_label("Search: Tag").fill("stud")
    expect(page.get_by_text("1 tag", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Student").check()
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Maya was never in a rule that fired for the tag Student.")).to_be_visible()
    looked_at(page)
