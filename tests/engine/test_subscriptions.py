"""What a subscription's history fires: each trigger of docs/access.md once, in whatever order and however often the messages came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.engine.subscriptions import KINDS, Said, as_said, fold, status

DAY = datetime(2026, 11, 1, tzinfo=UTC)


class Charge(NamedTuple):
    """A charge with its number, and how many there are in all."""

    number: int
    total: int | None = None


def history(*said: str | Charge) -> list[Said]:
    """One message a day, told by its kind."""
    return [
        Said(day, "charged", DAY + timedelta(days=day), f"evt-{day}", *what)
        if isinstance(what, Charge)
        else Said(day, what, DAY + timedelta(days=day), f"evt-{day}")
        for day, what in enumerate(said, 1)
    ]


def fires(*said: str | Charge) -> list[tuple[str, int]]:
    """The triggers that fire, without their first word, each with the day of the message that fired it."""
    return [(firing.trigger.removeprefix("subscription_"), firing.step.id) for firing in fold(history(*said))]


F = "charge_failed"
PAID = "charged"

STORIES = {
    "each successful charge fires": ((PAID, PAID), [("charged", 1), ("charged", 2)]),
    "the first failure of a run fires": ((F, F, F), [("charge_failed", 1)]),
    "failed, failed, failed, paid": ((F, F, F, PAID), [("charge_failed", 1), ("charged", 4), ("recovered", 4)]),
    "the fourth in a row makes it delinquent, and so canceled": (
        (F, F, F, F), [("charge_failed", 1), ("delinquent", 4), ("canceled", 4)],
    ),
    "a fifth says nothing new": ((F, F, F, F, F), [("charge_failed", 1), ("delinquent", 4), ("canceled", 4)]),
    "a payment in between begins a new run": (
        (F, PAID, F, F, F), [("charge_failed", 1), ("charged", 2), ("recovered", 2), ("charge_failed", 3)],
    ),
    "paying after delinquency recovers": (
        (F, F, F, F, PAID), [("charge_failed", 1), ("delinquent", 4), ("canceled", 4), ("charged", 5), ("recovered", 5)],
    ),
    "canceled once": (("canceled", "canceled"), [("canceled", 1)]),
    "a delinquent one is canceled already": (("delinquent", "canceled"), [("delinquent", 1), ("canceled", 1)]),
    "a canceled one can turn delinquent": (("canceled", "delinquent"), [("canceled", 1), ("delinquent", 2)]),
    "delinquent in other words": ((F, F, F, F, "delinquent"), [("charge_failed", 1), ("delinquent", 4), ("canceled", 4)]),
    "restarted after it was canceled": (("canceled", "restarted"), [("canceled", 1), ("restarted", 2)]),
    "restarted after it was delinquent": (("delinquent", "restarted"), [("delinquent", 1), ("canceled", 1), ("restarted", 2)]),
    "restarting what runs is nothing new": ((PAID, "restarted"), [("charged", 1)]),
    "restarted twice": (("canceled", "restarted", "restarted"), [("canceled", 1), ("restarted", 2)]),
    "canceled again after a restart": (("canceled", "restarted", "canceled"), [("canceled", 1), ("restarted", 2), ("canceled", 3)]),
    "recovered in other words": ((F, PAID, "recovered"), [("charge_failed", 1), ("charged", 2), ("recovered", 2)]),
    "a checkout that names recovery alone is believed": (("recovered",), [("recovered", 1)]),
    "recovery named before its charge": ((F, "recovered", PAID), [("charge_failed", 1), ("recovered", 2), ("charged", 3)]),
    "recovered from each run": (
        (F, PAID, F, PAID),
        [("charge_failed", 1), ("charged", 2), ("recovered", 2), ("charge_failed", 3), ("charged", 4), ("recovered", 4)],
    ),
    "a recovery that is named is one of its own, days after another": (
        (PAID, "named_recovered", PAID, "named_recovered"), [("charged", 1), ("recovered", 2), ("charged", 3), ("recovered", 4)],
    ),
    "a restart that is named needs no cancellation before it": ((PAID, "named_restarted"), [("charged", 1), ("restarted", 2)]),
    "a restart that is named on a restart is nothing new": (("named_restarted", PAID, "named_restarted"), [("restarted", 1), ("charged", 2)]),
    "a restart that is named after a way out": (
        ("named_restarted", "canceled", "named_restarted", "canceled"),
        [("restarted", 1), ("canceled", 2), ("restarted", 3), ("canceled", 4)],
    ),
    "the final charge completes": ((Charge(1, 2), Charge(2, 2)), [("charged", 1), ("charged", 2), ("completed", 2)]),
    "completed in other words": ((Charge(1, 1), "completed"), [("charged", 1), ("completed", 1)]),
    "a checkout that names completion alone is believed": (("completed", "completed"), [("completed", 1)]),
    "a charge told twice is one charge": ((Charge(1), Charge(1), Charge(2)), [("charged", 1), ("charged", 3)]),
    "the final charge after failures": (
        (Charge(1, 2), F, Charge(2, 2)), [("charged", 1), ("charge_failed", 2), ("charged", 3), ("recovered", 3), ("completed", 3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("said", "fired"), [pytest.param(*story, id=name) for name, story in STORIES.items()])
def test_story(said: tuple[str | Charge, ...], fired: list[tuple[str, int]]) -> None:
    assert fires(*said) == fired


@pytest.mark.parametrize(
    ("said", "now"),
    [
        ((), "active"),
        ((PAID,), "active"),
        ((F,), "failing"),
        ((F, PAID), "active"),
        ((F, F, F, F), "delinquent"),
        ((F, F, F, F, PAID), "active"),
        (("canceled",), "canceled"),
        (("canceled", F), "canceled"),
        (("canceled", "restarted"), "active"),
        (("completed",), "completed"),
        ((Charge(2, 2),), "completed"),
    ],
)
def test_status(said: tuple[str | Charge, ...], now: str) -> None:
    assert status(history(*said)) == now


def test_every_step_that_stands_for_a_happening_is_in_its_span() -> None:
    told = {firing.trigger: firing.span for firing in fold(history(F, F, F, F, "delinquent", "canceled", Charge(7), Charge(7)))}
    assert told["subscription_charge_failed"] >= {1, 2, 3, 4}
    assert told["subscription_delinquent"] >= {4, 5}
    assert told["subscription_canceled"] >= {4, 6}
    assert told["subscription_charged"] == {7, 8}


def test_what_a_late_message_adds_goes_where_its_time_is() -> None:
    late = history(F, PAID, F)
    late[1] = Said(99, PAID, late[1].at, "evt-2")  # arrived last, happened in between
    assert [(f.trigger, f.step.id) for f in fold(late)] == [
        ("subscription_charge_failed", 1),
        ("subscription_charged", 99),
        ("subscription_recovered", 99),
        ("subscription_charge_failed", 3),
    ]


def test_a_recovery_that_is_named_beside_its_charge_is_the_same_one() -> None:
    told = history(F, PAID)
    for beside, fired in ((timedelta(hours=6), 1), (timedelta(hours=6, seconds=1), 2)):
        named = Said(9, "named_recovered", told[1].at + beside, "evt-9")
        assert [f.trigger for f in fold([*told, named])].count("subscription_recovered") == fired


def test_only_where_it_makes_a_difference_is_a_checkout_taken_at_its_word() -> None:
    assert {as_said(kind, True) for kind in KINDS} - KINDS == {"named_recovered", "named_restarted"}
    assert {as_said(kind, False) for kind in KINDS} == KINDS


SAID = st.sampled_from(sorted({as_said(kind, named) for kind in KINDS for named in (False, True)})) | st.builds(
    Charge, st.integers(1, 4), st.none() | st.integers(3, 4)
)
HISTORIES = st.lists(SAID, max_size=12).map(lambda said: history(*said))


@given(st.data())
def test_the_order_of_arrival_does_not_matter(data: st.DataObject) -> None:
    told = data.draw(HISTORIES)
    shuffled = data.draw(st.permutations(told))
    assert fold(shuffled) == fold(told)
    assert status(shuffled) == status(told)


@given(HISTORIES)
def test_no_step_stands_for_one_trigger_twice(told: list[Said]) -> None:
    seen: set[tuple[str, int]] = set()
    for firing in fold(told):
        assert firing.step.id in firing.span
        named = {(firing.trigger, step) for step in firing.span}
        assert not named & seen
        seen |= named


@given(HISTORIES)
def test_between_two_failures_that_fire_there_is_a_way_out_of_the_first(told: list[Said]) -> None:
    triggers = [firing.trigger.removeprefix("subscription_") for firing in fold(told)]
    inside = False
    for trigger in triggers:
        if trigger == "charge_failed":
            assert not inside
            inside = True
        elif trigger in {"charged", "recovered", "restarted"}:
            inside = False


@given(HISTORIES)
def test_each_charge_is_counted_once(told: list[Said]) -> None:
    numbers = {step.number for step in told if step.kind == "charged" and step.number is not None}
    unnumbered = [step for step in told if step.kind == "charged" and step.number is None]
    charged = [firing for firing in fold(told) if firing.trigger == "subscription_charged"]
    assert len(charged) == len(numbers) + len(unnumbered)
