"""The calls that put members into spaces and space groups, take them out, and ask who is in."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Circle

ANA = "ana@example.com"
GONE = 4040


@pytest.fixture
def space(circle: Circle) -> int:
    return circle.community.add_space("VIP Room")


@pytest.fixture
def group(circle: Circle) -> int:
    return circle.community.add_group("VIP")


@pytest.fixture
def ana(circle: Circle) -> int:
    return circle.community.add_member(ANA)


def test_a_space_is_joined_and_left(circle: Circle, space: int, ana: int) -> None:
    assert circle.post("/space_members", email=ANA, space_id=space).status == 200
    checked = circle.get("/space_member", email=ANA, space_id=space)
    assert (checked.status, checked.said["community_member_id"], checked.said["status"]) == (200, ana, "active")
    assert circle.delete("/space_members", email=ANA, space_id=space).status == 200
    assert circle.get("/space_member", email=ANA, space_id=space).missing == "space member"


@pytest.mark.parametrize(("form", "status"), [("200", 200), ("422", 422)])
def test_joining_a_space_twice(circle: Circle, space: int, ana: int, form: str, status: int) -> None:
    circle.answers(already_in_space=form)
    circle.community.put(ANA, space)
    answer = circle.post("/space_members", email=ANA, space_id=space)
    assert answer.status == status
    assert status == 200 or answer.said["message"] == "User not added to space."
    assert circle.held(ANA) == {space}


def test_what_is_missing_when_a_space_is_joined(circle: Circle, space: int) -> None:
    assert circle.post("/space_members", email=ANA, space_id=space).missing == "user"
    assert circle.post("/space_members", email=ANA, space_id=GONE).missing == "space"
    circle.answers(missing_first="person")
    assert circle.post("/space_members", email=ANA, space_id=GONE).missing == "user"
    circle.community.add_member(ANA)
    assert circle.post("/space_members", email=ANA, space_id=GONE).missing == "space"


@pytest.mark.parametrize(("form", "said"), [("404", None), ("422", "User not added to space.")])
def test_a_removed_member_and_a_space(circle: Circle, space: int, ana: int, form: str, said: str | None) -> None:
    circle.answers(space_add_removed_member=form)
    circle.community.remove_member(ANA)
    answer = circle.post("/space_members", email=ANA, space_id=space)
    assert answer.status == int(form)
    assert answer.said["message"] == said if said else answer.missing == "user"
    assert circle.post("/space_members", email="ben@example.com", space_id=space).missing == "user"


def test_what_is_missing_when_a_space_is_left(circle: Circle, space: int, group: int) -> None:
    assert circle.delete("/space_members", email=ANA, space_id=space).missing == "user"
    circle.community.add_member(ANA)
    assert circle.delete("/space_members", email=ANA, space_id=space).missing == "space member"
    assert circle.delete("/space_members", email=ANA, space_id=GONE).missing == "space"
    assert circle.delete("/space_members", email=ANA, space_id=group).missing == "space", "the id of a group is no space's"


def test_a_group_is_joined_and_joined_again(circle: Circle, group: int, ana: int) -> None:
    first = circle.post("/space_group_members", email=ANA, space_group_id=group)
    again = circle.post("/space_group_members", email=ANA, space_group_id=group)
    assert (first.status, first.said["success"]) == (200, True)
    assert (again.status, again.said["message"]) == (200, "User is already added to the space group.")
    assert circle.get("/space_group_member", email=ANA, space_group_id=group).status == 200


def test_leaving_a_group_leaves_its_spaces_and_no_others(circle: Circle, group: int, space: int, ana: int) -> None:
    inside = circle.community.add_space("Lounge", group)
    circle.community.put(ANA, group, inside, space)
    answer = circle.delete("/space_group_members", email=ANA, space_group_id=group)
    assert (answer.status, answer.said["message"]) == (200, "User removed from the space group and its spaces")
    assert circle.held(ANA) == {space}


def test_a_stranger_and_a_group(circle: Circle, group: int) -> None:
    added = circle.post("/space_group_members", email=ANA, space_group_id=group)
    assert (added.status, added.said["message"]) == (422, "User is not a member of community")
    circle.answers(group_add_stranger="404")
    assert circle.post("/space_group_members", email=ANA, space_group_id=group).missing == "user"
    assert circle.delete("/space_group_members", email=ANA, space_group_id=group).missing == "user"
    circle.answers(group_remove_stranger="422")
    removed = circle.delete("/space_group_members", email=ANA, space_group_id=group)
    assert (removed.status, removed.said["message"]) == (422, "User cannot be removed from this space group")


def test_leaving_a_group_without_being_in_it_is_422(circle: Circle, group: int, ana: int) -> None:
    answer = circle.delete("/space_group_members", email=ANA, space_group_id=group)
    assert (answer.status, answer.said["message"]) == (422, "User cannot be removed from this space group")


def test_a_deleted_group_is_missing(circle: Circle, group: int, ana: int) -> None:
    circle.community.delete(group)
    assert circle.post("/space_group_members", email=ANA, space_group_id=group).missing == "space group"
    assert circle.delete("/space_group_members", email=ANA, space_group_id=group).missing == "space group"
    assert circle.get("/space_group_member", email=ANA, space_group_id=group).missing == "space group"


def test_deleting_a_group_deletes_its_spaces(circle: Circle, group: int, ana: int) -> None:
    inside = circle.community.add_space("Lounge", group)
    circle.community.put(ANA, group, inside)
    circle.community.delete(group)
    assert circle.get(f"/spaces/{inside}").status == 404
    assert circle.held(ANA) == frozenset()


@pytest.mark.parametrize(("path", "key"), [("/space_members", "space_id"), ("/space_group_members", "space_group_id")])
def test_who_is_in_a_place(circle: Circle, space: int, group: int, ana: int, path: str, key: str) -> None:
    place = space if key == "space_id" else group
    circle.community.put(ANA, place)
    (record,) = circle.get(path, **{key: place}).said["records"]
    assert (record["community_member_id"], record["status"], record["community_member"]["email"]) == (ana, "active", ANA)
    assert circle.get(path, **{key: place}, status="inactive").said["records"] == []
    assert circle.get(path, **{key: GONE}).status == 404
