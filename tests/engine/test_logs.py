"""Reading the log: its order, its parts, what a query finds, the status that shows, what has changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import factories
from tests.engine.log_of_everything import everything, queries, typed
from tests.factories import NOW
from webapp.engine import log_query, logs
from webapp.engine.log_query import Query
from webapp.models import Call, CallEntry, Customer, Integration, LogEntry, Marketplace

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def market(session: Session) -> Marketplace:
    return factories.make_marketplace(session)


def _entry(session: Session, market: Marketplace, **fields: Any) -> LogEntry:
    return factories.make_entry(session, market, **fields)


def _waiting(
    session: Session, market: Marketplace, integration: Integration, lane: dict[str, Any] | None = None, **fields: Any
) -> LogEntry:
    customer = factories.make_customer(session, market)
    return factories.make_entry(session, market, factories.make_lane(session, customer, integration, **(lane or {})), **fields)


def _found(session: Session, market: Marketplace, query: Query | None = None) -> list[int]:
    return [row.id for row in logs.part(session, market.id, query or Query(), NOW).rows]


def _status(session: Session, entry: LogEntry) -> str:
    rows = logs.part(session, entry.marketplace_id, Query(), NOW).rows
    return next(row.status for row in rows if row.id == entry.id)


def test_the_newest_come_first_part_by_part_and_none_twice(session: Session, market: Marketplace) -> None:
    made = [_entry(session, market).id for _ in range(7)]
    _entry(session, factories.make_marketplace(session))
    first = logs.part(session, market.id, Query(), NOW, limit=4)
    second = logs.part(session, market.id, Query(), NOW, before=first.rows[-1].id, limit=4)
    assert [row.id for row in first.rows + second.rows] == made[::-1]
    assert (first.older, second.older) == (True, False)
    assert [row.id for row in logs.every(session, market.id, Query(), NOW, limit=3)] == made[::-1]


def test_a_row_has_the_names_that_a_page_shows(session: Session, market: Marketplace) -> None:
    integration = factories.make_integration(session, market, "My community")
    customer = factories.make_customer(session, market, "maya@shop.test")
    ads = factories.make_product(session, market, "Ads 101", external_id="ads-101")
    about = {"customer_id": customer.id, "product_id": ads.id, "integration_id": integration.id, "finished_at": LATER}
    entry = _entry(session, market, trigger="product_purchased", action="add_to_space", **about)
    row = logs.part(session, market.id, Query(), NOW).rows[0]
    assert (row.email, row.product, row.product_ref, row.integration) == ("maya@shop.test", "Ads 101", "ads-101", "My community")
    assert (row.id, row.trigger, row.action, row.took) == (entry.id, "product_purchased", "add_to_space", timedelta(minutes=1))


def test_a_row_says_whether_a_call_served_it(session: Session, market: Marketplace) -> None:
    integration = factories.make_integration(session, market)
    lane = factories.make_lane(session, factories.make_customer(session, market), integration)
    called, quiet = _entry(session, market), _entry(session, market, status="unchanged")
    call = Call(id=1, lane_id=lane.id, integration_id=integration.id, at=NOW, method="POST", path="/x", status=201, duration_ms=4)
    session.add(call)
    session.flush()
    session.add(CallEntry(entry_id=called.id, call_id=1))
    session.flush()
    rows = {row.id: row for row in logs.part(session, market.id, Query(), NOW).rows}
    assert (rows[called.id].called, rows[quiet.id].called) == (True, False)


@pytest.mark.parametrize(
    ("integration", "lane", "entry", "shown"),
    [
        ({}, {}, {}, "queued"),
        ({}, {}, {"status": "retrying"}, "retrying"),
        ({}, {}, {"status": "parked"}, "parked"),
        ({}, {"claimed_until": LATER}, {}, "running"),
        ({}, {"claimed_until": LATER}, {"due_at": LATER}, "queued"),
        ({}, {"claimed_until": NOW}, {}, "queued"),
        ({"attention": "dead_key"}, {}, {}, "parked"),
        ({"paused_at": NOW}, {}, {"status": "retrying"}, "parked"),
        ({"attention": "dead_key"}, {"claimed_until": LATER}, {}, "running"),
    ],
)
def test_the_status_that_shows_is_read_off_lane_and_integration(
    session: Session, market: Marketplace, integration: dict[str, Any], lane: dict[str, Any], entry: dict[str, Any], shown: str
) -> None:
    made = _waiting(session, market, factories.make_integration(session, market, **integration), lane, **entry)
    assert _status(session, made) == shown
    for status in log_query.STATUSES:
        assert _found(session, market, Query(status=status)) == ([made.id] if status == shown else [])
    assert logs.counts(session, market.id, NOW) == {shown: 1}


def test_what_has_ended_shows_as_it_ended_whatever_its_integration_does(session: Session, market: Marketplace) -> None:
    integration = factories.make_integration(session, market, attention="dead_key")
    assert _status(session, _entry(session, market, integration_id=integration.id)) == "succeeded"


def test_a_parked_entry_says_what_it_waits_for(session: Session, market: Marketplace) -> None:
    dead = _waiting(session, market, factories.make_integration(session, market, "Alumni Club", attention="dead_key"))
    paused = _waiting(session, market, factories.make_integration(session, market, "Beta", paused_at=NOW))
    tomorrow = _waiting(session, market, factories.make_integration(session, market), status="parked", sentence="Invited tomorrow.")
    says = {row.id: row.says for row in logs.part(session, market.id, Query(), NOW).rows}
    assert says == {
        dead.id: "Waits until Alumni Club is connected again.",
        paused.id: "Waits until Beta is resumed.",
        tomorrow.id: "Invited tomorrow.",
    }


def test_counts_stop_at_their_limit(session: Session, market: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST", 3)
    integration = factories.make_integration(session, market)
    for _ in range(4):
        _entry(session, market)
        _waiting(session, market, integration)
    _entry(session, market, status="failed")
    assert logs.counts(session, market.id, NOW) == {"failed": 1, "queued": 3, "succeeded": 3}


def test_the_database_and_the_open_page_agree_on_what_a_query_asks_for(session: Session, market: Marketplace) -> None:
    everything(session, market)
    rows = logs.part(session, market.id, Query(), NOW, limit=100).rows
    sizes = set()
    for query in queries(session, market):
        found = _found(session, market, query)
        assert found == [row.id for row in rows if log_query.matches(query, row)], query
        sizes.add(len(found))
    assert {0, 25} < sizes, "some queries must find nothing, some everything and some something"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("maya", 16), ("stan", 8), ("maya@shop.test", 8), ("Ads", 12), ("kit-9", 12), ("VIP", 8), ("100%", 8), ("_", 8), ("typo", 0)],
)
def test_a_text_is_looked_for_in_addresses_products_and_sentences(session: Session, market: Marketplace, text: str, expected: int) -> None:
    everything(session, market)
    assert len(_found(session, market, typed(session, market, text))) == expected


def test_somebody_elses_customer_of_the_same_address_is_not_found(session: Session, market: Marketplace) -> None:
    elsewhere = factories.make_marketplace(session)
    customer = factories.make_customer(session, elsewhere, "maya@shop.test")
    _entry(session, elsewhere, customer_id=customer.id)
    assert _found(session, market, typed(session, market, "maya@shop.test")) == []


def test_a_part_costs_the_same_queries_however_long_it_is(session: Session, market: Marketplace) -> None:
    everything(session, market)
    asked: list[str] = []
    sa.event.listen(session.connection(), "before_cursor_execute", lambda *args: asked.append(args[2]))
    logs.part(session, market.id, Query(), NOW, limit=2)
    few, asked[:] = len(asked), []
    logs.part(session, market.id, Query(), NOW, limit=100)
    assert len(asked) == few == 3


def test_what_has_changed_is_known_by_its_time(session: Session, market: Marketplace) -> None:
    _entry(session, market)
    late = _entry(session, market, changed_at=LATER)
    _entry(session, factories.make_marketplace(session), changed_at=LATER)
    assert logs.changed(session, market.id, NOW, LATER) == {late.id: LATER}


def test_a_page_that_comes_back_is_told_what_is_new_and_what_it_has(session: Session, market: Marketplace) -> None:
    long_ago = NOW - timedelta(hours=1)
    _entry(session, market, at=long_ago, changed_at=long_ago)
    old, top = _entry(session, market, changed_at=LATER), _entry(session, market)
    fresh = _entry(session, market, at=LATER, changed_at=LATER, status="failed")
    news = logs.news(session, market.id, Query(), NOW, top.id, 0, LATER)
    assert [row.id for row in news.fresh] == [fresh.id]
    assert [row.id for row in news.known] == [top.id, old.id], "what changed just before may have been committed after"
    assert [row.id for row in logs.news(session, market.id, Query(), NOW, top.id, top.id, LATER).known] == [top.id]
    filtered = logs.news(session, market.id, Query(status="failed"), NOW, top.id, 0, LATER)
    assert ([row.id for row in filtered.fresh], len(filtered.known)) == ([fresh.id], 2)
    assert logs.news(session, market.id, Query(status="queued"), NOW, top.id, 0, LATER).fresh == []


def test_of_many_new_entries_the_newest_are_given_and_the_rest_counted(session: Session, market: Marketplace) -> None:
    made = [_entry(session, market).id for _ in range(5)]
    news = logs.news(session, market.id, Query(), NOW, 0, 0, NOW, limit=2)
    assert ([row.id for row in news.fresh], news.more) == (made[:2:-1], 3)


def test_entries_that_wait_for_an_integration_are_found(session: Session, market: Marketplace) -> None:
    one, other = (factories.make_integration(session, market) for _ in range(2))
    waiting = [_waiting(session, market, one, status=status).id for status in ("queued", "retrying", "queued")]
    _waiting(session, market, other)
    _entry(session, market, integration_id=one.id)
    assert logs.waiting_for(session, market.id, one.id, 2) == waiting[:0:-1]
    assert set(logs.stops(session, market.id).values()) == {""}
    other.paused_at = NOW
    session.flush()
    assert logs.stops(session, market.id) == {one.id: "", other.id: "paused"}


def test_customers_are_looked_for_by_the_address_in_any_case(session: Session, market: Marketplace) -> None:
    customer: Customer = factories.make_customer(session, market, "maya@shop.test")
    assert typed(session, market, "Maya@Shop.test").customer_id == customer.id
    assert typed(session, market, "maya@shop").customer_id is None
