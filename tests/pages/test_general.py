"""The marketplace's name and clock."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Marketplace, User
from webapp.pages.auth import NAME_TAKEN


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
