"""Under which address a customer is in an app, where the merchant says that it is another one than they buy with. Nothing is called here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from webapp.engine import audit, lanes
from webapp.engine.book import NewId
from webapp.engine.entries import Refused
from webapp.models import Customer, Grant, Holding, Integration, Lane

BY_MERCHANT, LEARNED = "merchant", "learned"
"""Whose word an alias is: `models.Lane.alias_by`."""


def put(session: Session, customer: Customer, integration: Integration, email: str, now: datetime, new_id: NewId) -> None:
    """From now on the customer is `email` at that integration: what is open goes there, and all that they should hold.

    What was believed about the address before lapses. The customer's own address takes an alias away. Raises Refused.
    """
    lane = lanes.own(session, customer, integration.id, now, new_id)
    alias = None if email == customer.email else email
    if alias == lane.alias:
        return
    if lane.claimed_until is not None and lane.claimed_until > now:
        raise Refused("A call for them is under way. Try again in a moment.")
    if alias and (other := _taken_by(session, customer, integration.id, alias)):
        raise Refused(f"{alias} is another customer's address there ({other}). What one is refunded would be taken from both.")
    about = f"{customer.email} in {integration.name}"
    audit.note(session, customer.marketplace_id, "alias_set", about, {"address": lane.alias}, {"address": alias})
    lane.alias, lane.alias_by, lane.alias_at = alias, BY_MERCHANT if alias else None, now if alias else None
    lane.member_id = None  # of the account under the other address
    lane.attempts, lane.retry_at = 0, None
    lane.claim = lane.claimed_until = None  # a worker that stood still since would go on under the address of before
    session.execute(delete(Holding).where(Holding.lane_id == lane.id))
    lane.look_at = lane.due_at = now


def _taken_by(session: Session, customer: Customer, integration_id: int, email: str) -> str | None:
    """The e-mail of another customer for whom something is on record at that integration under this address."""
    return session.scalar(
        select(Customer.email)
        .join(Lane, Lane.customer_id == Customer.id)
        .where(
            Customer.marketplace_id == customer.marketplace_id,
            Customer.id != customer.id,
            Lane.integration_id == integration_id,
            or_(Lane.alias == email, (Lane.alias.is_(None)) & (Customer.email == email)),
            select(Grant.id).where(Grant.lane_id == Lane.id).exists(),
        )
        .limit(1)
    )
