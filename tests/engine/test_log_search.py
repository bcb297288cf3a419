"""The log is searched from its newest entries and from what is rare: both find the same, whatever is counted already."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import factories
from tests.engine.log_of_everything import everything, queries, typed
from tests.factories import NOW
from webapp.engine import log_fold, log_query, log_search, logs
from webapp.engine.log_query import Query
from webapp.engine.log_rows import Row
from webapp.models import Fold, LogEntry, Marketplace, Quarter, Shape, Tally


@pytest.fixture
def market(session: Session) -> Marketplace:
    return factories.make_marketplace(session)


def fold(session: Session, market: Marketplace, now: object = NOW + timedelta(minutes=1)) -> None:
    step = log_fold.due(session, market.id, now)  # type: ignore[arg-type]
    counted = log_fold.count(session, market.id, step.quarters)
    log_fold.write(session, market.id, counted, NOW, lambda _: factories.new_id())
    log_fold.done(session, market.id, step.until)
    session.expire_all()


def all_rows(session: Session, market: Marketplace) -> list[Row]:
    return logs.part(session, market.id, Query(), NOW, limit=1000).rows


def check(session: Session, market: Marketplace, start: int = 0, few: int = 4) -> None:
    """Every query finds what it must, part by part, and counts no more and, where it says so, no less."""
    rows = all_rows(session, market)
    for query in queries(session, market)[start::5]:
        expected = [row.id for row in rows if log_query.matches(query, row)]
        assert [row.id for row in logs.every(session, market.id, query, NOW, limit=few)] == expected, query
        count = logs.counted(session, market.id, query, NOW)[1]
        assert count.number == len(expected) if count.exact else 0 < count.number <= len(expected), query


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few entries are looked through that almost everything is found otherwise."""
    monkeypatch.setattr(log_search, "WALK", 2)
    monkeypatch.setattr(log_search, "COUNTED", 2)
    monkeypatch.setattr(logs, "PART", 3)


@pytest.mark.usefixtures("shallow")
def test_what_is_found_does_not_depend_on_how_much_is_counted(session: Session, market: Marketplace) -> None:
    everything(session, market)
    fold(session, market, NOW - timedelta(days=1))
    check(session, market, 1)  # only what is two days old is counted
    fold(session, market)
    check(session, market)
    for entry in session.scalars(sa.select(LogEntry).where(LogEntry.status == "failed")):
        entry.status, entry.sentence, entry.changed_at = "succeeded", "Added to space VIP Room, at last.", NOW + timedelta(minutes=2)
    session.flush()
    check(session, market, 2)  # what has changed since
    fold(session, market, NOW + timedelta(minutes=3))
    check(session, market, 3)


def test_a_word_that_many_customers_have_is_found_on_the_way(
    session: Session, market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "MANY", 1)
    monkeypatch.setattr(log_search, "WALK", 2)
    everything(session, market)
    fold(session, market)
    check(session, market, 4)


def test_a_log_is_counted_by_quarters_and_shapes(session: Session, market: Marketplace) -> None:
    customers = [factories.make_customer(session, market, email) for email in ("a@shop.test", "b@shop.test")]
    said = [f"Circle refused {one.email} at 14:32, and 9:05." for one in customers]
    for customer, sentence in zip(customers, said, strict=True):
        factories.make_entry(session, market, customer_id=customer.id, status="failed", sentence=sentence)
    early = NOW - timedelta(minutes=20)
    factories.make_entry(session, market, at=early, changed_at=early, sentence=said[0], status="failed", customer_id=customers[0].id)
    fold(session, market)
    (shape,) = session.scalars(sa.select(Shape)).all()
    assert (shape.words, shape.number) == ("Circle refused … at …, and ….", 3)
    assert sorted(one.number for one in session.scalars(sa.select(Tally))) == [1, 2]
    assert [one.statuses for one in session.scalars(sa.select(Quarter).order_by(Quarter.quarter))] == [{"failed": 1}, {"failed": 2}]
    assert [log_fold.begins(one.quarter).minute for one in session.scalars(sa.select(Quarter).order_by(Quarter.quarter))] == [30, 0]
    session.execute(sa.delete(LogEntry).where(LogEntry.at == early))
    log_fold.write(session, market.id, log_fold.count(session, market.id, [log_fold.quarter_at(early)]), NOW, lambda _: 0)
    session.expire_all()
    assert session.scalar(sa.select(Shape.number)) == 2


def test_a_step_counts_a_part_of_what_has_changed(session: Session, market: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_fold, "STEP", 2)
    for minute in range(5):
        at = NOW - timedelta(hours=5 - minute)
        factories.make_entry(session, market, at=at, changed_at=at)
    rounds = 0
    while market.id in log_fold.lagging(session, NOW):
        fold(session, market, NOW)
        rounds += 1
    assert rounds == 2
    assert session.scalar(sa.select(sa.func.sum(Tally.number))) == 5
    assert session.get_one(Fold, market.id).until == NOW - log_fold.LATE


def test_a_word_has_no_sign_that_means_something_to_the_database(session: Session, market: Marketplace) -> None:
    for sentence in ("100 % done", "a_b", "a\\b", "axb"):
        factories.make_entry(session, market, sentence=sentence)
    for text, number in (("%", 1), ("_", 1), ("a_b", 1), ("a\\b", 1), ("\\", 1), ("AXB", 1)):
        assert len(logs.part(session, market.id, typed(session, market, text), NOW).rows) == number, text


@pytest.mark.parametrize("milliseconds", [0, 1, 7, 400, 1800, 61_000, 90_000_000])
def test_a_duration_is_known_to_within_five_percent(milliseconds: int) -> None:
    known = log_fold.duration_of(log_fold.part_of(timedelta(milliseconds=milliseconds)))
    assert known / timedelta(milliseconds=1) == pytest.approx(max(milliseconds, 1), rel=0.05)
