"""Lanes: what waits together is planned together, in order, and every entry gets its own outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.shop import Shop
from webapp.apps import Answer
from webapp.engine import entries, lanes
from webapp.models import Call, CallEntry, Holding, Lane, Usage

MINA, EMIL = "mina@shop.test", "emil@shop.test"
DOWN = Answer(503, text="down", error="")


def test_a_new_customer_costs_one_call_whatever_the_rules_ask_for(shop: Shop) -> None:
    vip, tag = shop.place("space", "VIP Room"), shop.place("tag", "Student")
    shop.rule("product_purchased", "invite_member")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_purchased", "add_tag", tag)
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room", "Student"}
    assert [call.path for call in shop.calls] == ["/community_members"]
    assert {status for status, _ in shop.said()} == {"succeeded"}
    (row,) = shop.rows(Call)
    assert len(shop.rows(CallEntry)) == 3
    assert (row.status, row.method) == (201, "POST")
    assert shop.lane().due_at is None
    assert shop.lane().claim is None
    assert [(usage.calls, usage.metered) for usage in shop.rows(Usage)] == [(1, 1)]


def test_what_is_held_already_costs_no_call_while_the_belief_is_trusted(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.work()
    shop.tell("purchased", MINA, "ads-102", order="2")
    shop.work()
    assert len(shop.calls) == 1
    assert shop.said()[1][0] == "unchanged"


def test_a_refund_takes_back_what_it_gave_and_spares_what_another_purchase_grants(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_refunded", "remove_from_space", vip)
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.tell("purchased", MINA, "course-b", order="2", product_name="Course B")
    shop.work()
    before = len(shop.calls)
    shop.pass_time(hours=1)
    shop.tell("refunded", MINA, "ads-101", order="1")
    shop.work()
    assert shop.said()[2] == ("unchanged", "Kept: Course B (bought 24 November) still grants VIP Room.")
    assert len(shop.calls) == before
    shop.pass_time(hours=1)
    shop.tell("refunded", MINA, "course-b", order="2")
    shop.work()
    assert shop.holds(MINA) == {"member"}


def test_a_purchase_and_its_refund_that_wait_together_cost_what_the_end_needs(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_refunded", "remove_from_space", vip)
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.pass_time(minutes=30)
    shop.tell("refunded", MINA, "ads-101", order="1")
    shop.work()
    assert shop.said() == [
        ("unchanged", "Superseded: refunded at 14:32."),
        ("unchanged", "What it would take back had not been given yet: nothing to do."),
        ("succeeded", "Invited to My community. ads-101 (bought 24 November) grants it."),
    ]
    assert shop.holds(MINA) == {"member"}  # as if the purchase had been worked on before the refund came
    assert len(shop.calls) == 1


def test_a_refund_that_comes_before_its_order_leaves_what_both_in_order_would(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_refunded", "remove_from_space", vip)
    shop.tell("refunded", MINA, "ads-101", order="1")
    shop.work()
    shop.tell("purchased", MINA, "ads-101", order="1", at=shop.now - timedelta(hours=1))
    shop.work()
    assert "VIP Room" not in shop.holds(MINA)
    assert shop.said()[1] == ("unchanged", "Superseded: refunded at 14:02.")


def test_a_passing_failure_is_tried_again_at_the_time_that_is_said(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.answers = [DOWN, DOWN]
    shop.work()
    (entry,) = shop.entries()
    assert (entry.status, entry.attempts) == ("retrying", 1)
    assert "Next attempt at 14:02, the 2nd of 11." in entry.sentence
    wait = shop.lane().retry_at - shop.now
    assert timedelta(seconds=4) <= wait <= timedelta(seconds=6)
    shop.pass_time(seconds=6)
    shop.work()
    assert shop.entries()[0].attempts == 2
    shop.pass_time(seconds=40)
    shop.work()
    assert shop.said()[0][0] == "succeeded"
    assert len(shop.rows(Call)) == 3
    assert shop.lane().attempts == 0


def test_after_three_days_it_has_failed_and_says_what_to_do(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    for _ in range(11):
        shop.answers = [DOWN]
        shop.work()
        shop.pass_time(hours=40)
    (entry,) = shop.entries()
    assert entry.status == "failed"
    assert "tried 11 times over three days" in entry.sentence
    assert entry.todo
    assert shop.lane().due_at is None


def test_a_failing_customer_holds_back_nobody_else(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.answers = [DOWN]
    shop.work()
    shop.tell("purchased", EMIL, "ads-101", order="2")
    shop.work()
    assert shop.holds(EMIL) == {"member"}
    assert shop.holds(MINA) == set()


def test_a_dead_key_parks_the_integration_after_one_call_and_all_goes_on_when_it_is_replaced(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    for number in range(3):
        shop.tell("purchased", f"p{number}@shop.test", "ads-101", order=str(number))
    shop.community.tokens.clear()
    (work,) = shop.claim(room=1)
    shop.finish(work)
    assert shop.connection().attention == "dead_key"
    assert len(shop.calls) == 1
    shop.pass_time(minutes=1)
    assert shop.claim() == []
    assert {entry.attempts for entry in shop.entries()} == {0}
    shop.community.tokens.append("sandbox-token")
    shop.reconnect()
    shop.work()
    assert [status for status, _ in shop.said()] == ["succeeded"] * 3


def test_a_pause_that_the_app_asks_for_holds_the_integration_and_counts_no_attempt(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.answers = [Answer(429, retry_after=30)]
    shop.work()
    assert shop.connection().hold_until == shop.now + timedelta(seconds=30)
    assert shop.entries()[0].attempts == 0
    shop.pass_time(seconds=31)
    shop.work()
    assert shop.holds(MINA) == {"member"}


def test_what_arrives_while_a_lane_is_worked_on_is_worked_on_next(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "invite_member", product="ads-101")
    shop.rule("product_purchased", "add_to_space", vip, product="ads-102")
    shop.tell("purchased", MINA, "ads-101", order="1")
    (work,) = shop.claim()
    shop.tell("purchased", MINA, "ads-102", order="2")
    assert shop.claim("another") == []
    shop.finish(work)
    assert shop.lane().due_at == shop.now
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room"}


def test_a_dead_workers_lane_comes_free_and_its_late_answer_ends_nothing(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    (dead,) = shop.claim("dead")
    shop.pass_time(seconds=24)
    assert shop.claim("taker") == []
    shop.pass_time(seconds=2)
    (taken,) = shop.claim("taker")
    assert shop.record([], [], [dead]).lost == {dead.hold}
    assert shop.said() == [("queued", "Invite to My community.")]
    shop.finish(taken)
    assert shop.said()[0][0] == "succeeded"


def die_in_a_call(shop: Shop) -> None:
    """A worker claims, makes a call, and is killed before it can write down what came of it."""
    (work,) = shop.claim("dead")
    call = work.next_call()
    assert call
    shop.send(call)


def test_what_a_dead_worker_has_given_without_a_record_of_it_is_taken_back_by_a_refund(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_refunded", "remove_from_space", vip)
    shop.tell("purchased", MINA, "ads-101", order="1")
    die_in_a_call(shop)
    assert shop.holds(MINA) == {"member", "VIP Room"}
    shop.pass_time(seconds=10)
    shop.tell("refunded", MINA, "ads-101", order="1")
    shop.pass_time(seconds=20)
    shop.answers = [DOWN]
    shop.work()  # the doubt outlives a setback, too
    shop.pass_time(seconds=10)
    shop.work()
    assert shop.holds(MINA) == {"member"}


def test_what_a_dead_worker_has_taken_without_a_record_of_it_is_given_again(shop: Shop) -> None:
    group = shop.place("space_group", "Courses")
    inside = shop.place("space", "Lesson One", group="Courses")
    for target, action in ((group, "space_group"), (inside, "space")):
        shop.rule("product_purchased", f"add_to_{action}", target, product="ads-101" if target == group else "course-b")
        shop.rule("product_refunded", f"remove_from_{action}", target, product="ads-101" if target == group else "course-b")
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.tell("purchased", MINA, "course-b", order="2")
    shop.work()
    shop.pass_time(minutes=1)
    shop.tell("refunded", MINA, "ads-101", order="1")
    die_in_a_call(shop)
    assert shop.holds(MINA) == {"member"}
    shop.pass_time(seconds=10)
    shop.tell("purchased", MINA, "ads-101", order="3")
    shop.pass_time(seconds=20)
    shop.work()
    assert shop.holds(MINA) == {"member", "Courses", "Lesson One"}


def test_a_renewed_claim_is_kept(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    (work,) = shop.claim("first")
    shop.pass_time(seconds=20)
    with shop.write() as session:
        assert lanes.renew(session, [work.lane_id], "first", shop.now) == {work.lane_id}
        assert lanes.renew(session, [work.lane_id], "second", shop.now) == set()
    shop.pass_time(seconds=20)
    assert shop.claim("second") == []


def test_claims_are_shared_out_between_integrations(shop: Shop) -> None:
    other = Shop(shop.engine, name="Other Courses")
    for one, people in ((shop, 30), (other, 1)):
        one.rule("product_purchased", "invite_member")
        for number in range(people):
            one.tell("purchased", f"p{number}@shop.test", "x", order=str(number))
    works = shop.claim(room=10)
    assert len(works) == 10
    assert other.integration in {work.seat.id for work in works}


def test_watch_only_decides_and_says_and_calls_nothing(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    with shop.write() as session:
        session.get_one(type(shop.connection()), shop.integration).watch_only = True
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.work()
    assert shop.calls == []
    (status, sentence) = shop.said()[0]
    assert status == "unchanged"
    assert sentence.startswith("Watch only: would invite")
    assert shop.rows(Holding) == []


def test_a_target_that_is_gone_breaks_its_rule_and_fails_its_entry_alone(shop: Shop) -> None:
    vip, tag = shop.place("space", "VIP Room"), shop.place("tag", "Student")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_purchased", "add_tag", tag)
    shop.community.delete(shop.places["VIP Room"])
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.work()
    assert [status for status, _ in shop.said()] == ["failed", "succeeded"]
    assert shop.entries()[0].cause == "target_gone"
    shop.tell("purchased", EMIL, "ads-101", order="2")
    assert shop.said()[2] == ("failed", "The space VIP Room no longer exists in My community.")


def test_a_customer_without_work_has_a_lane_that_is_not_due(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.work()
    assert [lane.due_at for lane in shop.rows(Lane)] == [None]


def test_a_replay_is_worked_on_anew_and_the_first_entry_says_where_it_went_on(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.answers = [Answer(422, {"message": "Invalid email address."}, "{}")]
    shop.work()
    (failed,) = shop.entries()
    assert failed.status == "failed"
    with shop.write() as session:
        made = entries.replay(session, shop.marketplace, failed.id, shop.now, shop.new_id)
        with pytest.raises(entries.Refused):
            entries.replay(session, shop.marketplace, failed.id, shop.now, shop.new_id)
    shop.work()
    first, second = shop.entries()
    assert (second.id, second.replays_id, second.status) == (made, failed.id, "succeeded")
    assert "replayed" in first.todo
    assert shop.holds(MINA) == {"member"}


@pytest.mark.parametrize("ends", ["its time", "its cart"])
def test_what_was_given_goes_in_its_time_also_where_a_replay_has_put_it_in_doubt(shop: Shop, ends: str) -> None:
    """The replay comes when nothing grants it any longer: its entry has nothing to do, and the doubt that it cast must not keep the tag."""
    tag = shop.place("tag", "Student")
    if ends == "its time":
        shop.rule("product_purchased", "add_tag", tag, for_days=30)
        shop.tell("purchased", MINA, "ads-101", order="1")
    else:
        shop.rule("prospect_created", "add_tag", tag)
        shop.tell("prospect", MINA, "ads-101", prospect="p1", at=shop.now - timedelta(hours=3))
    shop.work()
    assert shop.holds(MINA) == {"member", "Student"}
    if ends == "its time":
        shop.pass_time(days=30)
    else:
        shop.tell("purchased", MINA, "ads-101", order="1", at=shop.now - timedelta(hours=2))
    with shop.write() as session:
        entries.replay(session, shop.marketplace, shop.entries()[0].id, shop.now, shop.new_id)
    shop.work()
    assert "Student" not in shop.holds(MINA)


def test_whoever_stood_still_with_a_lane_in_hand_can_claim_it_anew_and_does_it_once(shop: Shop) -> None:
    """Each claim has a token of its own, so that what was in hand before is told from it."""
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    (before,) = shop.claim("first")
    shop.pass_time(seconds=30)
    (again,) = shop.claim("second")
    assert shop.record([], [before, again], []).lost == {before.hold}
    assert shop.record([], [], [before, again]).lost == {before.hold}


def test_what_is_skipped_never_runs_and_the_next_goes_on(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "invite_member", product="ads-101")
    shop.rule("product_purchased", "add_to_space", vip, product="ads-102")
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.answers = [DOWN]
    shop.work()
    with shop.write() as session:
        entries.skip(session, shop.marketplace, shop.entries()[0].id, "owner@shop.test", shop.now)
    assert shop.said()[0][0] == "skipped"
    shop.tell("purchased", MINA, "ads-102", order="2")
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room"}


def test_somebody_elses_entry_is_nobodys(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    with shop.write() as session, pytest.raises(entries.NoEntry):
        entries.replay(session, shop.marketplace + 1, shop.entries()[0].id, shop.now, shop.new_id)
