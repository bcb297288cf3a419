"""The chore of a batch: it goes on by the clock, comes to its end with the lanes, survives a database that fails and a mistake of ours."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tests.workers.conftest import Bench, called
from tests.workers.processes import until, worker
from webapp import doorbell
from webapp.database import db, writing
from webapp.engine import batches, past
from webapp.models import Batch, Happening, LogEntry, Rule
from webapp.parts import parts
from workers import batches as chore
from workers.clock import Clock

PEOPLE = [f"buyer{number}@shop.test" for number in range(12)]


@pytest.fixture
def batch(bench: Bench) -> int:
    """What a rule of this moment asks for, for twelve who bought before there was one."""
    (rule,) = bench.rows(Rule)
    with bench.app.app_context(), writing() as session:
        session.get_one(Rule, rule.id).off_at = parts().now()
    bench.order(*PEOPLE)
    with bench.app.app_context(), writing() as session:
        made = session.get_one(Rule, rule.id)
        made.off_at = None
        people = sorted({happening.customer_id for happening in session.query(Happening)})
        more = {"title": "Past", "given": past.given(made), "by": None, "now": parts().now(), "new_id": parts().new_id}
        return batches.start(session, bench.marketplace, past.KEY, people, **more).id


def run(bench: Bench, batch: int) -> Batch:
    with bench.app.app_context():
        chore.run(batch, threading.Event())
        found = db.session.get_one(Batch, batch)
        db.session.remove()
        return found


def test_it_goes_on_with_what_the_lanes_have_done(bench: Bench, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chore, "SLICE", 0.2)
    for _ in range(100):
        if run(bench, batch).state != "running":
            break
        bench.drain()
    assert run(bench, batch).state == "done"
    assert set(PEOPLE) <= set(bench.circle.community.held())


def test_the_clock_calls_for_it_once_at_a_time(bench: Bench, batch: int) -> None:
    clock = Clock(bench.app, "one", threading.Event())
    with bench.app.app_context():
        here = parts()
        for _ in range(2):
            clock.tick()
        here.bell.flush(5)
        assert called(here.bell.redis, doorbell.BATCH) == 1
        doorbell.taken_off(here.bell.redis, doorbell.BATCH, batch)
        clock.tick()
        here.bell.flush(5)
        assert called(here.bell.redis, doorbell.BATCH) == 2


def test_a_database_that_fails_is_tried_again_and_a_mistake_of_ours_ends_it(
    bench: Bench, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(error: Exception) -> None:
        def step(*_: object) -> None:
            raise error

        monkeypatch.setattr(batches, "step", step)

    raises(OperationalError("", {}, Exception()))
    assert run(bench, batch).state == "running"
    raises(KeyError("a mistake"))
    assert run(bench, batch).state == "failed"


@pytest.mark.chaos
def test_a_worker_that_is_killed_is_followed_by_another(bench: Bench, batch: int, tmp_path: Path) -> None:
    """By the clock alone: nobody called for the batch."""

    def state() -> tuple[str, int]:
        (found,) = bench.rows(Batch)
        return found.state, found.done

    with worker(bench, tmp_path):
        until(lambda: state()[1] > 0)
    with bench.app.app_context():  # as if the seconds were over for which a dead worker's chore counts as called for
        doorbell.taken_off(parts().bell.redis, doorbell.BATCH, batch)
    with worker(bench, tmp_path):
        until(lambda: state()[0] == "done")
    assert state() == ("done", len(PEOPLE))
    ended = [entry.status for entry in bench.rows(LogEntry) if entry.batch_id == batch]
    assert len(ended) == len(PEOPLE)
    assert set(ended) <= {"succeeded", "unchanged"}, "a call that was under way when the worker was killed has done its work"
    assert set(PEOPLE) <= set(bench.circle.community.held())
