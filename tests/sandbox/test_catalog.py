"""The community itself and what there is in it: pages of lists, single records, orders."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Circle

ADDERS = {"/spaces": "add_space", "/space_groups": "add_group", "/events": "add_event", "/member_tags": "add_tag"}


def fill(circle: Circle, path: str, count: int) -> list[int]:
    return [getattr(circle.community, ADDERS[path])(f"Number {number:03}") for number in range(count)]


def test_the_community_says_its_name(circle: Circle) -> None:
    answer = circle.get("/community")
    assert (answer.status, answer.said["name"], answer.said["slug"]) == (200, "My community", "my-community")


@pytest.mark.parametrize("path", ADDERS)
def test_a_page_has_ten_records_unless_asked_for_more(circle: Circle, path: str) -> None:
    ids = fill(circle, path, 12)
    first = circle.get(path).said
    assert {name: first[name] for name in ("page", "per_page", "has_next_page", "count", "page_count")} == {
        "page": 1,
        "per_page": 10,
        "has_next_page": True,
        "count": 12,
        "page_count": 10,
    }
    second = circle.get(path, page=2).said
    assert (second["has_next_page"], second["page_count"]) == (False, 2)
    assert {one["id"] for one in first["records"] + second["records"]} == set(ids)


@pytest.mark.parametrize("path", ADDERS)
def test_who_loops_on_has_next_page_sees_everything_once(circle: Circle, path: str) -> None:
    ids = fill(circle, path, 230)
    seen: list[int] = []
    page, more = 1, True
    while more:
        said = circle.get(path, page=page, per_page=100).said
        seen += [one["id"] for one in said["records"]]
        page, more = page + 1, said["has_next_page"]
    assert sorted(seen) == ids
    assert page == 4


def test_a_page_that_is_exactly_full_has_no_next(circle: Circle) -> None:
    fill(circle, "/spaces", 100)
    assert circle.get("/spaces", per_page=100).said["has_next_page"] is False
    assert circle.get("/spaces", page=2, per_page=100).said["records"] == []


@pytest.mark.parametrize("query", [{"per_page": 101}, {"per_page": 0}, {"page": 0}, {"page": "two"}])
def test_a_page_out_of_bounds_is_refused(circle: Circle, query: dict[str, object]) -> None:
    assert circle.get("/spaces", **query).status == 400


def test_a_space_tells_its_group(circle: Circle) -> None:
    group = circle.community.add_group("VIP")
    inside, alone = circle.community.add_space("VIP Room", group), circle.community.add_space("Lobby")
    assert circle.get(f"/spaces/{inside}").said["space_group"] == {"id": group, "name": "VIP"}
    assert circle.get(f"/spaces/{alone}").said["space_group"] is None
    assert circle.get(f"/space_groups/{group}").said["spaces_count"] == 1


@pytest.mark.parametrize(("path", "record"), [("/spaces", "space"), ("/space_groups", "space group")])
def test_a_space_or_group_is_missing_in_the_message_itself(circle: Circle, path: str, record: str) -> None:
    answer = circle.get(f"{path}/4040")
    assert (answer.status, answer.said["message"]) == (404, f"Missing record: {record}")


@pytest.mark.parametrize(("path", "record"), [("/events", "posts/event"), ("/member_tags", "member tag")])
def test_an_event_or_tag_is_missing_in_the_details(circle: Circle, path: str, record: str) -> None:
    answer = circle.get(f"{path}/4040")
    assert (answer.status, answer.missing) == (404, record)
    assert answer.said["message"].startswith("Oops!")


def test_lists_are_sorted_and_narrowed_as_asked(circle: Circle) -> None:
    for name in ("Beta", "alpha", "Gamma"):
        circle.community.add_tag(name)
    names = lambda **query: [one["name"] for one in circle.get("/member_tags", **query).said["records"]]  # noqa: E731
    assert names() == ["Beta", "alpha", "Gamma"]
    assert names(sort="alphabetical") == ["alpha", "Beta", "Gamma"]
    assert names(sort="newest") == ["Gamma", "alpha", "Beta"]
    assert names(name="ETA") == ["Beta"]


def test_what_was_renamed_or_deleted_is_so_in_the_lists(circle: Circle) -> None:
    tag, gone = circle.community.add_tag("VIP"), circle.community.add_tag("Old")
    circle.community.rename(tag, "Very important")
    circle.community.delete(gone)
    assert [(one["id"], one["name"]) for one in circle.get("/member_tags").said["records"]] == [(tag, "Very important")]
    with pytest.raises(LookupError):
        circle.community.delete(gone)
