"""Rows for tests, one function each: whatever a test does not say is something plain. Add yours here."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from webapp.models import Integration, Marketplace, Role, User

NOW = datetime(2026, 11, 24, 14, 2, 8, tzinfo=UTC)
"""When everything happens, unless a test says otherwise."""

PASSWORD = "correct horse battery"
"""The password of every user that a test makes."""

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
_numbers = count(1)


def new_id() -> int:
    """An id that no other row has; small, so that a failing test can be read."""
    return next(_numbers)


def make_marketplace(session: Session, name: str | None = None, **fields: Any) -> Marketplace:
    """A marketplace; its name is unique."""
    number = new_id()
    made = Marketplace(id=number, name=name or f"Shop {number}", **{"created_at": NOW, **fields})
    session.add(made)
    session.flush()
    return made


def make_user(
    session: Session,
    marketplace: Marketplace | None = None,
    role: str = "owner",
    email: str | None = None,
    **fields: Any,
) -> User:
    """A user whose password is PASSWORD, with a role in the marketplace if there is one."""
    number = new_id()
    made = User(
        id=number,
        **{"email": email or f"person{number}@shop.test", "password_hash": CHEAP, "created_at": NOW, **fields},
    )
    session.add(made)
    session.flush()
    if marketplace is not None:
        give_role(session, made, marketplace, role)
    return made


def give_role(session: Session, user: User, marketplace: Marketplace, role: str = "owner") -> None:
    """Let a user into one more marketplace."""
    session.add(Role(user_id=user.id, marketplace_id=marketplace.id, role=role))
    session.flush()


def make_integration(session: Session, marketplace: Marketplace, name: str | None = None, **fields: Any) -> Integration:
    """A Circle integration whose credentials nothing opens."""
    number = new_id()
    given = {"app": "circle", "credentials": b"sealed", "key_tail": "7f3a", "created_at": NOW, **fields}
    made = Integration(id=number, marketplace_id=marketplace.id, name=name or f"Community {number}", **given)
    session.add(made)
    session.flush()
    return made
