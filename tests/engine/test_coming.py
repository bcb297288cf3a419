"""What time will bring to a customer: what waits for its time, and what runs out with nothing else to hold it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.shop import Shop
from webapp.engine.coming import Coming, coming
from webapp.engine.holdings import find_customer

MINA = "mina@shop.test"


@pytest.fixture
def room(shop: Shop) -> int:
    target = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", target, for_days=30)
    return target


def to_come(shop: Shop) -> list[Coming]:
    with shop.write() as session:
        customer = find_customer(session, shop.marketplace, MINA)
        assert customer is not None
        return coming(session, customer.id, shop.now)


def test_timed_access_runs_out(shop: Shop, room: int) -> None:
    began = shop.now
    shop.tell("purchased", MINA, "ads-101", order="9001")
    shop.work()
    assert [(one.at, one.target, one.integration, one.entry_id) for one in to_come(shop)] == [
        (began + timedelta(days=30), "VIP Room", "My community", None)
    ]
    shop.pass_time(days=5)
    shop.tell("purchased", MINA, "ads-101", order="9002")
    assert [one.at for one in to_come(shop)] == [began + timedelta(days=35)], "the later one holds it until then"
    shop.rule("product_purchased", "add_to_space", room, "alumni")
    shop.tell("purchased", MINA, "alumni", order="9003")
    assert [one.at for one in to_come(shop)] == [], "something lasts"


def test_a_removal_that_waits_says_whether_it_will_take_anything(shop: Shop, room: int) -> None:
    shop.rule("product_refunded", "remove_from_space", room, after_days=3)
    shop.tell("purchased", MINA, "ads-101", order="9001")
    shop.work()
    shop.pass_time(days=1)
    shop.tell("refunded", MINA, "ads-101", order="9001")
    shop.work()
    (removal,) = [one for one in to_come(shop) if one.entry_id]
    assert (removal.at, removal.target, removal.product, removal.kept) == (shop.now + timedelta(days=3), "VIP Room", "ads-101", False)
    assert removal.sentence.startswith("Will be removed from space VIP Room on 28 November 2026")
    shop.pass_time(days=1)
    shop.tell("purchased", MINA, "alumni", order="9002")
    assert [one.kept for one in to_come(shop) if one.entry_id] == [True]


def test_a_cart_that_was_left_waits_for_its_two_hours(shop: Shop) -> None:
    shop.rule("prospect_created", "add_tag", shop.place("tag", "Abandoned"))
    shop.tell("prospect", MINA, "ads-101", prospect="p1")
    (cart,) = to_come(shop)
    assert (cart.at - shop.now, cart.target, cart.kind) == (timedelta(hours=2), "Abandoned", "tag")
    shop.pass_time(hours=3)
    assert to_come(shop) == []
