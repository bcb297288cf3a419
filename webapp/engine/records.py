"""Reads what is on record for lanes, as the values that `access.desired` decides over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.engine.access import Ground, Mark, Op, Record
from webapp.engine.hand import HAND
from webapp.engine.ready import among, ask
from webapp.engine.triggers import RECOVERIES, SETBACKS
from webapp.models import Grant, Happening, Lane, Purchase, Target

MEMBERSHIP = "membership"
Moments = dict[int, list[tuple[datetime, str]]]
"""Times and ties, by purchase."""


def load(
    session: Session, lanes: Collection[int], memberships: Mapping[int, int] | None = None, *, grounds: bool = False
) -> dict[int, Record]:
    """The records of these lanes. `memberships`: the membership target of each lane, where the caller knows it already. `grounds`: the
    purchases are wanted for their own sake, too."""
    if not lanes:
        return {}
    if memberships is None:
        memberships = membership_targets(session, lanes)
    marks = _marks(session, lanes)
    # Openings alone need nothing of their purchases: the common case, a customer who only ever bought.
    wanted = grounds or any(m.op != "open" for ms in marks.values() for m in ms)
    about = grounds_of(session, marks) if wanted else {}
    return {lane: Record(memberships[lane], marks.get(lane, []), about) for lane in lanes if lane in memberships}


def membership_targets(session: Session, lanes: Collection[int]) -> dict[int, int]:
    """The membership target of each lane's integration."""
    rows = session.execute(
        select(Lane.id, Target.id)
        .join(Target, (Target.integration_id == Lane.integration_id) & (Target.kind == MEMBERSHIP))
        .where(Lane.id.in_(lanes))
    )
    return dict(rows.all())


_MARKS = select(
    Grant.lane_id, Grant.id, Grant.target_id, Grant.purchase_id, Grant.op, Grant.at, Grant.tie, Grant.until, Grant.asked_at,
    Grant.recoverable, Grant.void, Grant.entry_id,
).where(among(Grant.lane_id, "lanes"))  # fmt: skip


def _marks(session: Session, lanes: Collection[int]) -> dict[int, list[Mark]]:
    rows = ask(session, _MARKS, lanes=list(lanes))
    found: dict[int, list[Mark]] = defaultdict(list)
    for lane, *rest in rows:
        found[lane].append(Mark(*rest))
    return found


def grounds_of(session: Session, marks: Mapping[int, list[Mark]]) -> dict[int, Ground]:
    """The purchases that these marks are about, by id."""
    ids = {m.purchase for ms in marks.values() for m in ms}
    recoveries, setbacks = _news_of(session, {m.purchase for ms in marks.values() for m in ms if m.recoverable and m.asked_at})
    rows = session.execute(
        select(Purchase.id, Purchase.product_id, Purchase.order_ref, Purchase.subscription_ref, Purchase.on_record, Purchase.ground).where(
            Purchase.id.in_(ids)
        )
    )
    return {
        pid: Ground(
            pid, product, named=ground != "product" or bool(order or subscription), on_record=on_record,
            person=ground.startswith(HAND), recoveries=tuple(recoveries.get(pid, ())),
            setbacks=tuple(setbacks.get(pid, ())),
        )
        for pid, product, order, subscription, on_record, ground in rows
    }  # fmt: skip


def _news_of(session: Session, waiting: Collection[int]) -> tuple[Moments, Moments]:
    """Of purchases for which a removal waits: what undoes it, and what is no sign of that. What was added anew for a purchase counts wherever
    it was added, in another community, too. Hardly ever does any removal wait."""
    recoveries: Moments = defaultdict(list)
    setbacks: Moments = defaultdict(list)
    if not waiting:
        return recoveries, setbacks
    news = select(Happening.purchase_id, Happening.trigger, Happening.at, Happening.tie).where(
        Happening.purchase_id.in_(waiting), Happening.trigger.in_(RECOVERIES | SETBACKS), Happening.refuted.is_(False)
    )
    for purchase, trigger, at, tie in session.execute(news):
        (recoveries if trigger in RECOVERIES else setbacks)[purchase].append((at, tie))
    adds = select(Grant.purchase_id, Grant.at, Grant.tie).where(Grant.purchase_id.in_(waiting), Grant.op == "open", Grant.void.is_(False))
    for purchase, at, tie in session.execute(adds):
        if (at, tie) not in setbacks[purchase]:
            recoveries[purchase].append((at, tie))
    return recoveries, setbacks


__all__ = ["MEMBERSHIP", "Op", "grounds_of", "load", "membership_targets"]
