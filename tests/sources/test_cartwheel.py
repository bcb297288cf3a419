"""Cartwheel's own format: each type of the table, and what is wrong with a message, in plain words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webapp.sources import Line, Message, NotUnderstood, Person, Refusal, Request
from webapp.sources.cartwheel import examples, new_secret, schema, signed
from webapp.sources.registry import SOURCES

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SECRET = new_secret()
ANA = Person("ana@example.com", "Ana", "Silva")
EXAMPLES = {str(e["type"]): e for e in examples()}


def send(body: bytes, content_type: str = "application/json") -> Message | NotUnderstood | None:
    key, at = "msg_1", NOW
    try:
        headers = signed(SECRET, key, at, body)
    except UnicodeDecodeError:
        headers = signed_bytes(key, at, body)
    return SOURCES["cartwheel"].read(Request(body, headers | {"content-type": content_type}, {}, (SECRET,)), NOW)


def signed_bytes(key: str, at: datetime, body: bytes) -> dict[str, str]:
    """As a checkout does that signs bytes which are no text."""
    seconds = str(int(at.timestamp()))
    mac = hmac.new(base64.b64decode(SECRET[6:]), f"{key}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": key, "webhook-timestamp": seconds, "webhook-signature": "v1," + base64.b64encode(mac).decode()}


def read(said: object) -> Message | NotUnderstood | None:
    return send(json.dumps(said).encode())


def message(said: object) -> Message:
    read_ = read(said)
    assert isinstance(read_, Message), read_
    return read_


def problems(said: object) -> list[tuple[str, str]]:
    read_ = read(said)
    assert isinstance(read_, NotUnderstood), read_
    return [(p.field, p.message) for p in read_.problems]


def changed(kind: str, *path: str | int, to: Any) -> Any:
    """The example of a type with one value changed; `...` takes the field away."""
    said: Any = deepcopy(EXAMPLES[kind])
    inner = said
    for part in path[:-1]:
        inner = inner[part]
    if to is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return said


def test_an_order_has_a_line_for_each_item():
    said = changed("order.created", "data", "items", 0, "subscription_id", to=77)
    assert message(said) == Message(
        "msg_1",
        "order.created",
        AT,
        ANA,
        (
            Line("purchased", "ads-101", "Ads 101", order="9001", subscription="77"),
            Line("purchased", "202", "Templates", order="9001"),
        ),
    )


@pytest.mark.parametrize(("full", "kind"), [(True, "refunded"), (False, "partially_refunded")])
def test_a_refund_is_in_full_or_in_part(full: bool, kind: str):
    assert message(changed("order.refunded", "data", "full", to=full)).lines == (Line(kind, "ads-101", order="9001", ref="re-1"),)


def test_a_prospect():
    assert message(EXAMPLES["prospect.created"]).lines == (Line("prospect", "ads-101", prospect="p-5"),)


def test_a_charge_is_counted():
    assert message(EXAMPLES["subscription.charged"]).lines == (Line("charged", "ads-101", subscription="sub-77", number=2, total=12),)
    said = changed("subscription.charged", "data", "charge_number", to=None)
    assert message(said).lines[0].number is None


def test_a_cancellation_may_leave_access():
    until = datetime(2026, 12, 24, 8, tzinfo=UTC)
    assert message(EXAMPLES["subscription.canceled"]).lines == (Line("canceled", "ads-101", subscription="sub-77", access_until=until),)
    assert message(changed("subscription.canceled", "data", "access_until", to=None)).lines[0].access_until is None


@pytest.mark.parametrize("kind", ["charge_failed", "restarted", "delinquent", "recovered", "completed"])
def test_each_other_step_of_a_subscription(kind: str):
    assert message(EXAMPLES[f"subscription.{kind}"]).lines == (Line(kind, "ads-101", subscription="sub-77"),)


def test_a_ping_says_nothing():
    assert read({"type": "ping"}) is None
    assert read({"type": "ping", "timestamp": "never", "data": [1]}) is None


def test_unknown_fields_are_ignored():
    said = changed("order.created", "data", "items", 0, "colour", to={"deep": [1, {"er": None}]})
    assert message(said | {"version": 3}).lines[0].product == "ads-101"


def test_a_test_is_marked_by_the_envelope():
    assert message(EXAMPLES["order.created"] | {"test": True}).test
    assert not message(EXAMPLES["order.created"]).test


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (202, "202"),
        ("202", "202"),
        (" a b ", "a b"),
        (7.0, "7"),
        (12345678901234567890, "12345678901234567890"),
        (-3, "-3"),
        ("é🎉", "é🎉"),
    ],
)
def test_ids_are_kept_as_text(given: object, kept: str):
    assert message(changed("prospect.created", "data", "product_id", to=given)).lines[0].product == kept


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "must be text or a whole number"),
        (True, "must be text or a whole number"),
        (1.5, "must be text or a whole number"),
        (float("nan"), "must be text or a whole number"),
        (float("inf"), "must be text or a whole number"),
        ([1], "must be text or a whole number"),
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        ("x" * 201, "is longer than 200 characters"),
        (10**300, "is longer than 200 characters"),
        ("a\x00b", "has a character that cannot be shown"),
        ("a\nb", "has a character that cannot be shown"),
        ("a\ud83db", "has a character that cannot be shown"),
    ],
)
def test_what_is_no_id(given: object, reason: str):
    assert problems(changed("prospect.created", "data", "product_id", to=given)) == [("data.product_id", reason)]


def test_the_longest_id():
    assert message(changed("prospect.created", "data", "product_id", to="x" * 200)).lines[0].product == "x" * 200


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Ana@Example.COM \n", "ana@example.com"),
        ("sam.lee@example", "sam.lee@example"),
        ("o'hara+tag@sub.example.co.uk", "o'hara+tag@sub.example.co.uk"),
        ("ünïcode@bücher.example", "ünïcode@bücher.example"),
    ],
)
def test_an_address_is_trimmed_and_lower_cased(given: str, kept: str):
    found = message(changed("order.created", "data", "customer", "email", to=given))
    assert found.person
    assert found.person.email == kept


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "must be text"),
        (5, "must be text"),
        ("", "must not be empty"),
        ("ana", "is not an e-mail address"),
        ("@example.com", "is not an e-mail address"),
        ("ana@", "is not an e-mail address"),
        ("ana@@example.com", "is not an e-mail address"),
        ("ana@example..com.", "is not an e-mail address"),
        ("ana@-example.com", "is not an e-mail address"),
        ("ana maria@example.com", "is not an e-mail address"),
        ("Ana <ana@example.com>", "is not an e-mail address"),
        ("a@b.c,d@e.f", "is not an e-mail address"),
        ("ana\x00@example.com", "is not an e-mail address"),
        ("ana\u200b@example.com", "is not an e-mail address"),
        ("ana\ud83d@example.com", "is not an e-mail address"),
        ("a" * 310 + "@example.com", "is longer than 320 characters"),
    ],
)
def test_what_is_no_address(given: object, reason: str):
    assert problems(changed("order.created", "data", "customer", "email", to=given)) == [("data.customer.email", reason)]


def test_a_strange_name_keeps_nobody_out():
    said = changed("order.created", "data", "customer", to={"email": "a@b.c", "first_name": " A\x00n\ud83d\n ", "last_name": "x" * 999})
    person = message(said).person
    assert person
    assert (person.first_name, person.last_name) == ("A n\ufffd", "x" * 200)
    said = changed("order.created", "data", "items", 0, "product_name", to="y" * 999)
    assert message(said).lines[0].product_name == "y" * 300
    assert message(changed("order.created", "data", "customer", "first_name", to=None)).person == Person("ana@example.com", "", "Silva")


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("2026-11-24T09:00:00+01:00", AT),
        ("2026-11-24t08:00:00z", AT),
        ("2026-11-24T08:00:00.123456789Z", AT.replace(microsecond=123456)),
        ("2026-11-24 08:00:00Z", AT),
    ],
)
def test_times_with_their_zone(given: str, at: datetime):
    assert message(changed("order.created", "timestamp", to=given)).at == at


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("2026-11-24T08:00:00", "has no time zone"),
        ("yesterday", "is not a time like"),
        ("", "is not a time like"),
        ("2026-02-30T08:00:00Z", "is not a time like"),
        ("0001-01-01T00:00:00+14:00", "must be between the years"),
        ("9999-12-31T23:59:59-14:00", "must be between the years"),
        ("2026-11-24T08:00:00\x00Z", "is not a time like"),
        (1764000000, "as text"),
        (None, "as text"),
        ((NOW + timedelta(days=367)).isoformat(), "is more than a year ahead"),
    ],
)
def test_times_that_say_nothing(given: object, reason: str):
    ((field, told),) = problems(changed("order.created", "timestamp", to=given))
    assert field == "timestamp"
    assert reason in told


def test_what_is_not_understood_says_what_could_be_made_out():
    found = read(changed("order.created", "data", "items", 0, "product_id", to=...))
    assert isinstance(found, NotUnderstood)
    assert (found.key, found.type, found.at, found.email) == ("msg_1", "order.created", AT, "ana@example.com")
    assert [(p.field, p.message) for p in found.problems] == [("data.items.0.product_id", "is missing")]


@pytest.mark.parametrize(
    ("kind", "path", "to", "reason"),
    [
        ("order.created", ("data",), ..., "is missing"),
        ("order.created", ("data",), [], "must be an object with fields"),
        ("order.created", ("data", "customer"), "ana", "must be an object with fields"),
        ("order.created", ("data", "items"), [], "must have at least one item"),
        ("order.created", ("data", "items"), {}, "must be a list"),
        ("order.created", ("data", "items", 1, "kind"), "gift", "must be one of: 'primary', 'upsell', 'order_bump' or 'payment_option'"),
        ("order.created", ("data", "customer", "first_name"), 5, "must be text"),
        ("order.created", ("timestamp",), ..., "is missing"),
        ("order.refunded", ("data", "full"), "no", "must be true or false"),
        ("order.refunded", ("data", "full"), ..., "is missing"),
        ("order.refunded", ("data", "order_id"), ..., "is missing"),
        ("subscription.charged", ("data", "charge_number"), 0, "must be at least 1"),
        ("subscription.charged", ("data", "charge_number"), 10**30, "must be at most 1000000"),
        ("subscription.charged", ("data", "charge_number"), "two", "must be a whole number"),
        ("subscription.charged", ("data", "charges_total"), 1.5, "must be a whole number"),
        ("subscription.charged", ("data", "charges_total"), float("inf"), "must be a whole number"),
        ("subscription.canceled", ("data", "access_until"), "2026-12-24", "has no time zone: end it with Z for UTC, or with an offset like +01:00"),
        ("subscription.completed", ("data", "subscription_id"), ..., "is missing"),
    ],
)  # fmt: skip
def test_wrong_fields_are_named_in_plain_words(kind: str, path: tuple[str | int, ...], to: Any, reason: str):
    assert problems(changed(kind, *path, to=to)) == [(".".join(map(str, path)), reason)]


def test_an_unknown_type_is_named():
    ((field, told),) = problems({"type": "order.craeted", "timestamp": "2026-11-24T08:00:00Z", "data": {}})
    assert field == "type"
    assert told.startswith("“order.craeted” is not a type that Cartwheel knows. It knows: order.created,")
    ((field, told),) = problems({"type": {"$ne": 1}})
    assert (field, told[:18]) == ("type", "This is not a type")
    assert problems({"data": {}}) == [("type", "is missing")]


def test_a_monstrous_type_is_cut():
    found = read({"type": "x\x00\ud83d" * 5000, "data": {"customer": "nobody"}})
    assert isinstance(found, NotUnderstood)
    assert len(found.type) == 64
    assert "\x00" not in found.type + found.problems[0].message
    assert found.at == NOW
    assert found.email == ""
    found.problems[0].message.encode()


@pytest.mark.parametrize("said", [[], [1], "text", 5, None, True])
def test_json_that_is_no_object(said: object):
    assert problems(said) == [("body", "must be an object with type, timestamp and data")]


def test_hundreds_of_mistakes_are_not_all_told():
    assert len(problems(changed("order.created", "data", "items", to=[{}] * 500))) == 20


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b"order=1", "line 1, column 1"),
        (b'{"type": "ping"} x', "Extra data"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'{"type": "\xc3"}', "not UTF-8"),
        (b'{"a":' * 100_000, "too deep"),
        (b'{"type": "ping", "a": ' + b"[" * 300 + b"]" * 300 + b"}", "too deep"),
        (b'{"type": "ping", "a": ' + b"9" * 5000 + b"}", "too long"),
    ],
)
def test_what_is_not_json(body: bytes, reason: str):
    with pytest.raises(Refusal) as caught:
        send(body)
    assert caught.value.status == 400
    assert reason in caught.value.reason


def test_a_byte_order_mark_is_forgiven():
    assert send(b"\xef\xbb\xbf" + json.dumps(EXAMPLES["order.created"]).encode()) == message(EXAMPLES["order.created"])


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_other_content_types_are_refused(content_type: str):
    with pytest.raises(Refusal) as caught:
        send(b'{"type": "ping"}', content_type)
    assert caught.value.status == 415


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_by_its_names(content_type: str):
    assert send(b'{"type": "ping"}', content_type) is None


def test_who_is_not_proven_is_not_read():
    headers = signed(new_secret(), "m", NOW, b"{") | {"content-type": "application/json"}
    with pytest.raises(Refusal) as caught:
        SOURCES["cartwheel"].read(Request(b"{", headers, {}, (SECRET,)), NOW)
    assert (caught.value.status, caught.value.body) == (401, {"error": "signature"})


def test_the_schema_has_an_example_of_each_type_and_all_are_understood():
    assert schema()["examples"] == examples()
    assert json.loads(json.dumps(schema())) == schema()
    assert set(schema()["discriminator"]["mapping"]) == set(EXAMPLES)
    for said in EXAMPLES.values():
        assert not isinstance(read(said), NotUnderstood)


@pytest.mark.parametrize("kind", [k for k in EXAMPLES if k != "ping"])
def test_what_the_schema_requires_is_required(kind: str):
    definitions = schema()["$defs"]
    event = definitions[schema()["discriminator"]["mapping"][kind].rpartition("/")[2]]
    data = definitions[event["properties"]["data"]["$ref"].rpartition("/")[2]]
    assert set(event["required"]) == {"type", "timestamp", "data"}
    for name in data["properties"]:
        said = changed(kind, "data", name, to=...) if name in EXAMPLES[kind]["data"] else EXAMPLES[kind]  # type: ignore[operator]
        assert isinstance(read(said), NotUnderstood) == (name in data["required"]), name
