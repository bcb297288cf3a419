"""Batches in a shop of the engine's tests: started, gone on with, and worked between the steps as a worker does."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from tests.engine.shop import ROUNDS, Shop
from tests.factories import NOW
from webapp.engine import batches, past
from webapp.engine.batch_work import Tools
from webapp.engine.batches import Progress, Stepped
from webapp.engine.rules import Draft, create
from webapp.models import Batch, Rule

__all__ = ["NOW"]


def start(shop: Shop, kind: str, items: Any, **given: Any) -> int:
    with shop.write() as session:
        more = {"title": "A batch", "given": given, "by": None, "now": shop.now, "new_id": shop.new_id}
        return batches.start(session, shop.marketplace, kind, items, **more).id


def apply(shop: Shop, trigger: str, action: str, target: int | None = None, product: str | None = None, **more: Any) -> int:
    """Make a rule and apply it to who did this before. Gives the batch."""
    with shop.write() as session:
        product_id = shop.product(session, product) if product else None
        draft = Draft(product_id, trigger, shop.integration, action, target, **more)
        people = past.people(session, shop.marketplace, draft, shop.apps["circle"], shop.now)
        rule = create(session, shop.apps, shop.marketplace, draft, now=shop.now, new_id=shop.new_id)
        given = {"title": "Past", "given": past.given(rule), "by": None, "now": shop.now, "new_id": shop.new_id}
        return batches.start(session, shop.marketplace, past.KEY, people, **given).id


def step(shop: Shop, batch: int) -> Stepped:
    with shop.write() as session:
        return batches.step(session, batch, Tools(shop.snapshots, shop.now, shop.new_id))


def finish(shop: Shop, batch: int) -> Progress:
    """Go on until it is over, with a worker that does what it begins."""
    for _ in range(ROUNDS):
        if step(shop, batch).came == "over":
            return progress(shop, batch)
        shop.work()
    raise AssertionError("it never ends")


def progress(shop: Shop, batch: int) -> Progress:
    with Session(shop.engine) as session:
        return batches.progress(session, session.get_one(Batch, batch), shop.now)


def rule_of(shop: Shop) -> Rule:
    return shop.rows(Rule)[-1]  # type: ignore[no-any-return]
