"""A customer's page: what they hold and because of which purchases, what they bought, everything that happened to them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.engine import customers
from webapp.models import Customer, Grant, Holding, Integration, Lane, LogEntry, Marketplace, Product, Purchase, Target

NOW = factories.NOW
PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}
_ids = count(10**9)


@dataclass
class Shop:
    """A shop with a customer, and the browser of somebody who may look."""

    client: FlaskClient
    write: Write
    marketplace: Marketplace
    integration: Integration
    membership: Target
    space: Target
    product: Product
    customer: Customer
    lane: Lane

    def purchase(self, ground: str = "order:9001", **more: object) -> Purchase:
        with self.write() as session:
            given = {"on_record": True, "state_at": NOW, "bought_at": NOW - timedelta(days=9), "product_id": self.product.id, **more}
            made = Purchase(
                id=next(_ids), marketplace_id=self.marketplace.id, customer_id=self.customer.id, ground=ground, **given
            )  # fmt: skip
            session.add(made)
        return made

    def mark(self, purchase: Purchase, op: str = "open", at: int = 0, target: Target | None = None) -> int:
        """A mark on record, and the entry that made it."""
        entry = self.entry()
        with self.write() as session:
            about = (target or self.space).id
            session.add(
                Grant(
                    id=next(_ids), lane_id=self.lane.id, target_id=about, purchase_id=purchase.id, entry_id=entry, op=op,
                    at=NOW + timedelta(minutes=at), tie="w",
                )
            )  # fmt: skip
        return entry

    def believe(self, target: Target, held: str) -> None:
        with self.write() as session:
            session.merge(Holding(lane_id=self.lane.id, target_id=target.id, held=held, since=NOW, heard_at=NOW, word="call"))

    def entry(self, **fields: object) -> int:
        with self.write() as session:
            given = {"customer_id": self.customer.id, "trigger": "product_purchased", "product_id": self.product.id, **fields}
            return factories.make_entry(session, self.marketplace, **given).id

    def page(self, query: str = "", **headers: str) -> str:
        answer = self.client.get(f"/customers/{quote(self.customer.email, safe='')}{query}", headers=headers)
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
def shop(write: Write, sign_in: SignIn) -> Shop:
    with write() as session:
        marketplace = factories.make_marketplace(session, "Acme Courses")
        viewer = factories.make_user(session, marketplace, "viewer")
        integration = factories.make_integration(session, marketplace, "My community")
        membership = factories.make_target(session, integration, "membership")
        space = factories.make_target(session, integration, "space", "VIP <Room>")
        product = factories.make_product(session, marketplace, "Ads <101>", external_id="ads/101")
        customer = factories.make_customer(session, marketplace, "maya@shop.test", first_name="Maya", last_name="O<kafor")
        lane = factories.make_lane(session, customer, integration)
    return Shop(sign_in(viewer), write, marketplace, integration, membership, space, product, customer, lane)


def text(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page[page.index("<main") :])))


def test_what_they_hold_and_why(shop: Shop):
    entry = shop.mark(shop.purchase("subscription:77"))
    shop.believe(shop.membership, "held")
    shop.believe(shop.space, "held")
    page = shop.page()
    assert "<h1>Maya O&lt;kafor</h1>" in page
    assert ">Member</span>" in page
    assert '<span class="name">VIP &lt;Room&gt;</span>' in page
    assert '<a href="/products/ads/101"><em>Ads &lt;101&gt;</em></a>' in page
    assert f'href="/logs/{entry}"' in page
    assert "Ads <101> subscription 77" in text(page)
    assert ">There</span>" in page


@pytest.mark.parametrize(
    ("believed", "open_", "member", "there"),
    [
        ("held", True, "Member", "There"),
        ("not_held", True, "To be invited", "Not yet"),
        ("unknown", True, "To be invited", "Not known"),
        ("held", False, "To be removed", "Still there"),
        ("not_held", False, "Not a member", "Not there"),
    ],
)
def test_what_should_be_and_what_is_believed_are_told_apart(shop: Shop, believed: str, *, open_: bool, member: str, there: str):
    purchase = shop.purchase()
    shop.mark(purchase)
    if not open_:
        shop.mark(purchase, "close", 1)
        shop.mark(purchase, "close", 1, shop.membership)
    shop.believe(shop.membership, believed)
    shop.believe(shop.space, believed)
    said = text(shop.page())
    assert f"My community {member} " in said
    assert there in said
    assert ("No longer held (1)" in said) != open_


def test_two_purchases_that_grant_the_same_are_both_told(shop: Shop):
    with shop.write() as session:
        other = factories.make_product(session, shop.marketplace, "Bundle")
    shop.mark(shop.purchase())
    shop.mark(shop.purchase("order:9002", product_id=other.id))
    said = text(shop.page())
    assert "Ads <101> order 9001 · entry" in said
    assert "Bundle order 9002 · entry" in said


def test_what_a_person_granted_says_so(shop: Shop):
    shop.mark(shop.purchase("hand:1", product_id=None))
    page = shop.page()
    assert "24 Nov, 14:02 by hand · entry" in text(page)
    assert "Purchases" not in text(page)


def test_an_address_of_their_own_in_the_community_is_told(shop: Shop):
    shop.mark(shop.purchase())
    with shop.write() as session:
        lane = session.get_one(Lane, shop.lane.id)
        lane.alias, lane.alias_by, lane.alias_at = "other@shop.test", "learned", NOW
    assert "In Circle as other@shop.test, as Circle told on 24 Nov, 14:02" in text(shop.page())
    assert "/alias/" not in shop.page()  # a viewer changes nothing


@pytest.mark.parametrize(
    ("ground", "more", "says"),
    [
        ("order:9001", {"order_ref": "9001", "subscription_ref": "77"}, "order 9001, subscription 77 15 Nov, 14:02 nothing now Active"),
        ("order:9001", {"state": "refunded"}, "order 9001 15 Nov, 14:02 refunded 24 Nov, 14:02 nothing now Refunded"),
        ("subscription:77", {"state": "ended"}, "subscription 77 15 Nov, 14:02 ended 24 Nov, 14:02 nothing now Ended"),
        ("product", {}, "the product alone 15 Nov, 14:02 nothing now Active"),
        ("order:1", {"on_record": False, "state": "refunded"}, "order 1 no nothing now Not on record"),
        ("prospect:p1", {"on_record": False}, "prospect p1 no nothing now In the cart"),
        ("order:1", {"test": True}, "a test order 1"),
    ],
)
def test_purchases_say_how_they_stand(shop: Shop, ground: str, more: dict[str, object], says: str):
    shop.purchase(ground, **more)
    assert says in text(shop.page())


def test_what_a_purchase_gives_and_by_which_rule(shop: Shop):
    with shop.write() as session:
        rule = factories.make_rule(session, shop.space)
    entry = shop.mark(shop.purchase())
    with shop.write() as session:
        session.get_one(LogEntry, entry).rule_id = rule.id
        session.get_one(Grant, session.query(Grant.id).scalar()).until = NOW + timedelta(days=30)
    shop.believe(shop.space, "held")
    said = text(shop.page())
    assert "entry Product Purchased, rule for every product · until 24 Dec, 14:02" in said
    assert "There: by our call, 24 Nov, 14:02" in said
    assert "order 9001 15 Nov, 14:02 My community, VIP <Room> Active" in said
    assert "VIP <Room>: its time is over My community 24 Dec, 14:02" in said


def test_what_they_had_on_a_day(shop: Shop):
    purchase = shop.purchase()
    shop.mark(purchase, at=-60 * 24 * 8)
    shop.mark(purchase, "close", at=-60 * 24 * 2)
    assert "At the end of 20 November Back to today Held Kind Since Why Where Membership" in text(shop.page("?on=2026-11-20"))
    assert "VIP <Room> Space 16 Nov, 14:02 Ads <101>" in text(shop.page("?on=2026-11-20"))
    assert "VIP <Room>" not in text(shop.page("?on=2026-11-22"))
    assert "Nothing was held" in text(shop.page("?on=2026-11-01"))
    for not_before_today in ("2026-11-24", "2027-01-01", "soon", ""):
        assert "At the end of" not in text(shop.page(f"?on={not_before_today}"))


def test_everything_that_happened_is_listed_the_newest_first(shop: Shop):
    with shop.write() as session:
        stranger = factories.make_customer(session, shop.marketplace)
        session.add(
            LogEntry(
                id=next(_ids), marketplace_id=shop.marketplace.id, customer_id=stranger.id, status="succeeded", sentence="Not theirs.",
                at=NOW, changed_at=NOW,
            )
        )  # fmt: skip
    for number in range(customers.PART + 2):
        shop.entry(sentence=f"Done <{number:02}>.")
    page = shop.page()
    said = re.findall(r'<span class="name">Done &lt;(\d\d)&gt;</span>', page)
    assert said == [f"{number:02}" for number in range(customers.PART + 1, 1, -1)]
    assert "Not theirs" not in page
    older = re.search(r'class="older".*?href="([^"]+)"', page)
    assert older
    rest = shop.client.get(html.unescape(older[1]), headers=PARTLY).text
    assert re.findall(r"Done &lt;(\d\d)&gt;", rest) == ["01", "00"]
    assert "<html" not in rest
    assert 'class="day"' not in rest
    assert "Back to the newest" in shop.client.get(html.unescape(older[1])).text


def test_who_holds_nothing_says_so(shop: Shop):
    said = text(shop.page())
    assert "My community Nothing on record In Circle as maya@shop.test" in said
    assert "Nothing in the log" in said


@pytest.mark.parametrize("email", ["a+b@shop.test", "o'neil/x@shop.test", "jörg@bücher.test"])
def test_any_address_has_its_page(shop: Shop, email: str):
    with shop.write() as session:
        factories.make_customer(session, shop.marketplace, email)
    for written in (email, email.upper()) if email.isascii() else (email,):
        page = shop.client.get(f"/customers/{quote(written, safe='')}").text
        assert f"<h1>{html.escape(email).replace('&#x27;', '&#39;')}</h1>" in page


def test_somebody_elses_customer_is_not_found(shop: Shop):
    with shop.write() as session:
        factories.make_customer(session, factories.make_marketplace(session), "theirs@shop.test")
    assert shop.client.get("/customers/theirs@shop.test").status_code == 404
    assert shop.client.get("/customers/nobody@shop.test").status_code == 404


def test_an_entry_leads_there(shop: Shop):
    entry = shop.entry()
    assert 'href="/customers/maya%40shop.test"' in shop.client.get(f"/logs/{entry}").text
    shop.client.post("/sign-out")
    assert shop.client.get("/customers/maya@shop.test").location.startswith("/sign-in")
