"""The checkout: what is sold and refunded, what it says of that, and that its signature is the standard's."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from sandbox.messages import Attempt, Message, from_file, signed
from sandbox.orders import PRODUCTS
from sandbox.people import PEOPLE, Buyer
from sandbox.shop import KEPT, Shop
from tests.sandbox.conftest import Clock

INES = Buyer("ines@example.com", "Ines", "Moreau")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def shop(clock: Clock) -> Shop:
    numbers = itertools.count(1)
    return Shop(clock, new_id=lambda: f"id{next(numbers)}")


def data(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(message.body)["data"]
    return said


def arrive(shop: Shop, message: Message) -> None:
    shop.record(message.id, Attempt(shop.now(), 202, "{}"))


def test_the_three_products() -> None:
    assert {one.id: one.name for one in PRODUCTS.values()} == {
        "ads-101": "Ads 101",
        "masterclass": "Masterclass Bundle",
        "alumni": "Alumni Pass",
    }


def test_an_order_is_said_as_order_created(shop: Shop) -> None:
    message = shop.buy(INES, "ads-101", "masterclass")
    said = json.loads(message.body)
    assert (said["type"], said["timestamp"]) == ("order.created", "2026-11-24T08:00:00.000Z")
    assert said["data"] == {
        "order_id": message.order,
        "customer": {"email": "ines@example.com", "first_name": "Ines", "last_name": "Moreau"},
        "items": [
            {"product_id": "ads-101", "product_name": "Ads 101", "kind": "primary", "amount": 4900, "currency": "EUR"},
            {
                "product_id": "masterclass",
                "product_name": "Masterclass Bundle",
                "kind": "order_bump",
                "amount": 19900,
                "currency": "EUR",
            },
        ],
    }


def test_an_empty_name_is_left_out(shop: Shop) -> None:
    assert data(shop.buy(Buyer("ines@example.com"), "alumni"))["customer"] == {"email": "ines@example.com"}


def test_half_is_refunded_once_and_then_the_rest_in_full(shop: Shop) -> None:
    order = shop.buy(INES, "ads-101").order
    half, rest = shop.refund(order, "ads-101", full=False), shop.refund(order, "ads-101")
    assert [(data(one)["amount"], data(one)["full"], data(one)["product_id"]) for one in (half, rest)] == [
        (2450, False, "ads-101"),
        (2450, True, "ads-101"),
    ]
    assert data(half)["refund_id"] != data(rest)["refund_id"]
    assert data(rest)["customer"]["email"] == INES.email
    assert shop.orders[order].items[0].left == 0
    for full in (True, False):
        with pytest.raises(ValueError, match="not left"):
            shop.refund(order, "ads-101", full=full)


def test_a_second_half_would_be_all_of_it_and_is_refused(shop: Shop) -> None:
    order = shop.buy(INES, "ads-101").order
    shop.refund(order, "ads-101", full=False)
    with pytest.raises(ValueError, match="not left"):
        shop.refund(order, "ads-101", full=False)


def test_what_is_not_there_is_not_sold_and_not_refunded(shop: Shop) -> None:
    order = shop.buy(INES, "ads-101").order
    for wrong in (
        lambda: shop.buy(INES, "ads-102"),
        lambda: shop.buy(INES, "ads-101", "ads-102"),
        lambda: shop.refund(order, "alumni"),
        lambda: shop.refund("id99", "ads-101"),
        lambda: shop.again("msg_99"),
    ):
        with pytest.raises(LookupError):
            wrong()
    with pytest.raises(ValueError, match="bump"):
        shop.buy(INES, "ads-101", "ads-101")
    assert len(shop.messages) == len(shop.orders) == 1


def test_each_buyer_is_made_up_anew_once_they_have_bought(shop: Shop) -> None:
    first = shop.somebody()
    assert shop.somebody() == first
    shop.buy(INES, "alumni")
    assert shop.somebody() == first, "somebody else bought"
    shop.buy(first, "alumni")
    assert shop.somebody() != first
    shop.clear()
    assert shop.somebody() != first


def test_no_two_made_up_people_share_an_address() -> None:
    people = [PEOPLE.buyer(number) for number in range(1000)]
    assert len({one.email for one in people}) == 1000
    assert all(one.email.isascii() or one.first_name == "Tomás" for one in people)
    assert all(one.email.rpartition("@")[2] in {"example.com", "example.org", "example.net"} for one in people)


def test_a_message_is_due_at_once_and_again_until_it_has_arrived(shop: Shop, clock: Clock) -> None:
    message = shop.buy(INES, "ads-101")
    waits = []
    for status in (0, 503, 401, 429, 500, 302, 404):
        assert shop.due() == [message.id]
        shop.record(message.id, Attempt(clock(), status, "no"))
        assert message.due_at is not None
        waits.append((message.due_at - clock()).total_seconds())
        assert shop.due() == []
        clock.at = message.due_at
    assert waits == [2, 4, 8, 16, 32, 60, 60]
    arrive(shop, message)
    assert (shop.due(), message.due_at, message.sent) == ([], None, 8)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_message_that_was_refused_for_itself_is_not_sent_again(shop: Shop, status: int) -> None:
    message = shop.buy(INES, "ads-101")
    shop.record(message.id, Attempt(shop.now(), status, "no"))
    assert (message.due_at, shop.due()) == (None, [])
    shop.again(message.id)
    assert shop.due() == [message.id], "by hand it is"


def test_of_many_attempts_the_last_ones_are_remembered(shop: Shop) -> None:
    message = shop.buy(INES, "ads-101")
    for status in range(500, 550):
        shop.record(message.id, Attempt(shop.now(), status, ""))
    assert [one.status for one in message.attempts] == list(range(540, 550))
    assert message.sent == 50


def test_messages_are_due_in_the_order_in_which_they_were_said(shop: Shop) -> None:
    order = shop.buy(INES, "ads-101")
    refund = shop.refund(order.order, "ads-101")
    assert shop.due() == [order.id, refund.id]
    assert shop.about(order.order) == [order, refund]


def test_it_is_put_away_and_brought_back(shop: Shop, clock: Clock) -> None:
    message = shop.buy(shop.somebody(), "ads-101", "alumni")
    shop.record(message.id, Attempt(clock(), 503, "busy"))
    shop.refund(message.order, "alumni", full=False)
    kept = json.loads(json.dumps(shop.snapshot()))
    other = Shop(clock)
    other.restore(kept)
    assert (other.orders, other.messages, other.somebody()) == (shop.orders, shop.messages, shop.somebody())
    assert other.snapshot() == kept
    clock.move(seconds=2)
    assert message.id in other.due()


def test_old_orders_are_let_go_unless_a_message_is_on_its_way(shop: Shop) -> None:
    waiting, arrived = shop.buy(INES, "alumni"), shop.buy(INES, "alumni")
    arrive(shop, arrived)
    for _ in range(KEPT):
        arrive(shop, shop.buy(INES, "alumni"))
    assert arrived.order not in shop.orders
    assert arrived.id not in shop.messages
    assert waiting.order in shop.orders
    shop.record(arrived.id, Attempt(shop.now(), 202, ""))
    assert arrived.id not in shop.messages, "an answer that comes late is let go as well"


def test_the_signature_is_the_standards() -> None:
    body, now = '{"type":"ping","name":"Zoë"}'.encode(), datetime.now(UTC)
    headers = signed(SECRET, "msg_1", now, body)
    assert Verifier(SECRET).verify(body, headers) == json.loads(body)
    assert Verifier(SECRET).sign("msg_1", now, body.decode()) == headers["webhook-signature"]
    for spoiled in (signed(SECRET, "msg_1", now, body + b" "), {**headers, "webhook-id": "msg_2"}):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(body, spoiled)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"webhook_url": "http://127.0.0.1"}'])
def test_without_a_whole_file_there_is_no_webhook(tmp_path: Any, text: str | None) -> None:
    path = tmp_path / "demo.json"
    if text is not None:
        path.write_text(text)
    assert from_file(path) is None


def test_the_webhook_of_a_file_is_never_shown_with_its_secret(tmp_path: Any) -> None:
    path = tmp_path / "demo.json"
    path.write_text(json.dumps({"webhook_url": "http://127.0.0.1:8000/webhooks/a", "secret": SECRET, "more": 1}))
    webhook = from_file(path)
    assert webhook is not None
    assert (webhook.url, webhook.secret) == ("http://127.0.0.1:8000/webhooks/a", SECRET)
    assert SECRET not in repr(webhook)
