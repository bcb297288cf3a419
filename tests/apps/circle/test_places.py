"""What the answers about spaces, space groups, events and tags mean, row by row as Circle describes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.answers import Answers
from tests.apps.circle.asking import NEW, first, missing, said
from tests.apps.circle.play import BASIC, CLUB, FAN, LOUNGE, ME, MINA, PARTY, VIP, Place, member, nobody, want
from webapp.apps import Belief
from webapp.apps.circle import CIRCLE
from webapp.apps.circle.places import MOST_PAGES


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


@pytest.mark.parametrize(("key", "refusal"), [(PARTY, "community member"), (FAN, "member tag")])
def test_what_was_held_before_an_answer_was_lost_is_looked_for_by_id(place: Place, key: int, refusal: str) -> None:
    asked = first(want(place.targets, drop=[key]), member("7", unknown=[key]))

    assert [call.path for call in CIRCLE.plan(asked.want, asked.learn(404, missing(refusal)).known)] == ["/community_members/7"]


def test_the_id_of_a_membership_that_has_ended_is_not_asked(place: Place) -> None:
    known = replace(member("7"), beliefs={ME: Belief("not_held", fresh=False)})

    assert place.work(want(place.targets, drop=[VIP]), known).lines == ["DELETE /space_members"]


def test_an_inactive_place_in_a_space_is_none(place: Place) -> None:
    asked = first(want(place.targets, hold=[VIP]), member().after("here", f"check?:{VIP}"))

    assert asked.call.path == "/space_member"
    refused = asked.learn(200, {"id": 1, "status": "inactive"})
    assert refused.settled[VIP].outcome == "failed"
    assert refused.known.beliefs[VIP] == Belief("unknown")
    assert asked.learn(200, {"id": 1, "status": "active"}).settled[VIP].outcome == "already"


def test_what_circle_refused_to_add_is_unknown_since_somebody_may_give_it_by_hand(place: Place) -> None:
    asked = first(want(place.targets, hold=[VIP]), member(unknown=[VIP]))

    assert asked.learn(422, said("Not today.")).known.beliefs[VIP] == Belief("unknown")


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

    endless = first(asked, member().after("here", f"shown:{PARTY}", f"attends?:{PARTY}:{MOST_PAGES}"))
    assert endless.learn(200, {"records": [], "has_next_page": True}).settled[PARTY].outcome == "failed"

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
