"""A launch delays nobody else, in a time of the test's own: the default rate, a call that takes 50 ms, Circle's own count."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from flask import Flask

from tests import factories
from tests.conftest import make_settings
from tests.engine.shop import Shop
from tests.workers.virtual import TAKES, Time, VirtualWorker, order, shop_in
from webapp import create_app
from webapp.database import db
from webapp.models import Integration, LogEntry
from webapp.parts import parts

LAUNCH = 2100


@pytest.fixture
def app(sqlite_url: str, redis_url: str, tmp_path: Path) -> Iterator[Flask]:
    made = create_app(make_settings(sqlite_url, redis_url, tmp_path))
    with made.app_context():
        yield made
    factories.done_with(made)


def launch(shop: Shop, time: Time, people: int) -> None:
    shop.now = time.moment()
    names = [f"launch{number}@shop.test" for number in range(people)]
    for some in (names[i : i + 200] for i in range(0, people, 200)):
        shop.deliver(*(shop.message("purchased", email, "ads-101", order=email) for email in some))


def test_a_launch_delays_another_marketplaces_purchase_by_less_than_two_seconds(app: Flask, redis_url: str) -> None:
    time, dice = Time(), random.Random(3)
    big, small = (shop_in(db.engine, app.extensions["cartwheel_gate"], time, name) for name in ("Big", "Small"))
    launch(big, time, LAUNCH)
    came = {f"stranger{number}@shop.test": dice.uniform(0, 320) for number in range(60)}
    for email, at in came.items():
        time.plan(at, lambda email=email: order(small, time, email))  # type: ignore[misc]
    with redis.Redis.from_url(redis_url) as connection:
        worker = VirtualWorker(parts(), time, connection)
        worker.run(330)
        called = worker.clients.called
        waits = sorted(called[email] - at for email, at in came.items())
        assert waits[-1] < 2
        # The launch has used what is not kept, at full speed, and went on as soon as the window had room.
        launched = sorted(at for email, at in called.items() if email.startswith("launch"))
        assert len(launched) == LAUNCH
        assert len([at for at in launched if at < 5]) >= 1800 - len(came)
        assert launched[-1] > 300
        assert 429 not in {call.status for call in worker.clients.community.calls}
        assert {entry.status for entry in db.session.query(LogEntry)} == {"succeeded"}


def test_the_next_event_of_a_customer_starts_right_after_the_one_before(app: Flask, redis_url: str) -> None:
    time = Time()
    shop = shop_in(db.engine, app.extensions["cartwheel_gate"], time, "Acme")
    with redis.Redis.from_url(redis_url) as connection:
        worker = VirtualWorker(parts(), time, connection)
        vip = worker.clients.community.add_space("VIP Room")
        with shop.write() as session:
            target = factories.make_target(session, session.get_one(Integration, shop.integration), remote_id=str(vip))
        shop.rule("product_purchased", "add_to_space", target.id, product="course-b")
        order(shop, time, "mina@shop.test")
        time.plan(0.03, lambda: shop.tell("purchased", "mina@shop.test", "course-b", order="2"))
        worker.run(1)
        first, second = worker.clients.community.calls
        assert (first.path, second.path) == ("/community_members", "/space_members")
        assert (second.at - first.at).total_seconds() - TAKES <= 0.05
