"""Secrets are planted, and everything that the product writes is searched for them: pages, logs, exports, Redis, jobs, what is kept, `repr`."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.pages.conftest import Write
from tests.pages.every_route import World
from tests.pages.test_every_route import addresses
from webapp import config
from webapp.apps import Community
from webapp.doorbell import REFRESH
from webapp.models import Base, Source, User
from webapp.parts import parts
from webapp.passwords import hash_password

API_KEY, NEW_KEY, PASSWORD = "canary-api-key-1f0c", "canary-new-key-77aa", "canary password 5d2e"
SIGNING = "whsec_Y2FuYXJ5IHNpZ25pbmcgc2VjcmV0IDk5ZTE="
ENCRYPTION, SESSIONS = "canary-encryption-key-of-the-deployment", "canary-secret-key-of-the-deployment"
CANARIES = (API_KEY, NEW_KEY, PASSWORD, SIGNING, ENCRYPTION, SESSIONS)


@pytest.fixture
def settings(settings: config.Settings, redis_url: str) -> config.Settings:
    """With keys of the deployment that are canaries themselves, and a Redis that listens."""
    keys = config.load({"CARTWHEEL_VAR": str(settings.var), "DEMO": "0", "ENCRYPTION_KEYS": ENCRYPTION, "SECRET_KEY": SESSIONS})
    return replace(keys, redis_url=redis_url)


@pytest.fixture
def world(app: Flask, write: Write) -> World:
    with write() as session:
        made = World(session, "Acme")
        vault = parts().vault
        session.execute(
            update(Source).where(Source.kind == "cartwheel").values(secret=vault.seal(SIGNING), previous_secret=vault.seal(SIGNING))
        )
        made.integration.credentials = vault.seal(json.dumps({"api_key": API_KEY}))
        session.execute(update(User).values(password_hash=hash_password(PASSWORD)))
    return made


@pytest.fixture
def owner(client: FlaskClient, world: World) -> FlaskClient:
    assert client.post("/sign-in", data={"email": world.people["owner"].email, "password": PASSWORD}).status_code == 303
    return client


def clean(what: str, text: str) -> None:
    for canary in CANARIES:
        assert canary not in text, f"{what} holds {canary}"


def test_nothing_that_is_written_holds_a_secret(
    app: Flask,
    world: World,
    owner: FlaskClient,
    write: Write,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("webapp.pages.connecting._ask", lambda *_: Community("1", "A community"))
    for endpoint, method, address, _ in addresses(app, world.ids):
        if method == "GET" and endpoint != "logs.live":
            clean(f"the page {endpoint}", owner.get(address).text)
    key = {"name": "Acme community", "api_key": NEW_KEY, "community_url": "https://c.test", "mode": "live", "quota": "5000"}
    for path in ("/settings/integrations/new/circle", f"/settings/integrations/{world.integration.id}/edit"):
        clean(path, owner.post(path, data=key | {"name": ""}).text)  # what was typed comes back, but for the key
        clean(path, owner.post(path, data=key | {"name": f"Acme {len(path)}"}).text)
    clean("the sign-in", owner.post("/sign-in", data={"email": "nobody@shop.test", "password": PASSWORD}).text)
    clean("a cookie", str(owner.get_cookie("cartwheel")))
    clean("the log", caplog.text)
    _clean_redis(app, redis_url)
    _clean_rows(write)


def _clean_redis(app: Flask, redis_url: str) -> None:
    with app.app_context():
        bell = parts().bell
        bell.ring((1,))
        bell.chore(REFRESH, 1)
        assert bell.flush(5)
    with redis.Redis.from_url(redis_url) as connection:
        names = list(connection.scan_iter())
        kept = [connection.dump(name) for name in names]
        assert kept
        clean("Redis", repr(kept) + repr(names))


def _clean_rows(write: Write) -> None:
    """What is stored, sealed columns too: they are encrypted. And what a debugger would show of a row."""
    with write() as session:
        for table in Base.metadata.sorted_tables:
            clean(f"the table {table.name}", repr(session.execute(select(table)).all()))
        for mapper in Base.registry.mappers:
            clean(mapper.class_.__name__, repr(session.scalars(select(mapper.class_)).all()))


def test_no_repr_shows_one(app: Flask, settings: config.Settings) -> None:
    with app.app_context():
        clean("the settings", repr(settings) + repr(parts()) + str(parts().vault))


def test_no_command_prints_one(app: Flask, world: World) -> None:
    run = app.test_cli_runner()
    for command in (["export"], ["logs", "--json"], ["holds", world.ids["email"], "--json"], ["rotate-keys"]):
        came = run.invoke(args=command)
        assert came.exit_code == 0, came.output
        clean(" ".join(command), came.output)
