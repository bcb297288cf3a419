"""What a customer should hold, read from the records: by integration, the membership first, with whose doing it is."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from tests import factories
from tests.engine.shop import Shop
from webapp.engine.holdings import Held, find_customer, holdings
from webapp.models import Customer, Grant, Purchase, Target


def held(shop: Shop, email: str = "mina@shop.test") -> list[Held]:
    with shop.write() as session:
        customer = find_customer(session, shop.marketplace, email)
        assert customer is not None
        return holdings(session, customer.id, shop.now)


def test_the_membership_comes_first_then_what_is_in_it_by_kind_and_name(shop: Shop) -> None:
    for kind, name, action in (
        ("tag", "Student", "add_tag"),
        ("space", "VIP Room", "add_to_space"),
        ("space", "Lounge", "add_to_space"),
    ):
        shop.rule("product_purchased", action, shop.place(kind, name))
    shop.tell("purchased", "mina@shop.test", "ads-101", order="9001")
    assert [(one.kind, one.target) for one in held(shop)] == [
        ("membership", None), ("space", "Lounge"), ("space", "VIP Room"), ("tag", "Student"),
    ]  # fmt: skip


def test_each_purchase_that_grants_is_a_reason_and_the_belief_follows_the_calls(shop: Shop) -> None:
    shop.rule("product_purchased", "add_to_space", shop.place("space", "VIP Room"))
    at = shop.now - timedelta(hours=1)
    shop.tell("purchased", "mina@shop.test", "ads-101", order="9001")
    shop.tell("purchased", "mina@shop.test", "alumni", at=at, subscription="77")
    assert {one.believed for one in held(shop)} == {"unknown"}
    shop.work()
    (_, room) = held(shop)
    assert (room.held, room.believed) == (True, "held")
    assert [(why.product, why.ground, why.since) for why in room.because] == [
        ("alumni", "subscription:77", at), ("ads-101", "order:9001", shop.now),
    ]  # fmt: skip
    assert {why.entry_id for why in room.because} == {entry.id for entry in shop.entries()}


def test_what_a_person_has_granted_is_nobodys_purchase(shop: Shop) -> None:
    target = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", "mina@shop.test", "ads-101", order="9001")
    lane = shop.lane()
    with shop.write() as session:
        by_hand = {"ground": "hand:1", "order_ref": None, "subscription_ref": None, "state_at": shop.now, "bought_at": shop.now}
        purchase = Purchase(
            id=factories.new_id(), marketplace_id=shop.marketplace, customer_id=lane.customer_id, product_id=None, **by_hand
        )
        session.add(purchase)
        session.flush()
        mark = {"op": "open", "at": shop.now, "tie": "hand:1", "entry_id": 1}
        session.add(Grant(id=factories.new_id(), lane_id=lane.id, target_id=target, purchase_id=purchase.id, **mark))
    room = held(shop)[1]
    assert [(why.product, why.ground) for why in room.because] == [(None, "hand:1")]


def test_a_customer_is_found_however_the_address_is_written_and_in_one_marketplace_only(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", "mina@shop.test", "ads-101", order="9001")
    with shop.write() as session:
        other = factories.make_marketplace(session)
        assert find_customer(session, other.id, "mina@shop.test") is None
        assert find_customer(session, shop.marketplace, " MINA@shop.test ") is not None
        assert session.scalar(select(Customer.email)) == "mina@shop.test"


def test_a_place_that_is_gone_is_still_on_record(shop: Shop) -> None:
    target = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", target)
    shop.tell("purchased", "mina@shop.test", "ads-101", order="9001")
    with shop.write() as session:
        session.get_one(Target, target).gone_at = shop.now
    assert held(shop)[1].target == "VIP Room"
