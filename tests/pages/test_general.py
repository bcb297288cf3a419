"""The marketplace's name and clock, one's own password and keyboard."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Marketplace, User
from webapp.pages.auth import NAME_TAKEN
from webapp.pages.general import NOT_THE_PRESENT

LONG_ENOUGH = "a password that is long"


def make(write: Write, role: str = "owner", name: str = "Acme") -> User:
    with write() as session:
        return factories.make_user(session, factories.make_marketplace(session, name), role)


def names(write: Write) -> list[tuple[str, str]]:
    with write() as session:
        return [(m.name, m.time_zone) for m in session.scalars(select(Marketplace).order_by(Marketplace.id))]


def test_an_owner_names_the_marketplace_and_sets_its_clock(write: Write, sign_in: SignIn):
    client = sign_in(make(write))
    answer = client.post("/settings/general", data={"name": " Acme Courses ", "time_zone": "Europe/Berlin"})
    assert (answer.status_code, answer.location) == (303, "/settings/general")
    assert names(write) == [("Acme Courses", "Europe/Berlin")]
    page = client.get("/settings/general").text
    assert "Saved." in page
    assert 'value="Acme Courses"' in page
    assert '<option selected value="Europe/Berlin">' in page


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_others_only_see_them(write: Write, sign_in: SignIn, role: str):
    client = sign_in(make(write, role))
    assert 'name="time_zone"' not in client.get("/settings/general").text
    assert client.post("/settings/general", data={"name": "Mine", "time_zone": "UTC"}).status_code == 403
    assert names(write) == [("Acme", "UTC")]


def test_no_two_marketplaces_have_one_name(write: Write, sign_in: SignIn):
    make(write, name="Taken")
    client = sign_in(make(write))
    answer = client.post("/settings/general", data={"name": "Taken", "time_zone": "UTC"})
    assert answer.status_code == 422
    assert NAME_TAKEN in answer.text
    assert names(write) == [("Taken", "UTC"), ("Acme", "UTC")]


@pytest.mark.parametrize(
    ("data", "field"), [({"name": "", "time_zone": "UTC"}, "name"), ({"name": "Acme", "time_zone": "Nowhere"}, "time_zone")]
)
def test_a_wrong_field_changes_nothing(write: Write, sign_in: SignIn, data: dict[str, str], field: str):
    client = sign_in(make(write))
    answer = client.post("/settings/general", data=data)
    assert answer.status_code == 422
    assert f'id="{field}-e"' in answer.text
    assert names(write) == [("Acme", "UTC")]


def test_a_new_password_ends_the_other_sessions_and_not_this_one(app: Flask, write: Write, sign_in: SignIn):
    user = make(write, "viewer")
    elsewhere = app.test_client()
    elsewhere.post("/sign-in", data={"email": user.email, "password": factories.PASSWORD})
    client = sign_in(user)
    answer = client.post("/settings/general/password", data={"present": factories.PASSWORD, "password": LONG_ENOUGH})
    assert answer.status_code == 303
    assert client.get("/settings/general").status_code == 200
    assert elsewhere.get("/settings/general").status_code == 303
    assert elsewhere.post("/sign-in", data={"email": user.email, "password": factories.PASSWORD}).status_code == 422
    assert elsewhere.post("/sign-in", data={"email": user.email, "password": LONG_ENOUGH}).status_code == 303


def test_one_stays_in_the_marketplace_one_was_in(write: Write, sign_in: SignIn):
    user = make(write, name="First")
    with write() as session:
        second = factories.make_marketplace(session, "Second")
        factories.give_role(session, user, second)
    client = sign_in(user)
    client.post(f"/marketplaces/{second.id}/enter")
    client.post("/settings/general/password", data={"present": factories.PASSWORD, "password": LONG_ENOUGH})
    assert 'value="Second"' in client.get("/settings/general").text


def test_the_present_password_proves_who_asks(write: Write, sign_in: SignIn, client: FlaskClient):
    user = make(write)
    signed = sign_in(user)
    answer = signed.post("/settings/general/password", data={"present": "wrong", "password": LONG_ENOUGH})
    assert answer.status_code == 422
    assert NOT_THE_PRESENT in answer.text
    assert LONG_ENOUGH not in answer.text
    short = signed.post("/settings/general/password", data={"present": factories.PASSWORD, "password": "short"})
    assert short.status_code == 422
    client.post("/sign-out")
    assert client.post("/sign-in", data={"email": user.email, "password": factories.PASSWORD}).status_code == 303


def test_the_present_password_cannot_be_guessed_at_will(write: Write, sign_in: SignIn):
    client = sign_in(make(write))
    tries = [client.post("/settings/general/password", data={"present": "x", "password": LONG_ENOUGH}).status_code for _ in range(11)]
    assert tries == [422] * 10 + [429]


def test_single_keys_can_be_switched_off_and_on(write: Write, sign_in: SignIn):
    client = sign_in(make(write, "viewer"))
    assert "data-shortcuts=off" not in client.get("/settings/general").text
    client.post("/settings/general/keyboard", data={})
    assert "data-shortcuts=off" in client.get("/settings/general").text
    client.post("/settings/general/keyboard", data={"shortcuts": "y"})
    assert "data-shortcuts=off" not in client.get("/settings/general").text


def test_ones_own_account_is_one_click_away(write: Write, sign_in: SignIn):
    user = make(write)
    assert f'<a href="/settings/general#account" title="{user.email}">' in sign_in(user).get("/settings/team").text
