"""What an answer means whichever call it is to: keys, plans, pauses, lost answers, unknown refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.apps.circle.asking import NEW, OOPS, Asked, every_call, first, missing, said
from tests.apps.circle.play import BASIC, CLUB, FAN, ME, MINA, PARTY, VIP, Place, Work, member, nobody, want
from webapp.apps import Answer, Known, Want
from webapp.apps.circle import CIRCLE

CALLS = list(every_call(Place()))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("words", ["API token not found.", "The API token is invalid."])
def test_a_401_about_the_token_is_a_dead_key(place: Place, call: str, words: str) -> None:
    learned = every_call(place)[call].learn(401, said(words))

    assert learned.setback is not None
    assert (learned.setback.kind, learned.setback.cause, learned.setback.lost) == ("attention", "dead_key", False)
    assert learned.setback.sentence == "Circle no longer accepts the API key of My community."
    assert learned.settled == {}


@pytest.mark.parametrize("call", [call for call in CALLS if call != "invite"])
@pytest.mark.parametrize("words", ["You cannot perform this action.", "This token cannot perform this action."])
def test_a_401_about_the_action_fails_the_entry_and_leaves_the_key_alone(place: Place, call: str, words: str) -> None:
    learned = every_call(place)[call].learn(401, said(words))

    assert learned.setback is None
    assert [one.outcome for one in learned.settled.values()] == ["failed"]


def test_a_401_in_unknown_words_is_about_the_key_only_where_the_community_refuses_it_too(place: Place) -> None:
    add = first(want(place.targets, hold=[VIP]), member())
    learned = add.learn(401, {"message": "Nope."})
    assert learned.setback is None
    assert learned.settled == {}

    check = first(add.want, learned.known)
    assert (check.call.method, check.call.path) == ("GET", "/community")

    dead = check.learn(401, {"message": "Nope."})
    assert dead.setback is not None
    assert dead.setback.cause == "dead_key"

    good = check.learn(200, {"id": 1})
    again = first(add.want, good.known).learn(401, {"message": "Nope."})
    assert again.settled[VIP].sentence == "Circle refused to add mina@shop.test to the space VIP Room: “Nope.”"


@pytest.mark.parametrize("call", CALLS)
def test_a_plan_without_the_api_needs_attention(place: Place, call: str) -> None:
    learned = every_call(place)[call].learn(403, said("The community is not eligible for admin API v2 access."))

    assert learned.setback is not None
    assert (learned.setback.kind, learned.setback.cause) == ("attention", "no_api_plan")
    assert learned.setback.sentence == "The Circle plan of My community does not include the API."


@pytest.mark.parametrize(("given", "waits"), [(None, 60), (17, 17), (0, 1), (10_000_000, 3600)])
@pytest.mark.parametrize("call", CALLS)
def test_a_429_lets_the_whole_integration_wait(place: Place, call: str, given: float | None, waits: float) -> None:
    asked = every_call(place)[call]
    learned = asked.learn(429, None, retry_after=given)

    assert learned.setback is not None
    assert (learned.setback.kind, learned.setback.seconds, learned.setback.lost) == ("pause", waits, False)
    assert learned.setback.sentence == "Circle asked for a pause: many calls in a short time."
    assert learned.known == asked.known


LOST = {
    "an error": (503, None, "busy"),
    "an error in HTML": (502, None, "<html>Bad Gateway</html>"),
    "a page": (200, None, "<!DOCTYPE html><title>Welcome</title>"),
    "a page that refuses": (403, None, " <html>Attention required</html>"),
    "half an answer": (200, None, '{"message": "User add'),
    "a redirect": (302, None, ""),
    "a refusal without a word": (422, None, ""),
    "nothing": (0, None, ""),
    "a time-out of a proxy": (408, {"message": "Request Timeout"}, ""),
}


@pytest.mark.parametrize("answer", LOST)
@pytest.mark.parametrize("call", CALLS)
def test_a_passing_failure_is_tried_again_and_leaves_the_belief_unknown(place: Place, call: str, answer: str) -> None:
    asked = every_call(place)[call]
    status, data, text = LOST[answer]
    learned = asked.learn(status, data, text)

    assert learned.setback is not None
    assert (learned.setback.kind, learned.setback.lost) == ("retry", True)
    assert learned.setback.sentence.endswith(".")
    assert {learned.known.beliefs[key].held for key in asked.call.targets} == {"unknown"}
    assert learned.settled == {}


def test_what_never_reached_circle_is_not_lost(place: Place) -> None:
    asked = first(want(place.targets, hold=[VIP]), member())
    learned = asked.learn(0, error="Circle could not be reached: no connection to app.circle.so.", sent=False)

    assert learned.setback is not None
    assert (learned.setback.lost, learned.known) == (False, asked.known)
    assert learned.setback.sentence == "Circle could not be reached: no connection to app.circle.so."


def test_a_lost_look_up_leaves_beliefs_as_they_were(place: Place) -> None:
    asked = first(want(place.targets, drop=[ME]), member())
    assert asked.call.method == "GET"

    assert asked.learn(503).known == asked.known


def test_a_lost_removal_from_a_group_leaves_its_spaces_unknown_and_they_are_put_back(place: Place) -> None:
    place.join(CLUB, VIP)
    asked = first(want(place.targets, drop=[CLUB], also=[VIP]), member(held=[CLUB, VIP]))
    place.send(asked.call)

    work = place.work(asked.want, asked.learn(502).known)

    assert place.held() == {VIP}
    assert work.outcomes == {CLUB: "already"}


@pytest.mark.parametrize("call", [call for call in CALLS if call not in ("leave", "invite")])
def test_silence_is_believed_the_second_time(place: Place, call: str) -> None:
    asked = every_call(place)[call]
    learned = asked.learn(200)
    assert learned.setback is not None

    again = Asked(asked.want, learned.known, asked.call).learn(200)
    assert [one.outcome for one in again.settled.values()] == ["done"]


@pytest.mark.parametrize("status", [200, 204])
def test_a_deactivation_may_be_answered_with_silence(place: Place, status: int) -> None:
    learned = first(want(place.targets, drop=[ME]), member("7")).learn(status)

    assert learned.settled[ME].sentence == "Removed from My community."


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [400, 403, 405, 413, 418, 422])
def test_an_unknown_refusal_fails_with_the_words_of_circle(place: Place, call: str, status: int) -> None:
    learned = every_call(place)[call].learn(status, {"errors": ["Something about it is wrong"]})

    assert learned.setback is None
    assert learned.settled
    for one in learned.settled.values():
        assert one.outcome == "failed"
        assert one.sentence.startswith("Circle refused to ")
        assert one.sentence.endswith("“Something about it is wrong”")


def test_a_2xx_that_says_it_did_not_succeed_is_a_refusal(place: Place) -> None:
    learned = first(want(place.targets, hold=[VIP]), member()).learn(200, {"success": False, "message": "Not today."})

    assert learned.settled[VIP].sentence == "Circle refused to add mina@shop.test to the space VIP Room: “Not today.”"


FORMS: dict[str, dict[str, Any]] = {
    "object": {"message": OOPS, "error_details": {"message": "Missing record: space"}},
    "string": {"message": OOPS, "error_details": "Missing record: space"},
    "array": {"message": OOPS, "error_details": ["Missing record: space"]},
    "null": {"message": "Missing record: space", "error_details": None},
    "absent": {"message": "Missing record: space"},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_missing_record_is_found_in_any_form(place: Place, form: str) -> None:
    learned = first(want(place.targets, hold=[VIP]), member()).learn(404, FORMS[form])

    assert learned.settled[VIP].outcome == "broken"


def test_what_is_learned_holds_no_secret_and_loops_nowhere(place: Place) -> None:
    """An answer that is repeated for ever ends every piece of work in a bounded number of calls."""
    answers = [
        Answer(404, missing(record), "…") for record in ("user", "space", "space group", "member tag", "community member", "post", "")
    ]
    answers += [
        Answer(422, said(text), "…") for text in ("User not added to space.", "User is not a member of community", "Space must exist")
    ]
    answers += [
        Answer(401, {"message": "Nope."}, "…"),
        Answer(200, {"message": "ok"}, "…"),
        Answer(201, {"community_member": {"id": 3}}, "…"),
    ]
    answers += [
        Answer(200, {"id": 3, "email": NEW}, "…"),
        Answer(200, {"id": 3, "email": MINA, "active": False}, "…"),
        Answer(409, {}, "{}"),
    ]
    answers += [Answer(200, {"records": [], "has_next_page": True}, "…")]
    for answer in answers:
        for known in (nobody(), member(), member("7"), member("7", stale=[VIP, CLUB, PARTY, FAN], fresh=False)):
            for hold, drop in (
                ([ME, VIP, CLUB, PARTY, FAN], []),
                ([], [VIP, CLUB, PARTY, FAN]),
                ([], [ME, VIP]),
                ([VIP, FAN], [CLUB, PARTY]),
            ):
                _goes_on(place, want(place.targets, hold=hold, drop=drop, also=[BASIC] if hold else []), known, answer)


def _goes_on(place: Place, asked: Want, known: Known, answer: Answer) -> None:
    work = Work(asked, known)
    for _ in range(60):
        calls = CIRCLE.plan(replace(asked, settled=frozenset(work.settled)), work.known)
        if not calls or work.setback:
            work.finish()
            assert asked.asked <= work.settled.keys() or work.setback
            return
        work.take(calls[0], answer)
    raise AssertionError([answer, work.lines])
