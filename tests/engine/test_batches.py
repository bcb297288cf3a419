"""A batch: small steps, each person once whatever crashes, behind what is live; paused, resumed, stopped; its progress and what came of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine import batching
from tests.engine.shop import Shop
from webapp.apps import Answer
from webapp.engine import batches, usage
from webapp.engine.batches import WINDOW, NoBatch
from webapp.models import Batch, BatchItem, Integration, LogEntry

MANY = 2 * WINDOW + 3


@pytest.fixture
def batch(shop: Shop) -> int:
    """A rule that is applied to MANY who bought before."""
    for number in range(MANY):
        shop.tell("purchased", f"buyer{number:02}@shop.test", "ads-101", order=str(number))
    return batching.apply(shop, "product_purchased", "add_to_space", shop.place("space", "VIP Room"))


def made(shop: Shop, batch: int) -> list[LogEntry]:
    return [entry for entry in shop.entries() if entry.batch_id == batch]


def change(shop: Shop, **columns: object) -> None:
    with shop.write() as session:
        for name, value in columns.items():
            setattr(session.get_one(Integration, shop.integration), name, value)


def test_everybody_once_and_the_progress_says_so(shop: Shop, batch: int) -> None:
    told = batching.progress(shop, batch)
    assert (told.batch.state, told.batch.done, told.batch.total, told.came) == ("running", 0, MANY, {})
    told = batching.finish(shop, batch)
    assert (told.batch.state, told.batch.done, told.batch.total, told.batch.finished_at) == ("done", MANY, MANY, shop.now)
    assert (told.came, told.waiting, told.left_out) == ({"succeeded": MANY}, 0, 0)
    assert all(shop.holds(f"buyer{number:02}@shop.test") == {"member", "VIP Room"} for number in range(MANY))
    assert len(shop.calls) == MANY
    assert shop.rows(BatchItem) == []


def test_never_more_than_a_few_of_it_wait_for_their_calls(shop: Shop, batch: int) -> None:
    assert batching.step(shop, batch).came == "more"
    assert len(made(shop, batch)) == WINDOW
    assert batching.step(shop, batch).came == "waits"
    shop.finish(shop.claim()[0])
    assert batching.step(shop, batch).came == "more"
    assert len(made(shop, batch)) == WINDOW + 1


def test_it_is_over_when_what_it_has_begun_has_ended(shop: Shop) -> None:
    shop.tell("purchased", "mina@shop.test", "ads-101", order="1")
    batch = batching.apply(shop, "product_purchased", "invite_member")
    assert [batching.step(shop, batch).came for _ in range(2)] == ["more", "waits"]
    shop.work()
    assert batching.step(shop, batch).came == "over"


def test_who_backs_off_holds_up_nobody(shop: Shop, batch: int) -> None:
    shop.answers = [Answer(503)] * WINDOW
    batching.step(shop, batch)
    for work in shop.claim():
        shop.finish(work)
    shop.pass_time(minutes=1)
    change(shop, hold_until=None)
    assert batching.step(shop, batch).came == "more"


def test_where_the_app_takes_no_more_today_it_goes_on_tomorrow(shop: Shop, batch: int) -> None:
    batching.step(shop, batch)
    shop.answers = [Answer(403, {"success": False, "errors": "Daily member limit exceeded."}, "{}")]
    for work in shop.claim():
        shop.finish(work)
    assert batching.step(shop, batch).came == "waits"
    assert "tomorrow" in batching.progress(shop, batch).waits_for
    shop.pass_time(days=1)
    shop.work()
    assert batching.finish(shop, batch).came == {"succeeded": MANY}


@pytest.mark.parametrize(("columns", "why"), [({"paused_at": batching.NOW}, "is paused"), ({"attention": "dead_key"}, "needs attention")])
def test_it_waits_for_an_integration_that_does_nothing_and_says_so(shop: Shop, batch: int, columns: dict[str, object], why: str) -> None:
    change(shop, **columns)
    assert [batching.step(shop, batch).came for _ in range(3)] == ["more", "waits", "waits"]
    assert batching.progress(shop, batch).waits_for == f"It waits for My community, which {why}."


def test_it_waits_for_the_next_month_where_its_share_of_the_quota_is_used(shop: Shop, batch: int) -> None:
    change(shop, quota=5000, batch_share=80)
    with shop.write() as session:
        usage.count(session, shop.integration, shop.now, 4000, 4000)
    assert batching.step(shop, batch).came == "waits"
    assert batching.progress(shop, batch).waits_for.startswith("It waits for the next month: My community")
    shop.pass_time(days=10)
    assert batching.finish(shop, batch).came == {"succeeded": MANY}


def test_a_crash_in_a_step_leaves_no_trace_and_it_goes_on(shop: Shop, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    batching.step(shop, batch)
    shop.work()
    with monkeypatch.context() as patched:
        patched.setattr("webapp.engine.batches._items", None)  # after the work of the step, before its end
        with pytest.raises(TypeError):
            batching.step(shop, batch)
    assert len(made(shop, batch)) == batching.progress(shop, batch).batch.done == WINDOW
    assert batching.finish(shop, batch).came == {"succeeded": MANY}


def test_paused_it_begins_nothing_and_resumed_it_goes_on(shop: Shop, batch: int) -> None:
    batching.step(shop, batch)
    with shop.write() as session:
        batches.pause(session, shop.marketplace, batch)
    shop.work()
    assert batching.step(shop, batch).came == "over"
    with shop.write() as session:
        assert batches.running(session) == []
        assert [one.id for one in batches.unfinished(session, shop.marketplace)] == [batch]
    assert (batching.progress(shop, batch).batch.state, batching.progress(shop, batch).batch.done) == ("paused", WINDOW)
    with shop.write() as session:
        batches.resume(session, shop.marketplace, batch)
    assert batching.finish(shop, batch).came == {"succeeded": MANY}


def test_stopped_it_is_over_and_what_was_done_stays(shop: Shop, batch: int) -> None:
    batching.step(shop, batch)
    with shop.write() as session:
        batches.stop(session, shop.marketplace, batch, "owner@shop.test", shop.now)
    shop.work()
    with shop.write() as session:  # what is over is over
        batches.resume(session, shop.marketplace, batch)
        batches.stop(session, shop.marketplace, batch, "another@shop.test", shop.now + timedelta(1))
    told = batching.finish(shop, batch)
    assert (told.batch.state, told.batch.sentence, told.batch.done) == ("stopped", "Stopped by owner@shop.test.", WINDOW)
    assert told.came == {"succeeded": WINDOW}
    assert shop.rows(BatchItem) == []


def test_one_that_fails_is_not_tried_for_ever(shop: Shop, batch: int) -> None:
    with shop.write() as session:
        batches.fail(session, batch, shop.now)
    assert batching.step(shop, batch).came == "over"
    assert batching.progress(shop, batch).batch.state == "failed"


def test_somebody_elses_is_not_there(shop: Shop, batch: int) -> None:
    with shop.write() as session:
        for act in (batches.find, batches.pause, batches.resume):
            with pytest.raises(NoBatch):
                act(session, shop.marketplace + 1, batch)
        assert batches.listing(session, shop.marketplace + 1) == []
        assert [one.id for one in batches.listing(session, shop.marketplace)] == [batch]
    assert shop.rows(Batch)[0].state == "running"
