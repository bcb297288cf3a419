"""Web, workers, Redis and PostgreSQL are killed while a checkout sends: nothing is lost, nothing ends wrong, hardly anything is done twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from sandbox.community import Community
from sandbox.server import running
from tests.chaos.run import NONE, SENDERS, Senders, needless, run, slow
from tests.chaos.story import BEGAN, PRODUCTS, Event, held, story
from tests.chaos.town import THREADS, town, until
from tests.conftest import DATABASES
from webapp.models import Call as CallRow
from webapp.models import Event as EventRow
from webapp.models import LogEntry


@pytest.mark.chaos
@pytest.mark.parametrize("database", DATABASES)
def test_nothing_is_lost_whatever_is_killed(database: str) -> None:
    found = run(database, seed=5, events=250, customers=40, rounds=1)
    assert found.complaints == [], found.told()
    assert len(found.kills) == (5 if database == "postgresql" else 4)


def test_the_same_seed_tells_the_same_story() -> None:
    told = story(3, 200, 30)
    assert told == story(3, 200, 30)
    assert len({event.email for event in told}) == 30
    assert 20 < sum(event.refund for event in told) < 80


def test_what_must_be_held_is_what_was_bought_and_not_refunded() -> None:
    def one(email: str, product: str, order: str, refund: bool = False) -> Event:
        return Event(f"{order}-{refund}", email, product, order, refund, BEGAN)

    told = [
        one("a", "x", "1"),
        one("a", "x", "2"),
        one("b", "x", "3"),
        one("a", "x", "1", True),
        one("b", "x", "3", True),
        one("b", "y", "4"),
    ]
    assert held(told, {"x": 7, "y": 8}) == {"a": frozenset({7}), "b": frozenset({8})}


@pytest.mark.chaos
def test_of_four_workers_two_are_killed_and_the_others_do_all_the_work() -> None:
    told = story(11, 160, 40)
    with running(Community(lambda: datetime.now(UTC))) as circle:
        circle.app = slow(circle.app)
        with town(circle, "postgresql", PRODUCTS, workers=4) as place:
            senders = Senders(place.url, place.secret, told)
            senders.pause_at = 80
            senders.start()
            until(lambda: len(circle.community.calls) > 30, "the first calls")
            for worker in place.workers[:2]:
                worker.kill()
            senders.pause_at = len(told) + SENDERS
            senders.join()
            until(lambda: place.count(select(func.count()).where(LogEntry.open_lane_id.is_not(None))) == 0, "the last entry")
            unrecorded = len(circle.community.calls) - place.count(select(func.count()).where(CallRow.status > 0))
            assert circle.community.held() == held(told, place.spaces)
            assert 0 <= unrecorded <= 2 * THREADS
            assert len({(call.body or {}).get("email") for call in needless(circle.community.calls)}) <= 2 * THREADS


@pytest.mark.chaos
def test_a_restart_under_load_loses_nothing_and_does_nothing_twice() -> None:
    """A new version is deployed while the checkout sends: what had been begun is answered, calls under way are written down."""
    told = story(7, 120, 30)
    with running(Community(lambda: datetime.now(UTC))) as circle:
        circle.app = slow(circle.app)
        with town(circle, "postgresql", PRODUCTS, workers=1) as place:
            senders = Senders(place.url, place.secret, told)
            senders.pause_at = len(told) // 2  # something is left to send, however quick it all is
            senders.start()
            until(lambda: len(circle.community.calls) > 10, "the first calls")
            taken = senders.taken
            senders.pause_at = len(told) + SENDERS
            with ThreadPoolExecutor() as both:
                codes = list(both.map(lambda process: process.end(within=10), (place.web, place.workers[0])))
            assert codes == [0, 0]
            assert taken < len(told), "it was not under load any more"
            place.web.start()
            place.workers[0].start()
            senders.join()
            until(lambda: place.count(select(func.count()).where(LogEntry.open_lane_id.is_not(None))) == 0, "the last entry")
            assert set(senders.statuses) <= {202, NONE}, "an event was taken in whose sender got no answer"
            assert place.count(select(func.count()).select_from(EventRow)) == len(told)
            assert circle.community.held() == held(told, place.spaces)
            assert len(circle.community.calls) == place.count(select(func.count()).where(CallRow.status > 0))
            assert needless(circle.community.calls) == []
