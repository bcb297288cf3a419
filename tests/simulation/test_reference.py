"""The reference model itself: stories as docs/access.md tells them, and what they leave a customer with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from simulation.reference import PAID_PERIOD, Mark, Rule, Said, facts, wishes
from simulation.scene import MEMBER, START

RULES = (
    Rule(1, None, "product_purchased", True, "VIP Room"),
    Rule(2, None, "product_refunded", False, "VIP Room"),
    Rule(3, "pro", "product_purchased", False, "Basics", always=True),
    Rule(4, "ads", "product_purchased", True, "Basics", for_days=30),
    Rule(5, None, "subscription_canceled", False, "VIP Room", after_days=PAID_PERIOD),
    Rule(6, None, "subscription_delinquent", False, MEMBER, after_days=3),
    Rule(7, None, "prospect_created", True, "Abandoned"),
)


def said(word: str, day: float, product: str = "ads", key: str = "", **more: Any) -> Said:
    return Said(key or f"{day:05}", on(day), "mina@shop.test", word, product, turn=int(day), rules=RULES, **more)


def on(day: float) -> datetime:
    return START + timedelta(days=day - 1)


def bought(day: float, order: str = "o1", product: str = "ads", **more: Any) -> Said:
    return said("order.created", day, product, order=order, **more)


def refunded(day: float, order: str = "o1", product: str = "ads", **more: Any) -> Said:
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
        ([said("prospect.created", 1, prospect="p")], {MEMBER, "Abandoned"}),
        ([said("prospect.created", 1, prospect="p"), bought(1.05)], {MEMBER, "VIP Room", "Basics"}),
    ],
)  # fmt: skip
def test_what_a_story_leaves_a_customer_with(story: list[Said], holds: set[str]) -> None:
    assert wishes(story, (), on(20)).held == holds
    assert wishes(story[::-1], (), on(20)).held == holds


def test_what_is_removed_by_hand_goes_whatever_grants_it() -> None:
    by_hand = [Mark("clear", "VIP Room", "hand", (on(3), "hand", False))]
    assert wishes([bought(1), bought(2, "o2")], by_hand, on(20)).held == {MEMBER, "Basics"}


def test_a_subscription_fires_as_the_triggers_are_described() -> None:
    words = ["charge_failed"] * 4 + ["charged", "canceled", "canceled", "restarted"]
    fired = [fact.trigger.removeprefix("subscription_") for fact in facts([step(word, day) for day, word in enumerate(words, 1)])]
    assert fired == ["charge_failed", "delinquent", "canceled", "charged", "recovered", "canceled", "restarted"]
