"""While many customers wait for their turn the pages say how many, why, and when that will be over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis.exceptions import RedisError

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import SignIn, Write
from tests.pages.test_integrations import words
from webapp.environment import Rate
from webapp.models import Call
from webapp.pacing import Spent, Unlimited

PAGES = ("/logs", "/settings/integrations", "/settings/integrations/logs")
WAITING = 120


class Limit(Unlimited):
    """A window that has this in it."""

    def __init__(self, *spent: Spent) -> None:
        self.known = spent

    def spent(self) -> Sequence[Spent]:  # type: ignore[override]
        return self.known


class Gone(Unlimited):
    """Nobody counts."""

    def spent(self) -> None:
        raise RedisError


@pytest.fixture
def owner(write: Write, sign_in: SignIn) -> FlaskClient:
    """The owner of a marketplace in which many wait: a call takes two seconds of everybody's time, a lane one call."""
    with write() as session:
        shop = factories.make_marketplace(session, time_zone="UTC")
        community = factories.make_integration(session, shop)
        for number in range(WAITING):
            lane = factories.make_lane(session, factories.make_customer(session, shop), community, due_at=NOW)
            row = {"lane_id": lane.id, "integration_id": community.id, "method": "POST", "path": "/", "status": 201, "duration_ms": 500}
            session.add(Call(id=factories.new_id(), at=NOW - timedelta(seconds=2 * number), **row))
        user = factories.make_user(session, shop)
    return sign_in(user)


def limit(app: Flask, pace: Unlimited, rate: Rate | None) -> None:
    here = app.extensions["cartwheel"]
    app.extensions["cartwheel"] = replace(here, pace=pace, settings=replace(here.settings, circle_rate=rate, call_threads=1))


def test_where_circles_limit_is_why(app: Flask, owner: FlaskClient) -> None:
    limit(app, Limit((NOW.timestamp() + 100, 30)), Rate(50, 300))
    for page in PAGES:  # 20 go at once, 30 in 100 seconds, 20 when the first are forgotten, the last 50 at 405 s and after
        said = words(owner.get(page).text)
        assert "120 customers wait for their turn: Circle takes 50 calls in 5 minutes. All will be done at about 24 Nov, 14:12" in said


def test_where_calls_take_their_time(app: Flask, owner: FlaskClient) -> None:
    limit(app, Unlimited(), None)
    assert "120 customers wait for their turn. All will be done at about 24 Nov, 14:03" in words(owner.get("/logs").text)


def test_where_it_is_soon_over_or_nobody_can_tell_nothing_is_said(app: Flask, owner: FlaskClient) -> None:
    limit(app, Gone(), Rate(50, 300))
    assert "wait for their turn" not in owner.get("/logs").text
    limit(app, Unlimited(), None)
    here = app.extensions["cartwheel"]
    app.extensions["cartwheel"] = replace(here, settings=replace(here.settings, call_threads=64))
    assert "wait for their turn" not in owner.get("/logs").text
