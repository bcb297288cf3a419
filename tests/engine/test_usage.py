"""The month's calls of an integration, and what they come to when it ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import make_integration, make_marketplace
from webapp.engine import usage
from webapp.engine.usage import Meter
from webapp.models import Integration, Usage

NOVEMBER = datetime(2026, 11, 16, tzinfo=UTC)
"""Half of November is over."""

DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def integration(session: Session) -> Integration:
    return make_integration(session, make_marketplace(session), quota=5000, created_at=datetime(2026, 1, 1, tzinfo=UTC))


def meter(session: Session, integration: Integration, now: datetime) -> Meter:
    return usage.meters(session, [integration], now)[integration.id]


def test_calls_of_a_month_add_up(session: Session, integration: Integration) -> None:
    other = make_integration(session, make_marketplace(session))
    usage.count(session, integration.id, NOVEMBER, calls=3, metered=2)
    usage.count(session, integration.id, NOVEMBER, calls=1, metered=1)
    usage.count(session, other.id, NOVEMBER, calls=9, metered=9)
    usage.count(session, integration.id, DECEMBER, calls=1, metered=0)
    rows = session.execute(select(Usage.month, Usage.calls, Usage.metered).where(Usage.integration_id == integration.id))
    assert sorted(tuple(row) for row in rows) == [("2026-11", 4, 3), ("2026-12", 1, 0)]
    assert meter(session, integration, NOVEMBER).used == 3
    assert meter(session, integration, DECEMBER).used == 0


def test_a_month_ends_in_utc() -> None:
    assert usage.month_of(datetime(2026, 11, 30, 23, 59, tzinfo=UTC)) == "2026-11"
    assert usage.month_of(DECEMBER) == "2026-12"


def test_half_a_month_comes_to_twice_as_much(session: Session, integration: Integration) -> None:
    usage.count(session, integration.id, NOVEMBER, calls=1000, metered=1000)
    assert meter(session, integration, NOVEMBER) == Meter(used=1000, quota=5000, forecast=2000, ends=DECEMBER)


def test_a_new_integration_is_measured_from_its_beginning(session: Session, integration: Integration) -> None:
    integration.created_at = datetime(2026, 11, 11, tzinfo=UTC)
    usage.count(session, integration.id, NOVEMBER, calls=100, metered=100)
    assert meter(session, integration, NOVEMBER).forecast == 400  # five days of it, fifteen to go


def test_one_busy_minute_says_little_about_a_month(session: Session, integration: Integration) -> None:
    first = datetime(2026, 11, 1, 0, 1, tzinfo=UTC)
    usage.count(session, integration.id, first, calls=10, metered=10)
    assert meter(session, integration, first).forecast <= 10 * 31


@pytest.mark.parametrize(("used", "level"), [(0, "ok"), (3999, "ok"), (4000, "high"), (4999, "high"), (5000, "over"), (6000, "over")])
def test_levels(used: int, level: str) -> None:
    assert Meter(used, 5000, used, DECEMBER).level == level


@pytest.mark.parametrize(
    ("used", "share", "may"),
    [(3999, 80, True), (4000, 80, False), (4999, 100, True), (5000, 100, False), (2500, 50, False), (9000, 0, True), (0, 80, True)],
)
def test_batches_are_held_at_a_share_of_the_quota(session: Session, integration: Integration, used: int, share: int, may: bool) -> None:
    integration.batch_share = share
    usage.count(session, integration.id, NOVEMBER, calls=used, metered=used)
    assert usage.batches_may(session, integration, NOVEMBER) is may
    assert usage.batches_may(session, integration, DECEMBER)


def test_what_is_left_and_how_far_the_bar_goes() -> None:
    assert (Meter(1200, 5000, 0, DECEMBER).left, Meter(6000, 5000, 0, DECEMBER).left) == (3800, 0)
    made = Meter(1200, 5000, 0, DECEMBER)
    assert (made.percent(1200), made.percent(9000), made.percent(0)) == (24.0, 100.0, 0.0)


@pytest.mark.parametrize(
    ("used", "forecast", "about"),
    [(0, 0, 0), (3, 7, 7), (3, 42, 42), (300, 1234, 1200), (300, 12_345, 12_000), (1234, 1236, 1234), (12, 96, 96)],
)
def test_a_forecast_is_said_in_two_digits_and_never_below_what_was_used(used: int, forecast: int, about: int) -> None:
    assert Meter(used, 5000, forecast, DECEMBER).about == about
