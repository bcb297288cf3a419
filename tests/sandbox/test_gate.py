"""Before a call is carried out: the key, the plan, the rate, and whether it is written as Circle describes it."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import TOKEN, Circle

JSON = {"Accept": "application/json", "Content-Type": "application/json"}
GOOD = {**JSON, "Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("sent", [{}, {"Authorization": TOKEN}, {"Authorization": f"Token {TOKEN}"}, {"Authorization": "Bearer "}])
def test_a_token_that_is_not_a_bearers_is_not_seen(circle: Circle, sent: dict[str, str]) -> None:
    answer = circle.call("GET", "/community", headers={**JSON, **sent})
    assert (answer.status, answer.said["message"]) == (401, "API token not found.")
    assert circle.community.violations


@pytest.mark.parametrize("words", ["The API token is invalid.", "API token not found."])
def test_a_token_that_was_deleted_is_401(circle: Circle, words: str) -> None:
    circle.answers(dead_key_message=words)
    circle.community.delete_token(TOKEN)
    answer = circle.get("/community")
    assert (answer.status, answer.said["message"]) == (401, words)
    circle.community.add_token(TOKEN)
    assert circle.get("/community").status == 200


@pytest.mark.parametrize(("key", "words"), [("dead", "The API token is invalid."), ("wrong_kind", "API token not found.")])
def test_the_keys_modes(circle: Circle, key: str, words: str) -> None:
    circle.modes(key=key)
    answer = circle.get("/community")
    assert (answer.status, answer.said["message"]) == (401, words)


def test_a_plan_without_the_api_is_403_for_everything(circle: Circle) -> None:
    circle.modes(plan_without_api=True)
    answer = circle.post("/community_members", email="ana@example.com")
    assert (answer.status, answer.said["message"]) == (403, "The community is not eligible for admin API v2 access.")
    assert circle.community.held() == {}


def test_beyond_the_rate_it_is_429_until_the_window_has_passed(circle: Circle) -> None:
    circle.modes(rate_calls=2, rate_seconds=300)
    assert [circle.get("/community").status for _ in range(3)] == [200, 200, 429]
    circle.clock.move(seconds=299)
    assert circle.get("/community").status == 429
    circle.clock.move(seconds=1)
    assert circle.get("/community").status == 200


@pytest.mark.parametrize(("seconds", "header"), [(60, "60"), (5, "5"), (0, None)])
def test_a_429_may_say_how_long_to_wait(circle: Circle, seconds: int, header: str | None) -> None:
    circle.answers(retry_after=seconds)
    circle.modes(rate_calls=0)
    assert circle.get("/community").reply.headers.get("Retry-After") == header


@pytest.mark.parametrize(("form", "begins"), [("json", b"{"), ("empty", b""), ("text", b"Retry"), ("html", b"<html")])
def test_the_body_of_a_429_in_each_form(circle: Circle, form: str, begins: bytes) -> None:
    circle.answers(rate_limited_body=form)
    circle.modes(rate_calls=0)
    body = circle.get("/community").reply.body
    assert body.startswith(begins)
    assert bool(body) == bool(begins)


@pytest.mark.parametrize(
    ("method", "path", "body", "query"),
    [
        ("PUT", "/community_members/7", {"email": "ana@example.com"}, {}),
        ("POST", "/members", {"email": "ana@example.com"}, {}),
        ("GET", "/spaces/vip", None, {}),
        ("GET", "/community_members", None, {"email": "ana@example.com"}),
        ("GET", "/community_members/search", None, {}),
        ("GET", "/spaces", {"page": 1}, {}),
        ("GET", "/spaces", None, {"community_id": "1"}),
        ("POST", "/community_members", {"name": "Ana"}, {}),
        ("POST", "/community_members", {"email": "ana@example.com", "community_id": 1}, {}),
        ("POST", "/community_members", {"email": "ana@example.com", "space_ids": ["7"]}, {}),
        ("POST", "/community_members", {"email": "ana@example.com", "space_ids": 7}, {}),
        ("POST", "/community_members", {"email": "ana@example.com", "skip_invitation": "true"}, {}),
        ("POST", "/community_members", ["ana@example.com"], {}),
        ("POST", "/space_members", {"email": "ana@example.com", "space_id": "7"}, {}),
        ("POST", "/space_members", {"email": "ana@example.com", "space_id": True}, {}),
        ("POST", "/space_members", {"user_email": "ana@example.com", "space_id": 7}, {}),
        ("POST", "/tagged_members", {"email": "ana@example.com", "member_tag_id": 7}, {}),
        ("POST", "/event_attendees", {"event_id": "7", "email": "ana@example.com"}, {}),
        ("DELETE", "/space_members", {"email": "ana@example.com", "space_id": 7}, {}),
        ("DELETE", "/space_members", None, {"email": "ana@example.com"}),
        ("GET", "/space_members", None, {"space_id": "7", "status": "gone"}),
    ],
)
def test_a_call_that_circle_does_not_describe_so_is_refused_and_noted(
    circle: Circle, method: str, path: str, body: object, query: dict[str, str]
) -> None:
    answer = circle.call(method, path, body, **query)
    assert answer.status in (400, 404)
    assert answer.said["message"].startswith("Not as Circle describes it.")
    assert len(circle.community.violations) == 1
    assert circle.community.held() == {}


@pytest.mark.parametrize("name", ["Accept", "Content-Type"])
def test_json_has_to_be_said_both_ways(circle: Circle, name: str) -> None:
    headers = {key: value for key, value in GOOD.items() if key != name}
    assert circle.call("POST", "/community_members", {"email": "ana@example.com"}, headers).status == 400


def test_a_body_that_is_no_json_is_refused(circle: Circle) -> None:
    assert circle.community.handle("POST", "/community_members", {}, GOOD, b"email=ana@example.com").status == 400


def test_every_call_is_noted_with_its_answer_and_its_time_but_without_the_token(circle: Circle) -> None:
    circle.post("/community_members", email="ana@example.com")
    circle.clock.move(minutes=5)
    circle.get("/spaces", page=1)
    invite, spaces = circle.community.calls
    assert (invite.method, invite.path, invite.body, invite.status, invite.changed) == (
        "POST",
        "/community_members",
        {"email": "ana@example.com"},
        201,
        True,
    )
    assert (spaces.query, spaces.status, spaces.changed, (spaces.at - invite.at).seconds) == ({"page": "1"}, 200, False, 300)
    assert TOKEN not in repr(circle.community.calls)


def test_of_very_many_calls_the_newest_are_remembered(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.community.CALLS_KEPT", 3)
    for number in range(1, 9):
        circle.get("/spaces", page=number)
    assert [one.query["page"] for one in circle.community.calls] == ["4", "5", "6", "7", "8"]
    assert circle.community.called == 8


def test_every_answer_but_a_5xx_is_metered(circle: Circle) -> None:
    circle.get("/community")
    circle.get("/nowhere")
    circle.modes(trouble="error")
    circle.get("/community")
    assert [one.metered for one in circle.community.calls] == [True, True, False]
    assert circle.community.metered == 2
