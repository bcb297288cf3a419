"""Web, workers, Redis and PostgreSQL are killed while a checkout sends: nothing is lost, nothing ends wrong, hardly anything is done twice."""

from __future__ import annotations

import pytest

from tests.chaos.run import run
from tests.chaos.story import BEGAN, Event, held, story
from tests.conftest import DATABASES


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
