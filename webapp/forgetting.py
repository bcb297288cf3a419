"""Erases customers of this deployment, with its secret and its clock, and knows again who was erased. What goes is decided in the engine."""

from __future__ import annotations

from datetime import datetime

from webapp.database import db, writing
from webapp.engine import erasing
from webapp.models import Customer
from webapp.parts import parts
from webapp.tokens import digest


def erase(customer: Customer) -> str:
    """Erase a customer. Returns what they are called from now on. Raises Refused while a call for them is under way."""
    marketplace, number, known = customer.marketplace_id, customer.id, _known_by(customer)
    found = erasing.traces(db.session(), customer)
    with writing() as session:
        return erasing.erase(session, marketplace, number, found, known, parts().now())


def erased_before(customer: Customer) -> datetime | None:
    """When somebody of the same address was erased; None where nobody was. Of one who is erased nothing is known."""
    return None if customer.erased_at else erasing.erased_before(db.session(), customer.marketplace_id, _known_by(customer))


def _known_by(customer: Customer) -> str:
    return digest(parts().settings.secret_key, "erased", customer.marketplace_id, customer.email)
