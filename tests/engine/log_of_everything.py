"""A log in which entries differ in all that a query can ask for, and queries that ask for all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from itertools import product

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import NOW
from webapp.engine import log_query
from webapp.engine.log_query import Query
from webapp.models import Integration, Marketplace

LATER = NOW + timedelta(minutes=1)


def typed(session: Session, market: Marketplace, text: str) -> Query:
    return log_query.parse(session, market.id, text, UTC, NOW)


def everything(session: Session, market: Marketplace) -> None:
    """Entries that differ in all that a query can ask for."""
    there, other = (factories.make_integration(session, market, name) for name in ("One", "Two"))
    people = [factories.make_customer(session, market, email) for email in ("maya@shop.test", "100%@shop.test", "stan_maya@shop.test")]
    ads, kit = (factories.make_product(session, market, name, external_id=ref) for name, ref in (("Ads 101", "a-1"), ("Kit", "KIT-9")))
    days = (NOW - timedelta(days=2), NOW)
    several = product(people, (ads, kit), ("product_purchased", "product_refunded"), days)
    for number, (person, thing, trigger, at) in enumerate(several):
        about = {"customer_id": person.id, "product_id": thing.id, "trigger": trigger, "at": at, "changed_at": at}
        status, sentence = [("failed", "Circle said 503."), ("succeeded", "Added to space VIP Room."), ("queued", "Add 100 % of it.")][
            number % 3
        ]
        if status == "queued":
            lane = session.scalar(sa.select(factories.Lane).filter_by(customer_id=person.id)) or factories.make_lane(session, person, other)
            factories.make_entry(session, market, lane, action="add_tag", sentence=sentence, **about)
        else:
            factories.make_entry(session, market, status=status, sentence=sentence, integration_id=there.id, action="add_to_space", **about)
    factories.make_entry(session, market, status="not_understood", sentence="type: not known")


def queries(session: Session, market: Marketplace) -> list[Query]:
    integration = session.scalars(sa.select(Integration.id).filter_by(marketplace_id=market.id)).first()
    texts = ("maya", "MAYA@shop", "maya@shop.test", "ads", "kit-9", "vip room", "503", "100%", "%", "_", "nothing has this", "Not Known")
    narrow = [
        {"status": "failed"}, {"status": "queued"}, {"trigger": "product_refunded"}, {"action": "add_tag"}, {"integration_id": integration},
        {"since": NOW - timedelta(days=1)}, {"until": NOW - timedelta(days=1)}, {"since": NOW, "until": LATER}, {},
    ]  # fmt: skip
    words = [typed(session, market, text) for text in ("", *texts)]
    return [replace(query, **its) for query in words for its in narrow]  # type: ignore[arg-type]
