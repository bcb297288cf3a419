"""Who is in a marketplace, as what: the team page, invitations, and accepting one."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import Clock, SignIn, Write
from webapp.models import Invitation, Marketplace, Outgoing, Role, User
from webapp.pages.team import IN_THE_TEAM, LAST_OWNER
from webapp.parts import parts
from webapp.tokens import hash_token

LONG_ENOUGH = "a password that is long"
Team = dict[str, User]


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, "Acme Courses")


@pytest.fixture
def team(write: Write, shop: Marketplace) -> Team:
    with write() as session:
        return {role: factories.make_user(session, shop, role, email=f"{role}@shop.test") for role in ("viewer", "owner", "admin")}


def role_of(write: Write, user: User, shop: Marketplace) -> str | None:
    with write() as session:
        return session.scalar(select(Role.role).where(Role.user_id == user.id, Role.marketplace_id == shop.id))


def invite(client: FlaskClient, email: str = "new@shop.test", role: str = "admin") -> str:
    """The path of the link that an invitation's answer shows."""
    answer = client.post("/settings/team/invite", data={"email": email, "role": role})
    assert answer.status_code == 200, answer.text
    found = re.search(r"<pre[^>]*>([^<]+)</pre>", answer.text)
    assert found
    assert answer.headers["Cache-Control"] == "no-store"
    return html.unescape(found[1]).removeprefix("http://localhost")


def test_people_stand_by_rank(team: Team, sign_in: SignIn):
    page = sign_in(team["viewer"]).get("/settings/team").text
    assert re.findall(r"<strong>([^<]+)</strong>", page) == ["owner@shop.test", "admin@shop.test", "viewer@shop.test"]
    assert "/settings/team/invite" not in page
    assert "/remove" not in page
    page = sign_in(team["owner"]).get("/settings/team").text
    assert "/settings/team/invite" in page
    assert f"/settings/team/{team['admin'].id}/remove" in page
    assert f"/settings/team/{team['owner'].id}/remove" not in page


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_only_owners_change_people(team: Team, sign_in: SignIn, write: Write, shop: Marketplace, role: str):
    client, other = sign_in(team[role]), team["viewer" if role == "admin" else "admin"]
    for address in (f"/settings/team/{other.id}", f"/settings/team/{other.id}/remove", "/settings/team/invite"):
        assert client.get(address).status_code == 403
        assert client.post(address, data={"role": "owner", "email": "x@shop.test"}).status_code == 403
    assert client.post("/settings/team/invitations/1/withdraw").status_code == 403
    assert role_of(write, other, shop) == ("viewer" if role == "admin" else "admin")


def test_strangers_see_no_team(client: FlaskClient, team: Team):
    assert client.get("/settings/team").location == "/sign-in?next=/settings/team"


def test_a_role_is_changed(team: Team, sign_in: SignIn, write: Write, shop: Marketplace):
    client, address = sign_in(team["owner"]), f"/settings/team/{team['viewer'].id}"
    form = client.get(address).text
    assert re.search(r'<input checked[^>]*value="viewer"', form)
    answer = client.post(address, data={"role": "admin"})
    assert (answer.status_code, answer.location) == (303, "/settings/team")
    assert role_of(write, team["viewer"], shop) == "admin"
    assert client.post(address, data={"role": "king"}).status_code == 422
    assert role_of(write, team["viewer"], shop) == "admin"


def test_the_last_owner_stays(team: Team, sign_in: SignIn, write: Write, shop: Marketplace):
    client, address = sign_in(team["owner"]), f"/settings/team/{team['owner'].id}"
    refused = client.post(address, data={"role": "viewer"})
    assert refused.status_code == 422
    assert LAST_OWNER in refused.text
    refused = client.post(f"{address}/remove")
    assert refused.status_code == 422
    assert LAST_OWNER in refused.text
    assert role_of(write, team["owner"], shop) == "owner"
    client.post(f"/settings/team/{team['admin'].id}", data={"role": "owner"})
    assert client.post(f"{address}/remove").status_code == 303
    assert role_of(write, team["owner"], shop) is None


def test_who_is_removed_is_out_at_the_next_click(app: Flask, team: Team, sign_in: SignIn):
    theirs = app.test_client()
    theirs.post("/sign-in", data={"email": "admin@shop.test", "password": factories.PASSWORD})
    assert theirs.get("/settings/team").status_code == 200
    client = sign_in(team["owner"])
    assert "can no longer open this marketplace" in client.get(f"/settings/team/{team['admin'].id}/remove").text
    assert client.post(f"/settings/team/{team['admin'].id}/remove").status_code == 303
    assert theirs.get("/settings/team").location == "/marketplaces/new"


def test_people_of_another_marketplace_are_not_there(team: Team, sign_in: SignIn, write: Write):
    with write() as session:
        other = factories.make_marketplace(session)
        stranger = factories.make_user(session, other, "viewer")
        factories.make_user(session, other, "owner")
    client = sign_in(team["owner"])
    for address in (f"/settings/team/{stranger.id}", f"/settings/team/{stranger.id}/remove", "/settings/team/999999"):
        assert client.get(address).status_code == 404
        assert client.post(address, data={"role": "owner"}).status_code == 404
    assert stranger.email not in client.get("/settings/team").text
    assert role_of(write, stranger, other) == "viewer"


def test_an_invitation_makes_an_account_once(app: Flask, team: Team, sign_in: SignIn, write: Write, shop: Marketplace):
    path = invite(sign_in(team["owner"]), " New@Shop.test")
    stranger = app.test_client()
    page = stranger.get(path)
    assert "Join Acme Courses" in page.text
    assert "new@shop.test" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert stranger.post(path, data={"password": "short"}).status_code == 422
    assert stranger.post(path, data={"password": LONG_ENOUGH, "email": "other@shop.test"}).location == "/logs"
    assert stranger.get("/settings/team").status_code == 200
    with write() as session:
        user = session.scalars(select(User).where(User.email == "new@shop.test")).one()
    assert role_of(write, user, shop) == "admin"
    again = app.test_client()
    assert again.get(path).status_code == 410
    assert again.post(path, data={"password": LONG_ENOUGH}).status_code == 410


def test_an_invitation_is_mailed_with_the_link_that_is_shown(team: Team, sign_in: SignIn, write: Write, shop: Marketplace):
    path = invite(sign_in(team["owner"]), "new@shop.test")
    with write() as session:
        (mail,) = session.scalars(select(Outgoing)).all()
        said = json.loads(parts().vault.open(mail.content or b""))
    assert (mail.kind, mail.recipient, mail.marketplace_id) == ("mail", "new@shop.test", shop.id)
    assert said["to"] == "new@shop.test"
    assert path in said["text"]
    assert "owner@shop.test invites you to Acme Courses as an admin." in said["text"]


def test_where_no_mails_are_sent_the_link_is_shown_alone(app: Flask, team: Team, sign_in: SignIn, write: Write):
    made = app.extensions["cartwheel"]
    app.extensions["cartwheel"] = replace(made, settings=replace(made.settings, production=True))
    client = sign_in(team["owner"])
    assert "Make the link" in client.get("/settings/team/invite").text
    answer = client.post("/settings/team/invite", data={"email": "new@shop.test", "role": "viewer"})
    assert "Send this link to new@shop.test" in answer.text
    with write() as session:
        assert session.scalars(select(Outgoing)).all() == []


def test_who_has_an_account_signs_in_and_comes_back(app: Flask, team: Team, sign_in: SignIn, write: Write, shop: Marketplace):
    with write() as session:
        elsewhere = factories.make_marketplace(session)
        known = factories.make_user(session, elsewhere, email="known@shop.test")
    path = invite(sign_in(team["owner"]), known.email, "viewer")
    theirs = app.test_client()
    assert f"/sign-in?next={path}" in theirs.get(path).text
    assert theirs.post(path, data={"password": LONG_ENOUGH}).status_code == 422
    answer = theirs.post("/sign-in", data={"email": known.email, "password": factories.PASSWORD, "next": path})
    assert answer.location == path
    assert "known@shop.test" in theirs.get(path).text
    assert theirs.post(path).status_code == 303
    assert role_of(write, known, shop) == "viewer"
    assert role_of(write, known, elsewhere) == "owner"
    assert "Acme Courses" in theirs.get("/settings/general").text


def test_an_invitation_takes_no_role_away(app: Flask, team: Team, sign_in: SignIn, write: Write, shop: Marketplace):
    path = invite(sign_in(team["owner"]), role="viewer")
    theirs = app.test_client()
    theirs.post("/sign-in", data={"email": "admin@shop.test", "password": factories.PASSWORD})
    assert theirs.post(path).status_code == 303
    assert role_of(write, team["admin"], shop) == "admin"


def test_an_invitation_runs_out_after_seven_days(client: FlaskClient, team: Team, sign_in: SignIn, clock: Clock, write: Write):
    path = invite(sign_in(team["owner"]))
    client.post("/sign-out")
    clock.time += timedelta(days=7) - timedelta(seconds=1)
    assert client.get(path).status_code == 200
    clock.time += timedelta(seconds=1)
    assert client.get(path).status_code == 410
    assert client.post(path, data={"password": LONG_ENOUGH}).status_code == 410


def test_an_invitation_is_listed_and_can_be_taken_back(client: FlaskClient, team: Team, sign_in: SignIn, write: Write):
    owner = sign_in(team["owner"])
    path = invite(owner)
    with write() as session:
        invitation = session.scalars(select(Invitation)).one()
    assert invitation.token_hash == hash_token(path.rpartition("/")[2])
    page = owner.get("/settings/team").text
    assert "new@shop.test" in page
    assert path not in page
    assert owner.post(f"/settings/team/invitations/{invitation.id}/withdraw").location == "/settings/team"
    assert "new@shop.test" not in owner.get("/settings/team").text
    client.post("/sign-out")
    assert client.get(path).status_code == 410


def test_nobody_takes_back_what_another_marketplace_invited(team: Team, sign_in: SignIn, write: Write):
    path = invite(sign_in(team["owner"]))
    with write() as session:
        invitation = session.scalars(select(Invitation)).one()
        stranger = factories.make_user(session, factories.make_marketplace(session))
    client = sign_in(stranger)
    client.post(f"/settings/team/invitations/{invitation.id}/withdraw")
    assert client.get(path).status_code == 200


def test_a_second_invitation_ends_the_first(client: FlaskClient, team: Team, sign_in: SignIn):
    owner = sign_in(team["owner"])
    first, second = invite(owner), invite(owner, role="viewer")
    client.post("/sign-out")
    assert client.get(first).status_code == 410
    assert client.get(second).status_code == 200


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"email": "ADMIN@shop.test", "role": "viewer"}, IN_THE_TEAM),
        ({"email": "", "role": "viewer"}, "Type an e-mail address."),
        ({"email": "nobody", "role": "viewer"}, "This is not an e-mail address."),
        ({"email": "new@shop.test", "role": "king"}, "Not a valid choice"),
    ],
)
def test_an_invitation_that_cannot_be(team: Team, sign_in: SignIn, write: Write, data: dict[str, str], said: str):
    answer = sign_in(team["owner"]).post("/settings/team/invite", data=data)
    assert answer.status_code == 422
    assert said in answer.text
    with write() as session:
        assert not session.scalars(select(Invitation)).all()


def test_the_link_has_the_public_address(app: Flask, team: Team, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch):
    made = app.extensions["cartwheel"]
    object.__setattr__(made.settings, "base_url", "https://cartwheel.test/")
    assert invite(sign_in(team["owner"])).startswith("https://cartwheel.test/invitations/")


def test_dialogs_are_parts_for_htmx_and_pages_without(team: Team, sign_in: SignIn):
    client = sign_in(team["owner"])
    for address in ("invite", f"{team['admin'].id}", f"{team['admin'].id}/remove"):
        part = client.get(f"/settings/team/{address}", headers={"HX-Request": "true"}).text
        page = client.get(f"/settings/team/{address}").text
        assert part.startswith("<dialog")
        assert page.startswith("<!doctype")
        assert "<dialog" in page
    done = client.post(f"/settings/team/{team['admin'].id}", data={"role": "viewer"}, headers={"HX-Request": "true"})
    assert done.headers["HX-Redirect"] == "/settings/team"
