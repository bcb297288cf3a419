"""The log at a glance: right to the entry, whatever is counted already; bars are the zone's hours and days."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import NOW
from webapp.engine import log_fold
from webapp.engine.glance import PERIODS, glance
from webapp.models import Marketplace

BERLIN, NEPAL = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")


def entry(session: Session, market: Marketplace, hours: float, status: str = "succeeded") -> None:
    at = NOW - timedelta(hours=hours)
    took = {"trigger": "product_purchased", "action": "invite_member", "finished_at": at + timedelta(seconds=2)}
    factories.make_entry(session, market, at=at, changed_at=at, status=status, **took)


@pytest.mark.parametrize("counted", [True, False])
def test_bars_are_right_whether_counted_or_not(session: Session, counted: bool) -> None:
    market = factories.make_marketplace(session)
    entry(session, factories.make_marketplace(session), 1)
    for hours, status in ((0, "queued"), (0.5, "succeeded"), (1.5, "failed"), (5, "unchanged"), (30, "failed"), (24 * 20, "succeeded")):
        entry(session, market, hours, status)
    if counted:
        step = log_fold.due(session, market.id, NOW - timedelta(hours=1))
        log_fold.write(session, market.id, log_fold.count(session, market.id, step.quarters), NOW, lambda _: factories.new_id())
        log_fold.done(session, market.id, step.until)
        entry(session, market, 30, "skipped")
    for period, (good, still, poor) in {"24h": (2, 1, 1), "7d": (2, 1, 2), "30d": (3, 1, 2)}.items():
        found = glance(session, market.id, period, BERLIN, NOW)
        assert (found.total("good"), found.total("open"), found.total("poor")) == (good, still, poor)
        assert len(found.bars) == PERIODS[period][0]
        assert found.median is not None
        assert found.median / timedelta(seconds=2) == pytest.approx(1, rel=0.05)
    assert glance(session, market.id, "24h", BERLIN, NOW).bars[-1].open == 1


@pytest.mark.parametrize("zone", [BERLIN, NEPAL])
@pytest.mark.parametrize("now", [NOW, datetime(2026, 10, 25, 9, 10, tzinfo=BERLIN), datetime(2026, 3, 29, 23, 50, tzinfo=BERLIN)])
def test_bars_follow_each_other_to_the_end_of_this_hour_or_day(session: Session, zone: ZoneInfo, now: datetime) -> None:
    market = factories.make_marketplace(session)
    for period in PERIODS:
        bars = glance(session, market.id, period, zone, now).bars
        assert all(one.until == other.since for one, other in itertools.pairwise(bars))
        assert bars[-1].since <= now < bars[-1].until
        assert all(bar.since.astimezone(zone).minute == 0 for bar in bars)
        if period == "30d":
            assert {bar.since.astimezone(zone).hour for bar in bars} == {0}
