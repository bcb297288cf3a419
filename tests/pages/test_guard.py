"""Who may see and do what: strangers, roles, sessions that end, the marketplace one is in, and CSRF on every form."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask, g, render_template_string
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from sqlalchemy import update

from tests.factories import PASSWORD, give_role, make_integration, make_marketplace, make_user
from tests.pages.conftest import SignIn, Write
from webapp import create_app
from webapp.config import Settings, load
from webapp.models import User
from webapp.pages import guard

pages = Blueprint("guarded", __name__)


@pages.get("/look")
@guard.signed_in
def look() -> ResponseReturnValue:
    return {"here": guard.here(), "role": g.role, "who": guard.me().email}


@pages.route("/change", methods=["GET", "POST"])
@guard.may_change
def change() -> ResponseReturnValue:
    return "changed"


@pages.post("/own")
@guard.owner_only
def own() -> ResponseReturnValue:
    return "owned"


@pages.post("/enter/<int:marketplace>")
@guard.signed_in
def enter(marketplace: int) -> ResponseReturnValue:
    guard.enter(marketplace)
    return ""


@pages.get("/frame")
@guard.signed_in
def frame() -> ResponseReturnValue:
    return render_template_string(
        "{{ marketplace.name }}|{{ marketplaces | map(attribute='name') | join(',') }}|{{ role }}|{{ may_change }}|"
        "{{ attention | map(attribute='name') | join(',') }}|{{ person.email }}"
    )


@pytest.fixture
def app(app: Flask) -> Flask:
    app.register_blueprint(pages)
    return app


def test_a_stranger_is_asked_to_sign_in_and_brought_back(client: FlaskClient) -> None:
    answer = client.get("/look?page=2")
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/look?page%3D2")


def test_after_a_form_one_is_not_brought_back_to_its_address(client: FlaskClient) -> None:
    assert client.post("/own").location == "/sign-in"


def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in(client: FlaskClient) -> None:
    answer = client.get("/look", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/sign-in")


def test_an_open_log_page_is_told_without_a_page(client: FlaskClient) -> None:
    answer = client.get("/look", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.mimetype) == (401, "text/plain")


def test_who_is_in_no_marketplace_is_asked_to_make_one(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        user = make_user(session)
    sign_in(user)
    answer = client.get("/look")
    assert answer.status_code == 302
    assert "marketplace" in answer.location


@pytest.mark.parametrize(
    ("role", "statuses"), [("owner", [200, 200, 200, 200]), ("admin", [200, 200, 200, 403]), ("viewer", [200, 403, 403, 403])]
)
def test_roles(client: FlaskClient, write: Write, sign_in: SignIn, role: str, statuses: list[int]) -> None:
    with write() as session:
        user = make_user(session, make_marketplace(session), role)
    sign_in(user)
    answers = [client.get("/look"), client.get("/change"), client.post("/change"), client.post("/own")]
    assert [answer.status_code for answer in answers] == statuses


def test_a_refusal_says_why(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        user = make_user(session, make_marketplace(session), "viewer")
    sign_in(user)
    assert "You are a viewer here" in client.get("/change").text
    assert "Only an owner" in client.post("/own").text


def test_somebody_elses_marketplace_is_not_entered(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        mine, other = make_marketplace(session), make_marketplace(session)
        user = make_user(session, mine)
    sign_in(user)
    client.post(f"/enter/{other.id}")
    assert client.get("/look").json["here"] == mine.id


def test_one_is_in_the_marketplace_that_one_chose_with_its_role(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        first, second = make_marketplace(session), make_marketplace(session)
        user = make_user(session, first, "owner")
        give_role(session, user, second, "viewer")
    sign_in(user)
    client.post(f"/enter/{second.id}")
    assert client.get("/look").json == {"here": second.id, "role": "viewer", "who": user.email}
    client.post(f"/enter/{first.id}")
    assert client.get("/look").json["role"] == "owner"


def test_raising_the_epoch_ends_every_session(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        user = make_user(session, make_marketplace(session))
    sign_in(user)
    with write() as session:
        session.execute(update(User).values(session_epoch=User.session_epoch + 1))
    assert client.get("/look").status_code == 303


def test_a_deleted_user_is_a_stranger(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        user = make_user(session, make_marketplace(session))
    sign_in(user)
    with write() as session:
        session.delete(session.get_one(User, user.id))
    assert client.get("/look").status_code == 303


def test_a_session_goes_along_from_one_network_to_the_next(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        user = make_user(session, make_marketplace(session))
    sign_in(user)
    assert client.get("/look", environ_base={"REMOTE_ADDR": "203.0.113.7"}, headers={"User-Agent": "updated"}).status_code == 200


def test_a_cookie_that_was_tampered_with_is_no_session(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        user = make_user(session, make_marketplace(session))
    sign_in(user)
    cookie = client.get_cookie("cartwheel")
    assert cookie is not None
    client.set_cookie("cartwheel", cookie.value[:-2] + "xx")
    assert client.get("/look").status_code == 303


def test_the_frame_knows_where_one_is(client: FlaskClient, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        mine = make_marketplace(session, "Acme")
        user = make_user(session, mine, "admin", "ana@shop.test")
        give_role(session, user, make_marketplace(session, "Beta"))
        make_marketplace(session, "Not mine")
        make_integration(session, mine, "Broken", attention="dead_key")
        make_integration(session, mine, "Well")
    sign_in(user)
    assert client.get("/frame").text == "Acme|Acme,Beta|admin|True|Broken|ana@shop.test"


@pytest.mark.parametrize(
    ("variables", "secure"),
    [({}, False), ({"BASE_URL": "https://shop.test"}, True), ({"BASE_URL": "http://shop.test"}, False)],
)
def test_cookies_are_kept_from_scripts_and_sent_over_https_where_there_is_one(
    settings: Settings, variables: dict[str, str], secure: bool
) -> None:
    app = create_app(load({"CARTWHEEL_VAR": str(settings.var), **variables}))
    names = ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE")
    assert [app.config[name] for name in names] == [secure, True, "Lax"]


class TestCsrf:
    """Every form but the webhook addresses needs a token of its session."""

    @pytest.fixture
    def client(self, app: Flask, write: Write, client: FlaskClient) -> FlaskClient:
        with write() as session:
            make_user(session, make_marketplace(session), email="ana@shop.test")
        client.post("/sign-in", data={"email": "ana@shop.test", "password": PASSWORD})
        app.config["WTF_CSRF_ENABLED"] = True
        return client

    def test_a_post_without_a_token_changes_nothing(self, client: FlaskClient) -> None:
        answer = client.post("/change")
        assert answer.status_code == 400
        assert "This form has expired" in answer.text

    def test_a_token_of_another_session_does_not_help(self, app: Flask, client: FlaskClient) -> None:
        assert client.post("/change", data={"csrf_token": "made-up"}).status_code == 400

    def test_a_webhook_is_let_through_to_its_signature(self, client: FlaskClient) -> None:
        assert client.post("/webhooks/nowhere", json={}).status_code == 404
