"""What is called for what is desired and believed: the fewest calls, in the right order, written as Circle wants them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.answers import Answers
from tests.apps.circle.play import ALONE, BASIC, CLUB, FAN, LOUNGE, ME, MINA, PARTY, VIP, Place, member, nobody, want
from webapp.apps import Belief
from webapp.apps.circle import CIRCLE

EVERYTHING = [ME, VIP, LOUNGE, CLUB, PARTY, FAN]
ADDS = {
    VIP: ("POST", "/space_members", {"email": MINA, "space_id": int}),
    CLUB: ("POST", "/space_group_members", {"email": MINA, "space_group_id": int}),
    PARTY: ("POST", "/event_attendees", {"member_email": MINA, "event_id": str}),
    FAN: ("POST", "/tagged_members", {"user_email": MINA, "member_tag_id": int}),
}
REMOVALS = {
    VIP: ("/space_members", ("email", "space_id")),
    CLUB: ("/space_group_members", ("email", "space_group_id")),
    FAN: ("/tagged_members", ("user_email", "member_tag_id")),
}


# ---- how each call is written


@pytest.mark.parametrize("key", ADDS)
def test_an_add_is_written_as_circle_wants_it(place: Place, key: int) -> None:
    (call,) = CIRCLE.plan(want(place.targets, hold=[key]), member())

    method, path, fields = ADDS[key]
    assert (call.method, call.path, call.query) == (method, path, ())
    assert call.body == {name: kind(place.remote(key)) if isinstance(kind, type) else kind for name, kind in fields.items()}
    assert all(
        type(value) is (kind if isinstance(kind, type) else str)
        for (_, value), kind in zip(call.body.items(), fields.values(), strict=True)
    )
    assert call.targets == (key,)


@pytest.mark.parametrize("key", REMOVALS)
def test_a_removal_has_a_query_and_no_body(place: Place, key: int) -> None:
    (call,) = CIRCLE.plan(want(place.targets, drop=[key]), member())

    path, (email, remote) = REMOVALS[key]
    assert (call.method, call.path, call.body) == ("DELETE", path, None)
    assert dict(call.query) == {email: MINA, remote: str(place.remote(key))}


def test_an_un_rsvp_has_a_body_and_no_query(place: Place) -> None:
    (call,) = CIRCLE.plan(want(place.targets, drop=[PARTY]), member())

    assert (call.method, call.path, call.query) == ("DELETE", "/event_attendees", ())
    assert call.body == {"member_email": MINA, "event_id": str(place.remote(PARTY))}


def test_an_invite_carries_everything_in_one_call(place: Place) -> None:
    (invite, rsvp) = CIRCLE.plan(want(place.targets, hold=EVERYTHING), nobody())

    assert (invite.method, invite.path) == ("POST", "/community_members")
    assert invite.body == {
        "email": MINA, "name": "Mina Berg", "skip_invitation": False, "space_ids": [place.remote(VIP), place.remote(LOUNGE)],
        "space_group_ids": [place.remote(CLUB)], "member_tag_ids": [place.remote(FAN)],
    }  # fmt: skip
    assert set(invite.targets) == {ME, VIP, LOUNGE, CLUB, FAN}
    assert rsvp.path == "/event_attendees"


def test_an_invite_names_nobody_without_a_name_and_carries_no_empty_lists(place: Place) -> None:
    (invite,) = CIRCLE.plan(want(place.targets, hold=[ME]), nobody(name=""))

    assert invite.body == {"email": MINA, "skip_invitation": False}


def test_no_invitation_mail_is_sent_where_the_merchant_wants_none(place: Place) -> None:
    (invite,) = CIRCLE.plan(want(place.targets, hold=[ME], send_invitation=False), nobody())

    assert invite.body is not None
    assert invite.body["skip_invitation"] is True


def test_a_call_says_what_it_would_do(place: Place) -> None:
    asked = want(place.targets, hold=[VIP, FAN, PARTY])

    assert [call.says for call in CIRCLE.plan(asked, nobody())] == [
        "invite mina@shop.test to My community with the space VIP Room and the tag Fan",
        "RSVP mina@shop.test to the event Launch Party",
    ]
    assert [call.says for call in CIRCLE.plan(want(place.targets, drop=[VIP, FAN, PARTY]), member("7"))] == [
        "remove mina@shop.test from the space VIP Room",
        "take the tag Fan from mina@shop.test",
        "un-RSVP mina@shop.test from the event Launch Party",
    ]


# ---- the fewest calls


def test_a_new_member_costs_one_call_for_invite_space_and_tag(place: Place) -> None:
    work = place.work(want(place.targets, hold=[ME, VIP, FAN]))

    assert work.lines == ["POST /community_members"]
    assert place.held() == {VIP, FAN}
    assert work.says(ME) == "Invited to My community."
    assert work.says(VIP) == "Added to space VIP Room."
    assert work.says(FAN) == "Added tag Fan."


def test_a_new_member_gets_all_that_is_desired_whoever_asked(place: Place) -> None:
    work = place.work(want(place.targets, hold=[VIP], also=[FAN, CLUB]))

    assert work.lines == ["POST /community_members"]
    assert place.held() == {VIP, FAN, CLUB}
    assert work.outcomes == {VIP: "done"}


def test_the_event_of_a_returning_member_is_seen_to_although_nobody_asks(place: Place) -> None:
    known = member(place.join(PARTY, VIP), stale=[PARTY, VIP])
    place.circle.remove_member(MINA)

    work = place.work(want(place.targets, hold=[FAN], also=[PARTY, VIP]), known)

    assert place.held() == {PARTY, VIP, FAN}
    assert work.lines[-2:] == ["POST /community_members", "POST /event_attendees"]
    assert work.outcomes == {FAN: "done"}


def test_what_is_freshly_believed_costs_nothing(place: Place) -> None:
    asked = want(place.targets, hold=[ME, VIP], drop=[FAN])
    work = place.work(asked, member(held=[VIP], not_held=[FAN]))

    assert work.lines == []
    assert work.says(ME) == "Was already a member of My community: nothing to do."
    assert work.says(VIP) == "Was already in the space VIP Room: nothing to do."
    assert work.says(FAN) == "Did not have the tag Fan: nothing to do."
    assert set(work.outcomes.values()) == {"already"}


def test_an_old_belief_is_renewed_by_the_call_that_would_make_it_true(place: Place) -> None:
    place.join(VIP)

    work = place.work(want(place.targets, hold=[VIP]), member(fresh=False, stale=[VIP]))

    assert work.lines == ["POST /space_members"]
    assert work.known.beliefs[VIP] == Belief("held")
    assert work.known.beliefs[ME] == Belief("held")


def test_an_old_membership_is_renewed_by_any_other_call(place: Place) -> None:
    place.join()

    work = place.work(want(place.targets, hold=[ME, VIP]), member(fresh=False))

    assert work.lines == ["POST /space_members"]
    assert work.outcomes == {ME: "already", VIP: "done"}


def test_an_old_membership_alone_is_renewed_by_id_so_that_no_second_account_comes_of_it(place: Place) -> None:
    known = member(place.join(), fresh=False)
    place.circle.change_email(MINA, "new@shop.test")

    work = place.work(want(place.targets, hold=[ME]), known)

    assert work.lines == [f"GET /community_members/{known.member_id}"]
    assert (work.alias, work.known.email) == ("new@shop.test", "new@shop.test")
    assert place.circle.held().keys() == {"new@shop.test"}
    assert work.outcomes == {ME: "already"}


def test_an_old_membership_without_an_id_is_renewed_by_an_invite(place: Place) -> None:
    place.join()

    work = place.work(want(place.targets, hold=[ME]), member(fresh=False))

    assert work.lines == ["POST /community_members"]
    assert work.outcomes == {ME: "already"}


def test_only_what_is_asked_for_is_worked_on(place: Place) -> None:
    place.join()

    work = place.work(want(place.targets, hold=[VIP], also=[FAN]), member())

    assert work.lines == ["POST /space_members"]
    assert place.held() == {VIP}


def test_nothing_is_planned_for_what_is_settled(place: Place) -> None:
    asked = want(place.targets, hold=[ME, VIP, FAN])

    (invite,) = CIRCLE.plan(replace(asked, settled=frozenset({VIP})), nobody())

    assert VIP not in invite.targets


def test_a_target_that_is_gone_costs_no_call(place: Place) -> None:
    place.targets[VIP] = replace(place.targets[VIP], gone=True)

    work = place.work(want(place.targets, hold=[ME, VIP]))

    assert work.lines == ["POST /community_members"]
    assert work.outcomes == {ME: "done", VIP: "broken"}
    assert work.says(VIP) == "The space VIP Room no longer exists in My community."
    assert work.settled[VIP].todo == "Choose another space for the rule. What failed can then be replayed."


# ---- the order


def test_removals_go_before_adds_and_groups_before_their_spaces(place: Place) -> None:
    place.join(VIP, CLUB, FAN, PARTY)

    calls = CIRCLE.plan(want(place.targets, hold=[LOUNGE], drop=[FAN, PARTY, ALONE, CLUB]), member())

    assert [f"{call.method} {call.path}" for call in calls] == [
        "DELETE /space_group_members", "DELETE /space_members", "DELETE /tagged_members", "DELETE /event_attendees", "POST /space_members",
    ]  # fmt: skip


def test_who_joins_is_invited_before_anything_is_taken(place: Place) -> None:
    work = place.work(want(place.targets, hold=[VIP], drop=[LOUNGE]))

    assert work.lines == ["POST /community_members", "DELETE /space_members"]
    assert work.outcomes == {VIP: "done", LOUNGE: "already"}


def test_the_tags_of_a_new_member_are_known_from_the_invite(place: Place) -> None:
    work = place.work(want(place.targets, hold=[VIP], drop=[FAN]))

    assert work.lines == ["POST /community_members"]
    assert work.says(FAN) == "Did not have the tag Fan: nothing to do."


def test_who_leaves_loses_everything_by_one_call(place: Place) -> None:
    known = member(place.join(VIP, FAN))

    work = place.work(want(place.targets, drop=[ME, VIP, FAN]), known)

    assert work.lines == [f"DELETE /community_members/{known.member_id}"]
    assert work.outcomes == {ME: "done", VIP: "done", FAN: "done"}
    assert work.says(ME) == "Removed from My community."
    assert work.says(VIP) == "Removed from space VIP Room."
    assert work.known.beliefs[ME] == Belief("not_held")


def test_leaving_without_a_known_id_takes_a_search(place: Place) -> None:
    place.join()

    work = place.work(want(place.targets, drop=[ME]))

    assert [call.path.rstrip("0123456789") for call in work.calls] == ["/community_members/search", "/community_members/"]
    assert work.calls[0].query == (("email", MINA),)
    assert place.held() is None
    assert work.says(ME) == "Removed from My community."


def test_the_id_of_a_membership_that_has_ended_is_not_relied_on(place: Place) -> None:
    """Who has come back may have another one."""
    place.join()
    known = replace(member("7"), beliefs={ME: Belief("not_held", fresh=False)})

    work = place.work(want(place.targets, drop=[ME]), known)

    assert work.lines[0] == "GET /community_members/search"
    assert place.held() is None


def test_a_known_id_without_a_belief_is_taken_for_a_member(place: Place) -> None:
    known = replace(member(place.join()), beliefs={})

    assert place.work(want(place.targets, hold=[VIP]), known).lines == ["POST /space_members"]


def test_an_old_belief_that_they_are_no_member_is_renewed(place: Place) -> None:
    place.join(VIP)
    known = replace(nobody(), beliefs={ME: Belief("not_held", fresh=False)})

    assert place.work(want(place.targets, drop=[VIP]), known).lines == ["DELETE /space_members"]
    assert place.held() == set()


def test_who_cannot_be_removed_loses_the_rest_one_by_one(place: Place) -> None:
    known = member(place.join(VIP, FAN))
    place.circle.bill(MINA)

    work = place.work(want(place.targets, drop=[ME, VIP, FAN]), known)

    assert work.outcomes == {ME: "failed", VIP: "done", FAN: "done"}
    assert place.held() == set()


# ---- groups


def test_leaving_a_group_puts_back_the_spaces_that_are_still_granted(place: Place) -> None:
    place.join(CLUB, VIP, BASIC, LOUNGE)

    work = place.work(want(place.targets, drop=[CLUB], also=[VIP, LOUNGE]), member(held=[VIP, LOUNGE]))

    assert work.lines == ["DELETE /space_group_members", "POST /space_members"]
    assert place.held() == {VIP, LOUNGE}
    assert work.says(CLUB) == "Removed from space group Club."


def test_the_whole_plan_shows_what_will_be_put_back(place: Place) -> None:
    calls = CIRCLE.plan(want(place.targets, drop=[CLUB], also=[VIP]), member(held=[VIP]))

    assert [call.says for call in calls] == [
        "remove mina@shop.test from the space group Club", "add mina@shop.test to the space VIP Room",
    ]  # fmt: skip


def test_leaving_a_group_and_its_space_is_one_call(place: Place) -> None:
    place.join(CLUB, VIP, LOUNGE)

    work = place.work(want(place.targets, drop=[CLUB, VIP, LOUNGE]), member())

    assert work.lines == ["DELETE /space_group_members", "DELETE /space_members"]
    assert work.outcomes == {CLUB: "done", VIP: "done", LOUNGE: "done"}
    assert place.held() == set()


def test_a_group_is_not_left_for_good_before_its_spaces_are_back(place: Place) -> None:
    """The worker dies between the two calls: what is stored by then is enough to go on."""
    place.join(CLUB, VIP)
    asked = want(place.targets, drop=[CLUB], also=[VIP])
    known = member(held=[VIP])
    (leave, _) = CIRCLE.plan(asked, known)

    learned = CIRCLE.learn(asked, known, leave, place.send(leave))
    assert learned.settled == {}

    again = place.work(asked, replace(learned.known, tried=frozenset()))
    assert again.lines == ["POST /space_members"]
    assert place.held() == {VIP}


def test_a_space_that_circle_does_not_give_back_is_no_success(place: Place) -> None:
    place.join(CLUB, VIP)
    asked = want(place.targets, drop=[CLUB], also=[VIP])
    (leave, _) = CIRCLE.plan(asked, member(held=[VIP]))
    learned = CIRCLE.learn(asked, member(held=[VIP]), leave, place.send(leave))
    place.delete(VIP)

    work = place.work(asked, learned.known)

    assert work.outcomes == {CLUB: "failed"}
    assert work.says(CLUB) == "Removed from space group Club; but Circle took the space VIP Room along and did not give it back."


def test_what_was_taken_before_a_membership_ended_does_not_return_with_the_next(place: Place) -> None:
    place.circle.answers = Answers(reinvite_restores=True)
    known = member(place.join(VIP, BASIC), held=[VIP, BASIC])
    left = place.work(want(place.targets, drop=[ME, VIP, BASIC]), known)

    work = place.work(replace(want(place.targets, hold=[BASIC]), desired={ME: True, BASIC: True, VIP: False}), left.known)

    assert place.held() == {BASIC}
    assert work.outcomes == {BASIC: "done"}


@pytest.mark.parametrize("hold", [[ME], [ME, VIP]])
def test_who_may_be_a_member_is_looked_up_by_their_id_before_they_are_invited(place: Place, hold: list[int]) -> None:
    """They may have another e-mail in Circle by now: an invite to this one would make a second account."""
    first, *_ = CIRCLE.plan(want(place.targets, hold=hold), member("12", unknown=[ME]))
    assert (first.method, first.path, first.targets) == ("GET", "/community_members/12", (ME,))
    (other,) = CIRCLE.plan(want(place.targets, hold=hold), member(unknown=[ME]))
    assert (other.method, other.path) == ("POST", "/community_members")
