"""The calls about events and tags: who attends, who is tagged."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Answer, Circle

ANA = "ana@example.com"
GONE = 4040


@pytest.fixture
def event(circle: Circle) -> int:
    return circle.community.add_event("Office hours")


@pytest.fixture
def tag(circle: Circle) -> int:
    return circle.community.add_tag("VIP")


@pytest.fixture
def ana(circle: Circle) -> int:
    return circle.community.add_member(ANA)


def rsvp(circle: Circle, event: object, email: str = ANA, method: str = "POST") -> Answer:
    return circle.call(method, "/event_attendees", {"event_id": event, "member_email": email})


def test_rsvp_and_back_both_with_a_body(circle: Circle, event: int, ana: int) -> None:
    assert rsvp(circle, str(event)).status == 200
    (record,) = circle.get("/event_attendees", event_id=event).said["records"]
    assert (record["member_email"], record["rsvp_status"], record["event_id"]) == (ANA, "yes", event)
    assert rsvp(circle, str(event), method="DELETE").status == 200
    assert circle.held(ANA) == frozenset()


def test_the_id_of_an_event_is_a_number_in_the_list_and_a_string_in_a_call(circle: Circle, event: int, ana: int) -> None:
    assert circle.get("/events").said["records"][0]["id"] == event
    refused = rsvp(circle, event)
    assert refused.status == 400
    assert circle.community.violations == ["POST /event_attendees: field 'event_id' has the wrong JSON type"]
    assert circle.held(ANA) == frozenset()


def test_deleting_an_rsvp_by_query_is_refused(circle: Circle, event: int, ana: int) -> None:
    circle.community.put(ANA, event)
    assert circle.delete("/event_attendees", event_id=event, member_email=ANA).status == 400
    assert circle.held(ANA) == {event}


def test_an_rsvp_calls_the_member_missing_whatever_is(circle: Circle, event: int) -> None:
    assert rsvp(circle, str(event)).missing == "community member"
    circle.community.add_member(ANA)
    assert rsvp(circle, str(GONE)).missing == "community member"
    assert rsvp(circle, str(GONE), method="DELETE").missing == "community member"


@pytest.mark.parametrize(("form", "status"), [("200", 200), ("422", 422), ("404", 404)])
def test_a_second_rsvp(circle: Circle, event: int, ana: int, form: str, status: int) -> None:
    circle.answers(second_rsvp=form)
    circle.community.put(ANA, event)
    assert rsvp(circle, str(event)).status == status
    assert circle.held(ANA) == {event}


@pytest.mark.parametrize(("form", "status"), [("200", 200), ("422", 422), ("404", 404)])
def test_an_un_rsvp_of_who_does_not_attend(circle: Circle, event: int, ana: int, form: str, status: int) -> None:
    circle.answers(absent_unrsvp=form)
    assert rsvp(circle, str(event), method="DELETE").status == status


def test_tagging_is_201_and_untagging_200(circle: Circle, tag: int, ana: int) -> None:
    assert circle.post("/tagged_members", member_tag_id=tag, user_email=ANA).status == 201
    (record,) = circle.get("/tagged_members").said["records"]
    assert (record["user_email"], record["member_tag_id"], record["community_member_id"]) == (ANA, tag, ana)
    assert circle.get(f"/tagged_members/{record['id']}").said == record
    assert circle.delete("/tagged_members", user_email=ANA, member_tag_id=tag).status == 200
    assert circle.held(ANA) == frozenset()
    assert circle.get(f"/tagged_members/{record['id']}").status == 404


def test_tagging_calls_the_tag_missing_whatever_is(circle: Circle, tag: int) -> None:
    assert circle.post("/tagged_members", member_tag_id=tag, user_email=ANA).missing == "member tag"
    assert circle.delete("/tagged_members", member_tag_id=tag, user_email=ANA).missing == "member tag"
    circle.community.add_member(ANA)
    assert circle.post("/tagged_members", member_tag_id=GONE, user_email=ANA).missing == "member tag"
    assert circle.delete("/tagged_members", member_tag_id=GONE, user_email=ANA).missing == "member tag"


@pytest.mark.parametrize(("form", "status"), [("201", 201), ("200", 200), ("422", 422)])
def test_tagging_twice(circle: Circle, tag: int, ana: int, form: str, status: int) -> None:
    circle.answers(already_tagged=form)
    circle.community.put(ANA, tag)
    assert circle.post("/tagged_members", member_tag_id=tag, user_email=ANA).status == status
    assert circle.held(ANA) == {tag}


@pytest.mark.parametrize(("form", "status"), [("404", 404), ("200", 200)])
def test_untagging_who_has_not_the_tag(circle: Circle, tag: int, ana: int, form: str, status: int) -> None:
    circle.answers(absent_untag=form)
    assert circle.delete("/tagged_members", user_email=ANA, member_tag_id=tag).status == status


def test_the_list_of_taggings_knows_no_filter(circle: Circle, tag: int, ana: int) -> None:
    assert circle.get("/tagged_members", user_email=ANA).status == 400
