"""SamCart's messages as public receivers have seen them, and what is none of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webapp.engine.triggers import TRIGGERS
from webapp.sources import Line, Message, NotUnderstood, Person, Request
from webapp.sources.registry import SOURCES
from webapp.sources.samcart import AGAIN, NOTHING_FOLLOWS

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MINA = Person("mina@shop.test", "Mina", "Okoro")
ORDER: dict[str, Any] = {
    "type": "Order",
    "api_key": None,
    "product": {"id": 4711, "name": "Ads 101", "price": "49.00", "transaction_id": "ch_9"},
    "customer": {"first_name": "Mina", "last_name": "Okoro", "email": "Mina@shop.test", "phone_number": None, "customer_id": 88},
    "order": {"id": 9001, "total": "98.00", "ip_address": "192.0.2.7", "subscription_id": 77, "custom_fields": []},
    "affiliate": {"id": None, "token": None},
    "processor": "Stripe",
}
WHOLE_ORDER = {
    "type": "Order",
    "product": {"id": "4711,4712", "price": "49.00,9.00"},
    "customer": {"email": "m@x.test"},
    "order": {"id": 9001},
}
FAILED = {
    "type": "RecurringPaymentFailed",
    "product": {"id": 4711},
    "customer": {"email": "m@shop.test"},
    "order": {"id": 9001, "subscription_id": 77},
}


def send(body: bytes, trigger: str | None = None, **headers: str) -> Message | NotUnderstood | None:
    query = {} if trigger is None else {"trigger": trigger}
    return SOURCES["samcart"].read(Request(body, headers, query), NOW)


def read(said: object, trigger: str | None = None) -> Message:
    found = send(json.dumps(said).encode(), trigger)
    assert isinstance(found, Message), found
    return found


def problems(said: object, trigger: str | None = None) -> list[tuple[str, str]]:
    found = send(said if isinstance(said, bytes) else json.dumps(said).encode(), trigger)
    assert isinstance(found, NotUnderstood), found
    return [(problem.field, problem.message) for problem in found.problems]


def line(said: object, trigger: str | None = None) -> Line:
    (only,) = read(said, trigger).lines
    return only


def test_an_order():
    message = read(ORDER)
    assert (message.type, message.at, message.person, message.again) == ("Order", NOW, MINA, AGAIN)
    assert list(message.lines) == [Line("purchased", "4711", "Ads 101", order="9001", subscription="77")]


def test_a_whole_order_in_one_message_has_a_comma_list():
    assert list(read(WHOLE_ORDER).lines) == [Line("purchased", "4711", order="9001"), Line("purchased", "4712", order="9001")]
    doubled = {**WHOLE_ORDER, "product": {"id": " 4711, 4712,,4711", "name": "Ads 101, Templates"}}
    assert [(one.product, one.product_name) for one in read(doubled).lines] == [("4711", ""), ("4712", "")]


@pytest.mark.parametrize(
    "items",
    [
        {"products": [{"id": 4711, "name": "Ads 101"}, {"id": "4712", "name": "Templates"}]},
        {"product": [{"id": 4711, "name": "Ads 101"}, {"id": "4712", "name": "Templates"}]},
        {"product": None, "products": [{"id": 4711, "name": "Ads 101"}, {"id": 4712.0, "name": "Templates"}]},
    ],
)
def test_products_may_be_a_list(items: dict[str, Any]):
    said = {key: value for key, value in ORDER.items() if key != "product"} | items
    assert [(one.product, one.product_name, one.subscription) for one in read(said).lines] == [
        ("4711", "Ads 101", None),
        ("4712", "Templates", None),
    ]


def test_a_failed_payment():
    assert list(read(FAILED).lines) == [Line("charge_failed", "4711", order="9001", subscription="77")]


WORDS = {
    "Order": "purchased", "Product Purchased": "purchased", "ProductPurchased": "purchased", "Upsell Purchased": "purchased",
    "Product Added to Order": "purchased", "order.completed": "purchased", "Checkout Charged": "purchased",
    "Refund": "refunded", "product_refunded": "refunded", "Subscription Charge Refunded": "refunded",
    "PartialRefund": "partially_refunded", "partial refund": "partially_refunded", "Product Partially Refunded": "partially_refunded",
    "Prospect Created": "prospect",
    "RecurringPaymentSucceeded": "charged", "recurring_payment_succeeded": "charged", "Subscription Started": "charged",
    "RecurringPaymentFailed": "charge_failed", "Subscription Charge Failed": "charge_failed", "Failed payment": "charge_failed",
    "RecurringPaymentRecovered": "recovered", "SubscriptionRecovered": "recovered",
    "Cancel": "canceled", "CANCELLATION": "canceled", "Subscription-Canceled": "canceled",
    "Subscription Delinquent": "delinquent", "SubscriptionRestarted": "restarted", "Subscription Completed": "completed",
}  # fmt: skip


@pytest.mark.parametrize(("word", "kind"), WORDS.items())
def test_the_words_of_type_without_regard_to_how_they_are_written(word: str, kind: str):
    found = line({**ORDER, "type": word})
    assert (found.kind, found.named) == (kind, False)


@pytest.mark.parametrize("field", ["event", "event_type"])
def test_the_word_may_stand_in_another_field(field: str):
    said = {key: value for key, value in ORDER.items() if key != "type"}
    assert line({**said, field: "Refund"}).kind == "refunded"


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_the_address_names_any_of_our_triggers_whatever_the_body_calls_itself(trigger: str):
    for said in ({**ORDER, "type": "Something new"}, {**ORDER, "type": None}, {**ORDER, "type": "Lead"}):
        found = line(said, trigger)
        assert (trigger.removeprefix("product_").removeprefix("subscription_"), found.named) == (
            {"prospect": "prospect_created"}.get(found.kind, found.kind),
            True,
        )


def test_without_a_name_in_the_address_type_counts():
    assert line(ORDER, "").kind == line(ORDER, " ").kind == "purchased"


def test_an_unknown_trigger_in_the_address_is_not_understood():
    assert problems(ORDER, "subscription_bought") == [("trigger", "“subscription_bought”, at the end of the address, is no trigger")]


@pytest.mark.parametrize("word", ["Delinquency", "Purchase", "Completed", "orders", "🛒"])
def test_an_unknown_type_is_never_a_purchase(word: str):
    ((field, why),) = problems({**ORDER, "type": word})
    assert field == "type"
    assert word in why


@pytest.mark.parametrize(
    "word", ["Lead Added", "Checkout Failed", "Student Enrolled", "Subscription Cancel Scheduled", "Subscription Stopped"]
)
def test_what_no_rule_is_about_has_no_line_and_says_so(word: str):
    message = read({**ORDER, "type": word})
    assert (message.lines, message.note, message.person) == ((), NOTHING_FOLLOWS, MINA)
    assert read({"type": word}).note == NOTHING_FOLLOWS


def test_a_prospect_has_waited_already_and_belongs_to_no_order():
    assert list(read({**ORDER, "type": "Prospect Created"}).lines) == [Line("prospect", "4711", "Ads 101", at_once=True)]


def test_a_part_of_the_price_is_told_from_another_by_the_refund_where_it_is_named():
    said = {**ORDER, "type": "PartialRefund"}
    assert line(said).ref is None
    assert line({**said, "refund_transaction_id": "re_1"}).ref == "re_1"
    assert line({**ORDER, "type": "Refund", "refund_transaction_id": "re_1"}).ref is None


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_json_under_any_content_type(content_type: str):
    assert isinstance(send(json.dumps(ORDER).encode(), **{"content-type": content_type}), Message)


def test_a_byte_order_mark_and_half_a_character():
    body = "\ufeff".encode() + json.dumps(ORDER).replace("Okoro", "Ok\\ud83d").encode()
    message = send(body)
    assert isinstance(message, Message)
    assert message.person == Person("mina@shop.test", "Mina", "Ok\ufffd")


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_nothing_at_all_is_a_look_whether_the_address_works(body: bytes):
    assert send(body) is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"type=Order&product%5Bid%5D=4711", "The body is not JSON: Expecting value at line 1, column 1."),
        (b'{"type": "Order"', "The body is not JSON: Expecting ',' delimiter at line 1, column 17."),
        (b"\xff", "The body is not UTF-8."),
        (b"[1]", "The body must be an object with fields."),
        (b'"Order"', "The body must be an object with fields."),
        (b"[" * 100_000, "The body has numbers too long or lists too deep to be read."),
    ],
)
def test_what_is_no_message_at_all_is_kept_too(body: bytes, why: str):
    assert problems(body) == [("", why)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": None}, ("type", "is missing, and the address names no trigger")),
        ({"type": {"a": 1}}, ("type", "is missing, and the address names no trigger")),
        ({"product": None}, ("product", "is missing")),
        ({"product": []}, ("product", "is missing")),
        ({"product": {}}, ("product", "is missing")),
        ({"product": {"name": "Ads 101"}}, ("product.id", "is missing")),
        ({"product": {"id": " ,"}}, ("product.id", "must not be empty")),
        ({"product": {"id": None}}, ("product.id", "must be text or a whole number")),
        ({"product": "Ads 101"}, ("product", "must be an object with fields")),
        ({"product": [{"id": 1}, {"id": []}]}, ("product.1.id", "must not be empty")),
        ({"customer": None}, ("customer", "must be an object with fields")),
        ({"customer": {"email": None}}, ("customer.email", "must be text")),
        ({"customer": {"email": "nobody"}}, ("customer.email", "is not an e-mail address")),
        ({"order": {"id": {"a": 1}}}, ("order.id", "must be text or a whole number")),
        ({"order": "9001"}, ("order", "must be an object with fields")),
    ],
)
def test_what_is_wrong_is_said_with_its_field(changes: dict[str, Any], expected: tuple[str, str]):
    assert problems({**ORDER, **changes}) == [expected]


def test_what_was_not_understood_still_says_whom_it_is_about():
    found = send(json.dumps({**ORDER, "type": "New"}).encode())
    assert isinstance(found, NotUnderstood)
    assert (found.email, found.type, found.at, found.again) == ("mina@shop.test", "New", NOW, AGAIN)


def test_flat_fields_that_some_receivers_expect_are_not_taken_for_an_order():
    assert problems({"event_type": "order.completed", "data": {"email": "m@x.test"}}) == [
        ("product", "is missing"),
        ("customer", "is missing"),
    ]


@pytest.mark.parametrize("nothing", [None, "", 0, "0", " "])
def test_absent_values_arrive_as_null_and_the_like(nothing: object):
    said = {**ORDER, "order": {"id": nothing, "subscription_id": nothing}, "customer": {"email": "m@x.test", "first_name": None}}
    found = line(said)
    assert (found.order, found.subscription) == (None, None)
    assert read(said).person == Person("m@x.test")


@pytest.mark.parametrize("empty", [None, [], {}])
def test_an_order_may_be_empty(empty: object):
    assert line({**ORDER, "order": empty}) == Line("purchased", "4711", "Ads 101")


def test_the_subscription_may_stand_beside_the_order():
    assert line({**FAILED, "order": {"id": 9001}, "subscription": {"id": 77}}).subscription == "77"


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-11-24 08:30:00", NOW - timedelta(minutes=30)),
        ("2026-11-24T08:30:00+01:00", NOW - timedelta(minutes=90)),
        ("2026-11-24T08:30:00Z", NOW - timedelta(minutes=30)),
        ("2026-11-23 08:59:00", NOW),
        ("2026-11-24 09:01:00", NOW),
        ("yesterday", NOW),
        (1795510000, NOW),
        (None, NOW),
        ("0001-01-01T00:00:00+14:00", NOW),
    ],
)
def test_an_order_is_dated_by_itself_where_that_is_within_a_day(said: object, at: datetime):
    order = {**ORDER["order"], "created_at": said}
    assert read({**ORDER, "order": order}).at == at
    assert read({**ORDER, "order": order, "type": "Cancel"}).at == NOW


def key(changes: dict[str, Any] | None = None, trigger: str | None = None) -> str:
    return read({**ORDER, **(changes or {})}, trigger).key


def test_the_same_in_other_words_has_the_same_identity():
    assert key() == key({"type": "Product Purchased"}) == key({"type": "new"}, "product_purchased")
    assert key() == key({"api_key": "abc", "processor": None, "affiliate": None})
    assert key() == key({"product": {**ORDER["product"], "id": "4711", "name": "Renamed"}})
    assert len(key()) < 64


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "Refund"},
        {"customer": {"email": "other@shop.test"}},
        {"product": {**ORDER["product"], "id": 4712}},
        {"product": {**ORDER["product"], "transaction_id": "ch_10"}},
        {"order": {**ORDER["order"], "id": 9002}},
        {"order": {**ORDER["order"], "subscription_id": 78}},
        {"order": {**ORDER["order"], "transaction_id": ["ch_10"]}},
        {"refund_transaction_id": "re_1"},
    ],
)
def test_another_happening_has_another_identity(changes: dict[str, Any]):
    assert key(changes) != key()


def test_what_fires_nothing_and_what_is_not_understood_are_told_apart_too():
    keys = {key({"type": word}) for word in ("Lead Added", "Checkout Failed", "Subscription Stopped")}
    assert len(keys) == 3
    found = [send(body, trigger) for body in (b"{}", b"{} ") for trigger in (None, "x")]
    assert len({one.key for one in found if one}) == 4


def test_the_source_is_unsigned_answers_200_to_everything_and_masks_the_key():
    source = SOURCES["samcart"]
    assert not source.signed
    assert (source.answers.taken, source.answers.repeat, source.answers.not_understood) == (200, 200, 200)
    assert source.masked == {"api_key"}
