"""Rules: made in three steps, changed, repaired, switched, deleted; the same for a product and for every product, with scripts and without."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import factories
from tests.pages.conftest import Clock, SignIn, Write
from webapp.doorbell import REFRESH
from webapp.engine.triggers import TRIGGERS
from webapp.ids import Ids
from webapp.models import PAID_PERIOD, Integration, LogEntry, Marketplace, Product, Rule, Target, User
from webapp.pages.trigger_words import FIRES
from webapp.parts import parts

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}
BOTH_WAYS = pytest.mark.parametrize("headers", [{}, PARTLY], ids=["whole", "partly"])
Headers = Mapping[str, str]


@dataclass
class Shop:
    """A shop with a connected community, and the browser of its owner."""

    client: FlaskClient
    write: Write
    marketplace: Marketplace
    integration: Integration
    membership: Target
    group: Target
    space: Target
    product: Product

    def ids(self, **more: object) -> dict[str, object]:
        """What step 1 is told for *Add to space VIP Room*."""
        return {"integration": self.integration.id, "action": "add_to_space", "target": self.space.id, **more}

    def rules(self) -> list[Rule]:
        """The rules that are alive, as they were made."""
        with self.write() as session:
            return list(session.scalars(select(Rule).where(Rule.deleted_at.is_(None)).order_by(Rule.id)))

    def rule(self, target: Target | None = None, product: Product | None = None, **fields: object) -> Rule:
        with self.write() as session:
            return factories.make_rule(session, target or self.space, product, **fields)

    def gone(self) -> None:
        """The space has been deleted in Circle."""
        with self.write() as session:
            session.get_one(Target, self.space.id).gone_at = factories.NOW


@pytest.fixture
def shop(write: Write, sign_in: SignIn) -> Shop:
    with write() as session:
        marketplace = factories.make_marketplace(session, "Acme Courses")
        owner = factories.make_user(session, marketplace)
        integration = factories.make_integration(session, marketplace, "My community", catalog_at=factories.NOW)
        membership = factories.make_target(session, integration, "membership")
        group = factories.make_target(session, integration, "space_group", "Inner Circle")
        space = factories.make_target(session, integration, "space", "VIP Room", group=group.remote_id)
        product = factories.make_product(session, marketplace, "Ads <101>", external_id="ads/101")
    return Shop(sign_in(owner), write, marketplace, integration, membership, group, space, product)


@pytest.fixture
def viewer(write: Write, shop: Shop) -> User:
    with write() as session:
        return factories.make_user(session, shop.marketplace, "viewer")


def fields(page: str) -> dict[str, str]:
    """What a browser would send of the dialog's form: hidden fields, chosen radios and options, and the search."""
    form = page[page.index('<dialog class="dialog"') :]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if "name" in given and (given.get("type") != "radio" or " checked" in tag):
            found[given["name"]] = given.get("value", "")
    for name, options in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', options) or re.search(r'<option value="([^"]*)"', options)
        assert chosen
        found[name] = html.unescape(chosen[1])
    return found


def action_of(page: str) -> str:
    found = re.search(r'<form method="post" action="([^"]+)" novalidate>', page)
    assert found
    return html.unescape(found[1])


def press(client: FlaskClient, answer: TestResponse, headers: Headers, button: str = "next", **typed: object) -> TestResponse:
    """Fill something in, press a button, and go where that leads. With scripts a redirect is followed with the same headers."""
    data = {**fields(answer.text), **{name: str(value) for name, value in typed.items()}, button: "1"}
    return client.post(action_of(answer.text), data=data, headers=headers, follow_redirects=True)


def sentence(page: str) -> str:
    found = re.search(r'class="readback"[^>]*>(.*?)</p>', page)
    assert found
    return html.unescape(re.sub(r"</?em>", "", found[1]))


def step(page: str) -> str:
    found = re.search(r'<li aria-current="step"><b>\d</b><span class="word">(\w+)', page)
    assert found, page
    return found[1]


def choices(page: str) -> list[str]:
    return [html.unescape(re.sub(r"</?mark>", "", name)) for name in re.findall(r"<strong>((?:[^<]|</?mark>)*)</strong>", page)]


@BOTH_WAYS
def test_a_rule_of_a_product_in_three_steps(shop: Shop, headers: Headers):
    answer = shop.client.get(f"/rules/new?product={shop.product.id}", headers=headers)
    assert ("<html" in answer.text) != bool(headers)
    assert ">New Rule for Ads &lt;101&gt;</h" in answer.text
    assert step(answer.text) == "Action"
    answer = press(shop.client, answer, headers, target=shop.space.id)
    assert ("<html" in answer.text) != bool(headers)
    assert step(answer.text) == "Trigger"
    answer = press(shop.client, answer, headers, trigger="subscription_charged")
    assert step(answer.text) == "Confirm"
    assert sentence(answer.text) == "When a payment for Ads <101> succeeds, add the customer to the space VIP Room in My community."
    data = {**fields(answer.text), "next": "1"}
    done = shop.client.post(action_of(answer.text), data=data, headers=headers)
    if headers:
        assert (done.status_code, done.headers["HX-Redirect"]) == (200, "/products/ads/101")
    else:
        assert (done.status_code, done.location) == (303, "/products/ads/101")
    (rule,) = shop.rules()
    assert (rule.product_id, rule.trigger, rule.action, rule.target_id, rule.removal) == (
        shop.product.id, "subscription_charged", "add_to_space", shop.space.id, None,
    )  # fmt: skip
    page = shop.client.get("/products/ads/101").text
    assert "Rule added." in page
    assert "Add to space <em>VIP Room</em>" in page


@BOTH_WAYS
def test_a_global_rule_in_three_steps(shop: Shop, headers: Headers):
    assert 'href="/rules/new"' in shop.client.get("/settings/integrations/rules").text
    answer = shop.client.get("/settings/integrations/rules/new", headers=headers)
    assert ">New Global Rule</h" in answer.text
    answer = press(shop.client, answer, headers, action="invite_member")
    assert step(answer.text) == "Trigger"
    answer = press(shop.client, answer, headers)
    assert sentence(answer.text) == "When any product is purchased, invite the customer to My community."
    assert press(shop.client, answer, {}).request.path == "/settings/integrations/rules"
    (rule,) = shop.rules()
    assert (rule.product_id, rule.target_id, rule.trigger) == (None, shop.membership.id, "product_purchased")
    assert "Invite member" in shop.client.get("/settings/integrations/rules").text


@BOTH_WAYS
def test_back_loses_nothing(shop: Shop, headers: Headers):
    other = {"trigger": "subscription_canceled", "action": "remove_from_space"}
    first = shop.client.get(f"/rules/new?product={shop.product.id}", headers=headers)
    second = press(shop.client, first, headers, action="remove_from_space", target=shop.space.id)
    third = press(shop.client, second, headers, trigger=other["trigger"])
    back = press(shop.client, third, headers, "back", removal="always")
    assert (step(back.text), fields(back.text)["trigger"]) == ("Trigger", other["trigger"])
    back = press(shop.client, back, headers, "back", trigger="product_refunded")
    told = fields(back.text)
    assert step(back.text) == "Action"
    assert {name: told[name] for name in ("action", "target", "trigger", "removal")} == {
        "action": "remove_from_space", "target": str(shop.space.id), "trigger": "product_refunded", "removal": "always",
    }  # fmt: skip
    again = press(shop.client, press(shop.client, back, headers), headers)
    assert sentence(again.text).endswith("in My community, in any case.")
    assert "Ads <101>" in sentence(again.text)


def test_each_step_has_its_address_and_needs_the_ones_before(shop: Shop):
    whole = shop.ids(product=shop.product.id, trigger="product_purchased")
    assert step(shop.client.get("/rules/new/confirm", query_string=whole).text) == "Confirm"
    assert step(shop.client.get("/rules/new/trigger", query_string=whole).text) == "Trigger"
    untold = shop.client.get("/rules/new/confirm", query_string=shop.ids(product=shop.product.id))
    assert (untold.status_code, urlsplit(untold.location).path) == (303, "/rules/new/trigger")
    assert parse_qs(urlsplit(untold.location).query)["target"] == [str(shop.space.id)]
    for step_name in ("trigger", "confirm"):
        untold = shop.client.get(f"/rules/new/{step_name}", query_string={"product": shop.product.id, "trigger": "product_refunded"})
        assert urlsplit(untold.location).path == "/rules/new"
        assert parse_qs(urlsplit(untold.location).query) == {"product": [str(shop.product.id)], "trigger": ["product_refunded"]}


@BOTH_WAYS
def test_what_is_missing_is_said_where_it_is(shop: Shop, headers: Headers):
    first = shop.client.get("/rules/new", headers=headers)
    answer = shop.client.post("/rules/new", data={**fields(first.text), "next": "1"}, headers=headers)
    assert answer.status_code == 422
    assert "Choose a space." in answer.text
    answer = shop.client.post("/rules/new/trigger", data=shop.ids(), headers=headers)
    assert answer.status_code == 422
    assert "Choose a trigger." in answer.text
    assert fields(answer.text)["target"] == str(shop.space.id)


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"integration": "x"}, "/rules/new"),
        ({"integration": 1 << 70}, "/rules/new"),
        ({"action": "dance"}, "/rules/new"),
        ({"target": 99999}, "/rules/new"),
        ({"target": "²"}, "/rules/new"),
        ({"trigger": "never"}, "/rules/new/trigger"),
    ],
)
def test_nonsense_leads_back_to_its_step(shop: Shop, wrong: dict[str, object], at: str):
    answer = shop.client.post("/rules/new/confirm", data=shop.ids(trigger="product_purchased") | wrong)
    assert (answer.status_code, urlsplit(answer.location).path) == (303, at)
    assert shop.client.get(answer.location).status_code == 200
    assert shop.rules() == []


def test_a_removal_says_what_it_spares_and_can_be_told_otherwise(shop: Shop):
    removal = shop.ids(product=shop.product.id, action="remove_from_space")
    for trigger, usual, other in (("product_refunded", "spare", "always"), ("product_purchased", "always", "spare")):
        page = shop.client.get("/rules/new/confirm", query_string=removal | {"trigger": trigger})
        assert fields(page.text)["removal"] == usual
        ending = {"spare": ", unless another purchase still grants it.", "always": ", in any case."}
        assert sentence(page.text).endswith(ending[usual])
        said = shop.client.get("/rules/readback", query_string=removal | {"trigger": trigger, "removal": other}, headers=PARTLY)
        assert sentence(said.text).endswith(ending[other])
        press(shop.client, page, {}, removal=other)
        assert shop.rules()[-1].removal == other
    page = shop.client.get("/rules/new/confirm", query_string=shop.ids(trigger="product_purchased"))
    assert "removal" not in fields(page.text)


@BOTH_WAYS
def test_an_add_holds_for_good_or_for_days(shop: Shop, headers: Headers):
    asked = shop.ids(product=shop.product.id, trigger="product_purchased")
    page = shop.client.get("/rules/new/confirm", query_string=asked, headers=headers)
    assert (fields(page.text)["lasts"], fields(page.text)["days"], "acts" in fields(page.text)) == ("", "30", False)
    said = shop.client.get("/rules/readback", query_string=asked | {"lasts": "days", "days": "90"}, headers=PARTLY)
    assert sentence(said.text).endswith("to the space VIP Room in My community for 90 days.")
    assert "When the days are over it goes by itself" in said.text
    for typed in ("", "0", "3651", "soon"):
        again = press(shop.client, page, headers, lasts="days", days=typed)
        assert (again.status_code, fields(again.text)["lasts"]) == (422, "days")
        assert "Type a number of days, from 1 to 3,650." in again.text
        assert shop.client.get("/rules/readback", query_string=asked | {"lasts": "days", "days": typed}, headers=PARTLY).status_code == 204
    press(shop.client, page, headers, lasts="days", days="90")
    (rule,) = shop.rules()
    assert (rule.for_days, rule.after_days) == (90, 0)
    edited = press(shop.client, press(shop.client, shop.client.get(f"/rules/{rule.id}/edit", headers=headers), headers), headers)
    assert (fields(edited.text)["lasts"], fields(edited.text)["days"]) == ("days", "90")
    press(shop.client, edited, headers, lasts="")
    assert shop.rules()[0].for_days is None


@BOTH_WAYS
def test_a_removal_acts_at_once_later_or_when_what_was_paid_for_ends(shop: Shop, headers: Headers):
    asked = shop.ids(product=shop.product.id, action="remove_from_space", trigger="subscription_charge_failed")
    page = shop.client.get("/rules/new/confirm", query_string=asked, headers=headers)
    assert (fields(page.text)["acts"], "lasts" in fields(page.text)) == ("", False)
    said = shop.client.get("/rules/readback", query_string=asked | {"acts": "days", "days": "3"}, headers=PARTLY)
    assert sentence(said.text).endswith("in My community 3 days later, unless another purchase still grants it.")
    assert "it is called off" in said.text
    said = shop.client.get("/rules/readback", query_string=asked | {"acts": "paid"}, headers=PARTLY)
    assert sentence(said.text).endswith("at the end of the paid period, unless another purchase still grants it.")
    assert "it acts at once" in said.text
    press(shop.client, page, headers, acts="days", days="3")
    (rule,) = shop.rules()
    assert (rule.after_days, rule.removal) == (3, "spare")
    edited = press(shop.client, press(shop.client, shop.client.get(f"/rules/{rule.id}/edit", headers=headers), headers), headers)
    assert (fields(edited.text)["acts"], fields(edited.text)["days"]) == ("days", "3")
    press(shop.client, edited, headers, acts="paid", removal="always")
    (rule,) = shop.rules()
    assert (rule.after_days, rule.removal) == (PAID_PERIOD, "always")


def test_what_was_answered_of_a_removal_is_forgotten_where_it_becomes_an_add(shop: Shop):
    rule = shop.rule(product=shop.product, trigger="product_refunded", action="remove_from_space", removal="always", after_days=3)
    first = shop.client.get(f"/rules/{rule.id}/edit")
    third = press(shop.client, press(shop.client, first, {}, action="add_to_space"), {})
    assert step(third.text) == "Confirm"
    press(shop.client, third, {})
    (changed,) = shop.rules()
    assert (changed.action, changed.removal, changed.after_days, changed.for_days) == ("add_to_space", None, 0, None)


def test_what_a_rule_implies(shop: Shop):
    shop.rule(shop.membership, action="invite_member")
    shop.rule(shop.membership, action="invite_member", off_at=factories.NOW)
    page = shop.client.get("/rules/new/confirm", query_string=shop.ids(product=shop.product.id, trigger="product_purchased")).text
    assert "Somebody who is not a member yet is invited first." in page
    assert "One global rule is about this trigger too; it keeps running." in page
    assert "A refund does not take VIP Room away by itself" in page
    shop.rule(product=shop.product, action="remove_from_space", trigger="product_refunded", removal="spare")
    with shop.write() as session:
        session.get_one(Integration, shop.integration.id).paused_at = factories.NOW
    page = shop.client.get("/rules/new/confirm", query_string=shop.ids(product=shop.product.id, trigger="product_purchased")).text
    assert "A refund does not take" not in page
    assert "My community is paused" in page
    group = {"action": "remove_from_space_group", "target": shop.group.id, "trigger": "product_refunded"}
    page = shop.client.get("/rules/new/confirm", query_string=shop.ids() | group).text
    assert "Its spaces go with it" in page
    assert "It is for every product" in page


@BOTH_WAYS
def test_a_duplicate_is_refused_with_a_link(shop: Shop, headers: Headers):
    whole = shop.ids(product=shop.product.id, trigger="product_purchased")
    shop.client.post("/rules/new/confirm", data=whole)
    (rule,) = shop.rules()
    answer = shop.client.post("/rules/new/confirm", data=whole, headers=headers)
    assert answer.status_code == 422
    assert "There is such a rule already" in answer.text
    assert f'href="/rules/{rule.id}/edit"' in answer.text
    assert fields(answer.text)["target"] == str(shop.space.id)
    assert len(shop.rules()) == 1
    shop.client.post(f"/rules/{rule.id}/off")
    assert "and it is switched off" in shop.client.post("/rules/new/confirm", data=whole, headers=headers).text


def test_without_an_integration_the_dialog_says_so(shop: Shop):
    with shop.write() as session:
        session.get_one(Integration, shop.integration.id).deleted_at = factories.NOW
    page = shop.client.get("/rules/new", headers=PARTLY).text
    assert "none is connected yet" in page
    assert 'href="/settings/integrations/new"' in page
    page = shop.client.get("/settings/integrations/rules").text
    assert "Connect your community first" in page
    assert "/rules/new" not in page


def test_what_is_wrong_with_an_integration_stands_in_the_list(shop: Shop):
    with shop.write() as session:
        factories.make_integration(session, shop.marketplace, "Alumni Club", attention="dead_key")
        factories.make_integration(session, shop.marketplace, "Looks on", watch_only=True)
    page = shop.client.get("/rules/new").text
    assert ">Alumni Club (needs attention)</option>" in page
    assert ">Looks on (watch only)</option>" in page
    assert fields(page)["integration"] != ""
    assert "Alumni Club" not in str(fields(page))


def test_the_picker_offers_what_is_there_by_group(shop: Shop):
    with shop.write() as session:
        factories.make_target(session, shop.integration, "space", "Waiting Room")
        factories.make_target(session, shop.integration, "space", "<b>Lounge</b>", group=shop.group.remote_id)
        factories.make_target(session, shop.integration, "space", "Gone Room", gone_at=factories.NOW)
        factories.make_target(session, shop.integration, "tag", "Room tag")
        other = factories.make_integration(session, shop.marketplace, "Not this one")
        factories.make_target(session, other, "space", "Other Room")
    page = shop.client.get("/rules/new").text
    assert choices(page) == ["<b>Lounge</b>", "VIP Room", "Waiting Room"]
    assert '<li class="group">Inner Circle</li>' in page
    assert ">3 spaces</span>" in page
    query = {"integration": shop.integration.id, "action": "add_to_space", "q": "ROOM"}
    found = shop.client.get("/rules/targets", query_string=query, headers=PARTLY).text
    assert choices(found) == ["VIP Room", "Waiting Room"]
    assert "<mark>Room</mark>" in found
    assert ">2 of 3 spaces</span>" in found
    assert "<dialog" not in found


def test_a_choice_stays_when_the_search_hides_it(shop: Shop):
    with shop.write() as session:
        factories.make_target(session, shop.integration, "space", "Lounge")
    query = {"integration": shop.integration.id, "action": "add_to_space", "q": "lounge", "target": shop.space.id}
    found = shop.client.get("/rules/targets", query_string=query, headers=PARTLY).text
    assert choices(found) == ["VIP Room", "Lounge"]
    assert re.search(f'value="{shop.space.id}" checked', found)


def test_three_hundred_spaces_are_shown_in_part(shop: Shop):
    with shop.write() as session:
        for number in range(300):
            factories.make_target(session, shop.integration, "space", f"Lesson {number:03}", remote_id=f"r{number}")
    answer = shop.client.get("/rules/new")
    assert len(choices(answer.text)) == 100
    assert "The first 100 of 301 spaces. Type to find others." in answer.text
    assert len(answer.data) < 60_000
    query = {"integration": shop.integration.id, "action": "add_to_space", "q": "lesson 299"}
    assert choices(shop.client.get("/rules/targets", query_string=query, headers=PARTLY).text) == ["Lesson 299"]


@BOTH_WAYS
def test_searching_without_scripts_is_no_step(shop: Shop, headers: Headers):
    with shop.write() as session:
        factories.make_target(session, shop.integration, "space", "Lounge")
    first = shop.client.get("/rules/new", headers=headers)
    for button in ("search", "entered"):
        found = press(shop.client, first, headers, button, q="vip")
        assert (found.status_code, step(found.text), choices(found.text)) == (200, "Action", ["VIP Room"])
    again = press(shop.client, found, headers, "entered", target=shop.space.id)
    assert step(again.text) == "Trigger"


@BOTH_WAYS
def test_another_action_without_scripts_shows_its_list_first(shop: Shop, headers: Headers):
    with shop.write() as session:
        tag = factories.make_target(session, shop.integration, "tag", "Student")
    first = shop.client.get("/rules/new", headers=headers)
    second = press(shop.client, first, headers, action="add_tag", target=shop.space.id)
    assert (second.status_code, step(second.text), choices(second.text)) == (200, "Action", ["Student"])
    assert "Choose a tag." not in second.text
    third = press(shop.client, second, headers)
    assert third.status_code == 422
    assert "Choose a tag." in third.text
    assert step(press(shop.client, third, headers, target=tag.id).text) == "Trigger"


def test_another_action_with_scripts_changes_what_is_picked_from(shop: Shop):
    with shop.write() as session:
        factories.make_target(session, shop.integration, "tag", "Student")
    query = {"integration": shop.integration.id, "action": "add_tag", "for": f"{shop.integration.id}:add_to_space", "q": "vip"}
    part = shop.client.get("/rules/pick", query_string=query, headers=PARTLY).text
    assert part.lstrip().startswith('<div id="pick"')
    assert choices(part) == ["Student"]
    part = shop.client.get("/rules/pick", query_string=query | {"action": "remove_member"}, headers=PARTLY).text
    assert "picker" not in part
    assert "Somebody who is no member is left alone." in part
    part = shop.client.get("/rules/pick", query_string=query | {"action": "add_to_space", "q": "lounge"}, headers=PARTLY).text
    assert "0 of 1 space<" in part


@pytest.mark.parametrize("part", ["targets", "pick", "catalog", "trigger", "readback"])
def test_a_part_alone_is_no_page(shop: Shop, part: str):
    answer = shop.client.get(f"/rules/{part}", query_string=shop.ids(trigger="product_purchased"))
    assert (answer.status_code, urlsplit(answer.location).path) == (302, "/rules/new")
    assert step(shop.client.get(answer.location).text) == "Action"
    assert shop.client.get(f"/rules/{part}", headers=PARTLY).status_code == 302


def test_a_catalog_that_is_not_loaded_says_so_and_can_be(shop: Shop, app: Flask, monkeypatch: pytest.MonkeyPatch):
    rung: list[tuple[object, ...]] = []
    with app.app_context():
        monkeypatch.setattr(parts().bell, "chore", lambda *about: rung.append(about))
    with shop.write() as session:
        integration = session.get_one(Integration, shop.integration.id)
        integration.catalog_at = None
        session.delete(session.get_one(Target, shop.space.id))
    page = shop.client.get("/rules/new")
    assert "The catalog of My community is not loaded yet" in page.text
    page = press(shop.client, page, {}, "refresh")
    assert rung == [(REFRESH, shop.integration.id)]
    assert "Loading the catalog of My community" in page.text
    assert 'hx-trigger="every 2s"' in page.text
    press(shop.client, page, {}, "refresh")
    assert len(rung) == 1
    query = {"integration": shop.integration.id, "action": "add_to_space"}
    watched = shop.client.get("/rules/catalog", query_string=query, headers=PARTLY).text
    assert 'hx-trigger="every 2s"' in watched
    with shop.write() as session:
        integration = session.get_one(Integration, shop.integration.id)
        integration.catalog, integration.catalog_at = {"sentence": "Loaded: 1 space.", "names": {}}, factories.NOW
        factories.make_target(session, integration, "space", "New Room")
    watched = shop.client.get("/rules/catalog", query_string=query, headers=PARTLY).text
    assert 'hx-trigger="load"' in watched
    assert "every 2s" not in watched
    picked = shop.client.get("/rules/pick", query_string=query, headers=PARTLY).text
    assert choices(picked) == ["New Room"]
    assert 'hx-trigger="load"' not in picked


def test_a_load_that_failed_says_why(shop: Shop):
    with shop.write() as session:
        session.get_one(Integration, shop.integration.id).catalog = {"error": "Circle did not answer.", "todo": "Try again later."}
    page = shop.client.get("/rules/new").text
    assert "Circle did not answer." in page
    assert "Try again later." in page
    assert choices(page) == ["VIP Room"]


def test_a_community_without_such_a_thing_says_so(shop: Shop):
    page = shop.client.get("/rules/new", query_string={"action": "rsvp_to_event"}).text
    assert "My community has no events yet. Make one in Circle" in page


def test_a_trigger_says_when_it_fires(shop: Shop):
    assert set(FIRES) == set(TRIGGERS)
    query = shop.ids(product=shop.product.id)
    page = shop.client.get("/rules/new/trigger", query_string=query).text
    assert fields(page)["trigger"] == "product_purchased"
    assert fields(page)["category"] == "eCommerce"
    assert "Product Purchased fires when Ads &lt;101&gt; is purchased as primary product" in page
    assert "It has not fired in the last 90 days." in page
    assert "Usual partner" in page
    said = shop.client.get("/rules/trigger", query_string=query | {"trigger": "subscription_delinquent"}, headers=PARTLY).text
    assert "after 4 failed payments in a row" in said
    assert "Usual partner" not in said
    removal = shop.client.get("/rules/new/trigger", query_string=query | {"action": "remove_from_space"}).text
    assert fields(removal)["trigger"] == "product_refunded"


@BOTH_WAYS
def test_a_rule_is_changed_in_the_same_dialog(shop: Shop, headers: Headers):
    rule = shop.rule(product=shop.product, trigger="product_refunded", action="remove_from_space", removal="always", after_days=3)
    first = shop.client.get(f"/rules/{rule.id}/edit", headers=headers)
    assert ">Edit rule</h" in first.text
    assert fields(first.text)["target"] == str(shop.space.id)
    third = press(shop.client, press(shop.client, first, headers), headers)
    assert sentence(third.text).endswith("in My community 3 days later, in any case.")
    back = press(shop.client, third, headers, "back")
    third = press(shop.client, back, headers, trigger="subscription_canceled")
    done = shop.client.post(action_of(third.text), data={**fields(third.text), "removal": "spare"}, headers=headers)
    assert done.headers.get("HX-Redirect" if headers else "Location") == "/products/ads/101"
    (changed,) = shop.rules()
    assert (changed.id, changed.trigger, changed.removal, changed.after_days, changed.product_id) == (
        rule.id, "subscription_canceled", "spare", 3, shop.product.id,
    )  # fmt: skip
    assert "Rule saved." in shop.client.get("/products/ads/101").text


def test_what_was_usual_follows_the_trigger(shop: Shop):
    rule = shop.rule(trigger="product_refunded", action="remove_from_space", removal="spare")
    second = press(shop.client, shop.client.get(f"/rules/{rule.id}/edit"), {})
    third = press(shop.client, second, {}, trigger="product_purchased")
    assert fields(third.text)["removal"] == "always"


def test_a_rule_changed_into_another_is_a_duplicate(shop: Shop):
    shop.client.post("/rules/new/confirm", data=shop.ids(trigger="product_purchased"))
    shop.client.post("/rules/new/confirm", data=shop.ids(trigger="subscription_charged"))
    first, second = shop.rules()
    answer = shop.client.post(f"/rules/{second.id}/edit/confirm", data=shop.ids(trigger="product_purchased"))
    assert answer.status_code == 422
    assert f'href="/rules/{first.id}/edit"' in answer.text
    assert [rule.trigger for rule in shop.rules()] == ["product_purchased", "subscription_charged"]


@BOTH_WAYS
def test_a_broken_rule_is_repaired_by_another_target(shop: Shop, headers: Headers):
    rule = shop.rule(product=shop.product)
    with shop.write() as session:
        lounge = factories.make_target(session, shop.integration, "space", "Lounge")
    shop.gone()
    page = shop.client.get("/products/ads/101").text
    assert "This space no longer exists in My community" in page
    assert f'href="/rules/{rule.id}/edit" data-dialog>Repair rule' in page
    first = shop.client.get(f"/rules/{rule.id}/edit", headers=headers)
    assert ">Repair rule</h" in first.text
    assert "<strong>VIP Room</strong> no longer exists in My community" in first.text
    assert "target" not in fields(first.text)
    refused = shop.client.post(f"/rules/{rule.id}/edit", data={**fields(first.text), "next": "1"}, headers=headers)
    assert refused.status_code == 422
    third = press(shop.client, press(shop.client, refused, headers, target=lounge.id), headers)
    press(shop.client, third, {})
    (repaired,) = shop.rules()
    assert (repaired.id, repaired.target_id, repaired.trigger) == (rule.id, lounge.id, "product_purchased")


def test_a_target_that_went_meanwhile_leads_back(shop: Shop):
    whole = shop.ids(trigger="product_purchased")
    shop.gone()
    answer = shop.client.post("/rules/new/confirm", data=whole)
    assert (answer.status_code, urlsplit(answer.location).path) == (303, "/rules/new")
    assert shop.rules() == []


def test_a_rule_is_switched_off_and_on_again_by_undo(shop: Shop):
    rule = shop.rule(product=shop.product)
    answer = shop.client.post(f"/rules/{rule.id}/off")
    assert (answer.status_code, answer.location) == (303, f"/products/ads/101#rule-{rule.id}")
    page = shop.client.get("/products/ads/101").text
    assert f'action="/rules/{rule.id}/on"' in page[page.index('class="toasts"') :]
    assert 'class="off"' in page
    assert shop.rules()[0].off_at is not None
    shop.client.post(f"/rules/{rule.id}/on")
    assert shop.rules()[0].off_at is None


@BOTH_WAYS
def test_deleting_a_rule_asks_with_counts(shop: Shop, clock: Clock, headers: Headers):
    rule = shop.rule()
    ids = Ids()
    with shop.write() as session:
        lane = factories.make_lane(session, factories.make_customer(session, shop.marketplace), shop.integration)
        for status, open_lane, age in (("succeeded", None, 40), ("failed", None, 1), ("queued", lane.id, 0), ("queued", lane.id, 0)):
            at = clock() - timedelta(days=age)
            session.add(
                LogEntry(
                    id=ids(at), marketplace_id=shop.marketplace.id, rule_id=rule.id, integration_id=shop.integration.id, status=status,
                    open_lane_id=open_lane, sentence="", at=at, changed_at=at,
                )
            )  # fmt: skip
    listed = shop.client.get("/settings/integrations/rules").text
    assert "<span>3<small>" in listed
    assert "1 failed</a>" in listed
    asked = shop.client.get(f"/rules/{rule.id}/delete", headers=headers)
    assert "It made 3 entries in the last 30 days" in asked.text
    assert "2 entries that wait still run." in asked.text
    assert len(shop.rules()) == 1
    done = shop.client.post(f"/rules/{rule.id}/delete", headers=headers)
    assert done.headers.get("HX-Redirect" if headers else "Location") == "/settings/integrations/rules"
    assert shop.rules() == []
    assert shop.client.get(f"/rules/{rule.id}/edit").status_code == 404


def test_every_change_is_seen_by_what_arrives_next(shop: Shop):
    def version() -> int:
        with shop.write() as session:
            return session.get_one(Marketplace, shop.marketplace.id).version

    seen = [version()]
    shop.client.post("/rules/new/confirm", data=shop.ids(trigger="product_purchased"))
    seen.append(version())
    (rule,) = shop.rules()
    for address in (f"/rules/{rule.id}/edit/confirm", f"/rules/{rule.id}/off", f"/rules/{rule.id}/on", f"/rules/{rule.id}/delete"):
        shop.client.post(address, data=shop.ids(trigger="product_refunded"))
        seen.append(version())
    assert sorted(set(seen)) == seen


def test_what_is_somebody_elses_is_not_found(shop: Shop):
    with shop.write() as session:
        others = factories.make_marketplace(session, "Others")
        integration = factories.make_integration(session, others, "Their community", catalog_at=factories.NOW)
        factories.make_target(session, integration, "membership")
        space = factories.make_target(session, integration, "space", "Their Room")
        product = factories.make_product(session, others, "Their product")
        rule = factories.make_rule(session, space, product)
    for path in ("/rules/new", "/rules/new/trigger", "/rules/new/confirm"):
        for theirs in (product.id, "x", 1 << 70):
            assert shop.client.get(path, query_string=shop.ids(product=theirs)).status_code == 404
            assert shop.client.post(path, data=shop.ids(product=theirs)).status_code == 404
    for path in ("edit", "edit/trigger", "edit/confirm", "delete"):
        assert shop.client.get(f"/rules/{rule.id}/{path}").status_code == 404
        assert shop.client.post(f"/rules/{rule.id}/{path}", data=shop.ids(trigger="product_purchased")).status_code == 404
    for path in ("on", "off"):
        assert shop.client.post(f"/rules/{rule.id}/{path}").status_code == 404
    theirs = {"integration": integration.id, "action": "add_to_space", "target": space.id, "trigger": "product_purchased"}
    for path in ("/rules/targets", "/rules/pick", "/rules/catalog"):
        assert shop.client.get(path, query_string=theirs, headers=PARTLY).status_code == 302
    for path in ("/rules/new", "/rules/new/trigger", "/rules/new/confirm"):
        page = shop.client.post(path, data=theirs, follow_redirects=True).text
        assert "Their" not in page
    assert "Their" not in shop.client.post("/rules/new", data=shop.ids(target=space.id)).text
    assert len(shop.rules()) == 1


def test_viewers_see_rules_and_change_nothing(shop: Shop, viewer: User, sign_in: SignIn):
    rule = shop.rule()
    client = sign_in(viewer)
    page = client.get("/settings/integrations/rules").text
    assert "Add to space <em>VIP Room</em>" in page
    assert "/rules/new" not in page
    assert f"/rules/{rule.id}" not in page
    for path in ("/rules/new", "/rules/new/trigger", "/rules/new/confirm", "/settings/integrations/rules/new"):
        assert client.get(path, query_string=shop.ids()).status_code == 403
    for path in ("edit", "edit/trigger", "edit/confirm", "delete", "on", "off"):
        assert client.post(f"/rules/{rule.id}/{path}", data=shop.ids(trigger="product_purchased")).status_code == 403
    for path in ("trigger", "readback"):
        assert client.get(f"/rules/{path}", query_string=shop.ids(), headers=PARTLY).status_code == 403
    for path in ("targets", "pick", "catalog"):  # the catalog is there to be seen
        found = client.get(f"/rules/{path}", query_string=shop.ids(), headers=PARTLY)
        assert found.status_code == 200
        assert "Refresh catalog" not in found.text
    assert [(one.id, one.off_at) for one in shop.rules()] == [(rule.id, None)]


def test_strangers_are_asked_to_sign_in(shop: Shop):
    shop.client.post("/sign-out")
    for path in ("/rules/new", "/settings/integrations/rules", "/rules/1/edit"):
        assert shop.client.get(path).location.startswith("/sign-in")
