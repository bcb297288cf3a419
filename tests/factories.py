"""Rows for tests, one function each: whatever a test does not say is something plain. Add yours here."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy.orm import Session

from webapp.database import db
from webapp.engine.audit import Hand
from webapp.id_times import first_id
from webapp.models import Batch, Customer, Integration, Lane, LogEntry, Marketplace, Product, Role, Rule, Source, Target, User
from webapp.parts import parts

NOW = datetime(2026, 11, 24, 14, 2, 8, tzinfo=UTC)
"""When everything happens, unless a test says otherwise."""

PASSWORD = "correct horse battery"
"""The password of every user that a test makes."""

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CHEAP = HASHER.hash(PASSWORD)
_numbers = count(1)


def new_id() -> int:
    """An id that no other row has; small, so that a failing test can be read."""
    return next(_numbers)


def somebody() -> Hand:
    """Who acts where no page and no command does."""
    return Hand("ana@shop.test", 1, NOW, lambda _: new_id())


def done_with(app: Flask) -> None:
    """Let an app go: its bell, which may still look for a Redis that there never was, and its connections."""
    with app.app_context():
        parts().bell.close()
        db.session.remove()
        db.engine.dispose()


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


def make_source(session: Session, marketplace_id: int, kind: str = "cartwheel") -> Source:
    """An address for a kind of checkout."""
    made = Source(id=new_id(), marketplace_id=marketplace_id, kind=kind, address=f"{kind}-{new_id()}", created_at=NOW)
    session.add(made)
    session.flush()
    return made


def make_target(session: Session, integration: Integration, kind: str = "space", name: str | None = None, **fields: Any) -> Target:
    """One thing of an integration's catalog; of kind `membership` the membership itself."""
    number = new_id()
    usual = {"remote_id": "", "name": ""} if kind == "membership" else {"remote_id": str(number), "name": name or f"Place {number}"}
    made = Target(id=number, integration_id=integration.id, kind=kind, **{**usual, **fields})
    session.add(made)
    session.flush()
    return made


def make_product(session: Session, marketplace: Marketplace, name: str | None = None, **fields: Any) -> Product:
    """A product, whose id at the checkout is `product-…`."""
    number = new_id()
    given = {"external_id": f"product-{number}", "name": name or f"Product {number}", "created_at": NOW, **fields}
    made = Product(id=number, marketplace_id=marketplace.id, **given)
    session.add(made)
    session.flush()
    return made


def make_rule(session: Session, target: Target, product: Product | None = None, **fields: Any) -> Rule:
    """A rule about a target: when bought, add to the space. `identity` is None unless given, so rules may repeat."""
    integration = session.get_one(Integration, target.integration_id)
    number = new_id()
    made = Rule(
        id=number,
        marketplace_id=integration.marketplace_id,
        product_id=product.id if product else None,
        integration_id=integration.id,
        target_id=target.id,
        **{"trigger": "product_purchased", "action": "add_to_space", "created_at": NOW, **fields},
    )
    session.add(made)
    session.flush()
    return made


def make_customer(session: Session, marketplace: Marketplace, email: str | None = None, **fields: Any) -> Customer:
    """A customer."""
    number = new_id()
    given = {"email": email or f"customer{number}@shop.test", "seen_at": NOW, "created_at": NOW, **fields}
    made = Customer(id=number, marketplace_id=marketplace.id, **given)
    session.add(made)
    session.flush()
    return made


def make_lane(session: Session, customer: Customer, integration: Integration, **fields: Any) -> Lane:
    """A customer's lane at an integration, with nothing due."""
    made = Lane(id=new_id(), marketplace_id=customer.marketplace_id, customer_id=customer.id, integration_id=integration.id, **fields)
    session.add(made)
    session.flush()
    return made


def make_entry(session: Session, marketplace: Marketplace, lane: Lane | None = None, **fields: Any) -> LogEntry:
    """A log entry, whose id tells when it arrived; with a lane it waits there, without one it has succeeded."""
    waits = {"status": "queued", "lane_id": lane.id, "open_lane_id": lane.id, "integration_id": lane.integration_id} if lane else {}
    given = {"status": "succeeded", "sentence": "Added to space VIP Room.", "at": NOW, "changed_at": NOW, **waits, **fields}
    made = LogEntry(**{"id": first_id(given["at"]) + new_id(), **given}, marketplace_id=marketplace.id)
    session.add(made)
    session.flush()
    return made


def make_batch(session: Session, marketplace: Marketplace, **fields: Any) -> Batch:
    """A batch that runs, about 10 past customers of a rule, none of whom it has reached."""
    given = {"kind": "past", "given": {"title": "Apply a rule to 10 people"}, "state": "running", "total": 10, "created_at": NOW, **fields}
    made = Batch(id=new_id(), marketplace_id=marketplace.id, **given)
    session.add(made)
    session.flush()
    return made
