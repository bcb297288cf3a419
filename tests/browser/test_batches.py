"""Work for many people in a real browser: a rule for past customers, past purchases from a file, what a rule gave taken back, a replay of a
filter. With scripts the progress moves by itself; without, everything can be done as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import Site
from tests.engine import batching
from tests.engine.shop import Shop, open_shop
from webapp.apps import Answer
from webapp.models import Batch, Marketplace
from webapp.parts import utcnow

pytestmark = pytest.mark.browser
PEOPLE = [f"buyer{number:02}@shop.test" for number in range(12)]


@pytest.fixture
def shop(sqlite_url: str, site: Site) -> Iterator[Shop]:
    """A shop behind the site in which twelve have bought; the test does its workers' work."""
    made = open_shop(sqlite_url)
    made.now = utcnow() - timedelta(days=1)
    with made.write() as session:
        factories.make_user(session, session.get_one(Marketplace, made.marketplace), email="owner@shop.test")
    for email in PEOPLE:
        made.tell("purchased", email, "course", order=email)
    made.now = utcnow()
    yield made
    made.engine.dispose()


@pytest.fixture
def page(shop: Shop, owners_page: Page) -> Page:
    """The owner's page, with scripts and without."""
    return owners_page


def see(page: Page, text: str, scripts: bool) -> None:
    """What has changed shows by itself with scripts, and by a reload without."""
    if not scripts:
        page.reload()
    expect(page.get_by_text(text, exact=True).first).to_be_visible()


@pytest.fixture
def look(looked_at: Callable[[Page], None], scripts: bool) -> Callable[[Page], None]:
    return looked_at if scripts else lambda _: None


def batch_of(shop: Shop) -> int:
    return max(batch.id for batch in shop.rows(Batch))


def test_a_rule_for_past_customers(site: Site, shop: Shop, page: Page, scripts: bool, look: Callable[[Page], None]) -> None:
    vip = shop.place("space", "VIP Room")
    asked = f"integration={shop.integration}&action=add_to_space&target={vip}&trigger=product_purchased"
    page.goto(f"{site.url}/rules/new/confirm?{asked}")
    expect(page.get_by_text("It would change access for 12 people: 12 gain; about 12 metered calls.")).to_be_visible()
    page.get_by_label("Also apply it to the 12 customers who did this before").check()
    look(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="For past customers: When any product is purchased")).to_be_visible()
    see(page, "0 of 12", scripts)
    look(page)
    batching.step(shop, batch_of(shop))
    see(page, "10 of 12", scripts)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Nothing more is begun until it is resumed.")).to_be_visible()
    look(page)
    page.goto(f"{site.url}/logs")
    page.get_by_role("link", name="For past customers").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    batching.finish(shop, batch_of(shop))
    see(page, "Done", scripts)
    look(page)
    assert all(shop.holds(email) == {"member", "VIP Room"} for email in PEOPLE)


def test_past_purchases_from_a_file(site: Site, shop: Shop, page: Page, scripts: bool, look: Callable[[Page], None]) -> None:
    shop.rule("product_purchased", "invite_member", None, "course")
    page.goto(f"{site.url}/products")
    page.get_by_role("link", name="Import past purchases").click()
    look(page)
    content = f"email;product;date;order\n{PEOPLE[0]};course;2026-05-12;{PEOPLE[0]}\nana@shop.test;course;12.5.2026;77\nnobody;course;2026-05-12;78\n"
    page.get_by_label("CSV file").set_input_files({"name": "past.csv", "mimeType": "text/csv", "buffer": content.encode()})
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("Line 4: The e-mail is not an e-mail address.")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Import 1 purchase").click()
    expect(page.get_by_role("heading", name="Import 1 past purchase")).to_be_visible()
    batching.finish(shop, batch_of(shop))
    see(page, "1 of 1", scripts)
    assert shop.holds("ana@shop.test") == {"member"}


def test_what_a_rule_gave_is_taken_back(site: Site, shop: Shop, page: Page, scripts: bool, look: Callable[[Page], None]) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_purchased", "add_to_space", vip, "other")
    for email, product in ((PEOPLE[0], "course"), (PEOPLE[1], "course"), (PEOPLE[1], "other")):
        shop.tell("purchased", email, product, order=f"again-{email}-{product}")
    shop.work()
    shop.now = utcnow()
    page.goto(f"{site.url}/settings/integrations/rules")
    page.get_by_label("More for this rule").click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Off", exact=True)).to_be_visible()
    page.get_by_label("More for this rule").click()
    page.get_by_role("link", name="Take back what it gave").click()
    expect(page.get_by_text("1 person loses what it gave, 1 keeps it since something else grants it")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("heading", name="Take back what a rule gave")).to_be_visible()
    shop.now = utcnow()
    batching.finish(shop, batch_of(shop))
    see(page, "Done", scripts)
    look(page)
    assert (shop.holds(PEOPLE[0]), shop.holds(PEOPLE[1])) == ({"member"}, {"member", "VIP Room"})


def test_a_filter_is_replayed(site: Site, shop: Shop, page: Page, scripts: bool, look: Callable[[Page], None]) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.answers = [Answer(422, {"message": "Invalid email address."}, "{}")]
    shop.tell("purchased", "late@shop.test", "course", order="late")
    shop.work()
    page.goto(f"{site.url}/logs?q=status:failed")
    page.get_by_role("link", name="Replay what has failed here").click()
    expect(page.get_by_text("about 1 metered call.")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Replay 1 entry").click()
    expect(page.get_by_role("heading", name="Replay 1 failed entry")).to_be_visible()
    shop.now = utcnow()
    batching.finish(shop, batch_of(shop))
    see(page, "Done", scripts)
    assert shop.holds("late@shop.test") == {"member"}
