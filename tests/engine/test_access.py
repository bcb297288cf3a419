"""What a customer should hold: the eight rules of docs/access.md, each as the stories that it decides, and what holds for any story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.apps import Action
from webapp.engine.access import Ground, Mark, Op, Record, desired, undone_by
from webapp.engine.rules import default_removal
from webapp.engine.triggers import TRIGGERS

DAY = datetime(2026, 11, 1, tzinfo=UTC)
MEMBERSHIP, VIP, BASIC, GROUP, TAG = 1, 2, 3, 4, 5
A, B, HAND, UNNAMED, UNKNOWN = 10, 20, 30, 40, 50
GROUNDS = {
    A: Ground(A, product=100),
    B: Ground(B, product=200),
    HAND: Ground(HAND, product=None, person=True),
    UNNAMED: Ground(UNNAMED, product=100, named=False),
    UNKNOWN: Ground(UNKNOWN, product=100, on_record=False),
}
"""A and B: two orders, of two products. UNNAMED: a purchase of A's product of which no order is known. UNKNOWN: an order of A's product
that only a refund has named."""


def on(day: float) -> datetime:
    """That day of November 2026."""
    return DAY + timedelta(days=day - 1)


def mark(op: Op, purchase: int, target: int, day: float, tie: str = "evt", **more: Any) -> Mark:
    return Mark(0, target, purchase, op, on(day), tie, **more)


def adds(purchase: int, target: int, day: float, tie: str = "evt", **more: Any) -> Mark:
    return mark("open", purchase, target, day, tie, **more)


def removes(purchase: int, target: int, day: float, tie: str = "evt", **more: Any) -> Mark:
    """A removal on a trigger that takes back: meant for this purchase."""
    return mark("close", purchase, target, day, tie, **more)


def waits(purchase: int, target: int, day: float, recoverable: bool = True) -> Mark:
    """A removal that was asked for on the 2nd, for that day."""
    return mark("close", purchase, target, day, asked_at=on(2), recoverable=recoverable)


def moves_on(purchase: int, target: int, day: float, tie: str = "evt") -> Mark:
    """A removal on a trigger that moves on: meant for everybody's grants."""
    return mark("clear", purchase, target, day, tie)


def record(*marks: Mark, grounds: dict[int, Ground] | None = None) -> Record:
    return Record(MEMBERSHIP, [replace(m, id=number) for number, m in enumerate(marks, 1)], GROUNDS | (grounds or {}))


def held(*marks: Mark, day: float = 20, grounds: dict[int, Ground] | None = None) -> set[int]:
    verdicts = desired(record(*marks, grounds=grounds), on(day))
    return {target for target, verdict in verdicts.items() if verdict.held}


@dataclass(frozen=True)
class Story:
    """What is on record, and what the customer should hold on the 20th; the text says why."""

    why: str
    marks: tuple[Mark, ...]
    holds: set[int]


RULE_1 = (
    Story("nothing is on record: nothing is desired", (), set()),
    Story("an invitation grants the membership", (adds(A, MEMBERSHIP, 1),), {MEMBERSHIP}),
    Story("every add also grants the membership", (adds(A, VIP, 1),), {MEMBERSHIP, VIP}),
    Story("adding a tag, too", (adds(A, TAG, 1),), {MEMBERSHIP, TAG}),
    Story("it counts from the event's time, whenever it arrives", (removes(A, VIP, 2), adds(A, VIP, 3)), {MEMBERSHIP, VIP}),
)
RULE_2 = (
    Story("a refund closes what its purchase had opened", (adds(A, VIP, 1), removes(A, VIP, 2)), {MEMBERSHIP}),
    Story("and on the target that was named alone", (adds(A, VIP, 1), adds(A, TAG, 1), removes(A, VIP, 2)), {MEMBERSHIP, TAG}),
    Story("buying once more opens it again", (adds(A, VIP, 1), removes(A, VIP, 2), adds(A, VIP, 3)), {MEMBERSHIP, VIP}),
    Story(
        "an unknown order's refund means the product's purchases without a name",
        (adds(UNNAMED, VIP, 1), removes(UNKNOWN, VIP, 2)),
        {MEMBERSHIP},
    ),
    Story("and none that has a name of its own", (adds(A, VIP, 1), removes(UNKNOWN, VIP, 2)), {MEMBERSHIP, VIP}),
    Story("nor another product's", (adds(B, VIP, 1), removes(UNKNOWN, VIP, 2)), {MEMBERSHIP, VIP}),
    Story("nor what came after it", (adds(UNNAMED, VIP, 3), removes(UNKNOWN, VIP, 2)), {MEMBERSHIP, VIP}),
    Story("its order that arrives later opens the membership alone", (removes(UNKNOWN, VIP, 2), adds(UNKNOWN, VIP, 1)), {MEMBERSHIP}),
)
RULE_3 = (
    Story("moving on takes everybody's grants", (adds(A, VIP, 1), adds(B, VIP, 2), moves_on(B, VIP, 3)), {MEMBERSHIP}),
    Story("buying Pro takes from Basic and gives Pro", (adds(A, BASIC, 1), moves_on(B, BASIC, 2), adds(B, VIP, 2)), {MEMBERSHIP, VIP}),
    Story("a grant after the clearing stands", (moves_on(A, VIP, 1), adds(B, VIP, 2)), {MEMBERSHIP, VIP}),
)
RULE_4 = (
    Story("unless another purchase still grants it", (adds(A, VIP, 1), adds(B, VIP, 1), removes(A, VIP, 2)), {MEMBERSHIP, VIP}),
    Story("in any case", (adds(A, VIP, 1), adds(B, VIP, 1), moves_on(A, VIP, 2)), {MEMBERSHIP}),
    Story("spared or not, the membership stays", (adds(A, VIP, 1), adds(B, TAG, 1), moves_on(A, VIP, 2)), {MEMBERSHIP, TAG}),
)
RULE_5 = (
    Story("the membership stays when the space goes", (adds(A, VIP, 1), removes(A, VIP, 2)), {MEMBERSHIP}),
    Story("until a Remove Member says otherwise", (adds(A, VIP, 1), removes(A, VIP, 2), removes(A, MEMBERSHIP, 3)), set()),
    Story("Remove Member closes all that the purchase grants there", (adds(A, VIP, 1), adds(A, TAG, 1), removes(A, MEMBERSHIP, 2)), set()),
    Story(
        "the member stays for another purchase's grant", (adds(A, VIP, 1), adds(B, TAG, 1), removes(A, MEMBERSHIP, 2)), {MEMBERSHIP, TAG}
    ),
    Story("Remove Member in any case takes everything there", (adds(A, VIP, 1), adds(B, TAG, 1), moves_on(A, MEMBERSHIP, 2)), set()),
    Story("what is bought after it brings them back", (adds(A, VIP, 1), removes(A, MEMBERSHIP, 2), adds(A, TAG, 3)), {MEMBERSHIP, TAG}),
    Story("also after one in any case", (adds(A, VIP, 1), moves_on(A, MEMBERSHIP, 2), adds(B, VIP, 3)), {MEMBERSHIP, VIP}),
    Story(
        "the mere absence of a grant takes nothing: the last place went, the member stays",
        (adds(A, TAG, 1), moves_on(B, TAG, 2)),
        {MEMBERSHIP},
    ),
    Story("timed access holds before its end", (adds(A, VIP, 1, until=on(21)),), {MEMBERSHIP, VIP}),
    Story("and no longer; the membership stays", (adds(A, VIP, 1, until=on(20)),), {MEMBERSHIP}),
    Story("a timed invitation ends by itself", (adds(A, MEMBERSHIP, 1, until=on(20)),), set()),
    Story("but not for who came with a place", (adds(A, VIP, 1), adds(A, MEMBERSHIP, 2, until=on(20))), {MEMBERSHIP, VIP}),
    Story("buying once more starts the time anew", (adds(A, VIP, 1, until=on(10)), adds(A, VIP, 8, until=on(30))), {MEMBERSHIP, VIP}),
    Story(
        "the newest opening decides, also where it is shorter", (adds(A, VIP, 1, until=on(30)), adds(A, VIP, 8, until=on(10))), {MEMBERSHIP}
    ),
    Story("of two rules at once the longer holds", (adds(A, VIP, 1, until=on(10)), adds(A, VIP, 1)), {MEMBERSHIP, VIP}),
    Story("what runs out for one purchase holds for another", (adds(A, VIP, 1, until=on(10)), adds(B, VIP, 1)), {MEMBERSHIP, VIP}),
)
RULE_6 = (
    Story("a refund that arrives before its order", (removes(A, VIP, 2), adds(A, VIP, 1)), {MEMBERSHIP}),
    Story("a removal loses to an add of the same event", (removes(A, VIP, 1, "evt"), adds(A, VIP, 1, "evt")), {MEMBERSHIP, VIP}),
    Story("a clearing as well", (moves_on(A, VIP, 1, "evt"), adds(A, VIP, 1, "evt")), {MEMBERSHIP, VIP}),
    Story(
        "of two events at one time the larger id wins: the removal", (adds(A, VIP, 1, "evt-1"), removes(A, VIP, 1, "evt-2")), {MEMBERSHIP}
    ),
    Story(
        "of two events at one time the larger id wins: the add", (removes(A, VIP, 1, "evt-1"), adds(A, VIP, 1, "evt-2")), {MEMBERSHIP, VIP}
    ),
    Story("what a later message has refuted counts for nothing", (adds(A, VIP, 1, void=True),), set()),
    Story("nor a refuted removal", (adds(A, VIP, 1), removes(A, VIP, 2, void=True)), {MEMBERSHIP, VIP}),
)
RULE_7 = (
    Story("another purchase still grants it", (adds(A, VIP, 1), adds(B, VIP, 1), removes(A, VIP, 2)), {MEMBERSHIP, VIP}),
    Story("whatever the order they were bought in", (adds(B, VIP, 1), adds(A, VIP, 2), removes(A, VIP, 3)), {MEMBERSHIP, VIP}),
    Story("when that goes too, it goes", (adds(A, VIP, 1), adds(B, VIP, 1), removes(A, VIP, 2), removes(B, VIP, 3)), {MEMBERSHIP}),
    Story("a removal with nothing on record does remove", (removes(A, VIP, 2),), set()),
    Story("Remove anyway is a clearing", (adds(A, VIP, 1), adds(B, VIP, 1), removes(A, VIP, 2), moves_on(HAND, VIP, 3)), {MEMBERSHIP}),
    Story("what a person granted no refund takes", (adds(HAND, VIP, 1), removes(A, VIP, 2), removes(UNKNOWN, VIP, 3)), {MEMBERSHIP, VIP}),
    Story("but a clearing does", (adds(HAND, VIP, 1), moves_on(A, VIP, 2)), {MEMBERSHIP}),
    Story("a veto outlasts what is bought after it", (mark("veto", HAND, VIP, 1), adds(A, VIP, 2)), {MEMBERSHIP}),
    Story("until it is lifted", (mark("veto", HAND, VIP, 1), adds(A, VIP, 2), mark("lift", HAND, VIP, 3)), {MEMBERSHIP, VIP}),
    Story("a veto on the membership is one on everything", (mark("veto", HAND, MEMBERSHIP, 1), adds(A, VIP, 2)), set()),
    Story("giving one place back gives the membership back",
          (mark("veto", HAND, MEMBERSHIP, 1), adds(A, VIP, 2), adds(A, TAG, 2), mark("lift", HAND, VIP, 3)), {MEMBERSHIP, VIP}),
)  # fmt: skip
RULE_8 = (
    Story(
        "a space that another purchase grants is still wanted without its group",
        (adds(A, GROUP, 1), adds(B, VIP, 1), removes(A, GROUP, 2)),
        {MEMBERSHIP, VIP},
    ),
    Story(
        "leaving the group in any case leaves the space wanted",
        (adds(A, GROUP, 1), adds(B, VIP, 1), moves_on(A, GROUP, 2)),
        {MEMBERSHIP, VIP},
    ),
)
WAITING = (
    Story("a removal that waits has not happened", (adds(A, VIP, 1), waits(A, VIP, 25, recoverable=False)), {MEMBERSHIP, VIP}),
    Story("until its time", (adds(A, VIP, 1), waits(A, VIP, 19, recoverable=False)), {MEMBERSHIP}),
    Story("a new add on the purchase undoes it", (adds(A, VIP, 1), waits(A, VIP, 19), adds(A, TAG, 3)), {MEMBERSHIP, VIP, TAG}),
    Story("one before it was asked for does not", (adds(A, VIP, 1), adds(A, TAG, 1.5), waits(A, VIP, 19)), {MEMBERSHIP, TAG}),
    Story("nor one after its time", (adds(A, VIP, 1), waits(A, VIP, 10), adds(A, TAG, 11)), {MEMBERSHIP, TAG}),
    Story("nor another purchase's", (adds(A, VIP, 1), waits(A, VIP, 10), adds(B, TAG, 3)), {MEMBERSHIP, TAG}),
    Story("nor a refuted one", (adds(A, VIP, 1), waits(A, VIP, 10), adds(A, TAG, 3, void=True)), {MEMBERSHIP}),
    Story("one that can't be undone stays", (adds(A, VIP, 1), waits(A, VIP, 10, recoverable=False), adds(A, TAG, 3)), {MEMBERSHIP, TAG}),
    Story("a checkout's clock may be ahead of ours", (adds(A, VIP, 25),), {MEMBERSHIP, VIP}),
)  # fmt: skip
RULES = {
    "1. An add opens a grant for the purchase, and grants membership": RULE_1,
    "2. A removal that takes back closes that purchase's grants on the target": RULE_2,
    "3. A removal that moves on is a clearing: everybody's grants": RULE_3,
    "4. A rule's removal spares what another purchase grants, or does not": RULE_4,
    "5. Desired is what some purchase has open; only a removal, an expiry or a person takes anything away": RULE_5,
    "6. The newest word by event time wins": RULE_6,
    "7. A removal that another grant overrules does nothing, until a person says otherwise": RULE_7,
    "8. Who leaves a space group keeps what other grants want in it": RULE_8,
    "A removal that waits can be undone before its time": WAITING,
}
"""The rules of docs/access.md, in their order, each with the stories that it decides."""

STORIES = [pytest.param(story, id=f"{rule}: {story.why}") for rule, stories in RULES.items() for story in stories]


@pytest.mark.parametrize("story", STORIES)
def test_story(story: Story) -> None:
    assert held(*story.marks) == story.holds
    assert held(*reversed(story.marks)) == story.holds
    assert held(*story.marks, *story.marks) == story.holds


def test_rule_4_which_triggers_take_back_and_which_move_on() -> None:
    action = Action("remove_from_space", "Remove from space", "space", adds=False, phrase="")
    usual = {key: default_removal(trigger, action) for key, trigger in TRIGGERS.items()}
    assert usual == {
        "product_purchased": "always",
        "product_refunded": "spare",
        "product_partially_refunded": "spare",
        "prospect_created": "always",
        "subscription_canceled": "spare",
        "subscription_charge_failed": "spare",
        "subscription_charged": "always",
        "subscription_delinquent": "spare",
        "subscription_recovered": "always",
        "subscription_restarted": "always",
        "subscription_completed": "always",
    }


def test_an_order_that_arrives_after_all_takes_the_refund_upon_itself() -> None:
    marks = (adds(UNNAMED, VIP, 1), removes(UNKNOWN, VIP, 3), adds(UNKNOWN, VIP, 2))
    arrived = {UNKNOWN: replace(GROUNDS[UNKNOWN], on_record=True)}
    assert held(*marks, grounds=arrived) == {MEMBERSHIP, VIP}  # as if it had come before its refund


def test_a_recovery_undoes_a_removal_that_waits() -> None:
    removal = waits(A, VIP, 10)
    for recovered, holds in ((on(5), True), (on(10), True), (on(1), False), (on(11), False)):
        grounds = {A: replace(GROUNDS[A], recoveries=((recovered, "evt-9"),))}
        assert (VIP in held(adds(A, VIP, 1), removal, grounds=grounds)) is holds
        undone = undone_by(removal, record(adds(A, VIP, 1), removal, grounds=grounds))
        assert undone == ((recovered, "evt-9") if holds else None)


def test_a_verdict_names_every_purchase_that_grants_it() -> None:
    first, again, other = adds(A, VIP, 1), adds(A, VIP, 3), adds(B, VIP, 2)
    verdict = desired(record(first, again, other, removes(A, TAG, 4)), on(20))[VIP]
    assert [(m.purchase, m.at) for m in verdict.because] == [(B, on(2)), (A, on(3))]
    assert verdict.ended is None


@pytest.mark.parametrize(
    ("marks", "ended", "expired"),
    [
        ((adds(A, VIP, 1), removes(A, VIP, 2)), ("close", A, 2), False),
        ((removes(A, VIP, 2),), ("close", A, 2), False),
        ((adds(A, VIP, 1), adds(B, VIP, 1), removes(A, VIP, 2), removes(B, VIP, 3)), ("close", B, 3), False),
        ((adds(A, VIP, 1), moves_on(B, VIP, 2)), ("clear", B, 2), False),
        ((adds(A, VIP, 1), removes(A, MEMBERSHIP, 2)), ("close", A, 2), False),
        ((adds(A, VIP, 1, until=on(9)),), ("open", A, 1), True),
        ((adds(A, VIP, 1, until=on(9)), adds(B, VIP, 3), removes(B, VIP, 4)), ("open", A, 1), True),
        ((adds(A, VIP, 1, until=on(3)), adds(B, VIP, 2), removes(B, VIP, 4)), ("close", B, 4), False),
        ((adds(A, VIP, 1, void=True),), ("open", A, 1), False),
        ((adds(A, VIP, 1), mark("veto", HAND, VIP, 2)), ("veto", HAND, 2), False),
    ],
)
def test_a_verdict_names_what_took_the_last_grant(marks: Sequence[Mark], ended: tuple[str, int, float], expired: bool) -> None:
    verdict = desired(record(*marks), on(20))[VIP]
    assert verdict.ended is not None
    assert (verdict.ended.op, verdict.ended.purchase, verdict.ended.at) == (ended[0], ended[1], on(ended[2]))
    assert (verdict.held, verdict.expired, verdict.because) == (False, expired, ())


def test_nothing_is_said_of_what_no_mark_names() -> None:
    assert set(desired(record(adds(A, VIP, 1)), on(20))) == {MEMBERSHIP, VIP}
    assert desired(record(), on(20)) == {}


def test_what_was_desired_at_an_earlier_time() -> None:
    told = record(adds(A, VIP, 1), removes(A, VIP, 5), adds(B, TAG, 7))
    then = {day: {t for t, v in desired(told, on(20), at=on(day)).items() if v.held} for day in (0.5, 1, 4, 5, 7)}
    assert then == {0.5: set(), 1: {MEMBERSHIP, VIP}, 4: {MEMBERSHIP, VIP}, 5: {MEMBERSHIP}, 7: {MEMBERSHIP, TAG}}


DAYS = st.integers(1, 12)
GRANTING = st.builds(
    adds, st.sampled_from((A, B, UNNAMED)), st.sampled_from((MEMBERSHIP, VIP, TAG)), DAYS, st.sampled_from("pqr"),
    until=st.none() | st.builds(on, st.integers(5, 30)), void=st.booleans(),
)  # fmt: skip
TAKING = st.builds(
    removes, st.sampled_from((A, B, UNNAMED, UNKNOWN)), st.sampled_from((MEMBERSHIP, VIP, TAG)), DAYS, st.sampled_from("pqr"),
    asked_at=st.none() | st.builds(on, st.integers(1, 3)), recoverable=st.booleans(),
)  # fmt: skip
DECIDED = st.builds(
    mark, st.sampled_from(("clear", "veto", "lift")), st.just(HAND), st.sampled_from((MEMBERSHIP, VIP, TAG)), DAYS, st.sampled_from("pqr")
)
HISTORIES = st.lists(GRANTING | TAKING | DECIDED, max_size=10)


@given(st.data())
def test_the_order_of_arrival_and_repeats_do_not_matter(data: st.DataObject) -> None:
    history = data.draw(HISTORIES)
    again = data.draw(st.permutations(history + data.draw(st.lists(st.sampled_from(history), max_size=3) if history else st.just([]))))
    assert held(*history, day=10) == held(*again, day=10)


@given(HISTORIES)
def test_whoever_holds_a_place_is_a_member(history: list[Mark]) -> None:
    holds = held(*history, day=10)
    assert not holds or MEMBERSHIP in holds


@given(st.lists(GRANTING, max_size=8), st.lists(TAKING, max_size=6))
def test_no_removal_takes_what_another_purchase_grants(granting: list[Mark], taking: list[Mark]) -> None:
    of_others = [m for m in granting if m.purchase == B]
    of_mine = [m for m in taking if m.purchase != B]
    assert held(*of_others, day=10) <= held(*granting, *of_mine, day=10)


@given(HISTORIES, st.sampled_from((MEMBERSHIP, VIP, TAG)))
def test_a_clearing_of_the_membership_ends_everything_before_it(history: list[Mark], target: int) -> None:
    assert held(*history, moves_on(HAND, MEMBERSHIP, 19)) == set()
    assert target in held(*(m for m in history if m.op != "veto"), moves_on(HAND, MEMBERSHIP, 18), adds(A, target, 19))


@given(HISTORIES)
def test_a_verdict_gives_its_reason(history: list[Mark]) -> None:
    for target, verdict in desired(record(*history), on(10)).items():
        assert verdict.held is bool(verdict.because)
        assert all(m.op == "open" and not m.void and target in (m.target, MEMBERSHIP) for m in verdict.because)
        assert len({m.purchase for m in verdict.because}) == len(verdict.because)
