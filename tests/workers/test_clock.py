"""The clock: one of many, and it rings for what is due."""

from __future__ import annotations

import threading
from datetime import timedelta

from tests.workers.conftest import Bench, called
from webapp import doorbell
from webapp.database import writing
from webapp.engine import loading
from webapp.models import Integration
from webapp.parts import parts
from workers.clock import HELD_FOR, Clock, take_lease


def rang(bench: Bench) -> bool:
    """Whether the bell has been rung; the flag is down again afterwards."""
    here = parts()
    here.bell.flush(5)
    was = bool(here.bell.redis.exists(doorbell.FLAG))
    doorbell.unring(here.bell.redis)
    return was


def test_it_rings_for_what_is_due_and_only_then(bench: Bench) -> None:
    clock = Clock(bench.app, "one", threading.Event())
    with bench.app.app_context():
        clock.tick()
        assert not rang(bench)
        bench.order("mina@shop.test")
    with bench.app.app_context():
        clock.tick()
        assert rang(bench)


def test_it_does_not_ring_for_an_integration_that_is_stopped(bench: Bench) -> None:
    bench.order("mina@shop.test")
    clock = Clock(bench.app, "one", threading.Event())
    for columns in ({"attention": "dead_key"}, {"attention": None, "paused_at": bench.rows(Integration)[0].created_at}):
        bench.change(**columns)
        with bench.app.app_context():
            clock.tick()
            assert not rang(bench)


def test_only_the_holder_of_the_lease_looks(bench: Bench) -> None:
    bench.order("mina@shop.test")
    with bench.app.app_context():
        with writing() as session:
            assert take_lease(session, "clock", "another", parts().now(), HELD_FOR)
        Clock(bench.app, "one", threading.Event()).tick()
        assert not rang(bench)


def test_a_lease_runs_out_and_is_taken_over(bench: Bench) -> None:
    with bench.app.app_context():
        now = parts().now()
        with writing() as session:
            assert take_lease(session, "clock", "one", now, HELD_FOR)
            assert take_lease(session, "clock", "one", now + HELD_FOR / 2, HELD_FOR)
            assert not take_lease(session, "clock", "two", now + 1.4 * HELD_FOR, HELD_FOR)
            assert take_lease(session, "clock", "two", now + 1.5 * HELD_FOR, HELD_FOR)


def test_it_calls_again_for_a_catalog_that_nobody_began_to_load(bench: Bench) -> None:
    with bench.app.app_context():
        with writing() as session:
            loading.want(session.get_one(Integration, bench.integration), parts().now() - timedelta(minutes=1))
        Clock(bench.app, "one", threading.Event()).tick()
        parts().bell.flush(5)
        assert called(parts().bell.redis, doorbell.REFRESH) == 1
