"""When the app does not answer: the circuit opens, one call at a time asks, nothing is counted, and all goes on at once when it is back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.shop import Shop
from tests.factories import NOW
from webapp.apps import Answer
from webapp.engine import circuit, lanes
from webapp.models import Integration

DOWN, SILENT = Answer(503, text="down"), Answer(0, error="Circle did not answer within 20 seconds.")
MINA = "mina@shop.test"
SILENCE = "Circle has not answered since 14:02."


def order(shop: Shop, *people: str) -> None:
    for email in people:
        shop.tell("purchased", email, "ads-101", order=email)


def fail(shop: Shop, calls: int, answer: Answer = DOWN) -> None:
    """So many customers' calls fail."""
    shop.answers = [answer] * calls
    shop.work()


@pytest.fixture
def down(shop: Shop) -> Shop:
    """A shop with eight orders, whose community has just failed them all."""
    shop.rule("product_purchased", "invite_member")
    order(shop, *(f"p{number}@shop.test" for number in range(8)))
    fail(shop, 8)
    return shop


@pytest.mark.parametrize("answer", [DOWN, SILENT])
def test_a_run_of_failures_stops_all_calls_of_the_integration(shop: Shop, answer: Answer) -> None:
    shop.rule("product_purchased", "invite_member")
    order(shop, *(f"p{number}@shop.test" for number in range(30)))
    fail(shop, 30, answer)
    assert len(shop.calls) == 30  # all were under way: a worker makes many at a time
    assert shop.connection().hold_until == NOW + timedelta(seconds=10)
    assert {entry.attempts for entry in shop.entries()} <= {0, 1}
    order(shop, MINA)
    shop.work()
    assert len(shop.calls) == 30


def test_one_call_asks_and_nobody_else_meanwhile(down: Shop) -> None:
    down.pass_time(seconds=10)
    (asking,) = down.claim("one")
    assert down.claim("another") == []
    down.answers = [DOWN]
    down.finish(asking)
    assert down.claim() == []
    assert down.connection().hold_until == down.now + timedelta(seconds=10)


def test_entries_say_since_when_and_no_attempt_is_counted(down: Shop) -> None:
    for _ in range(20):
        down.pass_time(minutes=11)
        fail(down, 1)
    waiting = down.entries()
    asked = [entry for entry in waiting if entry.sentence == SILENCE]
    assert {(entry.status, entry.todo) for entry in asked} == {("retrying", circuit.KEEPS_TRYING)}
    assert len(asked) == 8, "each had its turn to ask"
    assert {entry.attempts for entry in waiting} <= {0, 1}
    assert len(down.calls) == 8 + 20


def test_when_it_is_back_all_goes_on_at_once(down: Shop) -> None:
    down.pass_time(minutes=5)
    down.work()
    assert [status for status, _ in down.said()] == ["succeeded"] * 8
    assert (down.connection().failures, down.connection().failing_since, down.connection().hold_until) == (0, None, None)


def test_after_three_days_entries_have_failed_and_younger_ones_wait_on(down: Shop) -> None:
    down.pass_time(days=2)
    order(down, MINA)
    fail(down, 1)
    assert "failed" not in {status for status, _ in down.said()}
    down.pass_time(days=1, minutes=1)
    fail(down, 1)
    *old, young = down.entries()
    assert {(entry.status, entry.open_lane_id) for entry in old} == {("failed", None)}
    assert old[0].sentence == "Circle has not answered since 24 November 2026, 14:02. Cartwheel tried for three days and gave up."
    assert old[0].todo == "Replay the entry when Circle answers again."
    assert young.status in {"queued", "retrying"}
    assert [lane.due_at is None for lane in down.rows(lanes.Lane)].count(True) == 8
    down.pass_time(minutes=11)
    down.work()
    assert down.holds(MINA) == {"member"}


def test_one_customers_failures_alone_open_nothing(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    order(shop, MINA)
    for _ in range(8):
        fail(shop, 1)
        shop.pass_time(hours=12)
    assert shop.connection().hold_until is None
    order(shop, "emil@shop.test")
    shop.work()
    assert shop.holds("emil@shop.test") == {"member"}


def test_an_answer_that_comes_after_failures_closes_it(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    order(shop, *(f"p{number}@shop.test" for number in range(9)))
    fail(shop, 8)  # the ninth was under way, too, and is answered
    assert (shop.connection().failures, shop.connection().hold_until) == (0, None)


def test_a_refusal_is_an_answer(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    for number in range(20):
        order(shop, f"p{number}@shop.test")
        fail(shop, 1, DOWN if number % 2 else Answer(422, {"message": "Invalid email address."}, "{}"))
    assert shop.connection().hold_until is None


def test_how_long_it_waits_grows_with_the_outage() -> None:
    waits = [circuit.asks_after(timedelta(minutes=minutes)).total_seconds() for minutes in (0, 1, 10, 60, 6000)]
    assert waits == [10, 10, 60, 360, 600]


def test_a_key_that_was_replaced_while_a_call_was_under_way_is_not_blamed_for_the_old_one(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    order(shop, MINA)
    (work,) = shop.claim()
    with shop.write() as session:
        session.get_one(Integration, shop.integration).credentials = b"another key, sealed"
    shop.answers = [Answer(401, {"message": "API token not found."}, "{}")]
    shop.finish(work)
    assert shop.connection().attention is None
    shop.work()
    assert shop.holds(MINA) == {"member"}


def test_when_a_key_is_replaced_work_goes_on_in_the_order_in_which_it_came(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    people = [f"p{number}@shop.test" for number in (3, 1, 4, 1.5, 9, 2, 6)]
    for email in people:
        order(shop, email)
        shop.pass_time(seconds=1)
    shop.answers = [Answer(401, {"message": "API token not found."}, "{}")] * len(people)
    shop.work()
    assert {entry.attempts for entry in shop.entries()} == {0}
    shop.calls.clear()
    shop.pass_time(hours=5)
    shop.reconnect()
    shop.work()
    assert [call.body["email"] for call in shop.calls if call.body] == people


def test_joins_go_before_leaves_and_batches_last(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.rule("product_refunded", "remove_member")
    shop.tell("refunded", "left@shop.test", "ads-101", order="1")
    order(shop, "batch@shop.test", "came@shop.test")
    with shop.write() as session:
        batch = next(e for e in session.query(lanes.Lane).all() if e.id == shop.entries()[1].lane_id)
        batch.rank = lanes.ranks.BATCH_JOINS
    claimed = [work for _ in range(3) for work in shop.claim(room=1)]
    assert [work.known.email for work in claimed] == ["came@shop.test", "left@shop.test", "batch@shop.test"]
