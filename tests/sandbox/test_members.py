"""The calls about members: what each says when it works, each refusal, and what Circle leaves open."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Circle

ANA = "ana@example.com"


def test_an_invite_answers_201_with_the_member_wrapped(circle: Circle) -> None:
    answer = circle.post("/community_members", email="Ana@Example.com", name="Ana Costa")
    assert answer.status == 201
    member = answer.said["community_member"]
    assert (member["email"], member["name"], member["first_name"], member["active"]) == (ANA, "Ana Costa", "Ana", True)
    assert circle.get(f"/community_members/{member['id']}").status == 200


def test_an_invite_carries_spaces_groups_and_tags(circle: Circle) -> None:
    group = circle.community.add_group("VIP")
    space, tag = circle.community.add_space("VIP Room"), circle.community.add_tag("VIP")
    sent = {"space_ids": [space], "space_group_ids": [group], "member_tag_ids": [tag]}
    answer = circle.post("/community_members", email=ANA, **sent)
    assert circle.held(ANA) == {space, group, tag}
    assert answer.said["community_member"]["member_tags"] == [{"id": tag, "name": "VIP"}]


@pytest.mark.parametrize(("sent", "mails"), [({}, 1), ({"skip_invitation": True}, 0), ({"password": "a long one"}, 0)])
def test_an_invite_sends_a_mail_unless_told_not_to_or_given_a_password(circle: Circle, sent: dict[str, object], mails: int) -> None:
    circle.post("/community_members", email=ANA, **sent)
    member = circle.community.state.by_email(ANA)
    assert member is not None
    assert member.mails == mails


@pytest.mark.parametrize("email", ["ana", "ana@", "@example.com", "an a@example.com", "ana@example", "ana@blocked.example"])
def test_an_address_that_is_none_or_of_a_blocked_domain_is_422(circle: Circle, email: str) -> None:
    circle.modes(blocked_domains=["blocked.example"])
    answer = circle.post("/community_members", email=email)
    assert (answer.status, answer.said["message"]) == (422, "Invalid email address.")
    assert circle.community.held() == {}


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ("201_message", 201, "already a member"),
        ("201_plain", 201, "has been invited"),
        ("422", 422, "already a member"),
        ("422_taken", 422, "already been taken"),
        ("409", 409, "already a member"),
    ],
)
def test_inviting_a_member_again_in_each_form_makes_no_second_account(circle: Circle, form: str, status: int, words: str) -> None:
    circle.answers(existing_invite=form)
    known = circle.community.add_member(ANA)
    space = circle.community.add_space("VIP Room")
    answer = circle.post("/community_members", email=ANA.upper(), space_ids=[space])
    assert answer.status == status
    assert words in answer.said["message"]
    assert status != 201 or answer.said["community_member"]["id"] == known
    assert circle.community.held() == {ANA: frozenset()}


def test_the_ids_of_a_repeated_invite_may_be_applied(circle: Circle) -> None:
    circle.answers(existing_invite_applies_ids=True)
    circle.community.add_member(ANA)
    space = circle.community.add_space("VIP Room")
    circle.post("/community_members", email=ANA, space_ids=[space])
    assert circle.held(ANA) == {space}
    assert circle.post("/community_members", email=ANA, space_ids=[space + 99]).status == 404


@pytest.mark.parametrize(
    ("field", "record"), [("space_ids", "space"), ("space_group_ids", "space group"), ("member_tag_ids", "member tag")]
)
def test_an_invite_with_a_deleted_id_invites_nobody(circle: Circle, field: str, record: str) -> None:
    answer = circle.post("/community_members", email=ANA, **{field: [4040]})
    assert (answer.status, answer.missing) == (404, record)
    circle.answers(invite_deleted_id="422")
    assert circle.post("/community_members", email=ANA, **{field: [4040]}).status == 422
    assert circle.community.held() == {}


def test_a_deleted_id_may_be_left_out_instead(circle: Circle) -> None:
    circle.answers(invite_deleted_id="ignored")
    space = circle.community.add_space("VIP Room")
    assert circle.post("/community_members", email=ANA, space_ids=[space, 4040]).status == 201
    assert circle.held(ANA) == {space}


def test_beyond_the_daily_limit_an_invite_is_403_until_the_next_day(circle: Circle) -> None:
    circle.modes(daily_limit=1)
    assert circle.post("/community_members", email=ANA).status == 201
    answer = circle.post("/community_members", email="ben@example.com")
    assert (answer.status, answer.said) == (403, {"success": False, "errors": "Daily member limit exceeded."})
    assert circle.post("/community_members", email=ANA).status == 201, "an existing member takes no place"
    circle.clock.move(hours=16)
    assert circle.post("/community_members", email="ben@example.com").status == 201


def test_beyond_the_plans_members_an_invite_is_403(circle: Circle) -> None:
    circle.modes(member_limit=1)
    circle.community.add_member(ANA)
    answer = circle.post("/community_members", email="ben@example.com")
    assert answer.status == 403
    assert answer.said["errors"] == "Your community has reached the maximum limit of members supported by your plan."


def test_a_member_is_found_by_address_and_by_id_not_wrapped(circle: Circle) -> None:
    known = circle.community.add_member(ANA, "Ana")
    tag = circle.community.add_tag("VIP")
    circle.community.put(ANA, tag)
    for answer in (circle.get("/community_members/search", email="ANA@example.com"), circle.get(f"/community_members/{known}")):
        assert (answer.status, answer.said["id"], answer.said["member_tags"]) == (200, known, [{"id": tag, "name": "VIP"}])


def test_who_is_not_there_is_404_with_the_truth_in_the_details(circle: Circle) -> None:
    for answer in (circle.get("/community_members/search", email=ANA), circle.get("/community_members/4040")):
        assert (answer.status, answer.missing) == (404, "community member")
        assert answer.said["message"] == "Oops! Missing record. Please try again later."


def test_the_id_stays_when_the_address_changes(circle: Circle) -> None:
    known = circle.community.add_member(ANA)
    circle.community.change_email(ANA, "ana@new.example")
    assert circle.get(f"/community_members/{known}").said["email"] == "ana@new.example"
    assert circle.get("/community_members/search", email=ANA).status == 404
    with pytest.raises(ValueError, match="belongs to another"):
        circle.community.add_member("ben@example.com")
        circle.community.change_email("ben@example.com", "ana@new.example")


@pytest.mark.parametrize(("form", "status", "has_body"), [("200", 200, True), ("200_empty", 200, False), ("204", 204, False)])
def test_deactivating_takes_everything(circle: Circle, form: str, status: int, has_body: bool) -> None:
    circle.answers(deactivated=form)
    known, space = circle.community.add_member(ANA), circle.community.add_space("VIP Room")
    circle.community.put(ANA, space)
    answer = circle.delete(f"/community_members/{known}")
    assert (answer.status, bool(answer.reply.body)) == (status, has_body)
    assert circle.community.held() == {}


@pytest.mark.parametrize(("restores", "held"), [(False, 0), (True, 2)])
def test_a_removed_member_comes_back_by_an_invite_under_the_same_id(circle: Circle, restores: bool, held: int) -> None:
    circle.answers(reinvite_restores=restores)
    known, group = circle.community.add_member(ANA), circle.community.add_group("VIP")
    space, tag = circle.community.add_space("VIP Room", group), circle.community.add_tag("VIP")
    circle.community.put(ANA, group, space, tag)
    circle.delete(f"/community_members/{known}")
    answer = circle.post("/community_members", email=ANA)
    assert (answer.status, answer.said["community_member"]["id"]) == (201, known)
    assert len(circle.held(ANA)) == held


def test_deactivating_somebody_who_is_not_there(circle: Circle) -> None:
    known = circle.community.add_member(ANA)
    circle.community.remove_member(ANA)
    for number in (known, 4040):
        answer = circle.delete(f"/community_members/{number}")
        assert (answer.status, answer.missing) == (404, "community member")
    circle.answers(deactivate_removed_member="200")
    assert circle.delete(f"/community_members/{known}").status == 200


@pytest.mark.parametrize("status", ["401", "403", "422"])
def test_the_owner_stays(circle: Circle, status: str) -> None:
    circle.answers(remove_owner=status)
    known = circle.community.add_member(ANA, owner=True)
    answer = circle.delete(f"/community_members/{known}")
    assert (answer.status, answer.said["message"]) == (int(status), "You cannot perform this action.")
    assert ANA in circle.community.held()


def test_who_pays_circle_itself_cannot_be_deactivated(circle: Circle) -> None:
    known = circle.community.add_member(ANA)
    circle.community.bill(ANA)
    answer = circle.delete(f"/community_members/{known}")
    assert answer.status == 422
    assert answer.said["message"].startswith("An error occurred trying to cancel the subscription(s)")
    assert ANA in circle.community.held()


@pytest.mark.parametrize(("form", "status"), [("404", 404), ("200", 200)])
def test_a_deactivated_member_is_shown_or_not(circle: Circle, form: str, status: int) -> None:
    circle.answers(show_removed_member=form)
    known = circle.community.add_member(ANA)
    circle.community.remove_member(ANA)
    for answer in (circle.get(f"/community_members/{known}"), circle.get("/community_members/search", email=ANA)):
        assert answer.status == status
        assert status == 404 or answer.said["active"] is False


def test_members_are_listed_by_status(circle: Circle) -> None:
    circle.community.add_member(ANA)
    circle.community.add_member("ben@example.com")
    circle.community.remove_member("ben@example.com")
    listed = {
        status: [one["email"] for one in circle.get("/community_members", **query).said["records"]]
        for status, query in {"active": {}, "inactive": {"status": "inactive"}, "all": {"status": "all"}}.items()
    }
    assert listed == {"active": [ANA], "inactive": ["ben@example.com"], "all": [ANA, "ben@example.com"]}


def test_a_members_spaces_by_address_and_by_id(circle: Circle) -> None:
    known, space = circle.community.add_member(ANA), circle.community.add_space("VIP Room")
    circle.community.put(ANA, space)
    for query in ({"user_email": ANA}, {"community_member_id": known}):
        answer = circle.get("/community_member_spaces", **query)
        assert [one["id"] for one in answer.said["records"]] == [space]


@pytest.mark.parametrize(("form", "status"), [("empty", 200), ("404", 404)])
def test_the_spaces_of_a_stranger(circle: Circle, form: str, status: int) -> None:
    circle.answers(spaces_of_stranger=form)
    answer = circle.get("/community_member_spaces", user_email=ANA)
    assert answer.status == status
    assert status == 404 or answer.said["records"] == []
