"""Pseudonyms: the same for the same, nothing left of who it was, and all left that decides."""

from __future__ import annotations

import json

from webapp.support.masking import Masks, in_order

MASKS = Masks(
    ["mina@shop.test", "m@home.test"], {"Mina"}, {"Okafor"}, {"1001"}, in_order(["b", "a", "c"], "m"), in_order(["9001", "77"], "ref-")
)
MEMBER = {
    "message": "Invited Mina Okafor, added to following spaces: VIP Room",
    "community_member": {
        "id": 55, "email": "mina@shop.test", "name": "Mina Okafor", "first_name": "Mina", "active": True, "user_id": 9, "avatar_url": "https://x",
        "created_at": "2026-11-24T08:00:00.000Z", "posts_count": 3, "member_tags": [{"id": 1001, "name": "Fan"}],
    },
}  # fmt: skip


def test_an_answer_keeps_what_decides() -> None:
    said = json.loads(MASKS.answer(json.dumps(MEMBER), 201))
    member = said["community_member"]
    assert said["message"] == "Invited First1 Last1, added to following spaces: VIP Room"
    assert member == {
        "id": int(MASKS.member("55")), "email": "customer@case.test", "name": "…", "first_name": "…", "active": True, "user_id": 0,
        "avatar_url": "…", "created_at": "2026-11-24T08:00:00.000Z", "posts_count": 3, "member_tags": [{"id": 1001, "name": "Fan"}],
    }  # fmt: skip
    assert MASKS.path("/community_members/55") == f"/community_members/{MASKS.member('55')}"


def test_of_an_answer_whose_end_was_not_kept_the_beginning_counts() -> None:
    cut = json.dumps({"id": 55, "email": "mina@shop.test", "active": False, "bio": "x" * 3000})[:2000]
    assert json.loads(MASKS.answer(cut, 200)) == {"id": int(MASKS.member("55")), "email": "customer@case.test", "active": False}


def test_addresses_names_and_ids_are_masked_wherever_they_stand() -> None:
    assert MASKS.text("Circle refused MINA@shop.test, not m@home.test. or tom@shop.test: Okafor?") == (
        "Circle refused customer@case.test, not customer-also-1@case.test. or somebody@case.test: Last1?"
    )
    assert MASKS.path("/space_members?email=mina%40shop.test&space_id=1001") == "/space_members?email=customer%40case.test&space_id=1001"
    sent = json.dumps({"email": "mina@shop.test", "name": "Mina Okafor", "space_ids": [1001]})
    assert json.loads(MASKS.body(sent)) == {"email": "customer@case.test", "name": "First1 Last1", "space_ids": [1001]}
    assert MASKS.ground("order:9001") == "order:ref-2"
    assert [MASKS.key(one) for one in ("a", "b", "c")] == ["m1", "m2", "m3"]
    assert MASKS.answer("<html>mina@shop.test</html>", 502) == "<html></html>"
    assert MASKS.answer("Circle did not answer mina@shop.test.", 0) == "Circle did not answer customer@case.test."
