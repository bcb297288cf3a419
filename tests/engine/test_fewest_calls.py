"""Each sentence about fewest calls, held against Circle's simulator: what comes is what was wanted, and what it cost is what had to be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.engine.shop import Shop, Shops
from webapp.apps import Call

MINA = "mina@shop.test"
PLACES = {
    "VIP Room": "space", "Lounge": "space", "Courses": "space_group", "Student": "tag", "2026": "tag", "Kick-off": "event",
    "Inner": "space", "Outer": "space",
}  # fmt: skip
IN_COURSES = ("Inner", "Outer")
ADD = {"space": "add_to_space", "space_group": "add_to_space_group", "tag": "add_tag", "event": "rsvp_to_event"}
REMOVE = {"space": "remove_from_space", "space_group": "remove_from_space_group", "tag": "remove_tag", "event": "un_rsvp_from_event"}


@pytest.fixture
def shop(shops: Shops) -> Iterator[Shop]:
    """A shop in memory whose Ads 101 invites, and adds to two spaces, a group and two tags."""
    with shops.open() as made:
        made.targets = {name: made.place(kind, name, "Courses" if name in IN_COURSES else None) for name, kind in PLACES.items()}  # type: ignore[attr-defined]
        made.rule("product_purchased", "invite_member")
        for name in ("VIP Room", "Lounge", "Courses", "Student", "2026"):
            gives(made, "ads-101", name)
        yield made


def gives(shop: Shop, product: str, name: str, trigger: str = "product_purchased") -> None:
    shop.rule(trigger, ADD[PLACES[name]], shop.targets[name], product)  # type: ignore[attr-defined]


def takes(shop: Shop, product: str, name: str, trigger: str = "product_refunded") -> None:
    shop.rule(trigger, REMOVE[PLACES[name]], shop.targets[name], product)  # type: ignore[attr-defined]


def buy(shop: Shop, product: str = "ads-101", order: str = "1", email: str = MINA) -> None:
    shop.tell("purchased", email, product, order=order)


def cost(shop: Shop) -> list[str]:
    """What is called for what waits."""
    before = len(shop.calls)
    shop.work()
    return [f"{call.method} {call.path}" for call in shop.calls[before:]]


def test_a_new_customers_whole_purchase_is_one_call(shop: Shop) -> None:
    buy(shop)
    assert cost(shop) == ["POST /community_members"]
    assert shop.holds(MINA) == {"member", "VIP Room", "Lounge", "Courses", "Student", "2026"}
    assert {status for status, _ in shop.said()} == {"succeeded"}


def test_and_one_more_for_an_event(shop: Shop) -> None:
    gives(shop, "ads-101", "Kick-off")
    buy(shop)
    assert cost(shop) == ["POST /community_members", "POST /event_attendees"]


def test_a_known_member_costs_only_what_is_missing(shop: Shop) -> None:
    buy(shop)
    shop.work()
    gives(shop, "course-b", "Lounge")
    gives(shop, "course-b", "Student")
    gives(shop, "course-b", "Kick-off")
    buy(shop, "course-b", "2")
    assert cost(shop) == ["POST /event_attendees"]
    assert [status for status, _ in shop.said()[-4:]] == ["unchanged", "unchanged", "succeeded", "unchanged"]


def test_who_holds_everything_costs_nothing(shop: Shop) -> None:
    buy(shop)
    shop.work()
    buy(shop, order="2")
    assert cost(shop) == []


def test_who_is_a_member_by_other_ways_costs_the_invite_that_found_it_out_and_what_is_missing(shop: Shop) -> None:
    body = {"email": MINA, "space_ids": [shop.places["VIP Room"]]}
    shop.send(Call("POST", "/community_members", "invite", (), "invite", body=body))
    assert shop.holds(MINA) == {"member", "VIP Room"}
    buy(shop)
    calls = cost(shop)
    assert calls[0] == "POST /community_members"
    assert len(calls) == 6  # what was sent along with it is not trusted: two spaces, a group, two tags
    assert shop.holds(MINA) == {"member", "VIP Room", "Lounge", "Courses", "Student", "2026"}


def test_what_waits_together_is_planned_together(shop: Shop) -> None:
    gives(shop, "course-b", "Lounge")
    gives(shop, "course-b", "VIP Room")
    for number, product in enumerate(("ads-101", "course-b", "ads-101"), 1):
        buy(shop, product, str(number))
    assert cost(shop) == ["POST /community_members"]
    assert {status for status, _ in shop.said()} <= {"succeeded", "unchanged"}


def test_a_purchase_and_its_refund_that_both_wait_cost_nothing(shop: Shop) -> None:
    shop.rule("product_refunded", "remove_member", None, "ads-101")
    buy(shop)
    shop.tell("refunded", MINA, "ads-101", order="1", at=shop.now + timedelta(seconds=1))
    assert cost(shop) == []
    assert shop.holds(MINA) == set()
    assert {status for status, _ in shop.said()} == {"unchanged"}
    assert all(sentence.startswith(("Superseded: refunded", "What it would take back")) for _, sentence in shop.said())


def test_or_what_is_right_where_the_refund_takes_only_a_part(shop: Shop) -> None:
    takes(shop, "ads-101", "VIP Room")
    buy(shop)
    shop.tell("refunded", MINA, "ads-101", order="1", at=shop.now + timedelta(seconds=1))
    assert cost(shop) == ["POST /community_members"]
    assert shop.holds(MINA) == {"member", "Lounge", "Courses", "Student", "2026"}


def test_who_had_it_before_and_gets_their_money_back_while_all_of_it_waits_keeps_the_older(shop: Shop) -> None:
    takes(shop, "ads-101", "VIP Room")
    buy(shop, order="1")
    shop.work()
    buy(shop, order="2")
    shop.tell("refunded", MINA, "ads-101", order="2", at=shop.now + timedelta(seconds=1))
    assert cost(shop) == []
    assert "VIP Room" in shop.holds(MINA)


@pytest.mark.parametrize("wanted", [("Inner",), ("Inner", "Outer"), ()])
def test_leaving_a_group_puts_back_the_spaces_that_others_want(shop: Shop, wanted: tuple[str, ...]) -> None:
    takes(shop, "ads-101", "Courses")
    for name in wanted:
        gives(shop, "course-b", name)
    buy(shop)
    buy(shop, "course-b", "2")
    shop.work()
    shop.tell("refunded", MINA, "ads-101", order="1", at=shop.now + timedelta(seconds=1))
    assert cost(shop) == ["DELETE /space_group_members", *["POST /space_members"] * len(wanted)]
    assert shop.holds(MINA) == {"member", "VIP Room", "Lounge", "Student", "2026", *wanted}


def test_a_global_rule_and_a_products_own_act_once_and_both_say_so(shop: Shop) -> None:
    shop.rule("product_purchased", "add_to_space", shop.targets["VIP Room"])  # type: ignore[attr-defined]
    buy(shop)
    assert cost(shop) == ["POST /community_members"]
    assert [said for said in shop.said() if "VIP Room" in said[1]] == [("succeeded", "Added to space VIP Room.")] * 2


def test_a_launch_costs_a_call_a_customer(shop: Shop) -> None:
    for number in range(40):
        buy(shop, order=str(number), email=f"customer{number}@shop.test")
    assert cost(shop) == ["POST /community_members"] * 40
