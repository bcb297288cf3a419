"""Each trigger with each action: from the signed request that a checkout posts, through the source, the rules, the plan and its calls, to what
Circle's simulator has then. `python -m tests.engine.pairs` (make features) writes what came of it into docs/features.md."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from sqlalchemy import create_engine

from tests.engine.shop import Shop, Shops
from webapp.apps.registry import APPS
from webapp.config import ROOT
from webapp.engine.triggers import TRIGGERS
from webapp.models import Base
from webapp.sources import Message, Request
from webapp.sources.cartwheel import CARTWHEEL, new_secret, signed

FILE = ROOT / "docs" / "features.md"
BEGIN, END = "<!-- made by `make features` -->", "<!-- until here -->"

MINA = "mina@shop.test"
PRODUCT, OTHER = "ads-101", "course-b"
ABOUT = {"customer": {"email": MINA, "first_name": "Mina"}, "product_id": PRODUCT}
CLUB = {**ABOUT, "subscription_id": "s1"}
Said = tuple[str, dict[str, Any]]


def bought(product: str = PRODUCT, order: str = "9001", **more: str) -> Said:
    """An order with one product."""
    return "order.created", {
        "order_id": order,
        "customer": ABOUT["customer"],
        "items": [{"product_id": product, "kind": "primary", **more}],
    }


BOUGHT = bought(subscription_id="s1")
FAILED: Said = ("subscription.charge_failed", CLUB)
CHARGED: Said = ("subscription.charged", CLUB)
CANCELED: Said = ("subscription.canceled", CLUB)

SAID: dict[str, tuple[Said, ...]] = {
    "product_purchased": (BOUGHT,),
    "product_refunded": (BOUGHT, ("order.refunded", {**ABOUT, "order_id": "9001", "full": True})),
    "product_partially_refunded": (BOUGHT, ("order.refunded", {**ABOUT, "order_id": "9001", "full": False})),
    "prospect_created": (("prospect.created", {**ABOUT, "prospect_id": "p1"}),),
    "subscription_canceled": (BOUGHT, CANCELED),
    "subscription_charge_failed": (BOUGHT, FAILED),
    "subscription_charged": (BOUGHT, CHARGED),
    "subscription_delinquent": (BOUGHT, FAILED, FAILED, FAILED, FAILED),
    "subscription_recovered": (BOUGHT, FAILED, CHARGED),
    "subscription_restarted": (BOUGHT, CANCELED, ("subscription.restarted", CLUB)),
    "subscription_completed": (BOUGHT, ("subscription.charged", {**CLUB, "charge_number": 3, "charges_total": 3})),
}
"""What a checkout says, an hour apart, until each trigger fires."""

PLACES = {"space": "VIP Room", "space_group": "Courses", "event": "Kick-off", "tag": "Student"}
ACTIONS = APPS["circle"].actions


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a pair: whether Mina has the target before and after, the entry's status and sentence, and the calls that it took."""

    before: bool
    after: bool
    status: str
    sentence: str
    calls: tuple[str, ...]


def play(shop: Shop, trigger: str, action: str) -> Came:
    """A shop with the one rule, whose checkout speaks until it fires."""
    kind, adds = ACTIONS[action].kind, ACTIONS[action].adds
    target, name = shop.place(kind, PLACES[kind]) if kind in PLACES else None, PLACES.get(kind, "member")
    shop.rule(trigger, action, target, PRODUCT)
    if not adds:
        _give_before(shop, trigger, kind, target)
    for said in SAID[trigger][:-1]:
        _post(shop, said)
    before, called = name in shop.holds(MINA), len(shop.calls)
    _post(shop, SAID[trigger][-1])
    shop.pass_time(hours=2)
    shop.work()
    (entry,) = [entry for entry in shop.entries() if (entry.trigger, entry.action) == (trigger, action)]
    calls = shop.calls[called:] if entry.status == "succeeded" else []
    return Came(before, name in shop.holds(MINA), entry.status, entry.sentence, tuple(f"{call.method} {call.path}" for call in calls))


def _post(shop: Shop, said: Said) -> None:
    """A signed request, an hour after the last one, taken in and worked off."""
    shop.pass_time(hours=1)
    kind, data = said
    body = json.dumps({"type": kind, "timestamp": shop.now.isoformat(), "data": data}).encode()
    secret = new_secret()
    headers = {"content-type": "application/json", **signed(secret, f"msg_{shop.now.timestamp():.0f}", shop.now, body)}
    message = CARTWHEEL.read(Request(body, {name.lower(): value for name, value in headers.items()}, {}, (secret,)), shop.now)
    assert isinstance(message, Message), message
    shop.deliver(message)
    shop.work()


def _give_before(shop: Shop, trigger: str, kind: str, target: int | None) -> None:
    """What is to be taken away has to be there: from the very purchase where the trigger takes that back, else from another one."""
    add = next(action.key for action in ACTIONS.values() if action.kind == kind and action.adds)
    if TRIGGERS[trigger].takes_back:
        shop.rule("product_purchased", add, target, PRODUCT)
        return
    shop.rule("product_purchased", add, target, OTHER)
    _post(shop, bought(OTHER, "9000"))


def cell(came: Came) -> str:
    """What the table says of a pair."""
    return f"✓ {len(came.calls)}" if came.status == "succeeded" and came.before is not came.after else "–"


def table(cells: dict[tuple[str, str], str]) -> str:
    """The table, triggers down, actions across."""
    heads = [action.label for action in ACTIONS.values()]
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' --- |' * len(heads)}"]
    lines += [f"| {trigger.label} | {' | '.join(cells[key, action] for action in ACTIONS)} |" for key, trigger in TRIGGERS.items()]
    return "\n".join(lines)


def documented() -> dict[tuple[str, str], str]:
    """What docs/features.md says of each pair."""
    lines = FILE.read_text().partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in lines]
    labels = {trigger.label: key for key, trigger in TRIGGERS.items()}
    return {(labels[row[0]], action): said for row in rows for action, said in zip(ACTIONS, row[1:], strict=True)}


def main() -> None:
    """Play all pairs and write the table anew."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "empty.db"
        engine = create_engine(f"sqlite+pysqlite:///{template}", module=dbapi2)
        Base.metadata.create_all(engine)
        engine.dispose()
        shops, cells = Shops(template), {}
        for trigger in TRIGGERS:
            for action in ACTIONS:
                with shops.open() as shop:
                    cells[trigger, action] = cell(play(shop, trigger, action))
    before, _, rest = FILE.read_text().partition(BEGIN)
    FILE.write_text(f"{before}{BEGIN}\n\n{table(cells)}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
