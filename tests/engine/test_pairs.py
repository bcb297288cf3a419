"""Every trigger with every action: what the customer has in Circle then, the entry that says so, and what docs/features.md says of it."""

from __future__ import annotations

import pytest

from tests.engine.pairs import ACTIONS, SAID, cell, documented, play
from tests.engine.shop import Shops
from webapp.engine.triggers import TRIGGERS

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
PAIRS = [pytest.param(trigger, action, id=f"{trigger}-{action}") for trigger in TRIGGERS for action in ACTIONS]


def test_all_of_them_are_here() -> None:
    assert (set(SAID), set(DID)) == (set(TRIGGERS), set(ACTIONS))
    assert len(PAIRS) == len(documented()) == 110


@pytest.mark.parametrize(("trigger", "action"), PAIRS)
def test_a_pair(shops: Shops, trigger: str, action: str) -> None:
    with shops.open() as shop:
        came = play(shop, trigger, action)
    adds = ACTIONS[action].adds
    assert (came.before, came.after) == (not adds, adds)
    assert (came.status, came.sentence) == ("succeeded", DID[action])
    assert cell(came) == documented()[trigger, action], "make features writes the table anew"
