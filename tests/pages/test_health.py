"""For who runs it: alive, ready, and numbers for who has the token."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import Write
from webapp.config import ROOT
from webapp.pages.health import newest_revision

TOKEN = "a token for prometheus"


@pytest.fixture
def migrated(write: Write) -> None:
    with write() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": newest_revision(ROOT / "migrations")})


@pytest.mark.usefixtures("migrated")
def test_ready_also_without_redis(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"], answer.json["migrations"]) == (200, "ready", "ok")
    assert answer.json["redis"].startswith("unreachable")


def test_not_ready_before_the_migrations(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "flask --app wsgi db upgrade" in answer.json["migrations"]


@pytest.mark.usefixtures("migrated")
def test_an_older_version_goes_on_while_a_newer_one_migrates(client: FlaskClient, write: Write) -> None:
    with write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert client.get("/readyz").status_code == 200


def test_not_ready_without_a_database(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr("webapp.pages.health.inspect", gone)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (503, "not ready")


@pytest.mark.usefixtures("migrated")
def test_the_lag_is_that_of_the_lane_that_may_be_worked_on(client: FlaskClient, write: Write) -> None:
    with write() as session:
        shop = factories.make_marketplace(session)
        live, paused = factories.make_integration(session, shop), factories.make_integration(session, shop, paused_at=NOW)
        customer = factories.make_customer(session, shop)
        factories.make_lane(session, customer, live, due_at=NOW - timedelta(seconds=42))
        factories.make_lane(session, customer, paused, due_at=NOW - timedelta(days=1))
    assert client.get("/readyz").json["lag_seconds"] == 42


class TestMetrics:
    @pytest.fixture
    def client(self, app: Flask) -> FlaskClient:
        made = app.extensions["cartwheel"]
        app.extensions["cartwheel"] = replace(made, settings=replace(made.settings, metrics_token=TOKEN))
        return app.test_client()

    def test_numbers_for_who_has_the_token(self, client: FlaskClient, write: Write) -> None:
        with write() as session:
            shop = factories.make_marketplace(session, "Secret shop")
            integration = factories.make_integration(session, shop, attention="dead_key")
            lane = factories.make_lane(session, factories.make_customer(session, shop), integration)
            factories.make_entry(session, shop, lane, status="parked")
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert 'cartwheel_entries_open{status="parked"} 1\n' in answer.text
        assert "cartwheel_integrations_attention 1\n" in answer.text
        assert "Secret shop" not in answer.text
        assert all(re.fullmatch(r'# (HELP|TYPE) .+|cartwheel_\w+(\{status="\w+"\})? [\d.]+', line) for line in answer.text.splitlines())

    @pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer no"}, {"Authorization": TOKEN}])
    def test_nothing_for_others(self, client: FlaskClient, given: dict[str, str]) -> None:
        assert client.get("/metrics", headers=given).status_code == 401


def test_without_a_token_there_are_none(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404
