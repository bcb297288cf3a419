"""Making a marketplace, and going from one to another."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Marketplace, Role, Source, User
from webapp.pages.auth import NAME_TAKEN


def test_strangers_sign_in_first(client: FlaskClient, write: Write):
    with write() as session:
        shop = factories.make_marketplace(session)
        factories.make_user(session, shop)
    assert client.get("/marketplaces/new").location == "/sign-in?next=/marketplaces/new"
    assert client.post("/marketplaces/new", data={"name": "Mine", "time_zone": "UTC"}).location == "/sign-in"
    assert client.post(f"/marketplaces/{shop.id}/enter").location == "/sign-in"


def test_who_is_in_none_makes_one_and_owns_it(write: Write, sign_in: SignIn):
    with write() as session:
        user = factories.make_user(session)
    client = sign_in(user)
    assert client.get("/settings/general").location == "/marketplaces/new"
    assert "You have no role in any marketplace now" in client.get("/marketplaces/new").text
    answer = client.post("/marketplaces/new", data={"name": "Mine", "time_zone": "Asia/Tokyo"})
    assert (answer.status_code, answer.location) == (303, "/logs")
    with write() as session:
        made, role, source = (session.scalars(select(kind)).one() for kind in (Marketplace, Role, Source))
        assert (made.name, made.time_zone) == ("Mine", "Asia/Tokyo")
        assert (role.user_id, role.marketplace_id, role.role) == (user.id, made.id, "owner")
        assert (source.marketplace_id, source.kind) == (made.id, "cartwheel")
    assert 'value="Mine"' in client.get("/settings/general").text


def test_a_second_marketplace_is_entered_at_once(write: Write, sign_in: SignIn):
    with write() as session:
        user = factories.make_user(session, factories.make_marketplace(session, "First"))
    client = sign_in(user)
    client.post("/marketplaces/new", data={"name": "Another", "time_zone": "UTC"})
    assert 'value="Another"' in client.get("/settings/general").text


def test_a_name_that_is_taken_makes_nothing(write: Write, sign_in: SignIn):
    with write() as session:
        user = factories.make_user(session, factories.make_marketplace(session, "Acme"))
    answer = sign_in(user).post("/marketplaces/new", data={"name": "Acme ", "time_zone": "UTC"})
    assert answer.status_code == 422
    assert NAME_TAKEN in answer.text
    with write() as session:
        assert len(session.scalars(select(Marketplace)).all()) == 1


def test_going_to_another_marketplace_takes_a_role_there(write: Write, sign_in: SignIn):
    with write() as session:
        first, second, foreign = (factories.make_marketplace(session, name) for name in ("First", "Second", "Foreign"))
        user: User = factories.make_user(session, first)
        factories.give_role(session, user, second, "viewer")
    client = sign_in(user)
    assert client.get(f"/marketplaces/{second.id}/enter").status_code == 405
    page = client.get("/settings/general").text
    assert f'formaction="/marketplaces/{second.id}/enter"' in page
    assert client.post(f"/marketplaces/{second.id}/enter").location == "/logs"
    assert "<dd>Second</dd>" in client.get("/settings/general").text
    assert client.post(f"/marketplaces/{foreign.id}/enter").status_code == 404
    assert "<dd>Second</dd>" in client.get("/settings/general").text
