"""A rule for those who did it before: which happenings of the past count for each trigger, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete

from tests.engine import batching
from tests.engine.shop import Shop, Shops
from webapp.engine import past, rules
from webapp.engine.rules import Draft
from webapp.engine.triggers import TRIGGERS
from webapp.models import Customer, Grant, Happening, Target

MINA = "mina@shop.test"


@pytest.fixture
def shop(shops: Shops) -> Iterator[Shop]:
    """One in memory: what these decide is asked of both databases in test_forecast.py."""
    with shops.open() as opened:
        yield opened


BUY = ("purchased", {"order": "1"})
SUB = ("purchased", {"order": "1", "subscription": "s1"})
PAID = ("charged", {"subscription": "s1"})
FAILED = ("charge_failed", {"subscription": "s1"})
CANCELED = ("canceled", {"subscription": "s1"})
RESTARTED = ("restarted", {"subscription": "s1"})
REFUNDED = ("refunded", {"order": "1"})
PARTLY = ("partially_refunded", {"order": "1", "ref": "r1"})
LAST = ("charged", {"subscription": "s1", "number": 3, "total": 3})
LEFT = ("prospect", {"prospect": "p1"})

STORIES = [
    ("product_purchased", [BUY], True),
    ("product_purchased", [BUY, REFUNDED], False),
    ("product_purchased", [BUY, PARTLY], True),
    ("product_purchased", [SUB, PAID, FAILED], True),
    ("product_purchased", [SUB, CANCELED], False),
    ("product_purchased", [SUB, CANCELED, RESTARTED], True),
    ("product_purchased", [SUB, FAILED, FAILED, FAILED, FAILED], False),
    ("product_purchased", [SUB, FAILED, FAILED, FAILED, FAILED, PAID], True),
    ("product_refunded", [BUY, REFUNDED], True),
    ("product_refunded", [SUB, REFUNDED, PAID], False),
    ("product_partially_refunded", [BUY, PARTLY], True),
    ("product_partially_refunded", [SUB, PARTLY, PAID], False),
    ("prospect_created", [LEFT], True),
    ("prospect_created", [LEFT, BUY], False),
    ("subscription_charged", [SUB, PAID, PAID], True),
    ("subscription_charged", [SUB, PAID, CANCELED], False),
    ("subscription_charge_failed", [SUB, FAILED], True),
    ("subscription_charge_failed", [SUB, FAILED, PAID], False),
    ("subscription_canceled", [SUB, CANCELED], True),
    ("subscription_canceled", [SUB, CANCELED, RESTARTED], False),
    ("subscription_canceled", [SUB, CANCELED, RESTARTED, CANCELED], True),
    ("subscription_delinquent", [SUB, FAILED, FAILED, FAILED, FAILED], True),
    ("subscription_delinquent", [SUB, FAILED, FAILED, FAILED, FAILED, PAID], False),
    ("subscription_recovered", [SUB, FAILED, PAID], True),
    ("subscription_recovered", [SUB, FAILED, PAID, CANCELED], False),
    ("subscription_restarted", [SUB, CANCELED, RESTARTED], True),
    ("subscription_restarted", [SUB, CANCELED, RESTARTED, CANCELED], False),
    ("subscription_completed", [SUB, LAST], True),
    ("subscription_completed", [SUB, LAST, REFUNDED], False),
]


def told(shop: Shop, story: list[tuple[str, dict[str, object]]], email: str = MINA, product: str = "club") -> None:
    """A day between one thing and the next."""
    for kind, named in story:
        shop.tell(kind, email, product, **named)
        shop.pass_time(days=1)


def people(shop: Shop, trigger: str, product: str | None = None, **more: int) -> list[int]:
    with shop.write() as session:
        product_id = shop.product(session, product) if product else None
        draft = Draft(product_id, trigger, shop.integration, "add_tag", None, None, **more)
        return past.people(session, shop.marketplace, draft, shop.apps["circle"], shop.now)


def test_every_trigger_has_its_stories() -> None:
    assert {trigger for trigger, _, _ in STORIES} == set(TRIGGERS)


@pytest.mark.parametrize(("trigger", "story", "counts"), STORIES)
def test_what_of_the_past_counts(shop: Shop, trigger: str, story: list[tuple[str, dict[str, object]]], counts: bool) -> None:
    told(shop, story)
    assert bool(people(shop, trigger)) is counts


def test_tests_other_products_and_other_shops_do_not_count(shop: Shop) -> None:
    told(shop, [BUY], MINA, "club")
    told(shop, [BUY], "ana@shop.test", "other")
    assert len(people(shop, "product_purchased")) == 2
    assert len(people(shop, "product_purchased", "club")) == 1
    with shop.write() as session:
        assert (
            past.people(session, shop.marketplace + 1, Draft(None, "product_purchased", 0, "add_tag"), shop.apps["circle"], shop.now) == []
        )


def test_what_would_be_over_by_now_does_not_count(shop: Shop) -> None:
    told(shop, [BUY])
    assert len(people(shop, "product_purchased", for_days=2)) == 1
    assert people(shop, "product_purchased", for_days=1) == []


def test_it_counts_from_the_happenings_own_time(shop: Shop) -> None:
    bought = shop.now
    told(shop, [BUY])
    batching.finish(shop, batching.apply(shop, "product_purchased", "add_tag", shop.place("tag", "New"), for_days=30))
    (mark,) = shop.rows(Grant)
    assert (mark.at, mark.until) == (bought, bought + timedelta(days=30))
    shop.pass_time(days=30)
    shop.work()
    assert shop.holds(MINA) == {"member"}


def test_a_removal_that_waits_counts_from_there_too(shop: Shop) -> None:
    tag = shop.place("tag", "Student")
    shop.rule("product_purchased", "add_tag", tag)
    told(shop, [SUB, FAILED])
    shop.work()
    batch = batching.apply(shop, "subscription_charge_failed", "remove_tag", tag, after_days=3)
    told_of = batching.finish(shop, batch)
    assert (told_of.batch.state, told_of.waiting) == ("done", 1)
    assert shop.holds(MINA) == {"member", "Student"}
    shop.pass_time(days=2)
    shop.work()
    assert shop.holds(MINA) == {"member"}


def test_of_each_purchase_the_newest_and_one_person_once(shop: Shop) -> None:
    told(shop, [SUB, PAID, PAID, ("purchased", {"order": "2"})])
    batch = batching.apply(shop, "subscription_charged", "invite_member")
    assert batching.finish(shop, batch).batch.total == 1
    (entry,) = (entry for entry in shop.entries() if entry.batch_id == batch)
    paid = [one for one in shop.rows(Grant) if one.entry_id == entry.id]
    assert [mark.at for mark in paid] == [shop.now - timedelta(days=2)]
    assert entry.event_id is not None
    assert entry.happening_id is not None


def test_what_was_done_before_is_not_done_again(shop: Shop) -> None:
    tag = shop.place("tag", "Student")
    shop.rule("product_purchased", "add_tag", tag)
    told(shop, [BUY])
    shop.work()
    before = len(shop.entries())
    batching.finish(shop, batching.apply(shop, "product_purchased", "add_tag", tag, "club"))
    assert len(shop.entries()) == before
    longer = [mark.until for mark in shop.rows(Grant)]
    assert longer == [None]


def test_what_has_been_taken_since_by_a_rule_stays_taken(shop: Shop) -> None:
    """A clearing on record is newer than the purchase: the entry says so. The membership that goes with every add was not cleared."""
    tag = shop.place("tag", "Basic")
    shop.rule("product_purchased", "remove_tag", tag, "pro")
    told(shop, [BUY], product="basic")
    told(shop, [("purchased", {"order": "2"})], product="pro")
    shop.work()
    told_of = batching.finish(shop, batching.apply(shop, "product_purchased", "add_tag", tag, "basic"))
    assert (told_of.came, shop.holds(MINA)) == ({"unchanged": 1}, {"member"})


def test_a_rule_that_is_changed_meanwhile_stops_it(shop: Shop) -> None:
    told(shop, [BUY])
    batch = batching.apply(shop, "product_purchased", "invite_member")
    rule = batching.rule_of(shop)
    with shop.write() as session:
        rules.switch(session, shop.marketplace, rule.id, on=False, now=shop.now)
    told_of = batching.finish(shop, batch)
    assert (told_of.batch.state, told_of.batch.sentence, told_of.batch.done) == ("stopped", past.GONE, 0)


def test_a_rule_whose_target_has_gone_stops_it(shop: Shop) -> None:
    told(shop, [BUY])
    batch = batching.apply(shop, "product_purchased", "add_to_space", shop.place("space", "VIP Room"))
    target = batching.rule_of(shop).target_id
    with shop.write() as session:
        session.get_one(Target, target).gone_at = shop.now
    assert batching.finish(shop, batch).batch.sentence == past.BROKEN


def test_a_customer_who_is_gone_is_passed_over(shop: Shop) -> None:
    told(shop, [BUY])
    batch = batching.apply(shop, "product_purchased", "invite_member")
    with shop.write() as session:
        session.execute(delete(Happening))
        session.execute(delete(Customer))
    assert batching.finish(shop, batch).came == {}
