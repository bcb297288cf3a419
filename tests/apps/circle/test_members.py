"""What the answers to an invite, a search, a look-up and a removal from the community mean, row by row as Circle describes them."""

from __future__ import annotations

import pytest

from sandbox.answers import Answers
from sandbox.modes import Modes
from tests.apps.circle.asking import NEW, OOPS, first, missing, said
from tests.apps.circle.play import CLUB, FAN, LOUNGE, ME, MINA, PARTY, VIP, Place, member, nobody, want
from webapp.apps import Belief
from webapp.apps.circle import CIRCLE


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

    assert work.lines == ["POST /community_members", "DELETE /tagged_members"]
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


def test_an_invite_that_is_refused_does_not_tell_that_they_are_no_member(place: Place) -> None:
    """They may have joined before Cartwheel: what is to be removed is removed all the same."""
    place.join(LOUNGE)
    place.circle.modes = Modes(blocked_domains=("shop.test",))

    work = place.work(want(place.targets, hold=[VIP], drop=[LOUNGE]))

    assert work.settled[VIP].cause == "invalid_email"
    assert work.outcomes[LOUNGE] == "done"
    assert place.held() == set()


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


def test_an_invite_that_is_refused_without_a_name_for_what_is_missing_goes_out_bare(place: Place) -> None:
    asked = first(want(place.targets, hold=[ME, VIP, FAN]), nobody())
    learned = asked.learn(404, {"message": OOPS, "error_details": {}})

    (invite, *adds) = CIRCLE.plan(asked.want, learned.known)
    assert invite.body == {"email": MINA, "name": "Mina Berg", "skip_invitation": False}
    assert [call.targets for call in adds] == [(VIP,), (FAN,)]

    again = first(asked.want, learned.known).learn(404, {"message": OOPS, "error_details": {}})
    assert {one.outcome for one in again.settled.values()} == {"failed"}


# ---- who they are now


def test_a_member_under_the_same_address_whom_circle_denies_is_invited_once(place: Place) -> None:
    asked = want(place.targets, hold=[VIP])
    denied = first(asked, member("7")).learn(404, missing("user"))
    found = first(asked, denied.known).learn(200, {"id": 7, "email": MINA, "active": True})

    assert [call.path for call in CIRCLE.plan(asked, found.known)] == ["/community_members"]


def test_another_address_that_has_not_come_yet_proves_no_member(place: Place) -> None:
    asked = want(place.targets, hold=[FAN])
    denied = first(asked, member("7")).learn(404, missing("member tag"))
    found = first(asked, denied.known).learn(200, {"id": 7, "email": NEW, "active": False})
    again = first(asked, found.known).learn(404, missing("member tag"))

    assert found.alias == NEW
    assert [call.body and call.body["email"] for call in CIRCLE.plan(asked, again.known)] == [NEW]


def test_another_address_of_somebody_who_has_come_proves_a_member(place: Place) -> None:
    asked = want(place.targets, hold=[FAN])
    denied = first(asked, member("7")).learn(404, missing("member tag"))
    found = first(asked, denied.known).learn(200, {"id": 7, "email": NEW, "active": True})

    assert first(asked, found.known).learn(404, missing("member tag")).settled[FAN].outcome == "broken"


def test_a_record_with_tags_tells_of_all_of_them(place: Place) -> None:
    asked = want(place.targets, hold=[ME], also=[FAN])
    known = member("7", fresh=False, stale=[FAN])
    learned = first(asked, known).learn(200, {"id": 7, "email": MINA, "active": True, "member_tags": []})

    assert learned.known.beliefs[FAN] == Belief("not_held")


# ---- leaving


def test_the_owner_cannot_be_removed_and_the_sentence_says_so(place: Place) -> None:
    place.circle.add_member(MINA, owner=True)
    for status in ("401", "403", "422"):
        place.circle.answers = Answers().changed({"remove_owner": status})
        work = place.work(want(place.targets, drop=[ME]))
        assert work.settled[ME].cause == "not_allowed"
        assert "probably the owner or an admin" in work.says(ME)


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
