"""Products and rules in a real browser: with scripts, without, and by the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from tests import factories
from tests.browser.conftest import Site
from webapp.engine import loading
from webapp.models import Integration, Marketplace, Rule, Target
from webapp.parts import utcnow

pytestmark = pytest.mark.browser

PRODUCT = "/products/ads/101"


@pytest.fixture
def shop(site: Site) -> Marketplace:
    """A shop with a product and a community of 300 spaces."""
    with site.write() as session:
        made = factories.make_marketplace(session, "Acme Courses", time_zone="Europe/Berlin")
        factories.make_user(session, made, email="owner@shop.test")
        community = factories.make_integration(session, made, "My community", catalog_at=utcnow())
        factories.make_target(session, community, "membership")
        group = factories.make_target(session, community, "space_group", "Inner Circle")
        for number in range(300):
            factories.make_target(session, community, "space", f"Lesson {number:03}")
        factories.make_target(session, community, "space", "VIP Room", group=group.remote_id)
        factories.make_target(session, community, "tag", "Student")
        factories.make_product(session, made, "Ads 101", external_id="ads/101")
    return made


def sign_in(site: Site, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")  # what is just coming in has no contrast yet
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("E-mail").fill("owner@shop.test")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/logs")


def rules(site: Site) -> list[tuple[str, str, str, str | None]]:
    """Trigger, action, target and what a removal spares, of each rule that is alive."""
    with site.write() as session:
        rows = session.execute(
            select(Rule.trigger, Rule.action, Target.name, Rule.removal)
            .join(Target, Target.id == Rule.target_id)
            .where(Rule.deleted_at.is_(None))
            .order_by(Rule.id)
        )
        return [(*row,) for row in rows]


def make_two(page: Page, look: Callable[[Page], None], scripts: bool) -> None:
    """An add by search, with a way back; then a removal that spares nothing. The same clicks with scripts and without."""
    page.get_by_role("link", name="New Rule").click()
    look(page)
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("Choose a space.")).to_be_visible()
    page.get_by_label("Search: Space").fill("room")
    page.get_by_label("Search: Space").press("Enter")
    expect(page.get_by_text("1 of 301 spaces")).to_be_visible()
    page.get_by_label("VIP Room").check()
    page.get_by_role("button", name="Next Step").click()
    page.get_by_label("Trigger", exact=True).select_option("Subscription Charged")
    look(page)
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_label("VIP Room")).to_be_checked()
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_label("Trigger", exact=True)).to_have_value("subscription_charged")
    page.get_by_label("Trigger", exact=True).select_option("Product Purchased")
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("When Ads 101 is purchased, add the customer to the space VIP Room in My community.")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Rule added.")).to_be_visible()

    page.get_by_role("link", name="New Rule").click()
    page.get_by_label("Action", exact=True).select_option("Remove tag")
    if not scripts:  # the list of another action comes with the next step
        page.get_by_role("button", name="Next Step").click()
    page.get_by_label("Student").check()
    page.get_by_role("button", name="Next Step").click()
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("unless another purchase still grants it.")).to_be_visible()
    page.get_by_label("In any case").check()
    look(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("cell", name="Remove tag Student")).to_be_visible()


def test_rules_with_scripts(site: Site, shop: Marketplace, page: Page, looked_at: Callable[[Page], None]):
    sign_in(site, page)
    page.goto(site.url + PRODUCT)
    looked_at(page)
    make_two(page, looked_at, scripts=True)
    assert rules(site) == [
        ("product_purchased", "add_to_space", "VIP Room", None),
        ("product_refunded", "remove_tag", "Student", "always"),
    ]
    looked_at(page)
    page.get_by_label("More for this rule").first.click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Off", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Off", exact=True)).to_have_count(0)
    page.get_by_label("More for this rule").first.click()
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete this rule?")).to_be_visible()
    looked_at(page)
    page.get_by_role("button", name="Delete rule").click()
    expect(page.get_by_text("Rule deleted.")).to_be_visible()
    assert [rule[1] for rule in rules(site)] == ["remove_tag"]


def test_rules_without_scripts(site: Site, shop: Marketplace, browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(site, page)
    page.goto(site.url + PRODUCT)
    make_two(page, lambda _: None, scripts=False)
    page.get_by_role("link", name="Edit").first.click()
    expect(page.get_by_role("heading", name="Edit rule")).to_be_visible()
    page.get_by_role("button", name="Next Step").click()
    page.get_by_label("Trigger", exact=True).select_option("Subscription Restarted")
    page.get_by_role("button", name="Next Step").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Rule saved.")).to_be_visible()
    page.get_by_label("More for this rule").first.click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Off", exact=True)).to_be_visible()
    assert sorted(rules(site)) == [
        ("product_refunded", "remove_tag", "Student", "always"),
        ("subscription_restarted", "add_to_space", "VIP Room", None),
    ]
    context.close()


def test_a_rule_by_the_keyboard_alone(site: Site, shop: Marketplace, page: Page):
    sign_in(site, page)
    page.goto(site.url + PRODUCT)
    keys = page.keyboard
    page.get_by_role("link", name="New Rule").focus()
    keys.press("Enter")
    expect(page.get_by_label("Integration", exact=True)).to_be_focused()
    keys.press("Tab")
    keys.press("Tab")
    expect(page.get_by_label("Search: Space")).to_be_focused()
    keys.type("vip")
    expect(page.get_by_text("1 of 301 spaces")).to_be_visible()
    expect(page.get_by_label("Search: Space")).to_be_focused()
    keys.press("Tab")
    keys.press("Space")
    expect(page.get_by_label("VIP Room")).to_be_checked()
    keys.press("Enter")
    expect(page.get_by_label("Trigger", exact=True)).to_be_focused()
    for _ in range(12):  # by arrows: what is typed into a list is forgotten after a second, which a busy machine takes
        if page.get_by_label("Trigger", exact=True).input_value() == "subscription_recovered":
            break
        keys.press("ArrowDown")
    expect(page.get_by_text("Subscription Recovered fires when")).to_be_visible()
    for _ in range(2):
        keys.press("Tab")
    expect(page.get_by_role("button", name="Next Step")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Submit")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_text("Rule added.")).to_be_visible()
    assert rules(site) == [("subscription_recovered", "add_to_space", "VIP Room", None)]


def test_a_catalog_that_loads_brings_its_spaces_by_itself(site: Site, shop: Marketplace, page: Page):
    with site.write() as session:
        community = session.scalars(select(Integration)).one()
        number = community.id
        community.catalog_at = None
        for target in session.scalars(select(Target).where(Target.kind == "space")):
            session.delete(target)
    sign_in(site, page)
    page.goto(site.url + PRODUCT)
    page.get_by_role("link", name="New Rule").click()
    page.get_by_role("button", name="Load the catalog").click()
    expect(page.get_by_text("Loading the catalog of My community")).to_be_visible()
    with site.write() as session:
        run = loading.begin(session, number, utcnow())
        assert run
        loading.tell(session, number, run, ("space", 1, 2), utcnow())
    expect(page.get_by_text("1 of 2")).to_be_visible()
    with site.write() as session:
        community = session.get_one(Integration, number)
        community.catalog, community.catalog_at = {"sentence": "Loaded: 1 space.", "names": {}}, utcnow()
        factories.make_target(session, community, "space", "New Room")
    page.get_by_label("New Room").check()
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_label("Trigger", exact=True)).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
def test_products_by_hand_and_by_file(site: Site, shop: Marketplace, browser: Browser, looked_at: Callable[[Page], None], *, scripts: bool):
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    look = looked_at if scripts else lambda _: None
    sign_in(site, page)
    page.goto(f"{site.url}/products")
    page.get_by_role("link", name="Add product").click()
    page.get_by_label("Product id").fill("ads/101")
    page.get_by_role("button", name="Add product").click()
    expect(page.get_by_text("There is a product with this id already.")).to_be_visible()
    look(page)
    page.get_by_label("Product id").fill("202")
    page.get_by_label("Name").fill("Templates")
    page.get_by_role("button", name="Add product").click()
    expect(page.get_by_role("heading", name="Templates")).to_be_visible()
    page.goto(f"{site.url}/products")
    page.get_by_role("link", name="Import CSV").click()
    look(page)
    content = "\ufeffid;name\n202;New name\n;Nobody\n303;Kurs Größe\n".encode()
    page.get_by_label("CSV file").set_input_files({"name": "products.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("Line 3: There is no product id.")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Import 2 products").click()
    expect(page.get_by_text("1 product added, 1 renamed.")).to_be_visible()
    look(page)
    page.get_by_label("Search products").fill("größe")
    page.get_by_label("Search products").press("Enter")
    page.get_by_role("link", name="Kurs Größe").click()
    page.get_by_role("link", name="Details").click()
    look(page)
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("it is out of the list")).to_be_visible()
    context.close()


def test_a_customer(site: Site, shop: Marketplace, page: Page, looked_at: Callable[[Page], None]):
    with site.write() as session:
        customer = factories.make_customer(session, shop, "maya@shop.test", first_name="Maya")
        factories.make_entry(session, shop, customer_id=customer.id, sentence="Done first.")
    sign_in(site, page)
    page.goto(f"{site.url}/customers/maya@shop.test")
    looked_at(page)
    with site.write() as session:
        for number in range(104):
            factories.make_entry(session, shop, customer_id=customer.id, sentence=f"Done {number}.")
    page.reload()
    page.get_by_text("Done 54", exact=True).scroll_into_view_if_needed()
    expect(page.get_by_text("Done 53", exact=True)).to_be_visible()
    looked_at(page)
    page.get_by_text("Done 9", exact=True).scroll_into_view_if_needed()
    page.get_by_text("Done first", exact=True).scroll_into_view_if_needed()
