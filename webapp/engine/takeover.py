"""Lanes that a dead worker held: what it was doing is unknown. A call of its may have reached the app without any record of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from webapp.apps import MEMBERSHIP
from webapp.apps.registry import APPS
from webapp.engine.work import OURS
from webapp.models import Holding, Lane, LogEntry, Target


def doubt(session: Session, lanes: Collection[int], now: datetime) -> None:
    """Nothing is believed of what calls for the entries that are due in these lanes may have changed: the calls that would make it true settle
    it. What is on record as an entry wants it, no call was under way for. The caller holds the lanes."""
    due = or_(LogEntry.due_at.is_(None), LogEntry.due_at <= now)
    waits = (
        select(Lane.id, Lane.integration_id, LogEntry.target_id, LogEntry.action, Holding.held)
        .join(LogEntry, LogEntry.open_lane_id == Lane.id)
        .join(Holding, (Holding.lane_id == Lane.id) & (Holding.target_id == LogEntry.target_id), isouter=True)
        .where(Lane.id.in_(lanes), LogEntry.target_id.is_not(None), due)
    )
    doubts: dict[int, set[int]] = defaultdict(set)
    joins: dict[int, set[int]] = defaultdict(set)
    for lane, integration, target, action, believed in session.execute(waits):
        if believed != ("held" if action in _ADDS else "not_held"):
            doubts[lane].add(target or 0)
        if action in _ADDS:
            joins[integration].add(lane)
    member = select(Target.integration_id, Target.id).where(Target.kind == MEMBERSHIP, Target.integration_id.in_(joins))
    for integration, membership in session.execute(member).all():
        for lane in joins[integration] - _members(session, joins[integration], membership):
            doubts[lane].add(membership)
    _with_what_is_inside(session, doubts)
    _write(session, doubts, now)


_ADDS = {action.key for app in APPS.values() for action in app.actions.values() if action.adds}


def _members(session: Session, lanes: Collection[int], membership: int) -> set[int]:
    """Of which of these lanes the customer is on record as a member."""
    held = select(Holding.lane_id).where(Holding.lane_id.in_(lanes), Holding.target_id == membership, Holding.held == "held")
    return set(session.scalars(held))


def _with_what_is_inside(session: Session, doubts: dict[int, set[int]]) -> None:
    """Leaving a group may have taken its places along: of those what was believed is doubted, too."""
    group, inside = aliased(Target), aliased(Target)
    held = (
        select(Holding.lane_id, group.id, inside.id)
        .join(inside, inside.id == Holding.target_id)
        .join(group, (group.integration_id == inside.integration_id) & (group.remote_id == inside.group))
        .where(Holding.lane_id.in_(doubts))
    )
    for lane, around, target in session.execute(held).all():
        if around in doubts[lane]:
            doubts[lane].add(target)


def _write(session: Session, doubts: dict[int, set[int]], now: datetime) -> None:
    said: dict[str, Any] = {"held": "unknown", "since": now, "heard_at": now, "word": OURS}
    rows = [{"lane_id": lane, "target_id": target, **said} for lane, targets in sorted(doubts.items()) for target in sorted(targets)]
    if rows:
        insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
        upsert = insert(Holding).on_conflict_do_update(index_elements=["lane_id", "target_id"], set_=said)
        session.connection().execute(upsert, rows)
