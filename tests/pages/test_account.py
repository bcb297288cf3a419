"""One's own account: the password, the second step of signing in, the sessions, the keyboard."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import Clock, SignIn, Write
from webapp.engine import accounts, sessions
from webapp.models import RecoveryCode, SignedIn, User
from webapp.pages.account import NOT_THE_PRESENT
from webapp.pages.second_step import WRONG_CODE
from webapp.parts import parts
from webapp.tokens import hash_token

LONG_ENOUGH = "a password that is long"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def make(write: Write, role: str = "owner", name: str = "Acme") -> User:
    with write() as session:
        return factories.make_user(session, factories.make_marketplace(session, name), role)


def test_a_new_password_ends_the_other_sessions_and_not_this_one(app: Flask, write: Write, sign_in: SignIn):
    user = make(write, "viewer")
    elsewhere = app.test_client()
    elsewhere.post("/sign-in", data={"email": user.email, "password": factories.PASSWORD})
    client = sign_in(user)
    answer = client.post("/account/password", data={"present": factories.PASSWORD, "password": LONG_ENOUGH})
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
    client.post("/account/password", data={"present": factories.PASSWORD, "password": LONG_ENOUGH})
    assert 'value="Second"' in client.get("/settings/general").text


def test_the_present_password_proves_who_asks(write: Write, sign_in: SignIn, client: FlaskClient):
    user = make(write)
    signed = sign_in(user)
    answer = signed.post("/account/password", data={"present": "wrong", "password": LONG_ENOUGH})
    assert answer.status_code == 422
    assert NOT_THE_PRESENT in answer.text
    assert LONG_ENOUGH not in answer.text
    short = signed.post("/account/password", data={"present": factories.PASSWORD, "password": "short"})
    assert short.status_code == 422
    client.post("/sign-out")
    assert client.post("/sign-in", data={"email": user.email, "password": factories.PASSWORD}).status_code == 303


def test_the_present_password_cannot_be_guessed_at_will(write: Write, sign_in: SignIn):
    client = sign_in(make(write))
    tries = [client.post("/account/password", data={"present": "x", "password": LONG_ENOUGH}).status_code for _ in range(11)]
    assert tries == [422] * 10 + [429]


def test_single_keys_can_be_switched_off_and_on(write: Write, sign_in: SignIn):
    client = sign_in(make(write, "viewer"))
    assert "data-shortcuts=off" not in client.get("/settings/general").text
    client.post("/account/keyboard", data={})
    assert "data-shortcuts=off" in client.get("/settings/general").text
    client.post("/account/keyboard", data={"shortcuts": "y"})
    assert "data-shortcuts=off" not in client.get("/settings/general").text


def test_ones_own_account_is_one_click_away(write: Write, sign_in: SignIn):
    user = make(write)
    assert f'<a href="/account" title="{user.email}">' in sign_in(user).get("/settings/team").text


def code(clock: Clock, secret: str = SECRET, later: int = 0) -> str:
    """What the phone shows, so many seconds later."""
    return pyotp.TOTP(secret).at(int(clock.time.timestamp()) + later)


def with_second_step(write: Write, *codes: str) -> User:
    user = make(write)
    with write() as session:
        sessions.switch_on(session, user.id, parts().vault.seal(SECRET), 0, [hash_token(one) for one in codes])
    return user


def first_step(client: FlaskClient, user: User, **more: str) -> str:
    answer = client.post("/sign-in", data={"email": user.email, "password": factories.PASSWORD, **more})
    assert answer.status_code == 303
    return answer.location


def is_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def stored(write: Write, user: User) -> User:
    with write() as session:
        return session.get_one(User, user.id)


def test_the_second_step_is_switched_on_by_proving_it(app: Flask, write: Write, sign_in: SignIn, clock: Clock):
    user, elsewhere = make(write), app.test_client()
    first_step(elsewhere, user)
    client = sign_in(user)
    page = client.get("/account/second-step")
    assert page.headers["Cache-Control"] == "no-store"
    found = re.search(r"<pre[^>]*>([A-Z2-7]{32})</pre>", page.text)
    assert found
    assert "<svg" in page.text
    assert found[1] in client.get("/account/second-step").text  # the same until it is proven
    right = {"password": factories.PASSWORD, "code": code(clock, found[1])}
    wrong = client.post("/account/second-step", data={**right, "password": "wrong"})
    assert (wrong.status_code, NOT_THE_PRESENT in wrong.text) == (422, True)
    wrong = client.post("/account/second-step", data={**right, "code": code(clock, found[1], later=600)})
    assert (wrong.status_code, WRONG_CODE in wrong.text) == (422, True)
    assert stored(write, user).totp is None
    shown = client.post("/account/second-step", data=right)
    assert shown.headers["Cache-Control"] == "no-store"
    codes = re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}", shown.text)
    assert len(set(codes)) == 10
    with write() as session:
        assert {one.code_hash for one in session.scalars(select(RecoveryCode))} == {hash_token(one) for one in codes}
    kept = stored(write, user).totp
    assert kept
    assert found[1].encode() not in kept
    with app.app_context():
        assert parts().vault.open(kept) == found[1]
    assert is_in(client)
    assert not is_in(elsewhere)
    assert client.get("/account/second-step").location == "/account"


def test_who_has_a_second_step_is_not_in_before_it(client: FlaskClient, write: Write, clock: Clock):
    user = with_second_step(write)
    assert first_step(client, user, next="/settings/team") == "/sign-in/code?next=/settings/team"
    assert not is_in(client)
    assert client.post("/account/keyboard").status_code == 303
    wrong = client.post("/sign-in/code", data={"code": code(clock, later=300)})
    assert (wrong.status_code, WRONG_CODE in wrong.text) == (422, True)
    assert client.post("/sign-in/code", data={"code": ""}).status_code == 422
    shown = code(clock)
    answer = client.post("/sign-in/code", data={"code": f" {shown[:3]} {shown[3:]}", "next": "/settings/team"})
    assert (answer.status_code, answer.location) == (303, "/settings/team")
    assert is_in(client)


@pytest.mark.parametrize("apart", [-30, 0, 30])
def test_clocks_may_differ_a_little(client: FlaskClient, write: Write, clock: Clock, apart: int):
    first_step(client, with_second_step(write))
    assert client.post("/sign-in/code", data={"code": code(clock, later=apart)}).status_code == 303


def test_a_code_is_good_once(app: Flask, client: FlaskClient, write: Write, clock: Clock):
    user, thief = with_second_step(write), app.test_client()
    seen, before = code(clock), code(clock, later=-30)
    first_step(client, user)
    assert client.post("/sign-in/code", data={"code": seen}).status_code == 303
    first_step(thief, user)
    assert thief.post("/sign-in/code", data={"code": seen}).status_code == 422
    assert thief.post("/sign-in/code", data={"code": before}).status_code == 422
    clock.time += timedelta(seconds=30)
    assert thief.post("/sign-in/code", data={"code": code(clock)}).status_code == 303


def test_a_recovery_code_stands_in_once(app: Flask, client: FlaskClient, write: Write):
    user = with_second_step(write, "abcd-efgh-ijkl-mnop", "qrst-uvwx-yz23-4567")
    first_step(client, user)
    assert client.post("/sign-in/code", data={"code": "ABCD EFGH IJKL MNOP"}).status_code == 303
    assert "1 recovery code is left" in client.get("/account").text
    again = app.test_client()
    first_step(again, user)
    assert again.post("/sign-in/code", data={"code": "abcd-efgh-ijkl-mnop"}).status_code == 422
    assert again.post("/sign-in/code", data={"code": "qrstuvwxyz234567"}).status_code == 303


def test_codes_cannot_be_tried_at_will(client: FlaskClient, write: Write, clock: Clock):
    first_step(client, with_second_step(write))
    tries = [client.post("/sign-in/code", data={"code": f"00000{number}"}).status_code for number in range(6)]
    assert tries == [422] * 5 + [429]
    assert client.post("/sign-in/code", data={"code": code(clock)}).status_code == 429


def test_the_first_step_runs_out_and_ends_with_a_new_password(client: FlaskClient, write: Write, clock: Clock):
    user = with_second_step(write)
    first_step(client, user)
    clock.time += timedelta(minutes=10, seconds=1)
    assert client.post("/sign-in/code", data={"code": code(clock)}).location == "/sign-in?next=/logs"
    first_step(client, user)
    with write() as session:
        session.get_one(User, user.id).session_epoch += 1
    assert client.post("/sign-in/code", data={"code": code(clock)}).location == "/sign-in?next=/logs"
    assert not is_in(client)
    assert client.get("/sign-in/code").location == "/sign-in?next=/logs"


def test_nobody_is_sent_elsewhere_by_the_second_step(client: FlaskClient, write: Write, clock: Clock):
    first_step(client, with_second_step(write))
    assert client.post("/sign-in/code", data={"code": code(clock), "next": "//evil.test"}).location == "/logs"


def test_a_link_to_a_new_password_does_not_spare_the_second_step(client: FlaskClient, write: Write, clock: Clock):
    user = with_second_step(write)
    with write() as session:
        for purpose in ("reset", "sign_in"):
            accounts.make_link(session, purpose, user.id, hash_token(purpose), NOW + timedelta(hours=1))
    assert client.post("/link/reset", data={"password": LONG_ENOUGH}).location == "/sign-in/code?next=/logs"
    assert not is_in(client)
    assert client.get("/link/sign_in").location == "/sign-in/code?next=/logs"
    assert not is_in(client)
    assert client.post("/sign-in/code", data={"code": code(clock)}).status_code == 303


@pytest.mark.parametrize("what", ["off", "codes"])
def test_the_second_step_is_given_up_only_by_both(client: FlaskClient, write: Write, clock: Clock, what: str):
    user = with_second_step(write, "abcd-efgh-ijkl-mnop")
    first_step(client, user)
    client.post("/sign-in/code", data={"code": code(clock)})
    address, right = f"/account/second-step/{what}", {"password": factories.PASSWORD, "code": code(clock, later=30)}
    assert client.get(address).status_code == 200
    assert client.post(address, data={**right, "code": code(clock)}).status_code == 422  # it was used to sign in
    assert client.post(address, data={**right, "password": "wrong"}).status_code == 422
    assert stored(write, user).totp
    done = client.post(address, data=right)
    with write() as session:
        left = sessions.codes_left(session, user.id)
    if what == "off":
        assert (done.status_code, stored(write, user).totp, left) == (303, None, 0)
        client.post("/sign-out")
        assert first_step(client, user) == "/logs"
    else:
        assert (done.status_code, left) == (200, 10)
        assert "abcd-efgh" not in done.text


def test_sessions_are_listed_and_ended(app: Flask, write: Write, sign_in: SignIn, clock: Clock):
    user, stranger = make(write), make(write, name="Other")
    elsewhere, others = app.test_client(), app.test_client()
    agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/605 (KHTML, like Gecko) Version/17.0 Safari/605"
    elsewhere.post("/sign-in", data={"email": user.email, "password": factories.PASSWORD}, headers={"User-Agent": agent})
    first_step(others, stranger)
    client = sign_in(user)
    page = client.get("/account").text
    assert page.count("this one") == 1
    assert "Safari on macOS" in page
    assert "127.0.0.1" in page
    with write() as session:
        rows = {row.user_id: row.id for row in session.scalars(select(SignedIn).order_by(SignedIn.id.desc()))}
        theirs = session.scalars(select(SignedIn.id).where(SignedIn.agent == agent)).one()
    assert client.post(f"/account/sessions/{rows[stranger.id]}/end").status_code == 303
    assert is_in(others)
    assert client.post(f"/account/sessions/{theirs}/end").location == "/account#sessions"
    assert not is_in(elsewhere)
    assert is_in(client)


def test_all_others_are_ended_at_once_and_signing_out_ends_ones_own(app: Flask, write: Write, sign_in: SignIn):
    user, elsewhere = make(write), app.test_client()
    first_step(elsewhere, user)
    client = sign_in(user)
    client.post("/account/sessions/end-others")
    assert (is_in(client), is_in(elsewhere)) == (True, False)
    client.post("/sign-out")
    with write() as session:
        assert session.scalars(select(SignedIn)).all() == []


def test_a_session_that_was_copied_ends_with_the_one_it_was_copied_from(app: Flask, write: Write, sign_in: SignIn):
    client, copy = sign_in(make(write)), app.test_client()
    cookie = client.get_cookie("cartwheel")
    assert cookie
    copy.set_cookie("cartwheel", cookie.value)
    assert is_in(copy)
    client.post("/sign-out")
    assert not is_in(copy)


def test_a_session_says_when_it_was_seen_and_runs_out(write: Write, sign_in: SignIn, clock: Clock):
    client = sign_in(make(write))
    for minutes, seen in ((4, 0), (6, 6), (10, 6), (12, 12)):
        clock.time = NOW + timedelta(minutes=minutes)
        assert is_in(client)
        with write() as session:
            assert session.scalars(select(SignedIn.seen_at)).one() == NOW + timedelta(minutes=seen)
    clock.time = NOW + timedelta(days=30)
    assert not is_in(client)


def test_the_account_needs_no_marketplace(write: Write, sign_in: SignIn, client: FlaskClient):
    assert client.get("/account").location == "/sign-in?next=/account"
    with write() as session:
        alone = factories.make_user(session)
    assert "Where you are signed in" in sign_in(alone).get("/account").text
