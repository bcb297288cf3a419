"""What Integration Setup shows of each integration."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tests.engine.an_app import AnApp
from tests.factories import (
    NOW,
    make_customer,
    make_entry,
    make_integration,
    make_lane,
    make_marketplace,
    make_product,
    make_rule,
    make_target,
)
from webapp.engine import setup
from webapp.engine.setup import Use
from webapp.models import Usage

APPS = {"circle": AnApp()}


def test_a_card_has_everything_of_its_integration_and_nothing_of_another(session: Session) -> None:
    shop = make_marketplace(session)
    mine, other = make_integration(session, shop, "A"), make_integration(session, shop, "B")
    space, gone, tag = make_target(session, mine), make_target(session, mine, gone_at=NOW), make_target(session, mine, "tag")
    one, two = make_product(session, shop), make_product(session, shop)
    make_rule(session, space)
    for product in (one, two):
        make_rule(session, tag, product)
        make_rule(session, gone, product, off_at=NOW if product is two else None)
    make_rule(session, gone, deleted_at=NOW)
    make_entry(session, shop, make_lane(session, make_customer(session, shop), mine))
    make_entry(session, shop, integration_id=mine.id)
    session.add(Usage(integration_id=mine.id, month="2026-11", calls=9, metered=7))
    make_integration(session, make_marketplace(session), "Not ours")
    first, second = setup.cards(session, APPS, shop.id, NOW)
    assert (first.integration.id, second.integration.id) == (mine.id, other.id)
    assert first.use == Use(everywhere=1, own=4, products=2, broken=1)
    assert first.use.rules == 5
    assert (first.contents, first.waiting, first.meter.used) == ("1 space, 1 tag", 1, 7)
    assert (second.contents, second.use, second.waiting, second.meter.used) == ("", Use(), 0, 0)
    assert [card.integration.id for card in setup.cards(session, APPS, shop.id, NOW, only=other.id)] == [other.id]
    assert setup.global_rules(session, shop.id) == 1


def test_nothing_is_shown_of_nothing(session: Session) -> None:
    shop = make_marketplace(session)
    assert setup.cards(session, APPS, shop.id, NOW) == []
    make_integration(session, shop, deleted_at=NOW)
    assert setup.cards(session, APPS, shop.id, NOW) == []
