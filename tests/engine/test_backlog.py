"""When what waits will be done: right within a tenth, whatever the window holds already and whoever else waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from tests.engine.shop import Shop
from webapp.engine import backlog, lanes
from webapp.engine.backlog import Window
from webapp.environment import Rate
from webapp.models import Call, Lane
from webapp.pacing import Limited

RATE = Rate(200, 300)
START = 1_800_000_000.0


@pytest.mark.parametrize(("before", "waiting"), [(0, 90), (0, 185), (0, 500), (120, 500), (120, 1999), (200, 60)])
def test_it_is_right_within_a_tenth(redis_url: str, before: int, waiting: int) -> None:
    at = START
    with redis.Redis.from_url(redis_url) as connection:
        pace = Limited(connection, RATE, lambda since: [], lambda: at)
        pace.take(before // 2)
        at += 97
        pace.take(before - before // 2)
        at += 20
        said = backlog.seconds(waiting, Window(200, 305, pace.spent(), kept=20, unlent=4, soon=305 / 10), 20.0, at)
        began, left = at, waiting
        while left:
            allowed = pace.take(0, min(left, 2))
            left -= allowed.patient
            at += 0.1 if allowed.patient_left else allowed.patient_wait
    assert said == pytest.approx(at - began, rel=0.1)


def test_without_a_limit_the_speed_decides() -> None:
    assert backlog.seconds(3000, None, 100.0, START) == 30


def test_each_integration_has_its_turn() -> None:
    assert backlog.ahead(1, {1: 100, 2: 10_000, 3: 5}) == 100 + 100 + 5
    assert backlog.ahead(2, {1: 100, 2: 10_000, 3: 5}) == 10_105


def test_who_waits_is_counted_where_it_may_be_called(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    for number in range(60):
        shop.tell("purchased", f"p{number}@shop.test", "ads-101", order=str(number))
    with shop.write() as session:
        assert backlog.of(session, shop.marketplace, shop.now) == {shop.integration: 60}
        assert backlog.of(session, shop.marketplace + 1, shop.now) == {}
        lanes.take(session, lanes.waiting(session, shop.now), lanes.Room(20, 20), "w", shop.now)
        assert backlog.of(session, shop.marketplace, shop.now) == {}, "what remains is soon done"
        session.get_one(type(shop.connection()), shop.integration).paused_at = shop.now
        session.flush()
        assert backlog.due(session, shop.now) == {}


def test_the_newest_calls_tell_how_fast_it_goes(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", "mina@shop.test", "ads-101", order="1")
    with shop.write() as session:
        assert backlog.speed(session, 64) == backlog.Speed(1.0, 64.0)
    shop.work()
    (lane,) = shop.rows(Lane)
    with shop.write() as session:
        for number in range(backlog.RECENT):
            at = shop.now + timedelta(seconds=number / 10)
            session.add(
                Call(
                    id=10_000 + number,
                    lane_id=lane.id,
                    integration_id=shop.integration,
                    at=at,
                    method="GET",
                    path="/",
                    status=200,
                    duration_ms=50,
                )
            )
        session.flush()
        found = backlog.speed(session, 64)
    assert found.a_second == pytest.approx(10)
    assert found.a_lane == backlog.RECENT
