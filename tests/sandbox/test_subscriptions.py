"""Subscriptions and carts at the checkout, the stories that it plays, and what Cartwheel makes of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.box import Box
from sandbox.community import Community
from sandbox.courier import Courier
from sandbox.messages import Message, Webhook, signed
from sandbox.people import Buyer
from sandbox.shop import Shop
from sandbox.stories import STORIES
from tests.engine.shop import Shop as Cartwheel
from tests.engine.shop import open_shop
from tests.sandbox.conftest import Clock
from webapp.sources import Message as Understood
from webapp.sources import Request
from webapp.sources.cartwheel import CARTWHEEL

INES = Buyer("ines@example.com", "Ines", "Moreau")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def shop(clock: Clock) -> Shop:
    numbers = itertools.count(1)
    return Shop(clock, new_id=lambda: f"id{next(numbers)}")


@pytest.fixture
def cartwheel(sqlite_url: str) -> Iterator[Cartwheel]:
    """Cartwheel's engine with a community of its own."""
    made = open_shop(sqlite_url)
    yield made
    made.engine.dispose()


def said(message: Message) -> tuple[str, dict[str, Any]]:
    """A message's type, and its data without the customer, who is always Ines."""
    body = json.loads(message.body)
    assert body["data"].pop("customer") == INES.plain()
    return body["type"], body["data"]


def test_the_alumni_pass_is_sold_by_the_month(shop: Shop) -> None:
    order = shop.buy(INES, "ads-101", "alumni")
    once, monthly = said(order)[1]["items"]
    subscription = shop.orders[order.order].subscription("alumni")
    assert (monthly["subscription_id"], subscription.state, subscription.payments) == (subscription.id, "active", 1)
    assert "subscription_id" not in once
    with pytest.raises(LookupError, match="no subscription"):
        shop.charge(order.order, "ads-101")


def test_a_subscription_is_paid_fails_and_is_given_up_after_four_failures(shop: Shop) -> None:
    order = shop.buy(INES, "alumni").order
    one = shop.orders[order].subscription("alumni")
    what = {"subscription_id": one.id, "product_id": "alumni"}
    assert said(shop.charge(order, "alumni")) == ("subscription.charged", {**what, "charge_number": 2})
    states = []
    for _ in range(4):
        assert said(shop.fail(order, "alumni")) == ("subscription.charge_failed", what)
        states.append(one.state)
    assert states == ["failing", "failing", "failing", "delinquent"]
    assert said(shop.charge(order, "alumni")) == ("subscription.charged", {**what, "charge_number": 3})
    assert (one.state, one.failures, one.payments) == ("active", 0, 3)


def test_a_subscription_is_canceled_with_what_was_paid_for_and_restarted(shop: Shop, clock: Clock) -> None:
    order = shop.buy(INES, "alumni").order
    one = shop.orders[order].subscription("alumni")
    what = {"subscription_id": one.id, "product_id": "alumni"}
    with pytest.raises(ValueError, match="no restart"):
        shop.restart(order, "alumni")
    clock.move(days=10)
    assert said(shop.cancel(order, "alumni")) == ("subscription.canceled", {**what, "access_until": "2026-12-24T08:00:00.000Z"})
    for over in (shop.cancel, shop.charge, shop.fail):
        with pytest.raises(ValueError, match="canceled"):
            over(order, "alumni")
    assert said(shop.restart(order, "alumni")) == ("subscription.restarted", what)
    assert one.state == "active"
    clock.move(days=100)
    assert said(shop.cancel(order, "alumni"))[1]["access_until"] == "2027-03-14T08:00:00.000Z", "not before it was canceled"


def test_a_cart_that_was_left_is_bought_once_and_only_then_refunded(shop: Shop, clock: Clock) -> None:
    left = shop.leave(INES, "alumni")
    assert said(left) == ("prospect.created", {"prospect_id": left.order, "product_id": "alumni"})
    for too_early in (shop.refund, shop.charge):
        with pytest.raises(LookupError):
            too_early(left.order, "alumni")
    shop.buy(INES, "ads-101")
    clock.move(hours=1)
    kind, data = said(shop.come_back(left.order))
    assert (kind, data["order_id"], data["items"][0]["product_id"]) == ("order.created", left.order, "alumni")
    assert (list(shop.orders)[-1], shop.orders[left.order].at) == (left.order, clock())
    assert shop.orders[left.order].subscription("alumni").paid_at == clock()
    with pytest.raises(ValueError, match="already"):
        shop.come_back(left.order)
    shop.refund(left.order, "alumni")


def test_they_are_put_away_and_brought_back(shop: Shop, clock: Clock) -> None:
    STORIES["dunning"].play(shop)
    shop.cancel(shop.buy(INES, "alumni").order, "alumni")
    shop.leave(INES, "masterclass")
    kept = json.loads(json.dumps(shop.snapshot()))
    other = Shop(clock)
    other.restore(kept)
    assert (other.orders, other.messages, other.due()) == (shop.orders, shop.messages, shop.due())


def test_what_an_earlier_version_kept_is_brought_back(clock: Clock) -> None:
    order = {
        "id": "o1",
        "at": clock().isoformat(),
        "buyer": {"email": "ines@example.com", "first_name": "Ines", "last_name": ""},
        "items": [{"product_id": "alumni", "name": "Alumni Pass", "kind": "primary", "amount": 2900, "refunded": 0}],
    }
    message = {"id": "msg_1", "type": "order.created", "order": "o1", "body": "{}", "at": clock().isoformat()}
    message |= {"due_at": clock().isoformat(), "sent": 0, "attempts": []}
    shop = Shop(clock)
    shop.restore({"people": 3, "orders": [order], "messages": [message]})
    assert shop.due() == ["msg_1"]
    assert shop.orders["o1"].items[0].subscription is None
    shop.refund("o1", "alumni")


@pytest.mark.parametrize("name", STORIES)
def test_a_storys_messages_go_one_after_the_other_signed_now(shop: Shop, clock: Clock, name: str) -> None:
    """While one does not get through, none of those after it is sent; one that was refused for itself holds up nobody."""
    came: list[tuple[str, datetime]] = []
    answers = iter([503, 202, 422, *[202] * 9])

    def post(_url: str, headers: Any, _body: bytes) -> tuple[int, str]:
        came.append((headers["webhook-id"], datetime.fromtimestamp(int(headers["webhook-timestamp"]), clock().tzinfo)))
        return next(answers), ""

    shop.where = lambda: Webhook("http://cartwheel.test/webhooks/a", SECRET)
    story = [one.id for one in STORIES[name].play(shop)]
    courier = Courier(Box(Community(clock), shop), post)
    courier.send_due()
    courier.send_due()
    assert [one for one, _ in came] == story[:1], "the first has not arrived"
    clock.move(seconds=2)
    for _ in story:
        courier.send_due()
    assert [one for one, _ in came] == [story[0], *story]
    assert came[-1][1] == clock()
    assert courier.send_due() == 0


def test_a_storys_times_are_past_and_in_order(shop: Shop, clock: Clock) -> None:
    for story in STORIES.values():
        times = [datetime.fromisoformat(json.loads(one.body)["timestamp"]) for one in story.play(shop)]
        assert times == sorted(set(times))
        assert (times[0], times[-1]) == (clock() - timedelta(days=story.days), clock())


FIRED = {
    "dunning": [
        ("product_purchased", "succeeded"),
        ("subscription_charge_failed", "no_rule"),
        (None, "nothing"),
        (None, "nothing"),
        ("subscription_delinquent", "no_rule"),
        ("subscription_canceled", "no_rule"),
        ("subscription_charged", "no_rule"),
        ("subscription_recovered", "no_rule"),
    ],
    "cart": [("prospect_created", "no_rule"), ("product_purchased", "succeeded"), ("product_purchased", "succeeded")],
}


@pytest.mark.parametrize("name", STORIES)
def test_what_cartwheel_makes_of_a_story(cartwheel: Cartwheel, name: str) -> None:
    """Read by Cartwheel's own format, with rules as the demo has them: what has no rule says which ones came close."""
    with cartwheel.write() as session:
        cartwheel.product(session, "alumni")
    cartwheel.rule("product_purchased", "invite_member")
    cartwheel.rule("product_purchased", "add_to_space", cartwheel.place("space", "VIP Room"), "ads-101")
    shop = Shop(lambda: cartwheel.now)
    for one in STORIES[name].play(shop):
        cartwheel.deliver(understood(shop, one))
        cartwheel.work()
    entries = cartwheel.entries()
    assert [(one.trigger, one.status) for one in entries] == FIRED[name]
    for one in entries:
        if one.status == "no_rule":
            assert one.details is not None
            assert "It is for Product Purchased, not" in one.details["close"][0]["why"]


def test_cartwheel_understands_everything_that_the_checkout_says(shop: Shop) -> None:
    order = shop.come_back(shop.leave(INES, "alumni").order).order
    for happens in (shop.charge, shop.fail, shop.cancel, shop.restart):
        happens(order, "alumni")
    shop.refund(order, "alumni")
    kinds = [understood(shop, one).lines[0].kind for one in shop.messages.values()]
    assert kinds == ["prospect", "purchased", "charged", "charge_failed", "canceled", "restarted", "refunded"]


def understood(shop: Shop, message: Message) -> Understood:
    body, now = message.body.encode(), shop.now()
    headers = {"content-type": "application/json", **signed(SECRET, message.id, now, body)}
    found = CARTWHEEL.read(Request(body, headers, {}, (SECRET,)), now)
    assert isinstance(found, Understood), found
    return found
