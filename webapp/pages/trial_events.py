"""Events that a person sends from a page to see what happens: signed, marked as a test, and taken in through the door of the checkout's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import db
from webapp.desk import desk
from webapp.engine.accounts import OWN_FORMAT
from webapp.journal import about
from webapp.models import Product, Source
from webapp.parts import parts
from webapp.sources import Request
from webapp.sources.cartwheel import signed
from webapp.sources.registry import SOURCES
from webapp.vault import Sealed

NOTHING_TO_SIGN_WITH = "There is no secret to sign it with. Make one first."
LOST = "Cartwheel can no longer read the secret: this deployment has lost the key that it was encrypted with. Rotate it."

SUGGESTED = 100
"""How many products a form suggests."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a test event: its id, or (`failed`) why it was not taken."""

    event_id: int | None
    failed: str = ""


def send(source: Source, trigger: str, product: str, email: str) -> Sent:
    """Say to this address that a trigger's happening befell this customer and product. Order, subscription or prospect are new ones."""
    here = parts()
    if source.secret is None:
        return Sent(None, NOTHING_TO_SIGN_WITH)
    secret = opened(source.secret)
    if secret is None:
        return Sent(None, LOST)
    now, address = here.now(), source.address
    key = f"test-{here.new_id(now)}"
    kind, data = _message(trigger, product, key)
    said = {"type": kind, "test": True, "timestamp": now.isoformat(), "data": {**data, "customer": {"email": email}}}
    body = json.dumps(said).encode()
    db.session.rollback()  # the desk reads and writes on a connection of its own
    with about():
        answered = desk().receive(address, Request(body, {"content-type": "application/json", **signed(secret, key, now, body)}, {}))
    if answered.status != SOURCES[OWN_FORMAT].answers.taken:
        return Sent(None, f"It was not taken: {answered.body}")
    return Sent(int(answered.body["event"]))


def suggested(read: Session, marketplace_id: int) -> list[tuple[str, str]]:
    """The checkout's ids and the names of the products to suggest."""
    living = (Product.marketplace_id == marketplace_id, Product.archived_at.is_(None))
    found = read.execute(select(Product.external_id, Product.name).where(*living).order_by(Product.name).limit(SUGGESTED))
    return [(key, name) for key, name in found]


def opened(sealed: bytes) -> str | None:
    """A secret; None where no key of this deployment opens it."""
    try:
        return parts().vault.open(sealed)
    except Sealed:
        return None


def _message(trigger: str, product: str, key: str) -> tuple[str, dict[str, Any]]:
    """What a checkout says when this happens: type and data."""
    subject, _, step = trigger.partition("_")
    if subject == "subscription":
        return f"subscription.{step}", {"subscription_id": key, "product_id": product}
    if trigger == "prospect_created":
        return "prospect.created", {"prospect_id": key, "product_id": product}
    if trigger == "product_purchased":
        return "order.created", {"order_id": key, "items": [{"product_id": product, "kind": "primary"}]}
    return "order.refunded", {"order_id": key, "refund_id": key, "product_id": product, "full": trigger == "product_refunded"}
