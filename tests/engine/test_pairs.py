"""Every trigger with every action: from what a checkout says to what the customer has in Circle, and the entry that says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.shop import Shop, Shops
from webapp.apps.registry import APPS
from webapp.engine.triggers import TRIGGERS

MINA = "mina@shop.test"
PRODUCT, OTHER = "ads-101", "course-b"
BOUGHT: tuple[str, dict[str, Any]] = ("purchased", {"order": "9001", "subscription": "s1"})
FAILED: tuple[str, dict[str, Any]] = ("charge_failed", {"subscription": "s1"})

SAID: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "product_purchased": (BOUGHT,),
    "product_refunded": (BOUGHT, ("refunded", {"order": "9001"})),
    "product_partially_refunded": (BOUGHT, ("partially_refunded", {"order": "9001"})),
    "prospect_created": (("prospect", {"prospect": "p1"}),),
    "subscription_canceled": (BOUGHT, ("canceled", {"subscription": "s1"})),
    "subscription_charge_failed": (BOUGHT, FAILED, FAILED),
    "subscription_charged": (BOUGHT, ("charged", {"subscription": "s1"})),
    "subscription_delinquent": (BOUGHT, FAILED, FAILED, FAILED, FAILED),
    "subscription_recovered": (BOUGHT, FAILED, ("charged", {"subscription": "s1"})),
    "subscription_restarted": (BOUGHT, ("canceled", {"subscription": "s1"}), ("restarted", {"subscription": "s1"})),
    "subscription_completed": (BOUGHT, ("charged", {"subscription": "s1", "number": 3, "total": 3})),
}
"""What a checkout says, an hour apart, until each trigger fires."""

PLACES = {"space": "VIP Room", "space_group": "Courses", "event": "Kick-off", "tag": "Student"}
DID = {
    "invite_member": "Invited to My community.",
    "remove_member": "Removed from My community.",
    "add_to_space": "Added to space VIP Room.",
    "remove_from_space": "Removed from space VIP Room.",
    "add_to_space_group": "Added to space group Courses.",
    "remove_from_space_group": "Removed from space group Courses.",
    "rsvp_to_event": "RSVP made for event Kick-off.",
    "un_rsvp_from_event": "RSVP taken back from event Kick-off.",
    "add_tag": "Added tag Student.",
    "remove_tag": "Removed tag Student.",
}
ACTIONS = APPS["circle"].actions
PAIRS = [pytest.param(trigger, action, id=f"{trigger}-{action}") for trigger in TRIGGERS for action in ACTIONS]


def test_all_of_them_are_here() -> None:
    assert (set(SAID), set(DID)) == (set(TRIGGERS), set(ACTIONS))
    assert len(PAIRS) == 110


@pytest.mark.parametrize(("trigger", "action"), PAIRS)
def test_a_pair(shops: Shops, trigger: str, action: str) -> None:
    with shops.open() as shop:
        kind, adds = ACTIONS[action].kind, ACTIONS[action].adds
        target = shop.place(kind, PLACES[kind]) if kind in PLACES else None
        shop.rule(trigger, action, target, PRODUCT)
        if not adds:
            _give_before(shop, trigger, kind, target)
        name = PLACES.get(kind, "member")
        assert not adds or name not in shop.holds(MINA)
        for what, more in SAID[trigger]:
            shop.pass_time(hours=1)
            shop.tell(what, MINA, PRODUCT, **more)
            shop.work()
        shop.pass_time(hours=2)
        shop.work()
        assert (name in shop.holds(MINA)) is adds
        (entry,) = [entry for entry in shop.entries() if (entry.trigger, entry.action) == (trigger, action)]
        assert (entry.status, entry.sentence) == ("succeeded", DID[action])


def _give_before(shop: Shop, trigger: str, kind: str, target: int | None) -> None:
    """What is to be taken away has to be there: from the very purchase where the trigger takes that back, else from another one."""
    add = next(action.key for action in ACTIONS.values() if action.kind == kind and action.adds)
    if TRIGGERS[trigger].takes_back:
        shop.rule("product_purchased", add, target, PRODUCT)
        return
    shop.rule("product_purchased", add, target, OTHER)
    shop.tell("purchased", MINA, OTHER, order="9000")
    shop.work()
    assert PLACES.get(kind, "member") in shop.holds(MINA)
