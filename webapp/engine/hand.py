"""A person's decision on record: a mark on a ground of its own, which no rule speaks for. Who decides what, and when, is not here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from webapp.engine.access import Op
from webapp.engine.book import NewId
from webapp.models import Grant, LogEntry, Purchase

HAND = "hand:"
"""What the ground of a purchase begins with that is no purchase but a person's decision."""


def decide(
    session: Session, entry: LogEntry, op: Op, now: datetime, new_id: NewId, *, until: datetime | None = None, ground: int | None = None
) -> None:
    """Write down what a person decided about the target of an entry that carries it out: `open` (perhaps `until` a time), `close`, `clear`,
    `veto` or `lift`. It has a ground of its own, unless it is about one that there is already (`ground`, the purchase's id)."""
    own = f"{HAND}{entry.id}"
    if ground is None:
        ground = new_id(now)
        session.add(
            Purchase(
                id=ground, marketplace_id=entry.marketplace_id, customer_id=entry.customer_id, product_id=None, ground=own,
                state="active", state_at=now, bought_at=now, test=entry.test,
            )
        )  # fmt: skip
        session.flush()
    session.add(
        Grant(
            id=new_id(now), lane_id=entry.lane_id, target_id=entry.target_id, purchase_id=ground, entry_id=entry.id, op=op, at=now, tie=own,
            until=until,
        )
    )  # fmt: skip
