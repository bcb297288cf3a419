"""A worker that is killed in the middle of its work loses nothing: what it held is taken up by another, each answer once or asked again."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from sqlalchemy import update

from sandbox.faults import Fault
from tests.workers.conftest import Bench
from tests.workers.processes import PATIENCE, until, worker
from webapp.database import writing
from webapp.models import Call, Lane
from webapp.parts import parts

PEOPLE = [f"p{number}@shop.test" for number in range(20)]
HANGING = 4


def pass_the_claims(bench: Bench) -> None:
    """As if the 25 s were over for which a dead worker's lanes are held."""
    with bench.app.app_context(), writing() as session:
        now = parts().now()
        session.execute(update(Lane).where(Lane.claim.is_not(None)).values(claimed_until=now, due_at=now))


@pytest.mark.chaos
def test_sigkill_in_the_middle_loses_nothing_and_repeats_no_more_than_was_under_way(bench: Bench, tmp_path: Path) -> None:
    circle = bench.circle.community
    circle.push(Fault.hang(PATIENCE, applied=True).on("POST", times=HANGING))
    bench.order(*PEOPLE)
    with worker(bench, tmp_path) as killed:
        until(lambda: len(circle.calls) == len(PEOPLE) and len(bench.rows(Call)) == len(PEOPLE) - HANGING)
        killed.send_signal(signal.SIGKILL)
        killed.wait(PATIENCE)
    assert bench.statuses() == ["queued"] * HANGING + ["succeeded"] * (len(PEOPLE) - HANGING)
    pass_the_claims(bench)
    with worker(bench, tmp_path):
        until(lambda: "queued" not in bench.statuses())
    assert set(bench.statuses()) <= {"succeeded", "unchanged"}
    assert set(PEOPLE) <= set(circle.held())
    assert len(circle.calls) == len(PEOPLE) + HANGING


@pytest.mark.chaos
def test_sigterm_ends_it_within_ten_seconds_and_gives_everything_back(bench: Bench, tmp_path: Path) -> None:
    circle = bench.circle.community
    circle.push(Fault.hang(PATIENCE).on("POST", times=1))
    bench.order(*PEOPLE[:3])
    with worker(bench, tmp_path) as told:
        until(lambda: len(bench.rows(Call)) == 2)
        told.send_signal(signal.SIGTERM)
        assert told.wait(10) == 0
    assert bench.statuses() == ["queued", "succeeded", "succeeded"]
