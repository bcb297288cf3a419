"""Rules with a time: what is given for days, what is taken later, what calls that off, and what the log says meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.engine.shop import Shop, Shops
from webapp.apps import MEMBERSHIP
from webapp.engine import entries
from webapp.models import PAID_PERIOD, Grant, Lane, LogEntry, Marketplace, Rule, Target

MINA = "mina@shop.test"
GRACE = "Will be removed from space VIP Room on 27 November 2026 at 14:02, unless they pay again."


@pytest.fixture
def quick(shops: Shops) -> Iterator[Shop]:
    """A shop in memory, where one kind of database will do."""
    with shops.open() as shop:
        yield shop


def grace(shop: Shop, trigger: str = "subscription_charge_failed", **more: Any) -> None:
    """Buying gives VIP Room; a failed payment takes it three days later."""
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule(trigger, "remove_from_space", vip, **{"after_days": 3, **more})


def buy_and_fail(shop: Shop) -> LogEntry:
    """Bought on the day before, the payment fails now. Gives the entry that waits."""
    shop.tell("purchased", MINA, "club", subscription="s1", at=shop.now - timedelta(days=1))
    shop.tell("charge_failed", MINA, "club", subscription="s1", key="failed")
    shop.work()
    return last(shop)


def last(shop: Shop) -> LogEntry:
    """The newest entry of a removal."""
    return [one for one in shop.entries() if one.action == "remove_from_space"][-1]


def cancel(shop: Shop, entry: LogEntry) -> None:
    with shop.write() as session:
        entries.cancel(session, shop.marketplace, entry.id, "owner@shop.test", shop.now)


def test_access_for_some_days_says_until_when_and_runs_out_by_itself(quick: Shop) -> None:
    quick.rule("product_purchased", "add_to_space", quick.place("space", "VIP Room"), for_days=30)
    quick.tell("purchased", MINA, "ads-101", order="1")
    assert quick.said() == [("queued", "Add to space VIP Room until 24 December 2026 at 14:02.")]
    quick.work()
    assert quick.said() == [("succeeded", "Added to space VIP Room. Granted until 24 December 2026 at 14:02.")]
    quick.pass_time(days=29, hours=23)
    quick.work()
    assert quick.holds(MINA) == {"member", "VIP Room"}
    quick.pass_time(hours=1)
    quick.work()
    assert quick.holds(MINA) == {"member"}
    assert quick.said()[1:] == [("succeeded", "Removed from space VIP Room. Its time was over at 14:02.")]
    assert quick.lane().due_at is None


def test_buying_again_begins_the_time_anew(quick: Shop) -> None:
    quick.rule("subscription_charged", "add_to_space", quick.place("space", "VIP Room"), for_days=31)
    for _ in range(3):
        quick.tell("charged", MINA, "club", subscription="s1")
        quick.work()
        quick.pass_time(days=30)
    assert quick.holds(MINA) == {"member", "VIP Room"}
    assert quick.said()[2] == ("succeeded", "Added to space VIP Room. Granted until 23 February 2027 at 14:02.")
    quick.pass_time(days=1)
    quick.work()
    assert quick.holds(MINA) == {"member"}


def test_what_runs_out_stays_for_another_purchase(quick: Shop) -> None:
    vip = quick.place("space", "VIP Room")
    quick.rule("product_purchased", "add_to_space", vip, "trial", for_days=7)
    quick.rule("product_purchased", "add_to_space", vip, "ads-101")
    quick.tell("purchased", MINA, "trial", order="1")
    quick.tell("purchased", MINA, "ads-101", order="2")
    quick.work()
    quick.pass_time(days=8)
    quick.work()
    assert quick.holds(MINA) == {"member", "VIP Room"}
    assert len(quick.entries()) == 2


def test_a_removal_waits_out_its_grace_and_says_when_it_comes(shop: Shop) -> None:
    grace(shop)
    waits = buy_and_fail(shop)
    assert (waits.status, waits.sentence, waits.due_at) == ("queued", GRACE, shop.now + timedelta(days=3))
    shop.pass_time(days=2, hours=23)
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room"}
    shop.pass_time(hours=1)
    shop.work()
    assert shop.holds(MINA) == {"member"}
    assert (last(shop).status, last(shop).sentence) == ("succeeded", "Removed from space VIP Room.")


def test_a_grace_survives_that_everything_is_started_again(shop: Shop) -> None:
    grace(shop)
    buy_and_fail(shop)
    shop.restart()
    shop.pass_time(days=3)
    shop.work()
    assert shop.holds(MINA) == {"member"}


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("charged", {"subscription": "s1"}, "paid again"),
        ("recovered", {"subscription": "s1"}, "paid again"),
        ("purchased", {"order": "9002", "subscription": "s1"}, "bought"),
    ],
)
def test_a_recovery_calls_it_off_at_once_and_the_entry_says_so(shop: Shop, kind: str, more: dict[str, Any], said: str) -> None:
    grace(shop)
    buy_and_fail(shop)
    shop.pass_time(days=2)
    shop.tell(kind, MINA, "club", **more)
    shop.work()
    ended = last(shop)
    assert (ended.status, ended.sentence) == ("unchanged", f"Called off: {said} at 14:02. Nothing was taken.")
    assert (ended.open_lane_id, ended.finished_at) == (None, shop.now)
    shop.pass_time(days=2)
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room"}
    assert [call.method for call in shop.calls].count("DELETE") == 0


def test_what_is_given_anew_in_another_community_calls_it_off_too(quick: Shop) -> None:
    grace(quick)
    here = quick.integration
    with quick.write() as session:
        another = factories.make_integration(session, session.get_one(Marketplace, quick.marketplace), "Another community")
        session.add(Target(id=factories.new_id(), integration_id=another.id, kind=MEMBERSHIP, remote_id="", name=""))
        quick.integration = another.id
    quick.rule("subscription_completed", "invite_member")
    quick.integration = here
    buy_and_fail(quick)
    quick.pass_time(days=1)
    quick.tell("completed", MINA, "club", subscription="s1")
    quick.pass_time(days=3)
    quick.work()
    assert quick.holds(MINA) == {"member", "VIP Room"}
    assert last(quick).status == "unchanged"


def test_a_restart_calls_off_what_waits_for_the_end_of_the_paid_period(quick: Shop) -> None:
    grace(quick, "subscription_canceled", after_days=PAID_PERIOD)
    quick.tell("purchased", MINA, "club", subscription="s1", at=quick.now - timedelta(days=9))
    quick.tell("canceled", MINA, "club", subscription="s1", access_until=quick.now + timedelta(days=21))
    quick.work()
    assert last(quick).sentence == "Will be removed from space VIP Room on 15 December 2026 at 14:02, unless they pay again."
    quick.pass_time(days=20)
    quick.tell("restarted", MINA, "club", subscription="s1")
    quick.work()
    assert last(quick).sentence == "Called off: restarted at 14:02. Nothing was taken."
    quick.pass_time(days=2)
    quick.work()
    assert quick.holds(MINA) == {"member", "VIP Room"}


@pytest.mark.parametrize("until", [None, timedelta(days=-1)])
def test_where_the_checkout_names_no_end_that_is_still_to_come_it_acts_at_once(quick: Shop, until: timedelta | None) -> None:
    grace(quick, "subscription_canceled", after_days=PAID_PERIOD)
    quick.tell("purchased", MINA, "club", subscription="s1", at=quick.now - timedelta(days=9))
    quick.tell("canceled", MINA, "club", subscription="s1", access_until=quick.now + until if until else None)
    quick.work()
    assert quick.holds(MINA) == {"member"}


def test_the_end_of_the_paid_period_comes(quick: Shop) -> None:
    grace(quick, "subscription_canceled", after_days=PAID_PERIOD)
    quick.tell("purchased", MINA, "club", subscription="s1", at=quick.now - timedelta(days=9))
    quick.tell("canceled", MINA, "club", subscription="s1", access_until=quick.now + timedelta(days=21))
    quick.pass_time(days=21)
    quick.work()
    assert quick.holds(MINA) == {"member"}


def test_what_was_called_off_takes_nothing_from_who_bought_before_cartwheel(quick: Shop) -> None:
    vip = quick.place("space", "VIP Room")
    quick.rule("subscription_charge_failed", "remove_from_space", vip, after_days=3)
    quick.tell("charge_failed", MINA, "club", subscription="s1")
    quick.pass_time(days=1)
    quick.tell("charged", MINA, "club", subscription="s1")
    quick.pass_time(days=3)
    quick.work()
    assert quick.calls == []
    assert last(quick).sentence == "Called off: paid again on 25 November 2026 at 14:02. Nothing was taken."


def test_a_late_message_moves_what_waits_and_what_it_says(shop: Shop) -> None:
    grace(shop)
    buy_and_fail(shop)
    shop.tell("charge_failed", MINA, "club", subscription="s1", at=shop.now - timedelta(hours=5), key="first")
    shop.work()
    assert last(shop).due_at == shop.now + timedelta(days=3, hours=-5)
    assert last(shop).sentence == GRACE.replace("14:02", "09:02")


@pytest.mark.parametrize(
    ("then", "now", "days"),
    [(PAID_PERIOD, 3, 20), (3, PAID_PERIOD, 3 - 1 / 24), (0, PAID_PERIOD, None)],
    ids=["paid period", "days", "at once"],
)
def test_a_late_message_moves_what_waits_as_the_rule_was_then(quick: Shop, then: int, now: int, days: float | None) -> None:
    grace(quick, "subscription_canceled", after_days=then)
    quick.tell("canceled", MINA, "club", subscription="s1", access_until=quick.now + timedelta(days=20), key="later")
    (rule,) = [one for one in quick.rows(Rule) if one.action == "remove_from_space"]
    with quick.write() as session:
        session.get_one(Rule, rule.id).after_days = now
    until = quick.now + timedelta(days=20)
    quick.tell("canceled", MINA, "club", subscription="s1", access_until=until, at=quick.now - timedelta(hours=1), key="first")
    (mark,) = quick.rows(Grant)
    assert mark.at == quick.now + timedelta(days=days if days is not None else -1 / 24)


def test_what_a_rule_gives_for_bad_news_calls_nothing_off(quick: Shop) -> None:
    grace(quick)
    quick.rule("subscription_delinquent", "add_tag", quick.place("tag", "Dunning"))
    buy_and_fail(quick)
    quick.pass_time(days=1)
    quick.tell("delinquent", MINA, "club", subscription="s1")
    quick.work()
    assert quick.holds(MINA) == {"member", "VIP Room", "Dunning"}
    quick.pass_time(days=2)
    quick.work()
    assert quick.holds(MINA) == {"member", "Dunning"}


def test_canceling_takes_it_off_the_record_and_says_who(shop: Shop) -> None:
    grace(shop)
    cancel(shop, buy_and_fail(shop))
    ended = last(shop)
    assert (ended.status, ended.sentence) == ("skipped", "Canceled by owner@shop.test: nothing is taken.")
    assert (ended.open_lane_id, ended.due_at, ended.finished_at) == (None, None, shop.now)
    assert [mark.op for mark in shop.rows(Grant)] == ["open"]
    shop.pass_time(days=4)
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room"}
    shop.tell("charge_failed", MINA, "club", subscription="s1", key="failed again")  # of the same run: nothing new
    shop.pass_time(days=4)
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room"}


def test_canceling_calls_off_what_another_rule_asks_for_the_same_place_at_the_same_time(quick: Shop) -> None:
    vip = quick.place("space", "VIP Room")
    for product, days in (("club", 3), (None, 3), (None, 5)):
        trigger = "subscription_charge_failed" if days == 3 else "subscription_delinquent"
        quick.rule(trigger, "remove_from_space", vip, product, after_days=days)
    for number in range(4):
        quick.tell("charge_failed", MINA, "club", subscription="s1", key=f"f{number}")
    cancel(quick, quick.entries()[0])
    assert [one.status for one in quick.entries() if one.action] == ["skipped", "skipped", "queued"]


def test_an_abandoned_cart_can_be_canceled_too(quick: Shop) -> None:
    quick.rule("prospect_created", "add_tag", quick.place("tag", "Abandoned"))
    quick.tell("prospect", MINA, "ads-101", prospect="p1")
    (waits,) = quick.entries()
    assert waits.sentence == "Will get the tag Abandoned at 16:02, unless they buy it by then."
    cancel(quick, waits)
    quick.pass_time(hours=3)
    quick.work()
    assert (quick.calls, quick.said()) == ([], [("skipped", "Canceled by owner@shop.test: nothing is given.")])


def test_only_what_waits_for_its_time_can_be_canceled(quick: Shop) -> None:
    grace(quick)
    waits = buy_and_fail(quick)
    (bought,) = [one for one in quick.entries() if one.action == "add_to_space"]
    with pytest.raises(entries.Refused, match="It has ended"):
        cancel(quick, bought)
    with pytest.raises(entries.NoEntry), quick.write() as session:
        entries.cancel(session, quick.marketplace + 1, waits.id, "owner@shop.test", quick.now)
    quick.pass_time(days=3)
    with pytest.raises(entries.Refused, match="does not wait for its time any longer"):
        cancel(quick, waits)
    with Session(quick.engine) as session:
        assert session.get_one(LogEntry, waits.id).status == "queued"
        assert session.get_one(Lane, waits.lane_id).due_at is not None


def test_a_rule_that_takes_in_any_case_waits_as_well(quick: Shop) -> None:
    trial = quick.place("tag", "New")
    quick.rule("product_purchased", "add_tag", trial)
    quick.rule("product_purchased", "remove_tag", trial, after_days=14)
    quick.tell("purchased", MINA, "ads-101", order="1")
    quick.work()
    assert quick.holds(MINA) == {"member", "New"}
    quick.pass_time(days=14)
    quick.work()
    assert quick.holds(MINA) == {"member"}
