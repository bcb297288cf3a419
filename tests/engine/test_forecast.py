"""What a rule would change is what it then changes: counted before on both databases, held against what applying it to the past comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.engine import batching
from tests.engine.shop import TRUST, Shop, Shops
from webapp.apps import metered
from webapp.engine import forecast
from webapp.engine.forecast import Forecast
from webapp.engine.rules import Draft
from webapp.models import Call

VIP, BASIC = "VIP Room", "Basic"


@dataclass
class Case:
    """A rule to be made, and what is said of it before."""

    trigger: str
    action: str
    place: str | None
    said: Forecast
    product: str | None = None
    more: dict[str, Any] | None = None


CASES = {
    "a new tag for everybody who bought": Case("product_purchased", "add_tag", "New", Forecast(6, gain=6, calls=6)),
    "for those of one product": Case("product_purchased", "add_tag", "New", Forecast(1, gain=1, calls=1), "other"),
    "an event for one whom no rule has invited": Case("product_purchased", "rsvp_to_event", "Party", Forecast(1, gain=1, calls=2), "other"),
    "what most of them have already": Case("product_purchased", "add_to_space", VIP, Forecast(6, gain=1, calls=1)),
    "a time that is over for some": Case("product_purchased", "add_tag", "New", Forecast(3, gain=3, calls=3), None, {"for_days": 4}),
    "what a refund takes, spared by another purchase": Case(
        "product_refunded", "remove_from_space", BASIC, Forecast(3, lose=1, keep=1, unsure=1, calls=2)
    ),
    "what a refund takes in any case": Case(
        "product_refunded", "remove_from_space", BASIC, Forecast(3, lose=2, unsure=1, calls=3), None, {"removal": "always"}
    ),
    "the membership of who was refunded": Case("product_refunded", "remove_member", None, Forecast(3, lose=1, keep=1, unsure=1, calls=2)),
    "nobody did it": Case("subscription_charged", "add_tag", "New", Forecast()),
}


def populate(shop: Shop) -> dict[str, int]:
    """Who bought the course is in two spaces, who was refunded left the one of them; one bought something that no rule was about."""
    places = {name: shop.place("space", name) for name in (VIP, BASIC)} | {
        "New": shop.place("tag", "New"),
        "Party": shop.place("event", "Party"),
    }
    shop.rule("product_purchased", "add_to_space", places[VIP], "course")
    shop.rule("product_purchased", "add_to_space", places[BASIC], "course")
    shop.rule("product_refunded", "remove_from_space", places[VIP], "course")
    for number in range(3):
        shop.tell("purchased", f"only{number}@shop.test", "course", order=f"a{number}")
    shop.tell("purchased", "twice@shop.test", "course", order="b1")
    shop.tell("purchased", "refunded@shop.test", "course", order="c1")
    shop.work()
    shop.pass_time(days=3)
    shop.tell("purchased", "twice@shop.test", "course", order="b2")
    shop.tell("purchased", "other@shop.test", "other", order="d1")
    shop.tell("purchased", "late@shop.test", "course", order="e1")
    shop.work()
    shop.pass_time(days=2)
    for order, email in (("b1", "twice"), ("c1", "refunded")):
        shop.tell("refunded", f"{email}@shop.test", "course", order=order)
    shop.tell("refunded", "stranger@shop.test", "unheard", order="z9")
    shop.work()
    return places


def draft(shop: Shop, session: Session, case: Case, places: dict[str, int]) -> Draft:
    product = shop.product(session, case.product) if case.product else None
    target = places[case.place] if case.place else None
    return Draft(product, case.trigger, shop.integration, case.action, target, **(case.more or {}))


def told(shop: Shop, case: Case, places: dict[str, int]) -> Forecast:
    with shop.write() as session:
        made = draft(shop, session, case, places)
        return forecast.forecast(session, shop.apps["circle"], shop.marketplace, made, shop.now, TRUST)


def test_what_is_said_of_each_before(shop: Shop) -> None:
    places = populate(shop)
    assert {name: told(shop, case, places) for name, case in CASES.items()} == {name: case.said for name, case in CASES.items()}


@pytest.fixture
def small(shops: Shops) -> Iterator[Shop]:
    with shops.open() as opened:
        yield opened


def members(shop: Shop) -> dict[str, set[str]]:
    names = ("only0", "only1", "only2", "twice", "refunded", "other", "late", "stranger")
    return {name: shop.holds(f"{name}@shop.test") for name in names}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.said.people])
def test_and_that_is_what_applying_it_comes_to(small: Shop, name: str) -> None:
    case, places = CASES[name], populate(small)
    said, before, calls = told(small, case, places), members(small), len(small.rows(Call))
    batch = batching.apply(small, case.trigger, case.action, places[case.place] if case.place else None, case.product, **(case.more or {}))
    done, after = batching.finish(small, batch), members(small)
    place = case.place or "member"
    assert done.batch.total == said.people
    assert sum(place in after[one] and place not in before[one] for one in after) == said.gain
    assert sum(place in before[one] and place not in after[one] for one in after) == said.lose
    made = small.rows(Call)[calls:]
    assert sum(metered(call.status) for call in made) == said.calls


def test_where_many_have_removals_on_record_some_stand_for_all(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    vip = small.place("space", VIP)
    small.rule("product_purchased", "add_to_space", vip)
    small.rule("product_refunded", "remove_from_space", vip)
    for number in range(20):
        small.tell("purchased", f"{number}@shop.test", "course", order=str(number))
        small.pass_time(minutes=1)
        small.tell("refunded", f"{number}@shop.test", "course", order=str(number))
        small.tell("purchased", f"{number}@shop.test", "second", order=f"s{number}")
    monkeypatch.setattr(forecast, "MOST_EXACT", 5)
    case = Case("product_refunded", "remove_member", None, Forecast())
    assert told(small, case, {}) == Forecast(20, keep=20)
