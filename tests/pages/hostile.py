"""Requests that no checkout sends: bodies and headers drawn from a seed, from the nearly right to noise."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from webapp.sources.cartwheel import signed

LARGEST = 256 * 1024
CUSTOMER = {"email": "mina@shop.test", "first_name": "Mina", "last_name": "Okoro"}
ORDER = {"order_id": 9001, "customer": CUSTOMER, "items": [{"product_id": "ads-101", "kind": "primary", "amount": 49.0, "currency": "EUR"}]}
PAYMENT = {"subscription_id": "77", "customer": CUSTOMER, "product_id": "ads-101", "charge_number": 3, "charges_total": 12}
OWN = [
    ("order.created", ORDER),
    ("order.refunded", {"order_id": 9001, "customer": CUSTOMER, "product_id": "ads-101", "amount": 10, "full": False}),
    ("prospect.created", {"prospect_id": "p1", "customer": CUSTOMER, "product_id": "ads-101"}),
    *((f"subscription.{what}", PAYMENT) for what in ("charged", "charge_failed", "canceled", "restarted", "delinquent", "recovered", "completed")),
    ("ping", {}),
]  # fmt: skip
SAMCART = {
    "type": "Order",
    "api_key": "k",
    "product": {"id": 4711, "name": "Ads 101", "price": "49.00", "transaction_id": "ch_9"},
    "customer": {"first_name": "Mina", "last_name": "Okoro", "email": "mina@shop.test", "customer_id": 88},
    "order": {"id": 9001, "total": "98.00", "subscription_id": 77, "custom_fields": []},
}
ODD: list[Any] = [
    None, True, False, 0, -1, 2**31, 2**63, 2**64, 10**400, -0.0, 1e308, "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u202e", "\ufeff",
    "NaN", "1e999", "null", "2026-11-24T14:00:00", "0000-00-00", "9999-12-31T23:59:59Z", "-1", "' OR 1=1 --", "../../etc/passwd", "{{7*7}}",
    "<script>", "%s%n", "x" * 5000, "ａ@ｂ.test", "a@b", "@", "a" * 400 + "@shop.test", [], {}, [[]], [None], {"": ""}, {"email": []}, ["x"] * 300,
    float("nan"), float("inf"),
]  # fmt: skip
TRIGGERS = ["", "product_purchased", "product_refunded", "nonsense", "\x00", "x" * 3000, "subscription_charged"]


@dataclass(frozen=True)
class Sent:
    """One request."""

    body: bytes
    headers: Mapping[str, str]
    trigger: str = ""


class Hostile:
    """The requests of one seed, to an address of either kind."""

    def __init__(self, seed: int, secret: str) -> None:
        self.dice, self.secret = Random(seed), secret

    def own(self, now: datetime) -> Sent:
        """To an address of Cartwheel's own format: mostly signed, so that it gets far."""
        kind, data = self.dice.choice(OWN)
        body = self._body({"type": kind, "timestamp": "2026-11-24T14:00:00Z", "data": copy.deepcopy(data)})
        return Sent(body, self._headers(body, now))

    def samcart(self) -> Sent:
        """To SamCart's, which has no signature."""
        kind = self.dice.choice(["text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/form-data", "", "\xff"])
        return Sent(self._body(copy.deepcopy(SAMCART)), {"Content-Type": kind}, self.dice.choice(TRIGGERS))

    def _body(self, message: dict[str, Any]) -> bytes:
        draw = self.dice.random()
        if draw < 0.6:
            for _ in range(self.dice.randint(1, 3)):
                self._spoil(message)
            return json.dumps(message).encode()
        if draw < 0.75:
            return self._broken(json.dumps(message).encode())
        return self._noise(message)

    def _spoil(self, message: dict[str, Any]) -> None:
        """Put something odd somewhere, take something away, or add a field that nobody knows."""
        place = self.dice.choice(list(_places(message)) or [message])
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys or self.dice.random() < 0.1:
            if isinstance(place, dict):
                place[str(self.dice.choice(ODD))[:50]] = copy.deepcopy(self.dice.choice(ODD))
            return
        key = self.dice.choice(keys)
        if self.dice.random() < 0.2:
            del place[key]
        else:
            place[key] = copy.deepcopy(self.dice.choice(ODD))

    def _broken(self, body: bytes) -> bytes:
        """Cut short, or with bytes of it turned into others."""
        if self.dice.random() < 0.4:
            return body[: self.dice.randrange(len(body))]
        turned = bytearray(body)
        for _ in range(self.dice.randint(1, 8)):
            turned[self.dice.randrange(len(turned))] = self.dice.randrange(256)
        return bytes(turned)

    def _noise(self, message: dict[str, Any]) -> bytes:
        depth = self.dice.choice([10, 500, 2000, 60_000])
        return self.dice.choice(
            [
                lambda: b"",
                lambda: self.dice.randbytes(self.dice.randint(1, 200)),
                lambda: b"[" * depth,
                lambda: b'{"data":' * depth + b"1" + b"}" * depth,
                lambda: b'{"type":"order.created","data":' + b"[" * depth + b"]" * depth + b"}",
                lambda: b"1" * self.dice.choice([10, 4000, 5000, 100_000]),
                lambda: b"-" + b"9" * 400 + b"e" + b"9" * 9,
                lambda: b"\xef\xbb\xbf" + json.dumps(message).encode(),
                lambda: json.dumps(message).encode("utf-16"),
                lambda: b'"' + b"\\ud800" * 100 + b'"',
                lambda: json.dumps(message | {"data": "x" * (LARGEST - self.dice.choice([0, 200, 1000]))}).encode(),
                lambda: b" " * (LARGEST + self.dice.choice([-1, 0, 1])),
                lambda: b'{"type":"ping","type":"order.created","data":{},"data":null}',
                lambda: b"null",
                lambda: b"order[id]=9001&customer[email]=mina@shop.test",
            ]
        )()

    def _headers(self, body: bytes, now: datetime) -> dict[str, str]:
        when = now + timedelta(seconds=self.dice.choice([0, 0, 0, 0, -299, 299, -301, 301, -(10**9)]))
        key = self.dice.choice(["m1", f"m{self.dice.getrandbits(64)}", "x" * 256, "x" * 257, "\x80", "", " ", "a.b.c"])
        given = {"Content-Type": "application/json"} | {
            name: value for name, value in (("webhook-id", key), ("webhook-timestamp", str(int(when.timestamp())))) if value
        }
        if body.isascii() and key.isascii():
            given |= signed(self.secret, key, when, body)
        if self.dice.random() < 0.3:
            name = self.dice.choice(["webhook-id", "webhook-timestamp", "webhook-signature", "Content-Type"])
            given[name] = self.dice.choice(
                ["", "v1,", "v1,AAAA", "v2,x", "v1," * 500, "9" * 400, "-1", "1e9", "NaN", "\xff\xfe", "application/json; charset=utf-7", "\xd9\xa1"]
            )  # fmt: skip
        return given


def _places(value: Any) -> Iterator[Any]:
    """Every object and list in it."""
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _places(inner)
