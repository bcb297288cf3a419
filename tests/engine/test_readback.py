"""How a rule reads back: one sentence from its parts, with what the merchant picked set apart."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.engine.an_app import ADD, ADD_TAG, INVITE, LEAVE, REMOVE
from webapp.apps import Action
from webapp.engine import readback
from webapp.engine.readback import Part
from webapp.engine.triggers import TRIGGERS
from webapp.models import PAID_PERIOD


def read(trigger: str, action: Action, product: str | None = "Ads 101", **more: Any) -> readback.Sentence:
    return readback.sentence(TRIGGERS[trigger], action, product=product, target="VIP Room", integration="My community", **more)


SPARED = "unless another purchase still grants it"
REFUNDED = "When Ads 101 is refunded in full, remove the customer from the space VIP Room in My community"
FAILED = "When a payment for Ads 101 fails for the first time, remove the customer from the space VIP Room in My community"
ADDED = "When Ads 101 is purchased, add the customer to the space VIP Room in My community"


@pytest.mark.parametrize(
    ("sentence", "reads"),
    [
        (read("product_purchased", ADD), f"{ADDED}."),
        (read("product_purchased", INVITE, None), "When any product is purchased, invite the customer to My community."),
        (read("product_purchased", ADD, for_days=1), f"{ADDED} for 1 day."),
        (read("product_purchased", ADD, for_days=1000), f"{ADDED} for 1,000 days."),
        (read("product_purchased", ADD_TAG), "When Ads 101 is purchased, add the tag VIP Room to the customer in My community."),
        (read("product_refunded", LEAVE, removal="spare"), f"{REFUNDED}, {SPARED}."),
        (read("product_refunded", LEAVE, removal="always"), f"{REFUNDED}, in any case."),
        (read("subscription_charge_failed", LEAVE, removal="spare", after_days=3), f"{FAILED} 3 days later, {SPARED}."),
        (read("subscription_charge_failed", LEAVE, removal="always", after_days=1), f"{FAILED} 1 day later, in any case."),
        (
            read("subscription_canceled", REMOVE, removal="spare", after_days=PAID_PERIOD),
            f"When a subscription to Ads 101 is canceled, remove the customer from My community at the end of the paid period, {SPARED}.",
        ),
    ],
)
def test_sentence(sentence: readback.Sentence, reads: str) -> None:
    assert readback.plain(sentence) == reads


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_trigger_makes_a_sentence(trigger: str) -> None:
    reads = readback.plain(read(trigger, ADD))
    assert reads.startswith("When ")
    assert "Ads 101" in reads
    assert "{" not in reads


def test_what_the_merchant_picked_is_set_apart() -> None:
    assert [part.text for part in read("product_purchased", ADD, for_days=3) if part.chosen] == [
        "Ads 101",
        "VIP Room",
        "My community",
        "3 days",
    ]
    assert [part.text for part in read("product_purchased", ADD, None) if part.chosen] == ["VIP Room", "My community"]


def test_neighbours_of_one_kind_are_one_part_and_none_is_empty() -> None:
    parts = read("product_refunded", LEAVE, removal="spare", after_days=PAID_PERIOD)
    assert all(part.text for part in parts)
    assert all(one.chosen != next_one.chosen for one, next_one in pairwise(parts))


def test_a_name_with_braces_is_only_a_name() -> None:
    reads = readback.plain(read("product_purchased", ADD, "{target} & {0}"))
    assert reads.startswith("When {target} & {0} is purchased, ")


def test_the_clause_alone() -> None:
    assert readback.clause(ADD, None, None, 0) == ()
    assert readback.clause(ADD, None, 30, 0) == (Part(" for "), Part("30 days", chosen=True))
    assert readback.clause(LEAVE, "spare", None, 0) == (Part(", unless another purchase still grants it"),)
