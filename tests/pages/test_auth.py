"""Signing in and out, links that work once, and the set-up of a fresh deployment."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import Clock, SignIn, Write, statements
from webapp.doorbell import Bell, connect
from webapp.engine import accounts
from webapp.models import Marketplace, OneTimeLink, Outgoing, Role, Source, User
from webapp.pages import guard, limits
from webapp.pages.auth import WRONG, own_page
from webapp.parts import parts
from webapp.passwords import HASHER
from webapp.tokens import hash_token

LONG_ENOUGH = "a password that is long"


@pytest.fixture
def cheap_passwords() -> None:
    """Here they cost what they cost."""


def link(write: Write, purpose: str, user: User | None = None, token: str = "token") -> str:
    with write() as session:
        expires = factories.NOW + timedelta(hours=1)
        accounts.make_link(session, purpose, user.id if user else None, hash_token(token), expires)
    return f"/link/{token}"


def owner(write: Write, **fields: object) -> User:
    with write() as session:
        return factories.make_user(session, factories.make_marketplace(session), email="owner@shop.test", **fields)


def in_session(client: FlaskClient) -> bool:
    return client.get("/settings/general").status_code == 200


def try_sign_in(client: FlaskClient, email: str = "owner@shop.test", password: str = factories.PASSWORD, **more: str):
    return client.post("/sign-in", data={"email": email, "password": password, **more})


def test_the_right_password_signs_in(client: FlaskClient, write: Write):
    owner(write)
    answer = try_sign_in(client, " Owner@Shop.TEST ")
    assert (answer.status_code, answer.location) == (303, "/logs")
    assert in_session(client)


def test_a_wrong_password_and_an_unknown_account_are_told_the_same(client: FlaskClient, write: Write):
    owner(write)
    wrong, unknown = try_sign_in(client, password="not this one"), try_sign_in(client, "nobody@shop.test")
    assert wrong.status_code == unknown.status_code == 422
    assert WRONG in wrong.text
    told = [re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text) for answer in (wrong, unknown)]
    assert told[0].replace("owner@", "nobody@") == told[1]
    assert factories.PASSWORD not in wrong.text
    assert not in_session(client)


def test_signing_in_renews_the_session_and_ends_the_one_before(app: Flask, client: FlaskClient, write: Write):
    """Who knew the cookie of before, or had planted it, has nothing of the session that begins."""
    user = owner(write)
    planted = app.test_client()
    planted.get("/sign-in")
    with planted.session_transaction() as session:
        session.update({guard.ROW: "known to somebody else", guard.CHOSEN: 1, guard.HELD: [user.id, 0, "2026-01-01T00:00:00+00:00"]})
    cookie = planted.get_cookie("cartwheel")
    assert cookie
    client.set_cookie("cartwheel", cookie.value)
    tokens = set()
    for _ in range(2):
        try_sign_in(client)
        with client.session_transaction() as session:
            tokens.add(session[guard.ROW])
            assert {guard.CHOSEN, guard.HELD} & set(session) == set()
        former = app.test_client()
        former.set_cookie("cartwheel", cookie.value)
        assert not in_session(former)
        cookie = client.get_cookie("cartwheel")
        assert cookie
    assert len(tokens) == 2
    assert in_session(client)


def test_an_unknown_account_is_hashed_for_as_a_known_one_is(app: Flask, client: FlaskClient, write: Write, monkeypatch: pytest.MonkeyPatch):
    owner(write, password_hash=HASHER.hash(factories.PASSWORD))
    verified: list[str] = []
    verify = PasswordHasher.verify

    def watch(self: PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", watch)
    asked = []
    for email in ("owner@shop.test", "nobody@shop.test"):
        with statements(app) as said:
            assert try_sign_in(client, email, "not this one").status_code == 422
        asked.append(said)
    assert asked[0] == asked[1]
    parameters = [stored.rsplit("$", 2)[0] for stored in verified]
    assert len(parameters) == 2
    assert parameters[0] == parameters[1]


def test_an_account_without_a_password_is_not_entered_by_one(client: FlaskClient, write: Write):
    owner(write, password_hash=None)
    assert try_sign_in(client, password="nobody has this password").status_code == 422


def test_an_old_hash_is_made_better_at_sign_in(client: FlaskClient, write: Write):
    user = owner(write)
    try_sign_in(client)
    with write() as session:
        stored = session.scalars(select(User.password_hash)).one()
        epoch = session.scalars(select(User.session_epoch)).one()
    assert stored != user.password_hash
    assert stored
    assert not HASHER.check_needs_rehash(stored)
    assert HASHER.verify(stored, factories.PASSWORD)
    assert epoch == user.session_epoch


@pytest.mark.parametrize(
    "data", [{}, {"email": "owner@shop.test"}, {"email": "owner", "password": "x"}, {"email": "a\x00@b.c", "password": "x"}]
)
def test_what_is_missing_or_wrong_is_said_at_the_field(client: FlaskClient, write: Write, data: dict[str, str]):
    owner(write)
    answer = client.post("/sign-in", data=data)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert WRONG not in answer.text


def test_after_signing_in_one_is_where_one_wanted_to_be(client: FlaskClient, write: Write):
    owner(write)
    asked = client.get("/settings/team?x=1")
    assert (asked.status_code, asked.location) == (303, "/sign-in?next=/settings/team?x%3D1")
    form = client.get(asked.location).text
    wanted = re.search(r'name="next" value="([^"]+)"', form)
    assert wanted
    assert try_sign_in(client, next=wanted[1]).location == "/settings/team?x=1"


ELSEWHERE = [
    "https://evil.test/", "//evil.test", "///evil.test", "/\\evil.test", "\\/evil.test", "/\\/evil.test", "javascript:alert(1)", "evil", "", None,
    "/\tx", "/a\nb", "/\t/evil.test", " //evil.test", "\u2028//evil.test", "http:evil.test", "//evil.test@shop.test", "data:text/html,x",
]  # fmt: skip


@pytest.mark.parametrize("asked", ELSEWHERE)
def test_nobody_is_sent_elsewhere(asked: str | None):
    assert own_page(asked) == "/logs"


def test_no_way_in_sends_anybody_elsewhere(client: FlaskClient, write: Write):
    owner(write)
    assert try_sign_in(client, next="//evil.test").location == "/logs"
    for asked in ELSEWHERE:
        assert client.get("/sign-in", query_string={"next": asked or ""}).location == "/logs"


def test_whoever_is_in_is_not_asked_again(write: Write, sign_in: SignIn):
    client = sign_in(owner(write))
    assert client.get("/sign-in?next=/products").location == "/products"
    assert client.get("/").location == "/logs"


def test_signing_out_ends_the_session_and_takes_a_post(write: Write, sign_in: SignIn):
    client = sign_in(owner(write))
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").location == "/sign-in"
    assert not in_session(client)


def test_ten_wrong_tries_for_an_account_are_enough(client: FlaskClient, write: Write):
    owner(write)
    tries = [try_sign_in(client, password="wrong").status_code for _ in range(10)]
    assert tries == [422] * 10
    refused = try_sign_in(client)
    assert refused.status_code == 429
    assert limits.TOO_MANY in refused.text
    assert int(refused.headers["Retry-After"]) > 0
    assert try_sign_in(client, "other@shop.test").status_code == 422


def test_a_right_try_clears_the_wrong_ones(client: FlaskClient, write: Write):
    owner(write)
    for _ in range(2):
        assert [try_sign_in(client, password="wrong").status_code for _ in range(9)] == [422] * 9
        assert try_sign_in(client).status_code == 303
        client.post("/sign-out")


def test_thirty_tries_a_minute_from_one_address_are_enough(client: FlaskClient, write: Write):
    owner(write)
    tries = [client.post("/sign-in", data={"email": f"p{n}@shop.test"}).status_code for n in range(31)]
    assert tries == [422] * 30 + [429]
    elsewhere = client.post("/sign-in", data={"email": "p99@shop.test"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 422


def test_a_flood_of_passwords_leaves_the_other_threads_alone(client: FlaskClient, write: Write, monkeypatch: pytest.MonkeyPatch):
    owner(write)
    full = threading.BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr("webapp.passwords._room", full)
    refused = try_sign_in(client)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    full.release()
    assert try_sign_in(client).status_code == 303
    assert full.acquire(blocking=False)


def test_looking_at_the_form_is_not_counted(client: FlaskClient, write: Write):
    owner(write)
    assert {client.get("/sign-in").status_code for _ in range(40)} == {200}


def test_every_form_needs_its_token(app: Flask, client: FlaskClient, write: Write):
    owner(write)
    app.config["WTF_CSRF_ENABLED"] = True
    assert try_sign_in(client).status_code == 400
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)
    assert found
    assert try_sign_in(client, csrf_token=found[1]).status_code == 303
    for address in ("/sign-out", "/account/password", "/settings/team/invite", "/marketplaces/new", "/link/x", "/invitations/x"):
        refused = client.post(address)
        assert refused.status_code == 400, address
        assert "This form has expired" in refused.text


def test_the_page_is_kept_by_no_cache(client: FlaskClient, write: Write):
    owner(write)
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store"


def test_a_fresh_deployment_says_how_it_is_set_up(client: FlaskClient):
    assert client.get("/").location == "/set-up"
    assert client.get("/sign-in").location == "/set-up"
    hint = client.get("/set-up")
    assert hint.status_code == 200
    assert "flask --app wsgi setup-link" in hint.text
    assert client.post("/set-up", data={"email": "a@b.c"}).status_code == 405


SET_UP = {"email": " First@Shop.test", "password": LONG_ENOUGH, "marketplace": " Acme ", "time_zone": "Europe/Berlin"}


def test_the_first_account_comes_by_its_link_with_a_marketplace_and_an_address(client: FlaskClient, write: Write):
    address = link(write, accounts.SET_UP)
    assert "Set up Cartwheel" in client.get(address).text
    assert client.post(address, data=SET_UP).location == "/logs"
    assert in_session(client)
    with write() as session:
        user = session.scalars(select(User)).one()
        marketplace = session.scalars(select(Marketplace)).one()
        role, source = session.scalars(select(Role)).one(), session.scalars(select(Source)).one()
        assert (user.email, marketplace.name, marketplace.time_zone) == ("first@shop.test", "Acme", "Europe/Berlin")
        assert (role.user_id, role.marketplace_id, role.role) == (user.id, marketplace.id, "owner")
        assert (source.marketplace_id, source.kind, source.secret) == (marketplace.id, "cartwheel", None)
        assert len(source.address) >= 32
    client.post("/sign-out")
    assert try_sign_in(client, "first@shop.test", LONG_ENOUGH).status_code == 303


def test_the_set_up_link_works_once(client: FlaskClient, app: Flask, write: Write):
    address = link(write, accounts.SET_UP)
    client.post(address, data=SET_UP)
    stranger = app.test_client()
    assert stranger.get(address).status_code == 410
    assert stranger.post(address, data={**SET_UP, "email": "second@shop.test"}).status_code == 410
    assert stranger.get("/set-up").location == "/sign-in"
    with write() as session:
        assert len(session.scalars(select(User)).all()) == 1


def test_once_there_is_an_account_no_link_sets_up(client: FlaskClient, write: Write):
    owner(write)
    address = link(write, accounts.SET_UP)
    assert client.get(address).status_code == 410
    assert client.post(address, data=SET_UP).status_code == 410


def test_of_two_set_ups_at_the_same_moment_one_gets_it(app: Flask, client: FlaskClient, write: Write, monkeypatch: pytest.MonkeyPatch):
    address = link(write, accounts.SET_UP)
    hashing = HASHER.hash

    def meanwhile(password: str) -> str:
        monkeypatch.undo()
        assert app.test_client().post(address, data=SET_UP).status_code == 303
        return hashing(password)

    monkeypatch.setattr("webapp.pages.auth.hash_password", meanwhile)
    assert client.post(address, data={**SET_UP, "email": "late@shop.test", "marketplace": "Late"}).status_code == 410
    with write() as session:
        assert session.scalars(select(User.email)).all() == ["first@shop.test"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "first"),
        ("password", "short"),
        ("password", "x" * 1001),
        ("marketplace", ""),
        ("marketplace", "x" * 201),
        ("marketplace", "a\x00b"),
        ("time_zone", "Mars/Olympus"),
    ],
)
def test_a_wrong_field_uses_no_link_up_and_loses_nothing_typed(client: FlaskClient, write: Write, field: str, value: str):
    address = link(write, accounts.SET_UP)
    answer = client.post(address, data={**SET_UP, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-e"' in answer.text
    assert LONG_ENOUGH not in answer.text
    if field != "marketplace":
        assert 'value="Acme"' in answer.text
    assert client.post(address, data=SET_UP).status_code == 303


def test_a_newer_set_up_link_ends_the_older(client: FlaskClient, write: Write):
    old, new = link(write, accounts.SET_UP, token="old"), link(write, accounts.SET_UP, token="new")
    assert client.get(old).status_code == 410
    assert client.get(new).status_code == 200


def test_opening_a_sign_in_link_is_enough_once(client: FlaskClient, app: Flask, write: Write):
    address = link(write, accounts.SIGN_IN, owner(write, password_hash=None))
    answer = client.get(address)
    assert (answer.status_code, answer.location) == (303, "/logs")
    assert answer.headers["Cache-Control"] == "no-store"
    assert in_session(client)
    assert client.get(address).location == "/logs"
    assert app.test_client().get(address).status_code == 410


def test_looking_at_a_sign_in_link_does_not_use_it_up(client: FlaskClient, write: Write):
    address = link(write, accounts.SIGN_IN, owner(write))
    assert client.head(address).status_code == 200
    looked = client.get(address, headers={"Sec-Purpose": "prefetch;prerender"})
    assert looked.status_code == 200
    assert not in_session(client)
    assert client.post(address).status_code == 303
    assert in_session(client)


def test_a_link_runs_out(client: FlaskClient, clock: Clock, write: Write):
    address = link(write, accounts.SIGN_IN, owner(write))
    clock.time += timedelta(hours=1)
    assert client.get(address).status_code == 410
    assert client.get("/link/unknown").status_code == 410


def test_a_link_is_kept_as_its_hash_only(write: Write):
    link(write, accounts.SIGN_IN, owner(write), token="a-token")
    with write() as session:
        assert session.scalars(select(OneTimeLink.token_hash)).one() == hash_token("a-token")


def test_a_reset_gives_a_new_password_once_and_ends_every_session(client: FlaskClient, app: Flask, write: Write, sign_in: SignIn):
    user = owner(write)
    elsewhere = sign_in(user)
    address, fresh = link(write, accounts.RESET, user), app.test_client()
    assert fresh.get(address).status_code == 200
    assert fresh.post(address, data={"password": "short"}).status_code == 422
    assert fresh.post(address, data={"password": LONG_ENOUGH}).status_code == 303
    assert in_session(fresh)
    assert not in_session(elsewhere)
    stranger = app.test_client()
    assert stranger.post(address, data={"password": "another one that is long"}).status_code == 410
    assert try_sign_in(stranger).status_code == 422
    assert try_sign_in(stranger, password=LONG_ENOUGH).status_code == 303


@pytest.mark.parametrize("purpose", [accounts.RESET, accounts.SET_UP])
def test_a_link_is_good_for_its_purpose_only(client: FlaskClient, write: Write, purpose: str):
    user = owner(write)
    address = link(write, purpose, user)
    client.get(address)
    client.post(address)
    assert not in_session(client)


def test_redis_counts_where_there_is_one(app: Flask, client: FlaskClient, write: Write, redis_url: str, monkeypatch: pytest.MonkeyPatch):
    owner(write)
    made = app.extensions["cartwheel"]
    app.extensions["cartwheel"] = replace(made, bell=Bell(connect(redis_url)))
    monkeypatch.setattr(limits.limiter, "_storage_dead", False)
    limits.register(app, replace(made.settings, redis_url=redis_url))
    for _ in range(3):
        try_sign_in(client, password="wrong")
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        counted = {key: store.get(key) for key in store.keys("LIMITS*")}
        assert sorted(counted.values()) == ["3", "3"]
        assert "owner@shop.test" not in "".join(counted)
        try_sign_in(client)
        assert [store.get(key) for key in store.keys("LIMITS*")] == ["4"]


def outbox(write: Write) -> list[tuple[str, dict[str, str]]]:
    """What waits to leave: how, and what it says."""
    with write() as session:
        rows = session.scalars(select(Outgoing).order_by(Outgoing.id)).all()
        return [(row.kind, json.loads(parts().vault.open(row.content))) for row in rows if row.content]


def test_who_has_forgotten_is_answered_alike_with_an_account_or_without(client: FlaskClient, write: Write):
    with write() as session:
        factories.make_user(session, email="owner@shop.test")
    assert "/forgot-password" in client.get("/sign-in").text
    answers = [client.post("/forgot-password", data={"email": email}) for email in ("Owner@Shop.test", "nobody@shop.test")]
    assert [answer.status_code for answer in answers] == [200, 200]
    pages = [answer.text.replace("owner@", "x@").replace("nobody@", "x@") for answer in answers]
    assert pages[0] == pages[1]
    # Whether there is an account is looked up by the worker that sends: here both do the same.
    assert outbox(write) == [("reset", {"email": "owner@shop.test"}), ("reset", {"email": "nobody@shop.test"})]


def test_mails_about_forgotten_passwords_are_limited(client: FlaskClient, write: Write):
    tries = [client.post("/forgot-password", data={"email": "owner@shop.test"}) for _ in range(4)]
    assert [answer.status_code for answer in tries] == [200, 200, 200, 429]
    assert int(tries[3].headers["Retry-After"]) > 0
    others = [client.post("/forgot-password", data={"email": f"{n}@shop.test"}).status_code for n in range(9)]
    assert (others[:6], others[-1]) == ([200] * 6, 429)


def test_a_wrong_address_is_told_at_the_field(client: FlaskClient, write: Write):
    assert client.post("/forgot-password", data={"email": "nobody"}).status_code == 422
    assert outbox(write) == []


def test_without_mails_whoever_runs_it_makes_the_link(app: Flask, client: FlaskClient, write: Write):
    made = app.extensions["cartwheel"]
    app.extensions["cartwheel"] = replace(made, settings=replace(made.settings, production=True))
    for answer in (client.get("/forgot-password"), client.post("/forgot-password", data={"email": "owner@shop.test"})):
        assert "flask --app wsgi user reset-link" in answer.text
    assert outbox(write) == []
