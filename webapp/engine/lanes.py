"""Claim due lanes: many at once, going round the integrations. What their work needs is read in briefing.py, what comes of it is in recording.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from webapp.engine import briefing, corrections
from webapp.engine.book import NewId
from webapp.engine.work import Work
from webapp.models import Customer, Integration, Lane

CLAIM_FOR = timedelta(seconds=25)
"""How long a claim holds. A call ends within 20 s and the claim is renewed before each, so a taker never overlaps a holder."""


def callable_now(now: datetime) -> Select[int]:
    """The integrations that may be called: not deleted, paused, in need of a person, or asked to wait."""
    return select(Integration.id).where(
        Integration.deleted_at.is_(None),
        Integration.attention.is_(None),
        Integration.paused_at.is_(None),
        or_(Integration.hold_until.is_(None), Integration.hold_until <= now),
    )


def waiting(session: Session, now: datetime) -> list[int]:
    """The integrations with lanes that are due and may be called, each once."""
    due = select(Lane.integration_id).where(Lane.due_at <= now, Lane.integration_id.in_(callable_now(now)))
    return sorted(session.scalars(due.distinct()))


def claim(
    session: Session, integrations: Sequence[int], most: int, token: str, now: datetime, trust: timedelta, new_id: NewId
) -> list[Work]:
    """Take up to `most` due lanes, as evenly as it goes from these integrations, in their order. The caller commits.

    What is not as desired in a lane, though nobody asks for it, gets an entry of its own here.
    `trust`: how long a belief is trusted without a call. Whoever claims renews within CLAIM_FOR or loses the lane.
    """
    ids = _share_out(session, integrations, most, now)
    if not ids:
        return []
    until = now + CLAIM_FOR
    session.execute(
        update(Lane)
        .where(Lane.id.in_(ids))
        .values(claim=token, claimed_until=until, due_at=until, look_at=None)
        .execution_options(synchronize_session=False)
    )
    works = briefing.load(session, ids, token, now, trust)
    corrections.put_right(session, works, now, new_id)
    return works


def own(session: Session, customer: Customer, integration_id: int, now: datetime, new_id: NewId) -> Lane:
    """The lane of a customer at an integration, locked; made where there is none, with nothing due."""
    row = {"id": new_id(now), "marketplace_id": customer.marketplace_id, "customer_id": customer.id, "integration_id": integration_id}
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    session.execute(insert(Lane).values(row).on_conflict_do_nothing(index_elements=["customer_id", "integration_id"]))
    mine = select(Lane).where(Lane.customer_id == customer.id, Lane.integration_id == integration_id)
    return session.scalars(mine.with_for_update().execution_options(populate_existing=True)).one()


def renew(session: Session, lanes: Collection[int], token: str, now: datetime) -> set[int]:
    """Hold on to these lanes for another CLAIM_FOR. Gives those that are still ours."""
    if not lanes:
        return set()
    until = now + CLAIM_FOR
    held = update(Lane).where(Lane.id.in_(lanes), Lane.claim == token).values(claimed_until=until, due_at=until).returning(Lane.id)
    return set(session.scalars(held.execution_options(synchronize_session=False)))


def _share_out(session: Session, integrations: Sequence[int], most: int, now: datetime) -> list[int]:
    """An equal share for each; what some leave goes to those who have more."""
    taken: dict[int, list[int]] = {}
    for number, integration in enumerate(integrations):
        share = -(-(most - sum(map(len, taken.values()))) // (len(integrations) - number))
        taken[integration] = _take(session, integration, share, 0, now) if share > 0 else []
    for integration in integrations:
        left, mine = most - sum(map(len, taken.values())), taken[integration]
        if left > 0 and mine and len(integrations) > 1:
            taken[integration] = mine + _take(session, integration, left, len(mine), now)
    return [lane for mine in taken.values() for lane in mine]


def _take(session: Session, integration: int, most: int, skip: int, now: datetime) -> list[int]:
    query = (
        select(Lane.id)
        .where(
            Lane.integration_id == integration,
            Lane.due_at <= now,
            Lane.integration_id.in_(callable_now(now)),
        )
        .order_by(Lane.due_at)
        .offset(skip)
        .limit(most)
    )
    return list(session.scalars(query.with_for_update(skip_locked=True, of=Lane)))
