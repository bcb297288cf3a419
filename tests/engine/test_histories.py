"""Whatever the order in which messages arrive, however often, with work done in between or not: customers end up holding the same.

A history is drawn, told once in order to one shop, each message worked on before the next one comes; another shop hears it shuffled,
repeated and late, works now and then, and has calls under way while it hears more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from sqlalchemy.orm import Session

from tests import factories
from tests.engine.shop import Shop, Shops
from webapp.engine.access import desired
from webapp.engine.records import load
from webapp.models import PAID_PERIOD, Happening, Lane, Product, Target
from webapp.sources import Line, Message, Person

MINA = "mina@shop.test"
PLACES = {"VIP Room": "space", "Lounge": "space", "Student": "tag", "Abandoned": "tag", "Dunning": "tag", "Alumni": "tag"}
RULES = (
    ("product_purchased", "add_to_space", "VIP Room", "a", {}),
    ("product_purchased", "add_tag", "Student", None, {}),
    ("product_purchased", "remove_tag", "Abandoned", None, {}),
    ("product_refunded", "remove_from_space", "VIP Room", None, {}),
    ("product_refunded", "remove_tag", "Student", "a", {}),
    ("product_partially_refunded", "remove_from_space", "Lounge", None, {}),
    ("prospect_created", "add_tag", "Abandoned", None, {}),
    ("subscription_charged", "add_to_space", "Lounge", "b", {"for_days": 1}),
    ("subscription_charge_failed", "add_tag", "Dunning", None, {}),
    ("subscription_charge_failed", "remove_from_space", "Lounge", None, {"after_days": 1}),
    ("subscription_recovered", "remove_tag", "Dunning", None, {}),
    ("subscription_canceled", "remove_from_space", "VIP Room", None, {"after_days": PAID_PERIOD}),
    ("subscription_delinquent", "remove_member", "", None, {}),
    ("subscription_restarted", "add_to_space", "VIP Room", None, {}),
    ("subscription_completed", "add_tag", "Alumni", None, {}),
)
STEPS = ("charged", "charged", "charge_failed", "charge_failed", "canceled", "delinquent", "recovered", "restarted", "completed")
HOUR = 60
PAUSE, CALL = "work", "call"
"""What happens beside messages: all work is done; or a call is made, whose answer comes after the next message."""


@st.composite
def lines(draw: DrawFn) -> Line:
    product, number = draw(st.sampled_from("ab")), draw(st.sampled_from(("1", "2", None)))
    kind = draw(st.sampled_from(("purchased", "purchased", "refunded", "partially_refunded", "prospect", "step", "step", "step")))
    if kind == "purchased":
        return Line(kind, product, order=number, subscription=draw(st.sampled_from((None, f"s{number}", "s1"))) if number else None)
    if kind in ("refunded", "partially_refunded"):
        return Line(kind, product, order=number, ref=draw(st.sampled_from((None, "r1"))))
    if kind == "prospect":
        return Line(kind, product, prospect=number, at_once=draw(st.booleans()))
    return draw(steps(product))


@st.composite
def steps(draw: DrawFn, product: str) -> Line:
    kind, subscription = draw(st.sampled_from(STEPS)), draw(st.sampled_from(("s1", "s1", "s2")))
    if kind == "charged":
        number = draw(st.sampled_from((None, 1, 2)))
        return Line(kind, product, subscription=subscription, number=number, total=2 if number else None)
    until = draw(st.sampled_from((None, 3, 30))) if kind == "canceled" else None
    return Line(kind, product, subscription=subscription, access_until=factories.NOW + timedelta(hours=until) if until else None)


@st.composite
def histories(draw: DrawFn) -> tuple[list[Message], list[Message | str]]:
    """Messages in the order of their times, and how the other shop hears of them."""
    minutes = sorted(draw(st.lists(st.integers(0, 80).map(lambda quarter: 15 * quarter), min_size=1, max_size=9)))
    told = [message(number, at, draw(lines())) for number, at in enumerate(minutes)]
    again = draw(st.lists(st.sampled_from(told), max_size=3))
    beside = draw(st.lists(st.sampled_from((PAUSE, CALL)), max_size=5))
    return told, draw(st.permutations([*told, *again, *beside]))


def message(number: int, minutes: int, line: Line) -> Message:
    at = factories.NOW + timedelta(minutes=minutes)
    return Message(f"m{number:03}", line.kind, at, Person(MINA, "Mina"), (line,))


@contextmanager
def opened(shops: Shops) -> Iterator[Shop]:
    with shops.open() as shop:
        places = {name: shop.place(kind, name) for name, kind in PLACES.items()}
        shop.rules(*((trigger, action, places.get(name), product, more) for trigger, action, name, product, more in RULES))
        yield shop


def tell_in_order(shop: Shop, told: list[Message]) -> None:
    for one in told:
        shop.now = max(shop.now, one.at)
        shop.work()
        shop.deliver(one)
        shop.work()


def tell_otherwise(shop: Shop, heard: list[Message | str]) -> None:
    """All of it is past, or most of it: what waits may have to wait longer still."""
    shop.now = factories.NOW + timedelta(hours=21)
    under_way = []
    for one in heard:
        if one == PAUSE:
            shop.work()
        elif one == CALL:
            under_way += shop.claim()
        else:
            shop.deliver(one)
            for work in under_way:
                shop.finish(work)
            under_way = []
    for work in under_way:
        shop.finish(work)


def settle(shop: Shop, hours: int) -> set[str]:
    """Let everything come due, work, and see what Circle has: what is desired."""
    shop.now = factories.NOW + timedelta(hours=hours)
    shop.work()
    assert {entry.status for entry in shop.entries()} <= {"succeeded", "unchanged", "no_rule", "nothing", "queued"}
    assert shop.holds(MINA) == wished(shop)
    return shop.holds(MINA)


def wished(shop: Shop) -> set[str]:
    names = {target.id: target.name or "member" for target in shop.rows(Target)}
    with Session(shop.engine) as session:
        records = load(session, [lane.id for lane in shop.rows(Lane)])
        return {names[t] for record in records.values() for t, verdict in desired(record, shop.now).items() if verdict.held}


def true_firings(shop: Shop) -> list[tuple[str, str, str, str]]:
    """What stands as having happened, with its time; each once."""
    names = {product.id: product.external_id for product in shop.rows(Product)}
    return sorted((h.trigger, names[h.product_id], h.at.isoformat(), h.tie) for h in shop.rows(Happening) if not h.refuted)


@given(history=histories())
@settings(max_examples=25)
def test_the_end_does_not_depend_on_the_order_of_arrival(shops: Shops, history: tuple[list[Message], list[Message | str]]) -> None:
    told, heard = history
    with opened(shops) as in_order, opened(shops) as otherwise:
        tell_in_order(in_order, told)
        tell_otherwise(otherwise, heard)
        for hours in (22, 24 * 4):
            assert settle(otherwise, hours) == settle(in_order, hours)
        assert true_firings(otherwise) == true_firings(in_order)
