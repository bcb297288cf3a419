"""The job `work`: everything that is due is done, many calls at a time, and nothing is lost when it is stopped."""

from __future__ import annotations

import threading

import pytest
from redis.exceptions import RedisError

from sandbox.faults import Fault
from tests.conftest import Lines
from tests.workers.conftest import Bench
from webapp import doorbell
from webapp.apps import Call as Planned
from webapp.apps import Known, Want
from webapp.apps.circle import Circle
from webapp.models import Call, Integration, Lane, LogEntry
from webapp.pacing import Allowed, Unlimited
from webapp.parts import parts

PEOPLE = [f"p{number}@shop.test" for number in range(30)]


def test_everything_that_is_due_is_done(bench: Bench) -> None:
    bench.order(*PEOPLE)
    bench.drain()
    assert bench.statuses() == ["succeeded"] * 30
    assert set(PEOPLE) <= set(bench.circle.community.held())
    assert len(bench.rows(Call)) == len(bench.circle.community.calls) == 30
    assert {(lane.due_at, lane.claim) for lane in bench.rows(Lane)} == {(None, None)}
    assert bench.circle.community.violations == []


def test_the_flag_is_down_when_it_ends(bench: Bench) -> None:
    with bench.app.app_context():
        redis = parts().bell.redis
        assert doorbell.ring(redis) is True
        assert doorbell.ring(redis) is False
        bench.drain()
        assert doorbell.ring(redis) is True


def test_a_failure_that_passes_waits_and_the_others_go_on(bench: Bench) -> None:
    bench.circle.community.push(Fault.error(503).on(email="p3@shop.test"))
    bench.order(*PEOPLE[:6])
    bench.drain()
    assert bench.statuses() == ["retrying"] + ["succeeded"] * 5
    (waiting,) = [lane for lane in bench.rows(Lane) if lane.due_at]
    assert waiting.retry_at is not None


def test_a_key_that_nothing_opens_needs_attention_and_calls_nothing(bench: Bench) -> None:
    bench.change(credentials=b"sealed by somebody else")
    bench.order(*PEOPLE[:3])
    bench.drain()
    assert bench.rows(Integration)[0].attention == "unreadable_key"
    assert bench.circle.community.calls == []
    assert bench.statuses() == ["queued"] * 3


def test_a_dead_key_stops_the_integration(bench: Bench) -> None:
    bench.circle.community.tokens.clear()
    bench.order(*PEOPLE)
    bench.drain()
    assert bench.rows(Integration)[0].attention == "dead_key"
    assert bench.statuses() == ["queued"] * 30
    assert {entry.attempts for entry in bench.rows(LogEntry)} == {0}
    assert len(bench.circle.community.calls) <= 8


class OneByOne(Unlimited):
    """Lets a call out when those before it are on record."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.let_out = bench, 0

    def take(self, urgent: int, patient: int = 0, *, keep: bool = True) -> Allowed:
        given = min(urgent, 1) if len(self.bench.rows(Call)) == self.let_out else 0
        self.let_out += given
        return Allowed(given, 0)


def test_a_dead_key_is_found_by_one_call_where_the_others_wait_for_the_pace(bench: Bench) -> None:
    bench.circle.community.tokens.clear()
    bench.order(*PEOPLE[:8])
    bench.drain(OneByOne(bench))
    assert len(bench.circle.community.calls) == 1
    assert {(lane.claim, lane.attempts) for lane in bench.rows(Lane)} == {(None, 0)}
    assert bench.statuses() == ["queued"] * 8


class Gone:
    """Redis can't be reached until the test says so."""

    def __init__(self, stop: threading.Event) -> None:
        self.asked, self.stop = 0, stop

    def take(self, urgent: int, patient: int = 0, *, keep: bool = True) -> Allowed:
        self.asked += 1
        self.stop.set()
        raise RedisError("gone")


def test_without_redis_no_call_goes_out_and_the_lanes_are_given_back(bench: Bench) -> None:
    stop = threading.Event()
    bench.order(*PEOPLE[:3])
    bench.drain(Gone(stop), stop)
    assert bench.circle.community.calls == []
    assert bench.statuses() == ["queued"] * 3
    assert {lane.claim for lane in bench.rows(Lane)} == {None}
    bench.drain()
    assert bench.statuses() == ["succeeded"] * 3


class StopsAfter(Unlimited):
    """Tells the drain to stop once the first calls are out."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop

    def take(self, urgent: int, patient: int = 0, *, keep: bool = True) -> Allowed:
        self.stop.set()
        return Allowed(min(urgent, 2), 0, 0, 0, 60.0, 60.0)


def test_a_stop_lets_calls_under_way_finish_and_gives_the_rest_back(bench: Bench) -> None:
    stop = threading.Event()
    bench.order(*PEOPLE[:6])
    bench.drain(StopsAfter(stop), stop)
    assert bench.statuses() == ["queued"] * 4 + ["succeeded"] * 2
    assert len(bench.circle.community.calls) == 2
    bench.drain()
    assert bench.statuses() == ["succeeded"] * 6
    assert len(bench.circle.community.calls) == 6


def test_a_mistake_in_one_plan_does_not_stop_the_others(bench: Bench, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Circle.plan

    def plan(self: Circle, want: Want, known: Known) -> tuple[Planned, ...]:
        if known.email == "p1@shop.test":
            raise ZeroDivisionError
        return right(self, want, known)

    monkeypatch.setattr(Circle, "plan", plan)
    bench.order(*PEOPLE[:3])
    bench.drain()
    assert bench.statuses() == ["retrying", "succeeded", "succeeded"]
    told = {one["lane"]: one for one in lines() if "lane" in one and one["level"] == "INFO"}
    entries = bench.rows(LogEntry)
    assert {lane: (one["entries"], one["events"]) for lane, one in told.items()} == {
        str(entry.lane_id): ([str(entry.id)], [str(entry.event_id)]) for entry in entries
    }
    assert {one["integration"] for one in told.values()} == {str(bench.integration)}
    (waits,) = [entry for entry in entries if entry.status == "retrying"]
    assert {one["lane"] for one in lines() if one["level"] == "ERROR"} == {str(waits.lane_id)}
