"""What goes wrong between a client and Circle: which calls it hits, and whether the change was made all the same."""

from __future__ import annotations

import pytest

from sandbox.community import Fault
from sandbox.faults import fault
from tests.sandbox.conftest import Circle

ANA = "ana@example.com"


def invite(circle: Circle, email: str = ANA) -> int:
    return circle.post("/community_members", email=email).status


@pytest.mark.parametrize("applied", [False, True])
def test_an_error_before_or_after_the_change(circle: Circle, applied: bool) -> None:
    circle.community.push(Fault.error(502, html=True, applied=applied))
    answer = circle.post("/community_members", email=ANA)
    assert (answer.status, answer.reply.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert (ANA in circle.community.held()) == applied
    call = circle.community.calls[0]
    assert (call.lost, call.status) == (True, 201 if applied else 502)
    assert invite(circle) == 201, "it happens once"


@pytest.mark.parametrize(("applied", "status"), [(False, 504), (True, 201)])
def test_a_hang_ends_in_a_504_or_in_the_answer(circle: Circle, applied: bool, status: int) -> None:
    circle.community.push(Fault.hang(7.5, applied=applied))
    answer = circle.post("/community_members", email=ANA)
    assert (answer.status, answer.reply.delay) == (status, 7.5)
    assert (ANA in circle.community.held()) == applied


@pytest.mark.parametrize(("applied", "noted"), [(False, 0), (True, 201)])
def test_a_cut_is_noted_as_what_circle_saw(circle: Circle, applied: bool, noted: int) -> None:
    circle.community.push(Fault.cut(applied=applied))
    assert circle.post("/community_members", email=ANA).reply.cut
    call = circle.community.calls[0]
    assert (call.status, call.lost, call.changed) == (noted, True, applied)
    assert call.metered == applied


def test_an_empty_body_a_page_and_a_huge_body(circle: Circle) -> None:
    circle.community.push(Fault.empty(), Fault.page(), Fault.huge(0.25))
    empty = circle.post("/community_members", email=ANA).reply
    page = circle.post("/community_members", email="ben@example.com").reply
    huge = circle.post("/community_members", email=ANA).reply
    assert (empty.status, empty.body) == (201, b"")
    assert (page.status, page.body[:5]) == (200, b"<html")
    assert (huge.status, len(huge.body) > 262_144) == (200, True)
    assert set(circle.community.held()) == {ANA}


@pytest.mark.parametrize(("seconds", "header"), [(17, "17"), (0, None)])
def test_a_429_out_of_the_blue(circle: Circle, seconds: int, header: str | None) -> None:
    circle.community.push(Fault.rate_limited(seconds))
    answer = circle.post("/community_members", email=ANA)
    assert (answer.status, answer.reply.headers.get("Retry-After")) == (429, header)
    assert circle.community.held() == {}


def test_a_drip_is_the_right_answer_slowly(circle: Circle) -> None:
    circle.community.push(Fault.drip(0.5))
    answer = circle.post("/community_members", email=ANA)
    assert (answer.status, answer.reply.drip, answer.said["community_member"]["email"]) == (201, 0.5, ANA)


def test_a_fault_hits_what_it_is_aimed_at_as_often_as_it_says(circle: Circle) -> None:
    circle.community.push(Fault.error().on("POST", "/community_members", email="Ana@example.com", times=2))
    assert circle.get("/community_members/search", email=ANA).status == 404
    assert invite(circle, "ben@example.com") == 201
    assert [invite(circle) for _ in range(3)] == [500, 500, 201]


def test_a_fault_at_a_path_hits_what_is_below_it(circle: Circle) -> None:
    circle.community.push(Fault.error(503).on(path="/spaces", times=9))
    assert circle.get("/spaces").status == 503
    assert circle.get("/spaces/7").status == 503
    assert circle.get("/space_groups").status == 200


def test_the_fault_that_was_pushed_first_comes_first(circle: Circle) -> None:
    circle.community.push(Fault.error(502), Fault.error(503))
    assert [circle.get("/community").status for _ in range(3)] == [502, 503, 200]
    circle.community.push(Fault.error(502))
    circle.community.clear_faults()
    assert circle.community.waiting_faults == []
    assert circle.get("/community").status == 200


def test_trouble_lasts_until_its_time_and_circle_sees_no_call(circle: Circle) -> None:
    circle.modes(trouble="error", trouble_until=circle.clock().timestamp() + 60)
    assert [invite(circle), circle.get("/community").status] == [503, 503]
    assert circle.community.held() == {}
    circle.clock.move(seconds=60)
    assert invite(circle) == 201


def test_trouble_without_an_end_hangs_until_it_is_switched_off(circle: Circle) -> None:
    circle.modes(trouble="hang")
    circle.clock.move(days=30)
    answer = circle.post("/community_members", email=ANA)
    assert (answer.status, answer.reply.delay) == (504, 30.0)
    circle.modes(trouble="none")
    assert invite(circle) == 201


@pytest.mark.parametrize("wrong", [{"kind": "flood"}, {"kind": "hang", "seconds": "7"}, {"kind": "cut", "colour": "red"}, {}])
def test_a_fault_from_json_is_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"fault|kind"):
        fault(wrong)


@pytest.mark.parametrize("wrong", [{"key": "lost"}, {"daily_limit": -1}, {"trouble": "flood"}, {"weather": "fine"}, {"rate_seconds": 0}])
def test_modes_are_checked(circle: Circle, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no mode"):
        circle.modes(**wrong)
