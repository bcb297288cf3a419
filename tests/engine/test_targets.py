"""Picking from the catalog: words in any order and case, by name, group or id, in the order of the groups."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.engine.an_app import SPACE, TAG
from tests.factories import NOW, make_integration, make_marketplace, make_target
from webapp.engine.targets import NO_GROUP, Found, search
from webapp.models import Integration


@pytest.fixture
def integration(session: Session) -> Integration:
    made = make_integration(session, make_marketplace(session))
    make_target(session, made, "space_group", "Courses", remote_id="7")
    make_target(session, made, "space_group", "Alumni", remote_id="8")
    for number, (name, group) in enumerate([("VIP Room", "7"), ("Lounge", "8"), ("ads 101", "7"), ("Hall", None), ("Lounge", None)], 1):
        make_target(session, made, "space", name, remote_id=str(number), group=group)
    make_target(session, made, "tag", "VIP", remote_id="9")
    return made


def names(found: Found) -> list[str]:
    return [choice.name for choice in found.choices]


def test_everything_by_group_and_name_and_what_has_no_group_last(session: Session, integration: Integration) -> None:
    found = search(session, integration.id, SPACE)
    assert [(choice.group, choice.name) for choice in found.choices] == [
        ("Alumni", "Lounge"),
        ("Courses", "ads 101"),
        ("Courses", "VIP Room"),
        (NO_GROUP, "Hall"),
        (NO_GROUP, "Lounge"),
    ]
    assert (found.matched, found.total, found.chosen) == (5, 5, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("vip", ["VIP Room"]),
        ("ROOM v", ["VIP Room"]),
        ("courses", ["ads 101", "VIP Room"]),
        ("courses room", ["VIP Room"]),
        ("4", ["Hall"]),
        ("alumni hall", []),
        ("  ", ["Lounge", "ads 101", "VIP Room", "Hall", "Lounge"]),
    ],
)
def test_every_word_must_be_in_it(session: Session, integration: Integration, text: str, found: list[str]) -> None:
    assert names(search(session, integration.id, SPACE, text)) == found


def test_a_kind_without_groups_has_none(session: Session, integration: Integration) -> None:
    (choice,) = search(session, integration.id, TAG).choices
    assert (choice.name, choice.group, choice.detail) == ("VIP", "", "")


def test_names_that_repeat_are_told_apart(session: Session, integration: Integration) -> None:
    details = {choice.remote_id: choice.detail for choice in search(session, integration.id, SPACE).choices}
    assert details == {"1": "", "2": "Alumni · id 2", "3": "", "4": "", "5": f"{NO_GROUP} · id 5"}


def test_no_more_than_asked_for(session: Session, integration: Integration) -> None:
    found = search(session, integration.id, SPACE, "lounge", limit=1)
    assert (len(found.choices), found.matched, found.total) == (1, 2, 5)


def test_what_has_gone_cannot_be_picked_but_is_known_where_it_was(session: Session, integration: Integration) -> None:
    gone = make_target(session, integration, "space", "Attic", gone_at=NOW)
    found = search(session, integration.id, SPACE, chosen_id=gone.id)
    assert "Attic" not in names(found)
    assert found.total == 5
    assert found.chosen is not None
    assert (found.chosen.name, found.chosen.gone, found.hides_chosen) == ("Attic", True, True)


def test_what_was_picked_is_known_also_where_the_search_hides_it(session: Session, integration: Integration) -> None:
    hall = next(choice for choice in search(session, integration.id, SPACE).choices if choice.name == "Hall")
    assert not search(session, integration.id, SPACE, chosen_id=hall.id).hides_chosen
    hidden = search(session, integration.id, SPACE, "vip", chosen_id=hall.id)
    assert (hidden.chosen, hidden.hides_chosen) == (hall, True)


def test_another_integrations_catalog_is_not_shown(session: Session, integration: Integration) -> None:
    other = make_integration(session, make_marketplace(session))
    assert search(session, other.id, SPACE) == Found((), 0, 0)
