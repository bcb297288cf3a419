"""A message that was stored is read again, whoever sent it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.factories import NOW
from webapp.engine import purchase_import
from webapp.models import Event
from webapp.sources import Line, Message, Person
from webapp.support.gathering import _message

CARTWHEEL = {
    "type": "order.created", "timestamp": "2026-11-24T08:00:00Z",
    "data": {"order_id": "9001", "customer": {"email": "Mina@shop.test"}, "items": [{"product_id": "ads", "kind": "primary"}]},
}  # fmt: skip
SAMCART = {
    "type": "Order", "customer": {"email": "mina@shop.test", "first_name": "Mina"}, "order": {"id": 9001},
    "products": [{"id": 7, "name": "Ads"}],
}  # fmt: skip
IMPORTED = purchase_import.packed(Message("k", "import", NOW, Person("mina@shop.test"), (Line("purchased", "ads", order="9001"),)))


@pytest.mark.parametrize(
    ("kind", "type_", "body"),
    [("cartwheel", "order.created", CARTWHEEL), ("samcart", "Order", SAMCART), ("import", "import", IMPORTED)],
)
def test_what_a_message_said(kind: str, type_: str, body: dict[str, Any]) -> None:
    said = _message(_event(type_, body), kind)
    assert isinstance(said, Message)
    assert (said.key, said.type, said.again) == ("k", type_, None)
    assert said.person is not None
    assert said.person.email == "mina@shop.test"
    assert [(line.kind, line.order) for line in said.lines] == [("purchased", "9001")]


def test_one_that_nobody_understands_is_left_out() -> None:
    assert _message(_event("order.created", {"type": "order.created"}), "cartwheel") is None
    assert _message(_event("x", CARTWHEEL), "gone") is None


def _event(type_: str, body: dict[str, Any], at: datetime = NOW) -> Event:
    return Event(id=1, key="k", type=type_, at=at, received_at=at, body=json.dumps(body).encode(), errors=None)
