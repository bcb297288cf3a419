"""What Circle can do, as the pages and the rules know it."""

from __future__ import annotations

import pytest

from webapp.apps import MEMBERSHIP
from webapp.apps.circle import CIRCLE
from webapp.apps.registry import APPS

LABELS = {
    "invite_member": "Invite member", "remove_member": "Remove member", "add_to_space": "Add to space", "remove_from_space": "Remove from space",
    "add_to_space_group": "Add to space group", "remove_from_space_group": "Remove from space group", "rsvp_to_event": "RSVP to event",
    "un_rsvp_from_event": "Un-RSVP from event", "add_tag": "Add tag", "remove_tag": "Remove tag",
}  # fmt: skip


def test_circle_is_registered() -> None:
    assert APPS["circle"] is CIRCLE


def test_there_are_ten_actions_under_their_names() -> None:
    assert {key: action.label for key, action in CIRCLE.actions.items()} == LABELS
    assert all(action.key == key for key, action in CIRCLE.actions.items())


def test_each_target_can_be_given_and_taken_in_one_way() -> None:
    kinds = {MEMBERSHIP, *(kind.key for kind in CIRCLE.kinds)}

    pairs = [(action.kind, action.adds) for action in CIRCLE.actions.values()]
    assert sorted(pairs) == sorted((kind, adds) for kind in kinds for adds in (True, False))


def test_a_phrase_names_the_target_where_there_is_one_to_pick() -> None:
    for action in CIRCLE.actions.values():
        assert ("{target}" in action.phrase) == (action.kind != MEMBERSHIP)
        assert "{integration}" in action.phrase


def test_connecting_asks_for_a_key_that_is_kept_secret_and_an_address_that_is_not() -> None:
    assert {field.label: (field.key, field.secret) for field in CIRCLE.fields} == {
        "API Key": ("api_key", True), "Community URL": ("community_url", False),
    }  # fmt: skip


@pytest.mark.parametrize(("url", "link"), [("https://acme.circle.so", "https://acme.circle.so"), ("", None), ("javascript:alert(1)", None)])
def test_a_link_to_the_community_is_a_web_address_or_none(url: str, link: str | None) -> None:
    assert CIRCLE.profile_url({"community_url": url}, "12") == link
