"""The reference model itself: stories as docs/access.md tells them, and what they leave a customer with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from simulation.reference import PAID_PERIOD, ByHand, Canceled, Decided, Rule, Said, facts, waiting, wishes
from simulation.scene import ANNEX, MEMBER, START

RULES = (
    Rule(1, None, "product_purchased", True, "VIP Room"),
    Rule(2, None, "product_refunded", False, "VIP Room"),
    Rule(3, "pro", "product_purchased", False, "Basics", always=True),
    Rule(4, "ads", "product_purchased", True, "Basics", for_days=30),
    Rule(5, None, "subscription_canceled", False, "VIP Room", after_days=PAID_PERIOD),
    Rule(6, None, "subscription_delinquent", False, MEMBER, after_days=3),
    Rule(7, None, "prospect_created", True, "Abandoned"),
    Rule(8, None, "subscription_charge_failed", False, "VIP Room", after_days=3),
    Rule(9, None, "subscription_delinquent", True, "Fan"),
    Rule(10, "course", "product_purchased", True, "Hall"),
    Rule(11, "course", "product_refunded", False, ANNEX),
)


def said(word: str, day: float, product: str = "ads", key: str = "", **more: Any) -> Said:
    return Said(key or f"{day:05}", on(day), "mina@shop.test", word, product, turn=int(day), rules=RULES, **more)


def on(day: float) -> datetime:
    return START + timedelta(days=day - 1)


def bought(day: float, order: str | None = "o1", product: str = "ads", **more: Any) -> Said:
    return said("order.created", day, product, order=order, **more)


def refunded(day: float, order: str | None = "o1", product: str = "ads", **more: Any) -> Said:
    return said("order.refunded", day, product, order=order, **more)


def step(word: str, day: float, **more: Any) -> Said:
    return said(word, day, subscription="s1", **more)


@pytest.mark.parametrize(
    ("story", "holds"),
    [
        ([], set()),
        ([bought(1)], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1), refunded(2)], {MEMBER, "Basics"}),
        ([refunded(2), bought(1)], {MEMBER, "Basics"}),
        ([bought(1), bought(1, "o2"), refunded(2)], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1, key="b"), refunded(1, key="a")], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1, key="a"), refunded(1, key="b")], {MEMBER, "Basics"}),
        ([bought(1), bought(2, "o2", "pro")], {MEMBER, "VIP Room"}),
        ([bought(-15)], {MEMBER, "VIP Room"}),
        ([bought(1, subscription="s1"), step("canceled", 2)], {MEMBER, "Basics"}),
        ([bought(1, subscription="s1"), step("canceled", 2, access_until=on(30))], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1, subscription="s1"), step("canceled", 2, access_until=on(9)), step("charged", 5)], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1, subscription="s1"), step("delinquent", 2)], set()),
        ([bought(1, subscription="s1"), bought(1, "o2", "pro"), step("delinquent", 2)], {MEMBER, "VIP Room"}),
        ([bought(1, subscription="s1"), step("charge_failed", 2)], {MEMBER, "Basics"}),
        ([bought(1, subscription="s1"), step("charge_failed", 2), step("charged", 4)], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1, subscription="s1"), step("charge_failed", 2), step("delinquent", 4), step("charged", 6)], {MEMBER, "Basics", "Fan"}),
        ([bought(1, None)], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1, None), refunded(2, None)], {MEMBER, "Basics"}),
        ([bought(1, None), refunded(2, "nobody knows it")], {MEMBER, "Basics"}),
        ([bought(1, None), refunded(2, "o2"), bought(1, "o2")], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1), refunded(2, None)], {MEMBER, "VIP Room", "Basics"}),
        ([bought(1, None, "pro"), refunded(2, "nobody knows it")], {MEMBER, "VIP Room"}),
        ([bought(1), bought(1, "o2", "course")], {MEMBER, "VIP Room", "Basics", ANNEX, "Hall"}),
        ([bought(1), bought(1, "o2", "course"), refunded(2, "o2", "course")], {MEMBER, "VIP Room", "Basics"}),
        ([said("prospect.created", 1, prospect="p")], {MEMBER, "Abandoned"}),
        ([said("prospect.created", 1, prospect="p"), bought(1.05)], {MEMBER, "VIP Room", "Basics"}),
    ],
)  # fmt: skip
def test_what_a_story_leaves_a_customer_with(story: list[Said], holds: set[str]) -> None:
    assert wishes(story, ByHand(), on(20)).held == holds
    assert wishes(story[::-1], ByHand(), on(20)).held == holds


def decided(word: Any, day: float, target: str = "VIP Room", until: float | None = None) -> Decided:
    return Decided(word, target, (on(day), f"hand:{day:05}", word == "grant"), on(until) if until else None)


@pytest.mark.parametrize(
    ("by_hand", "holds"),
    [
        ([decided("remove", 3)], {MEMBER, "Basics"}),
        ([decided("remove", 1)], {MEMBER, "Basics", "VIP Room"}),
        ([decided("take", 1)], {MEMBER, "Basics"}),
        ([decided("take", 3), decided("leave", 4)], {MEMBER, "Basics", "VIP Room"}),
        ([decided("take", 3, MEMBER)], set()),
        ([decided("take", 3, MEMBER), decided("leave", 4)], {MEMBER, "VIP Room"}),
        ([decided("take", 3, MEMBER), decided("grant", 4, "Fan")], {MEMBER, "Fan"}),
        ([decided("grant", 3, "Fan")], {MEMBER, "VIP Room", "Basics", "Fan"}),
        ([decided("grant", 3, "Fan", until=9)], {MEMBER, "VIP Room", "Basics"}),
        ([decided("grant", 3, "Fan"), decided("grant", 4, "Fan", until=9)], {MEMBER, "VIP Room", "Basics", "Fan"}),
        ([decided("grant", 3, "Fan"), decided("leave", 4, "Fan")], {MEMBER, "VIP Room", "Basics"}),
        ([decided("grant", 3, "Fan"), decided("take", 4, "Fan"), decided("leave", 5, "Fan")], {MEMBER, "VIP Room", "Basics"}),
        ([decided("take", 3, ANNEX)], {MEMBER, "VIP Room", "Basics"}),
    ],
)  # fmt: skip
def test_what_persons_decide(by_hand: list[Decided], holds: set[str]) -> None:
    assert wishes([bought(1), bought(2, "o2")], ByHand(by_hand), on(20)).held == holds


def test_what_is_canceled_is_not_asked_for() -> None:
    told = [bought(1, subscription="s1"), step("charge_failed", 2, key="failed")]
    about = Canceled("failed", "subscription_charge_failed", "ads", frozenset())
    rules = waiting(told, about, "VIP Room", on(5))
    assert (rules, waiting(told, about, "VIP Room", on(6))) == ({8}, set())
    canceled = ByHand(canceled=[Canceled("failed", "subscription_charge_failed", "ads", rules)])
    assert wishes(told, canceled, on(20)).held == {MEMBER, "VIP Room", "Basics"}


def test_a_subscription_fires_as_the_triggers_are_described() -> None:
    words = ["charge_failed"] * 4 + ["charged", "canceled", "canceled", "restarted"]
    fired = [fact.trigger.removeprefix("subscription_") for fact in facts([step(word, day) for day, word in enumerate(words, 1)])]
    assert fired == ["charge_failed", "delinquent", "canceled", "charged", "recovered", "canceled", "restarted"]
