"""Another address in Circle, set by the merchant: what waits, what comes and what is held goes there."""

from __future__ import annotations

import pytest

from tests import factories
from tests.engine.shop import Shop
from webapp.engine import aliases, recording
from webapp.engine.entries import Refused
from webapp.engine.holdings import find_customer
from webapp.models import Holding, Integration, Lane

MINA, THERE = "mina@shop.test", "mina.k@home.test"


def put(shop: Shop, email: str = THERE, who: str = MINA) -> None:
    with shop.write() as session:
        customer = find_customer(session, shop.marketplace, who)
        assert customer is not None
        aliases.put(session, customer, session.get_one(Integration, shop.integration), email, shop.now, shop.new_id)


@pytest.fixture
def bought(shop: Shop) -> Shop:
    shop.rule("product_purchased", "add_to_space", shop.place("space", "VIP Room"))
    shop.tell("purchased", MINA, "ads-101", order="9001")
    return shop


def test_what_waits_goes_there_and_what_comes_later(bought: Shop) -> None:
    put(bought)
    bought.work()
    assert bought.holds(THERE) == {"member", "VIP Room"}
    assert bought.holds(MINA) == set()
    assert [status for status, _ in bought.said()] == ["succeeded"]
    bought.rule("product_refunded", "remove_from_space", _room(bought))
    bought.pass_time(hours=1)
    bought.tell("refunded", MINA, "ads-101", order="9001")
    bought.work()
    assert bought.holds(THERE) == {"member"}


def test_what_was_believed_of_the_old_address_lapses_and_what_they_hold_is_given_to_the_new_one(bought: Shop) -> None:
    bought.work()
    assert bought.holds(MINA) == {"member", "VIP Room"}
    bought.pass_time(minutes=5)
    put(bought)
    lane = bought.lane()
    assert (lane.alias, lane.alias_by, lane.alias_at, lane.member_id) == (THERE, "merchant", bought.now, None)
    assert bought.rows(Holding) == []
    bought.work()
    assert bought.holds(THERE) == {"member", "VIP Room"}
    assert bought.holds(MINA) == {"member", "VIP Room"}, "another account stays as it is"


def test_taking_it_away_leads_back_to_the_address_that_buys(bought: Shop) -> None:
    put(bought)
    put(bought, MINA)
    assert (bought.lane().alias, bought.lane().alias_by, bought.lane().alias_at) == (None, None, None)
    bought.work()
    assert bought.holds(MINA) == {"member", "VIP Room"}


def test_it_can_be_said_before_anything_is_on_record_there(shop: Shop) -> None:
    shop.tell("purchased", MINA, "ads-101", order="9001")
    assert shop.rows(Lane) == []
    put(shop)
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "alumni", order="9002")
    shop.work()
    assert shop.holds(THERE) == {"member"}
    assert len(shop.rows(Lane)) == 1


def test_while_a_call_is_under_way_it_has_to_wait(bought: Shop) -> None:
    bought.claim()
    with pytest.raises(Refused, match="under way"):
        put(bought)
    bought.pass_time(minutes=1)
    put(bought)


def test_a_worker_that_stood_still_meanwhile_does_not_go_on_under_the_old_address_and_what_it_learned_is_forgotten(bought: Shop) -> None:
    (late,) = bought.claim("late")
    call = late.next_call()
    assert call is not None
    late.take_answer(call, bought.send(call))
    bought.pass_time(minutes=1)
    put(bought)
    written = bought.record([recording.Made(late, call, bought.send(call), bought.now)], [late], [])
    assert written.lost == {late.hold}
    assert (bought.rows(Holding), bought.lane().member_id) == ([], None)
    bought.work()
    assert bought.holds(THERE) == {"member", "VIP Room"}


@pytest.mark.parametrize("alias", [None, "shared@home.test"])
def test_the_address_of_another_customer_there_is_refused(bought: Shop, alias: str | None) -> None:
    bought.tell("purchased", "tom@shop.test", "ads-101", order="9002")
    if alias:
        put(bought, alias, "tom@shop.test")
    with pytest.raises(Refused, match=r"tom@shop\.test"):
        put(bought, alias or "tom@shop.test")


def test_who_is_on_record_elsewhere_only_does_not_matter(bought: Shop) -> None:
    with bought.write() as session:
        factories.make_customer(session, factories.make_marketplace(session), THERE)
    put(bought)
    assert bought.lane().alias == THERE


def test_it_goes_on_from_a_setback_at_once(bought: Shop) -> None:
    with bought.write() as session:
        lane = session.get_one(Lane, bought.lane().id)
        lane.retry_at, lane.attempts = bought.now.replace(hour=23), 3
        lane.due_at = lane.retry_at
    put(bought)
    bought.work()
    assert bought.holds(THERE) == {"member", "VIP Room"}


def _room(shop: Shop) -> int:
    return next(entry.target_id for entry in shop.entries() if entry.target_id)
