"""What each answer of Circle's means, row by row as Circle describes it, and where it doesn't, whichever way it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.answers import Answers
from sandbox.modes import Modes
from tests.apps.circle.play import BASIC, CLUB, FAN, LOUNGE, ME, MINA, PARTY, VIP, Place, Work, member, nobody, want
from webapp.apps import Answer, Belief, Call, Known, Learned, Want
from webapp.apps.circle import CIRCLE

OOPS = "Oops! Missing record. Please try again later."
NEW = "new@shop.test"


@pytest.fixture
def place() -> Place:
    return Place()


@dataclass
class Asked:
    """One call of a plan, and what is believed before it."""

    want: Want
    known: Known
    call: Call

    def learn(self, status: int, data: Any = None, text: str = "", **more: Any) -> Learned:
        return CIRCLE.learn(self.want, self.known, self.call, Answer(status, data, text or ("…" if data is not None else ""), **more))


def first(asked: Want, known: Known) -> Asked:
    return Asked(asked, known, CIRCLE.plan(asked, known)[0])


def missing(record: str) -> dict[str, Any]:
    return {"success": False, "message": OOPS, "error_details": {"message": f"Missing record: {record}"}}


def said(words: str) -> dict[str, Any]:
    return {"success": False, "message": words, "error_details": {}}


def every_call(place: Place) -> dict[str, Asked]:
    """The first call of each of the ten actions, for a member, and an invite."""
    calls = {"invite": first(want(place.targets, hold=[ME, VIP]), nobody()), "leave": first(want(place.targets, drop=[ME]), member("7"))}
    calls |= {f"add {key}": first(want(place.targets, hold=[key]), member()) for key in (VIP, CLUB, PARTY, FAN)}
    return calls | {f"remove {key}": first(want(place.targets, drop=[key]), member()) for key in (VIP, CLUB, PARTY, FAN)}


CALLS = list(every_call(Place()))


# ---- what is the same for every call


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("words", ["API token not found.", "The API token is invalid."])
def test_a_401_about_the_token_is_a_dead_key(place: Place, call: str, words: str) -> None:
    learned = every_call(place)[call].learn(401, said(words))

    assert learned.setback is not None
    assert (learned.setback.kind, learned.setback.cause, learned.setback.lost) == ("attention", "dead_key", False)
    assert learned.setback.sentence == "Circle no longer accepts the API key of My community."
    assert learned.settled == {}


@pytest.mark.parametrize("call", [call for call in CALLS if call != "invite"])
def test_a_401_about_the_action_fails_the_entry_and_leaves_the_key_alone(place: Place, call: str) -> None:
    learned = every_call(place)[call].learn(401, said("You cannot perform this action."))

    assert learned.setback is None
    assert [one.outcome for one in learned.settled.values()] == ["failed"]


def test_the_owner_cannot_be_removed_and_the_sentence_says_so(place: Place) -> None:
    place.circle.add_member(MINA, owner=True)
    for status in ("401", "403", "422"):
        place.circle.answers = Answers().changed({"remove_owner": status})
        work = place.work(want(place.targets, drop=[ME]))
        assert work.settled[ME].cause == "not_allowed"
        assert "probably the owner or an admin" in work.says(ME)


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
    "a time-out of a proxy": (408, None, ""),
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


# ---- invite


def test_the_member_is_in_the_invites_answer(place: Place) -> None:
    learned = first(want(place.targets, hold=[ME]), nobody()).learn(201, {"message": "Done", "community_member": {"id": 12}})

    assert learned.known.member_id == "12"
    assert learned.settled[ME].outcome == "done"


ALREADY = {
    "201": (201, {"message": "This user is already a member of this community.", "community_member": {"id": 12, "email": MINA}}),
    "201 without a member": (201, {"message": "Done"}),
    "422": (422, said("This user is already a member of this community.")),
    "422 taken": (422, said("Validation failed: Email has already been taken")),
    "409": (409, {"error": "Conflict"}),
}


@pytest.mark.parametrize("form", ALREADY)
def test_already_a_member_in_any_form_is_believed_and_what_was_sent_along_is_not(place: Place, form: str) -> None:
    asked = first(want(place.targets, hold=[ME, VIP, FAN], also=[LOUNGE]), nobody())
    learned = asked.learn(*ALREADY[form])

    assert {key: one.outcome for key, one in learned.settled.items()} in ({ME: "already"}, {})
    assert learned.known.beliefs[ME] == Belief("held")
    rest = CIRCLE.plan(asked.want, learned.known)
    assert {call.path: call.targets for call in rest if call.targets != (LOUNGE,)} == {"/space_members": (VIP,), "/tagged_members": (FAN,)}
    assert (LOUNGE,) in [call.targets for call in rest]


@pytest.mark.parametrize("applies", [False, True])
@pytest.mark.parametrize("form", ["201_message", "422", "422_taken", "409"])
def test_who_was_a_member_already_gets_each_missing_add_by_itself(place: Place, form: str, applies: bool) -> None:
    place.circle.answers = Answers().changed({"existing_invite": form, "existing_invite_applies_ids": applies})
    place.join()

    work = place.work(want(place.targets, hold=[ME, VIP, FAN, PARTY]))

    shown = applies and form == "201_message"  # the tag, in the member's record
    tag = [] if shown else ["POST /tagged_members"]
    assert work.lines == ["POST /community_members", "POST /space_members", *tag, "POST /event_attendees"]
    assert place.held() == {VIP, FAN, PARTY}
    assert work.outcomes == {ME: "already", VIP: "done", FAN: "already" if shown else "done", PARTY: "done"}


def test_a_place_that_circle_does_not_list_is_added_by_itself(place: Place) -> None:
    """Circle's message names the places that it added [A]."""
    asked = first(want(place.targets, hold=[VIP, LOUNGE]), nobody())
    message = "This user has been invited to the community and has been added to following spaces: VIP Room."
    learned = asked.learn(201, {"message": message, "community_member": {"id": 12}})

    assert {key: one.outcome for key, one in learned.settled.items()} == {VIP: "done"}
    assert [call.targets for call in CIRCLE.plan(asked.want, learned.known)][-1] == (LOUNGE,)


def test_a_place_called_already_is_no_already(place: Place) -> None:
    place.circle.rename(place.remote(VIP), "Already in")
    target = place.targets[VIP]
    place.targets[VIP] = type(target)(VIP, "space", target.remote_id, "Already in", target.group)

    assert place.work(want(place.targets, hold=[ME, VIP])).outcomes == {ME: "done", VIP: "done"}


def test_somebody_who_has_been_there_before_is_not_taken_for_new(place: Place) -> None:
    """201 in the words for a new member, and a record that shows an old one: nothing that was sent along is trusted."""
    asked = first(want(place.targets, hold=[ME, VIP]), nobody())
    record = {"id": 12, "email": MINA, "member_tags": [], "accepted_invitation": "2024-09-03 16:20:19 UTC"}
    learned = asked.learn(201, {"message": "This user has been invited to the community.", "community_member": record})

    assert VIP not in learned.settled
    assert [call.targets for call in CIRCLE.plan(asked.want, learned.known)] == [(VIP,)]


def test_an_address_that_circle_refuses_fails_all_that_needs_a_member(place: Place) -> None:
    place.circle.modes = Modes(blocked_domains=("shop.test",))

    work = place.work(want(place.targets, hold=[ME, VIP, PARTY], drop=[FAN]))

    assert work.lines == ["POST /community_members"]
    assert work.outcomes == {ME: "failed", VIP: "failed", PARTY: "failed", FAN: "already"}
    assert work.settled[VIP].cause == "invalid_email"
    assert work.says(VIP) == "Circle refused mina@shop.test as an e-mail address."
    assert work.settled[VIP].todo == "Correct the address in your checkout and let it send the order again. Then skip this entry."


def test_the_days_limit_of_new_members_waits_for_tomorrow(place: Place) -> None:
    place.circle.modes = Modes(daily_limit=0)

    work = place.work(want(place.targets, hold=[ME, VIP]))

    assert work.setback is not None
    assert (work.setback.kind, work.setback.cause, work.setback.lost) == ("tomorrow", "daily_limit", False)
    assert work.setback.sentence == "My community has taken in as many new members as Circle allows in a day."
    assert work.settled == {}


def test_a_full_community_is_told_to_the_merchant(place: Place) -> None:
    place.circle.modes = Modes(member_limit=0)

    work = place.work(want(place.targets, hold=[ME, VIP]))

    assert {one.cause for one in work.settled.values()} == {"member_limit"}
    assert work.says(ME) == "My community has as many members as its Circle plan allows."


@pytest.mark.parametrize("form", ["404", "422"])
def test_only_the_deleted_target_of_an_invite_fails(place: Place, form: str) -> None:
    place.circle.answers = Answers().changed({"invite_deleted_id": form})
    place.delete(VIP)

    work = place.work(want(place.targets, hold=[ME, VIP, LOUNGE, FAN]))

    assert work.outcomes == {ME: "done", VIP: "broken", LOUNGE: "done", FAN: "done"}
    assert place.held() == {LOUNGE, FAN}
    assert work.says(VIP) == "The space VIP Room no longer exists in My community."


@pytest.mark.parametrize("key", [VIP, CLUB, FAN])
def test_the_only_one_of_its_kind_is_the_one_that_is_missing(place: Place, key: int) -> None:
    place.delete(key)

    work = place.work(want(place.targets, hold=[ME, key, PARTY]))

    assert work.lines == ["POST /community_members", "POST /community_members", "POST /event_attendees"]
    assert work.outcomes == {ME: "done", key: "broken", PARTY: "done"}


# ---- spaces and groups


@pytest.mark.parametrize("key", [VIP, CLUB])
def test_an_add_to_a_place_that_was_deleted_is_broken(place: Place, key: int) -> None:
    place.join()
    place.delete(key)

    work = place.work(want(place.targets, hold=[key]), member())

    assert len(work.calls) == 1
    assert work.outcomes == {key: "broken"}
    assert work.settled[key].cause == "target_gone"


@pytest.mark.parametrize("key", [VIP, CLUB])
def test_a_removal_from_a_place_that_was_deleted_is_broken(place: Place, key: int) -> None:
    place.join()
    place.delete(key)

    work = place.work(want(place.targets, drop=[key]), member())

    assert len(work.calls) == 1
    assert work.outcomes == {key: "broken"}


@pytest.mark.parametrize("form", ["422", "404"])
@pytest.mark.parametrize("key", [VIP, CLUB, PARTY, FAN])
def test_who_left_without_a_known_id_is_invited_by_an_add(place: Place, key: int, form: str) -> None:
    place.circle.answers = Answers().changed({"group_add_stranger": form})

    work = place.work(want(place.targets, hold=[key], also=[LOUNGE]), member(stale=[LOUNGE]))

    assert work.lines[1] == "POST /community_members"
    assert place.held() == {key, LOUNGE}
    assert work.outcomes == {key: "done"}


@pytest.mark.parametrize("shown", ["404", "200"])
@pytest.mark.parametrize("key", [VIP, CLUB, PARTY, FAN])
def test_who_left_and_has_a_known_id_is_asked_for_by_it_and_invited(place: Place, key: int, shown: str) -> None:
    place.circle.answers = Answers().changed({"show_removed_member": shown})
    known = member(place.join(LOUNGE), stale=[LOUNGE])
    place.circle.remove_member(MINA)

    work = place.work(want(place.targets, hold=[key], also=[LOUNGE]), known)

    assert work.lines[1:3] == [f"GET /community_members/{known.member_id}", "POST /community_members"]
    assert place.held() == {key, LOUNGE}
    assert work.outcomes == {key: "done"}


@pytest.mark.parametrize("form", ["422", "404"])
@pytest.mark.parametrize("key", [VIP, CLUB, PARTY, FAN])
def test_who_changed_their_address_is_found_by_id_and_no_second_account_is_made(place: Place, key: int, form: str) -> None:
    place.circle.answers = Answers().changed({"group_add_stranger": form})
    known = member(place.join())
    place.circle.change_email(MINA, NEW)

    work = place.work(want(place.targets, hold=[key]), known)

    assert len(work.calls) == 3
    assert work.calls[1].path == f"/community_members/{known.member_id}"
    assert (work.alias, work.known.email) == (NEW, NEW)
    assert place.circle.held().keys() == {NEW}
    assert place.held(NEW) == {key}
    assert work.outcomes == {key: "done"}


@pytest.mark.parametrize("form", ["422", "404"])
@pytest.mark.parametrize("key", [VIP, CLUB, PARTY, FAN])
def test_a_refund_finds_who_changed_their_address(place: Place, key: int, form: str) -> None:
    place.circle.answers = Answers().changed({"group_remove_stranger": form})
    known = member(place.join(key), stale=[key])
    place.circle.change_email(MINA, NEW)

    work = place.work(want(place.targets, drop=[key]), known)

    assert len(work.calls) == 3
    assert work.alias == NEW
    assert place.held(NEW) == set()
    assert work.outcomes == {key: "done"}


@pytest.mark.parametrize(("removed_member", "expected"), [("404", 1), ("422", 2)])
def test_user_not_added_to_space_is_checked_once(place: Place, removed_member: str, expected: int) -> None:
    """[?] It may mean that they are in it already, or that they are no member."""
    place.circle.answers = Answers().changed({"space_add_removed_member": removed_member, "already_in_space": "422"})
    place.join(VIP)

    work = place.work(want(place.targets, hold=[VIP]), member())
    assert work.lines == ["POST /space_members", "GET /space_member"]
    assert work.says(VIP) == "Was already in the space VIP Room: nothing to do."

    place.circle.remove_member(MINA)
    work = place.work(want(place.targets, hold=[VIP]), member())
    assert work.lines[expected:] == ["POST /community_members"]
    assert place.held() == {VIP}


def test_user_not_added_to_space_without_a_reason_fails(place: Place) -> None:
    place.join()
    asked = first(want(place.targets, hold=[VIP]), member().after("here"))
    check = first(asked.want, asked.learn(422, said("User not added to space.")).known)
    learned = check.learn(404, missing("space member"))

    assert learned.settled[VIP].sentence == "Circle did not add mina@shop.test to the space VIP Room, and does not say why."


def test_already_in_a_group_is_said_in_a_200(place: Place) -> None:
    place.join(CLUB)

    work = place.work(want(place.targets, hold=[CLUB]), member())

    assert work.outcomes == {CLUB: "already"}
    assert work.says(CLUB) == "Was already in the space group Club: nothing to do."


def test_an_invitation_that_was_taken_and_not_found_fails_instead_of_going_round(place: Place) -> None:
    asked = want(place.targets, hold=[VIP])
    invited = first(asked, nobody()).learn(409, {"error": "Conflict"})
    learned = first(asked, invited.known).learn(404, missing("user"))

    assert learned.settled[VIP].sentence == "Circle does not find mina@shop.test in My community, though it took the invitation."


# ---- absent: removals


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize(("key", "sentence"), [
    (VIP, "Was not in the space VIP Room: nothing to do."),
    (CLUB, "Was not in the space group Club: nothing to do."),
    (PARTY, "Had no RSVP for the event Launch Party: nothing to do."),
    (FAN, "Did not have the tag Fan: nothing to do."),
    (ME, "Was not a member of My community: nothing to do."),
])  # fmt: skip
def test_removing_somebody_who_is_not_there_says_so(place: Place, key: int, sentence: str, joined: bool) -> None:
    if joined and key != ME:
        place.join()

    work = place.work(want(place.targets, drop=[key]))

    assert len(work.calls) == 1
    assert work.outcomes == {key: "already"}
    assert work.says(key) == sentence


def test_one_answer_tells_that_a_stranger_is_in_nothing(place: Place) -> None:
    work = place.work(want(place.targets, drop=[VIP, LOUNGE, BASIC]))

    assert len(work.calls) == 1
    assert set(work.outcomes.values()) == {"already"}


def test_nobody_is_invited_for_the_sake_of_a_removal(place: Place) -> None:
    known = member(place.join(VIP, FAN), stale=[VIP, FAN])
    place.circle.remove_member(MINA)

    work = place.work(want(place.targets, drop=[VIP], also=[FAN]), known)

    assert place.held() is None
    assert work.outcomes == {VIP: "already"}


def test_untagging_proves_nothing_of_the_tag(place: Place) -> None:
    place.join()
    place.delete(FAN)

    assert place.work(want(place.targets, drop=[FAN]), member()).outcomes == {FAN: "already"}


# ---- events and tags


def test_a_missing_event_is_looked_up_before_it_is_called_broken(place: Place) -> None:
    known = member(place.join())
    place.delete(PARTY)

    work = place.work(want(place.targets, hold=[PARTY]), known)

    assert work.lines == ["POST /event_attendees", f"GET /community_members/{known.member_id}", f"GET /events/{place.remote(PARTY)}"]
    assert work.outcomes == {PARTY: "broken"}
    assert work.says(PARTY) == "The event Launch Party no longer exists in My community."


def test_a_second_rsvp_that_is_refused_is_found_among_the_attendees(place: Place) -> None:
    place.circle.answers = Answers(second_rsvp="404")
    known = member(place.join(PARTY))
    for number in range(150):
        place.join(PARTY, email=f"{number}@shop.test")
    place.circle.take(MINA, place.remote(PARTY))
    place.circle.put(MINA, place.remote(PARTY))

    work = place.work(want(place.targets, hold=[PARTY]), known)

    assert work.outcomes == {PARTY: "already"}
    assert work.says(PARTY) == "Had an RSVP for the event Launch Party already: nothing to do."


def test_an_rsvp_that_is_refused_for_no_reason_fails(place: Place) -> None:
    asked = want(place.targets, hold=[PARTY])
    known = member().after("here", f"shown:{PARTY}", f"attends?:{PARTY}:1")
    listed = first(asked, known)
    assert listed.call.path == "/event_attendees"

    more = listed.learn(200, {"records": [{"member_email": "other@shop.test"}], "has_next_page": True})
    assert dict(first(asked, more.known).call.query)["page"] == "2"

    learned = listed.learn(200, {"records": [{"member_email": "other@shop.test"}], "has_next_page": False})
    assert learned.settled[PARTY].sentence == "Circle did not RSVP mina@shop.test to the event Launch Party, and does not say why."


def test_a_missing_tag_is_broken_once_the_member_is_known_to_be_there(place: Place) -> None:
    known = member(place.join())
    place.delete(FAN)

    work = place.work(want(place.targets, hold=[FAN]), known)

    assert work.lines == ["POST /tagged_members", f"GET /community_members/{known.member_id}"]
    assert work.outcomes == {FAN: "broken"}


def test_a_tag_is_broken_at_the_second_404(place: Place) -> None:
    place.join()
    place.delete(FAN)

    work = place.work(want(place.targets, hold=[FAN]), member())

    assert work.lines == ["POST /tagged_members", "POST /community_members", "POST /tagged_members"]
    assert work.outcomes == {FAN: "broken"}


# ---- leaving


def test_a_paid_membership_that_circle_cannot_cancel_needs_a_person(place: Place) -> None:
    known = member(place.join())
    place.circle.bill(MINA)

    work = place.work(want(place.targets, drop=[ME]), known)

    assert work.settled[ME].cause == "paid_membership"
    assert "An error occurred trying to cancel the subscription(s)" in work.says(ME)


def test_who_was_invited_and_has_not_come_yet_is_removed_all_the_same(place: Place) -> None:
    """Circle's record of them says `active: false` [A], like that of who was removed."""
    found = first(want(place.targets, drop=[ME]), nobody())
    learned = found.learn(200, {"id": 12, "email": MINA, "active": False})

    assert [call.path for call in CIRCLE.plan(found.want, learned.known)] == ["/community_members/12"]


def test_a_search_that_finds_a_stranger_removes_nobody(place: Place) -> None:
    found = first(want(place.targets, drop=[ME]), nobody())
    learned = found.learn(200, {"id": 12, "email": "somebody.else@shop.test"})

    assert learned.settled[ME].outcome == "already"


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
        calls = CIRCLE.plan(Want(**{**_fields(asked), "settled": frozenset(work.settled)}), work.known)
        if not calls or work.setback:
            work.finish()
            assert asked.asked <= work.settled.keys() or work.setback
            return
        work.take(calls[0], answer)
    raise AssertionError([answer, work.lines])


def _fields(asked: Want) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in asked.__dataclass_fields__}
