"""Test this rule: said plainly before, for admins and owners alone; a real event, marked as a test; its entry until it ends."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import factories
from tests.pages.conftest import Clock, SignIn, Write
from webapp.engine.accounts import OWN_FORMAT
from webapp.engine.triggers import TRIGGERS
from webapp.models import Customer, Event, Happening, Integration, LogEntry, Marketplace, Product, Rule, Source, Target, User
from webapp.pages.trial_events import LOST, NOTHING_TO_SIGN_WITH
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}
BOTH_WAYS = pytest.mark.parametrize("headers", [{}, PARTLY], ids=["whole", "partly"])


@dataclass
class Shop:
    """A shop whose address has a secret, with a rule of a product, and the browser of its owner."""

    client: FlaskClient
    write: Write
    owner: User
    marketplace: Marketplace
    space: Target
    product: Product
    rule: Rule

    def another(self, product: Product | None = None, **fields: Any) -> Rule:
        """One more rule about the space, made as pages make them: what intake remembers is old then."""
        with self.write() as session:
            session.get_one(Marketplace, self.marketplace.id).version += 1
            return factories.make_rule(session, self.space, product, **fields)

    def rows(self, model: Any) -> Sequence[Any]:
        with self.write() as session:
            return session.scalars(select(model).order_by(model.id)).all()

    def change(self, model: Any, number: int, **columns: Any) -> None:
        with self.write() as session:
            row = session.get_one(model, number)
            for name, value in columns.items():
                setattr(row, name, value)

    def try_it(self, rule: Rule | None = None, headers: dict[str, str] | None = None, **typed: str) -> TestResponse:
        """Send the form of a rule's test, and go where that leads."""
        address = f"/rules/{(rule or self.rule).id}/test"
        return self.client.post(address, data={"email": "me@shop.test", **typed}, headers=headers, follow_redirects=True)


@pytest.fixture
def shop(write: Write, sign_in: SignIn) -> Shop:
    with write() as session:
        marketplace = factories.make_marketplace(session, "Acme Courses")
        owner = factories.make_user(session, marketplace)
        integration = factories.make_integration(session, marketplace, "My community", catalog_at=factories.NOW)
        space = factories.make_target(session, integration, "space", "VIP Room")
        product = factories.make_product(session, marketplace, "Ads <101>", external_id="ads/101")
        rule = factories.make_rule(session, space, product)
        sealed = parts().vault.seal(new_secret())
        session.add(
            Source(
                id=factories.new_id(),
                marketplace_id=marketplace.id,
                kind=OWN_FORMAT,
                address="here",
                secret=sealed,
                created_at=factories.NOW,
            )
        )
    return Shop(sign_in(owner), write, owner, marketplace, space, product, rule)


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page[page.index("<dialog") :])).split())


@BOTH_WAYS
def test_before_it_happens_it_says_that_it_really_does(shop: Shop, headers: dict[str, str]) -> None:
    answer = shop.client.get(f"/rules/{shop.rule.id}/test", headers=headers)
    said = words(answer.text)
    assert "When Ads <101> is purchased, add the customer to the space VIP Room" in said
    assert "This really happens in My community." in said
    assert f'value="{shop.owner.email}"' in answer.text
    assert 'name="product"' not in answer.text
    assert ("<html" in answer.text) is not bool(headers)
    assert shop.rows(Event) == []


def test_every_rule_in_a_list_can_be_tested(shop: Shop) -> None:
    everywhere = shop.another()
    own = shop.client.get("/product/" + str(shop.product.id)).text
    assert f'<a class="btn btn-bare" href="/rules/{shop.rule.id}/test" data-dialog>Test this rule</a>' in own
    assert f"/rules/{everywhere.id}/test" in shop.client.get("/settings/integrations/rules").text


@BOTH_WAYS
def test_a_test_is_a_real_event_marked_as_one(shop: Shop, headers: dict[str, str]) -> None:
    beside = shop.another()
    answer = shop.try_it(headers=headers, email="  Me@Shop.test ")
    (event,) = shop.rows(Event)
    body = json.loads(event.body)
    assert (event.test, event.marketplace_id, body["test"], body["data"]["customer"]) == (
        True,
        shop.marketplace.id,
        True,
        {"email": "me@shop.test"},
    )
    entries = shop.rows(LogEntry)
    assert [(one.rule_id, one.status, one.test, one.product_id) for one in entries] == [
        (shop.rule.id, "queued", True, shop.product.id),
        (beside.id, "queued", True, shop.product.id),
    ]
    assert answer.request.path == f"/rules/{shop.rule.id}/test/{event.id}"
    assert "Queued" in answer.text
    assert f'href="/logs/{entries[0].id}"' in answer.text
    assert ("<html" in answer.text) is not bool(headers)


def ended(shop: Shop, clock: Clock, status: str = "succeeded", sentence: str = "Added to space VIP Room.", **more: Any) -> LogEntry:
    """The entry of the test, as a worker ends it."""
    entry: LogEntry = shop.rows(LogEntry)[0]
    clock.time += timedelta(seconds=2)
    gone: dict[str, Any] = {"open_lane_id": None, "finished_at": clock.time}
    shop.change(LogEntry, entry.id, status=status, sentence=sentence, changed_at=clock.time, **gone, **more)
    return entry


def asks(page: str) -> str:
    found = re.search(r'id="tried" hx-get="([^"]+)" hx-trigger="every 1s"', page)
    return html.unescape(found[1]) if found else ""


def test_the_dialog_asks_until_it_has_ended(shop: Shop, clock: Clock) -> None:
    page = shop.try_it(headers=PARTLY).text
    assert shop.client.get(asks(page), headers=PARTLY).status_code == 204
    ended(shop, clock)
    answer = shop.client.get(asks(page), headers=PARTLY)
    assert "<dialog" not in answer.text
    assert "me@shop.test was added to the space VIP Room." in " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    assert "Succeeded" in answer.text
    assert asks(answer.text) == ""


def test_without_scripts_there_is_a_link_until_it_has_ended(shop: Shop, clock: Clock) -> None:
    answer = shop.try_it()
    link = f'<noscript><p><a href="{answer.request.path}">Reload to see how far it is</a>'
    assert link in answer.text
    ended(shop, clock, "failed", "Circle refused it.", todo="Look at the plan.")
    again = shop.client.get(answer.request.path).text
    assert "Reload" not in again
    assert "Circle refused it." in words(again)
    assert "Look at the plan." in words(again)


@pytest.mark.parametrize("why", ["paused", "later"])
def test_it_does_not_ask_for_what_waits_for_somebody_or_long(shop: Shop, why: str) -> None:
    if why == "paused":
        shop.change(Integration, shop.rule.integration_id, paused_at=factories.NOW)
    else:
        shop.change(Rule, shop.rule.id, action="remove_from_space", removal="spare", after_days=7)
        shop.change(Marketplace, shop.marketplace.id, version=1)
    page = shop.try_it().text
    assert asks(page) == ""
    assert "Look again" in page
    assert ("Parked" in page) is (why == "paused")


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_each_trigger_is_tested_as_what_it_is_and_at_once(shop: Shop, trigger: str, clock: Clock) -> None:
    """Also for who has bought the product before, and more than once."""
    shop.try_it()
    rule = shop.another(shop.product, trigger=trigger)
    first, second = shop.try_it(rule), shop.try_it(rule)
    assert first.request.path != second.request.path
    made = [one for one in shop.rows(LogEntry) if one.rule_id == rule.id]
    assert [(one.trigger, one.status, one.due_at) for one in made] == [(trigger, "queued", None)] * 2
    assert "Queued" in second.text
    fired = shop.rows(Happening)[1:]
    assert {one.at for one in fired} == {clock()}
    assert {one.trigger for one in fired} - {trigger} == ({"subscription_canceled"} if trigger == "subscription_delinquent" else set())
    assert len(shop.rows(Customer)) == 1


def test_what_else_a_test_starts_is_said_before(shop: Shop) -> None:
    for trigger in TRIGGERS:
        rule = shop.another(shop.product, trigger=trigger)
        page = shop.client.get(f"/rules/{rule.id}/test").text
        assert ("rules for Subscription Canceled run" in page) is (trigger == "subscription_delinquent")


def test_for_a_global_rule_a_product_is_chosen(shop: Shop, write: Write) -> None:
    with write() as session:
        other = factories.make_product(session, shop.marketplace, "Bees", external_id="bees")
    rule = shop.another(trigger="product_refunded")
    page = shop.client.get(f"/rules/{rule.id}/test").text
    assert re.search(r'<input[^>]*name="product"[^>]*value="ads/101"', page)
    assert '<option value="bees">Bees</option>' in page
    assert "· Bees" in shop.try_it(rule, product="bees").text
    assert [one.product_id for one in shop.rows(LogEntry)] == [other.id]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"product": "bee"}, "You have no product with this id."),
        ({"product": ""}, "Which product? Type its id."),
        ({"product": "ads/101", "email": "me"}, "This is not an e-mail address."),
    ],
)
def test_a_slip_of_the_pen_is_told_and_nothing_happens(shop: Shop, typed: dict[str, str], said: str) -> None:
    answer = shop.try_it(shop.another(), **typed)
    assert (answer.status_code, said in words(answer.text)) == (422, True)
    assert (shop.rows(Event), len(shop.rows(Product))) == ([], 1)


def test_the_product_of_a_products_own_rule_can_not_be_changed(shop: Shop, write: Write) -> None:
    with write() as session:
        factories.make_product(session, shop.marketplace, "Bees", external_id="bees")
    shop.try_it(product="bees")
    assert [one.product_id for one in shop.rows(LogEntry)] == [shop.product.id]


def test_a_rule_that_is_off_is_not_tested(shop: Shop) -> None:
    shop.change(Rule, shop.rule.id, off_at=factories.NOW)
    page = shop.client.get(f"/rules/{shop.rule.id}/test").text
    assert "This rule is switched off: nothing would happen." in words(page)
    assert "Test it for real" not in page
    assert shop.try_it().status_code == 422
    assert shop.rows(Event) == []


def test_without_a_secret_that_can_be_read_it_says_so(shop: Shop) -> None:
    (source,) = shop.rows(Source)
    for secret, said in ((None, NOTHING_TO_SIGN_WITH), (b"sealed with a key that is lost", LOST)):
        shop.change(Source, source.id, secret=secret)
        answer = shop.try_it()
        assert (answer.status_code, said in words(answer.text)) == (422, True)
        assert 'href="/settings/webhook"' in answer.text
    with shop.write() as session:
        session.delete(session.get_one(Source, source.id))
    assert NOTHING_TO_SIGN_WITH in words(shop.try_it().text)
    assert shop.rows(Event) == []


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("admin", 200), ("viewer", 403)])
def test_only_admins_and_owners_test_rules(shop: Shop, sign_in: SignIn, role: str, status: int) -> None:
    shown = shop.try_it().request.path
    with shop.write() as session:
        person = factories.make_user(session, shop.marketplace, role)
    client = sign_in(person)
    assert client.get(f"/rules/{shop.rule.id}/test").status_code == status
    assert client.get(shown).status_code == status
    client.post(f"/rules/{shop.rule.id}/test", data={"email": "me@shop.test"})
    assert len(shop.rows(Event)) == (1 if role == "viewer" else 2)
    assert (f"/rules/{shop.rule.id}/test" in client.get(f"/product/{shop.product.id}").text) is (status == 200)


def test_a_stranger_is_asked_to_sign_in(shop: Shop) -> None:
    shop.client.post("/sign-out")
    for answer in (
        shop.client.get(f"/rules/{shop.rule.id}/test"),
        shop.client.post(f"/rules/{shop.rule.id}/test", data={"email": "a@b.test"}),
    ):
        assert "/sign-in" in answer.location
    assert shop.rows(Event) == []


def test_rules_and_tests_of_another_marketplace_are_not_there(shop: Shop, sign_in: SignIn) -> None:
    shown = shop.try_it().request.path
    with shop.write() as session:
        elsewhere = factories.make_marketplace(session)
        stranger = factories.make_user(session, elsewhere)
        integration = factories.make_integration(session, elsewhere)
        theirs = factories.make_rule(session, factories.make_target(session, integration))
    client = sign_in(stranger)
    events = len(shop.rows(Event))
    assert client.get(f"/rules/{shop.rule.id}/test").status_code == 404
    assert client.post(f"/rules/{shop.rule.id}/test", data={"email": "a@b.test"}).status_code == 404
    assert client.get(shown).status_code == 404
    assert client.get(f"/rules/{theirs.id}/test/{shown.rpartition('/')[2]}").status_code == 404
    assert len(shop.rows(Event)) == events


def test_an_event_that_this_rule_had_no_part_in_is_not_shown(shop: Shop) -> None:
    shown = shop.try_it().request.path
    other = shop.another(shop.product, trigger="product_refunded")
    assert shop.client.get(shown.replace(f"/rules/{shop.rule.id}/", f"/rules/{other.id}/")).status_code == 404
