"""People: their accounts, what they may do in which marketplace. Passwords and tokens come here as hashes only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Marketplace, Role

CHANGING = ("owner", "admin")
"""The roles that may change things."""


@dataclass(frozen=True)
class Place:
    """A marketplace that somebody may enter, apart from the database, and their role there."""

    marketplace: Marketplace
    role: str


def places(session: Session, user_id: int) -> list[Place]:
    """The marketplaces that a person may enter, by name. The session forgets them: they outlive its transaction."""
    rows = session.execute(
        select(Marketplace, Role.role)
        .join(Role, Role.marketplace_id == Marketplace.id)
        .where(Role.user_id == user_id)
        .order_by(Marketplace.name)
    ).all()
    for row in rows:
        session.expunge(row[0])
    return [Place(marketplace, role) for marketplace, role in rows]
