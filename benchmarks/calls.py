"""What a purchase costs in metered calls: a year of a made-up shop, played through the real engine against Circle's simulator, beside what two
other ways of doing it would cost. No process, no clock, no network: the same figures each time.

`one call a rule` makes each rule's call when it fires. `search first` asks who somebody is before each of them, and leaves out an invite or a
tag that the answer shows to be there already.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from pysqlite3 import dbapi2
from sqlalchemy import create_engine

from tests.engine.shop import Shop, Shops
from webapp.models import Base, LogEntry
from webapp.sources import Line, Message, Person

CUSTOMERS = 120
SEED = 12
TARGET = 0.4
"""The share of one call a rule that is aimed at."""

COURSES = ("ads-101", "mail-201", "funnels-301")
CLUB = "club"
RULES: tuple[tuple[str, str, str | None, str | None], ...] = (
    ("product_purchased", "invite_member", None, None),
    ("product_purchased", "add_tag", "Customer", None),
    ("product_purchased", "remove_tag", "Abandoned", None),
    ("prospect_created", "add_tag", "Abandoned", None),
    *((trigger, f"{verb}_space", f"{name} {part}", name)
      for name in COURSES for part in ("lessons", "questions")
      for trigger, verb in (("product_purchased", "add_to"), ("product_refunded", "remove_from"))),
    *(("product_purchased", "add_tag", name, name) for name in COURSES),
    *(("product_refunded", "remove_tag", name, name) for name in COURSES),
    ("product_purchased", "add_to_space_group", "Club", CLUB),
    ("product_purchased", "add_to_space", "Lounge", CLUB),
    ("product_purchased", "add_tag", "Member", CLUB),
    ("subscription_charge_failed", "add_tag", "Payment failed", CLUB),
    ("subscription_recovered", "remove_tag", "Payment failed", CLUB),
    ("subscription_recovered", "add_to_space_group", "Club", CLUB),
    ("subscription_restarted", "add_to_space_group", "Club", CLUB),
    ("subscription_canceled", "remove_from_space_group", "Club", CLUB),
    ("subscription_canceled", "remove_from_space", "Lounge", CLUB),
    ("subscription_canceled", "remove_tag", "Member", CLUB),
)  # fmt: skip
"""Trigger, action, what it is about, and of which product: three courses with two spaces and a tag each, a club that is paid by the month."""

Figures = dict[str, int | float]
ADD = ("add_to_", "add_", "invite_")


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that the checkout says; of an order with an order bump, of both products."""

    at: datetime
    kind: str
    email: str
    products: tuple[str, ...]
    more: dict[str, Any] = field(default_factory=dict)


def history(begin: datetime, customers: int = CUSTOMERS, seed: int = SEED, days: int = 240) -> list[Told]:
    """A year, in whose first `days` everybody buys for the first time: seven in ten begin with a course, three in ten with the club. Three orders
    in ten have an order bump, one customer in four comes back for another course. One in ten leaves the cart a day before they buy, one course
    in twenty is refunded, one payment in fifteen fails, and half of the club's members cancel."""
    dice = Random(seed)
    told: list[Told] = []
    for number in range(customers):
        email, at = f"customer{number}@shop.test", begin + timedelta(days=dice.uniform(0, days))
        first = CLUB if dice.random() < 0.3 else dice.choice(COURSES)
        if dice.random() < 0.1:
            told.append(Told(at - timedelta(days=1), "prospect", email, (first,), {"prospect": f"p{number}"}))
        bump, later = dice.sample([one for one in COURSES if one != first], 2)
        told += _order(dice, email, (first, bump) if dice.random() < 0.3 else (first,), f"{number}-1", at)
        if dice.random() < 0.25:
            told += _order(dice, email, (later,), f"{number}-2", at + timedelta(days=45))
    return sorted(told, key=lambda one: (one.at, one.email))


def _order(dice: Random, email: str, products: tuple[str, ...], order: str, at: datetime) -> Iterator[Told]:
    """An order and what follows it."""
    subscription = {"subscription": order} if CLUB in products else {}
    yield Told(at, "purchased", email, products, {"order": order, **subscription})
    for product in products:
        if product != CLUB and dice.random() < 0.05:
            yield Told(at + timedelta(days=dice.uniform(1, 14)), "refunded", email, (product,), {"order": order})
    if subscription:
        yield from _months(dice, email, subscription, at)


def _months(dice: Random, email: str, subscription: dict[str, Any], at: datetime) -> Iterator[Told]:
    """A membership of the club: two to eight months of it, until it is canceled or the year is told."""
    for month in range(1, dice.randint(2, 8)):
        paid = at + timedelta(days=30 * month)
        if dice.random() < 1 / 15:
            yield Told(paid, "charge_failed", email, (CLUB,), subscription)
            paid += timedelta(days=3)
        yield Told(paid, "charged", email, (CLUB,), subscription)
    if dice.random() < 0.5:
        yield Told(paid + timedelta(days=10), "canceled", email, (CLUB,), subscription)


def shop_with_rules(shop: Shop) -> Shop:
    """The shop as it is played."""
    targets: dict[str | None, int | None] = {None: None}
    for _, action, name, _ in RULES:
        if name not in targets and name is not None:
            targets[name] = shop.place(_kind(action), name)
    shop.rules(*((trigger, action, targets[name], product, {}) for trigger, action, name, product in RULES))
    return shop


def _kind(action: str) -> str:
    return next(kind for kind in ("space_group", "space", "tag") if action.endswith(kind))


def measure(customers: int = CUSTOMERS) -> Figures:
    """Play the year. Metered calls in all and a purchase, of each of the three ways, and ours as shares of the others."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "empty.db"
        engine = create_engine(f"sqlite+pysqlite:///{template}", module=dbapi2)
        Base.metadata.create_all(engine)
        engine.dispose()
        with Shops(template).open() as shop:
            shop_with_rules(shop)
            told = history(shop.now, customers)
            for number, one in enumerate(told):
                shop.now = one.at
                shop.work()  # what was to wait until then
                shop.deliver(_message(number, one))
                shop.work()
            shop.pass_time(days=1)
            shop.work()
            return _figures(shop, sum(len(one.products) for one in told if one.kind == "purchased"))


def _message(number: int, told: Told) -> Message:
    """As a source hands it on. The subscription is the club's, whatever is bought beside it."""
    lines = [
        Line(told.kind, product, **{key: value for key, value in told.more.items() if key != "subscription" or product == CLUB})
        for product in told.products
    ]
    return Message(f"m{number:06}", told.kind, told.at, Person(told.email, "Mina"), tuple(lines))


def _figures(shop: Shop, purchases: int) -> Figures:
    fired = [entry for entry in shop.entries() if entry.rule_id is not None]
    ours, each, searching = len(shop.calls), len(fired), _searching(fired)
    return {
        "purchases": purchases, "cartwheel": ours, "one_call_a_rule": each, "search_first": searching,
        "cartwheel_a_purchase": ours / purchases, "one_call_a_rule_a_purchase": each / purchases,
        "search_first_a_purchase": searching / purchases, "of_one_call_a_rule": ours / each, "of_search_first": ours / searching,
        "target": TARGET,
    }  # fmt: skip


def _searching(fired: list[LogEntry]) -> int:
    """A search each, and the call that follows but for what the search shows to be so: the membership, and tags."""
    known: dict[tuple[int | None, int | None], bool] = {}
    calls: Counter[str] = Counter()
    for entry in fired:
        about, action = (entry.customer_id, entry.target_id), entry.action or ""
        adds = action.startswith(ADD)
        calls["searches"] += 1
        shown = action == "invite_member" or action.endswith("tag")
        calls["calls"] += not (shown and known.get(about, False) == adds)
        known[about] = adds
    return calls.total()


def main() -> None:
    """Measure and print."""
    for name, value in measure().items():
        print(f"  {name:28} {value:.2f}" if isinstance(value, float) else f"  {name:28} {value}")


if __name__ == "__main__":
    main()
