"""All that failed in a filter is replayed once, in its order, each linked to its original."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.engine import batching
from tests.engine.shop import Shop
from webapp.apps import Answer
from webapp.engine import entries, replays
from webapp.engine.log_query import Query
from webapp.engine.replays import Toll
from webapp.models import LogEntry

REFUSED = Answer(422, {"message": "Invalid email address."}, '{"message": "Invalid email address."}')
PEOPLE = [f"buyer{number}@shop.test" for number in range(4)]


@pytest.fixture
def failed(shop: Shop) -> list[int]:
    """Four whom Circle has refused, with two entries each."""
    shop.rule("product_purchased", "invite_member")
    shop.rule("product_purchased", "add_tag", shop.place("tag", "Student"))
    for email in PEOPLE:
        shop.answers = [REFUSED] * 3
        shop.tell("purchased", email, "course", order=email)
        shop.work()
    shop.answers = []
    found = [entry.id for entry in shop.entries() if entry.status == "failed"]
    assert len(found) == 8
    return found


def toll(shop: Shop, query: Query | None = None) -> Toll:
    with Session(shop.engine) as session:
        return replays.toll(session, shop.marketplace, query or Query(), shop.now)


def begin(shop: Shop) -> int:
    return batching.start(shop, replays.KEY, toll(shop).entries, integrations=[shop.integration])


def test_counted_replayed_and_linked(shop: Shop, failed: list[int]) -> None:
    said = toll(shop)
    assert (said.entries, said.people, said.calls, said.integrations) == (failed, 4, 8, [shop.integration])
    shop.pass_time(minutes=1)
    batch = begin(shop)
    told = batching.finish(shop, batch)
    assert (told.batch.state, told.came, told.left_out) == ("done", {"succeeded": 8}, 0)
    assert [entry.replays_id for entry in shop.entries() if entry.batch_id == batch] == failed
    assert all(shop.holds(email) == {"member", "Student"} for email in PEOPLE)
    assert toll(shop).entries == []


def test_only_what_the_query_asks_for(shop: Shop, failed: list[int]) -> None:
    entry = next(entry for entry in shop.entries() if entry.id == failed[0])
    assert len(toll(shop, Query(customer_id=entry.customer_id)).entries) == 2
    assert len(toll(shop, Query(action="add_tag")).entries) == 4
    assert toll(shop, Query(status="succeeded")).entries == ()
    with Session(shop.engine) as session:
        assert replays.toll(session, shop.marketplace + 1, Query(), shop.now).entries == []


def test_what_was_replayed_or_skipped_meanwhile_is_left_out(shop: Shop, failed: list[int]) -> None:
    batch = begin(shop)
    with shop.write() as session:
        entries.replay(session, shop.marketplace, failed[0], shop.now, shop.new_id)
        entries.skip(session, shop.marketplace, failed[1], "owner@shop.test", shop.now)
    shop.work()
    told = batching.finish(shop, batch)
    assert (told.batch.done, told.left_out, sum(told.came.values())) == (8, 2, 6)


def test_a_replay_that_fails_again_stands_for_the_first(shop: Shop, failed: list[int]) -> None:
    with shop.write() as session:
        entries.replay(session, shop.marketplace, failed[0], shop.now, shop.new_id)
    shop.answers = [REFUSED] * 3
    shop.work()
    again = shop.entries()[-1]
    assert (again.replays_id, again.status) == (failed[0], "failed")
    assert sorted(toll(shop).entries) == sorted([*failed[1:], again.id])


def test_no_more_than_a_batch_can_hold(shop: Shop, failed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST", 3)
    said = toll(shop)
    assert (said.entries, said.more) == (failed[:3], True)


def test_its_entries_are_found_by_its_batch(shop: Shop, failed: list[int]) -> None:
    batch = begin(shop)
    batching.finish(shop, batch)
    with Session(shop.engine) as session:
        assert session.query(LogEntry).filter_by(batch_id=batch).count() == 8
