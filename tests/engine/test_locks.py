"""On PostgreSQL intake and workers write about the same customers at the same time, and never wait for each other in a ring."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, text, update
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import NOW
from tests.workers.processes import until
from webapp.engine import recording
from webapp.models import Holding, Lane


@pytest.fixture
def sessions(postgresql_url: str) -> Iterator[tuple[Session, Session]]:
    """Two transactions on one database. Who waits in them for more than five seconds fails."""
    engine = create_engine(postgresql_url, connect_args={"options": "-c timezone=utc -c lock_timeout=5s"})
    with Session(engine) as one, Session(engine) as other:
        yield one, other
    engine.dispose()


@pytest.fixture
def works(sessions: tuple[Session, Session]) -> list[Any]:
    """Three lanes, as works that have just been finished."""
    session, _ = sessions
    shop = factories.make_marketplace(session)
    community = factories.make_integration(session, shop)
    lanes = [
        factories.make_lane(session, factories.make_customer(session, shop, f"p{n}@shop.test"), community, claim="c") for n in range(3)
    ]
    works = [SimpleNamespace(lane_id=lane.id, claim="c", hold=(lane.id, "c")) for lane in lanes]
    session.commit()
    return works


def test_what_intake_adds_to_a_lane_keeps_no_worker_waiting(sessions: tuple[Session, Session], works: list[Any]) -> None:
    """It comes to the lanes themselves only then, and would wait for the worker meanwhile."""
    intake, worker = sessions
    said = {"target_id": 1, "held": "held", "since": NOW, "heard_at": NOW, "word": "call"}
    intake.execute(insert(Holding), [{"lane_id": works[2].lane_id, **said}])
    recording.hold(worker, works)
    worker.rollback()
    intake.execute(update(Lane).where(Lane.id == works[0].lane_id).values(look_at=NOW))


def test_a_worker_locks_its_lanes_in_the_order_of_their_ids(sessions: tuple[Session, Session], works: list[Any]) -> None:
    intake, worker = sessions
    first = min(work.lane_id for work in works)
    intake.execute(update(Lane).where(Lane.id == first).values(look_at=NOW))
    with ThreadPoolExecutor(1) as beside:
        held = beside.submit(recording.hold, worker, works[::-1])
        until(lambda: bool(intake.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))))
        intake.execute(update(Lane).values(look_at=NOW))  # it waits for the first one, and has none of the others yet
        intake.commit()
        held.result()
