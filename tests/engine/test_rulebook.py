"""Rules as pages list them: in the order of the triggers, with names, states, and how often they ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.engine.an_app import AnApp
from tests.factories import NOW, make_customer, make_entry, make_integration, make_marketplace, make_product, make_rule, make_target, new_id
from webapp.engine import readback, rulebook
from webapp.engine.rulebook import Activity
from webapp.engine.rules import Draft, NoRule
from webapp.models import Happening, Integration, Marketplace, Product, Purchase, Target

APPS = {"circle": AnApp()}


@dataclass
class Shop:
    session: Session
    marketplace: Marketplace
    membership: Target
    space: Target
    product: Product

    def listing(self, product: Product | None = None) -> list[rulebook.Row]:
        return rulebook.listing(self.session, APPS, self.marketplace.id, product.id if product else None)

    def rule(self, product: Product | None = None, target: Target | None = None, **fields: Any) -> int:
        return make_rule(self.session, target or self.space, product, **fields).id


@pytest.fixture
def shop(session: Session) -> Shop:
    marketplace = make_marketplace(session)
    integration = make_integration(session, marketplace, "My community")
    return Shop(
        session,
        marketplace,
        make_target(session, integration, "membership"),
        make_target(session, integration, "space", "VIP Room"),
        make_product(session, marketplace, "Ads 101", external_id="ads-101"),
    )


def test_a_row_has_everything_a_page_says(shop: Shop) -> None:
    number = shop.rule(shop.product, for_days=30)
    (row,) = shop.listing(shop.product)
    assert (row.id, row.product_key, row.product, row.integration, row.target, row.kind) == (
        number, "ads-101", "Ads 101", "My community", "VIP Room", "space",
    )  # fmt: skip
    assert (row.trigger.key, row.action.key, row.state, row.clause) == ("product_purchased", "add_to_space", "on", "for 30 days")
    assert readback.plain(row.sentence) == (
        "When Ads 101 is purchased, add the customer to the space VIP Room in My community for 30 days."
    )  # fmt: skip


def test_the_membership_has_no_name(shop: Shop) -> None:
    shop.rule(target=shop.membership, action="invite_member")
    (row,) = shop.listing()
    assert (row.target, row.kind, row.product) == ("", "", None)
    assert readback.plain(row.sentence) == "When any product is purchased, invite the customer to My community."


def test_a_products_rules_and_the_global_ones_are_two_lists(shop: Shop) -> None:
    own, everywhere = shop.rule(shop.product), shop.rule()
    shop.rule(make_product(shop.session, shop.marketplace))
    assert [row.id for row in shop.listing(shop.product)] == [own]
    assert [row.id for row in shop.listing()] == [everywhere]


def test_by_trigger_then_as_they_were_made(shop: Shop) -> None:
    refunded = shop.rule(trigger="product_refunded", action="remove_from_space")
    first, second = shop.rule(), shop.rule()
    charged = shop.rule(trigger="subscription_charged")
    assert [row.id for row in shop.listing()] == [first, second, refunded, charged]


def test_deleted_ones_and_those_of_others_are_not_listed(shop: Shop) -> None:
    shop.rule(deleted_at=NOW)
    other = make_marketplace(shop.session)
    rule = make_rule(shop.session, make_target(shop.session, make_integration(shop.session, other)))
    assert shop.listing() == []
    for missing in (rule.id, -1):
        with pytest.raises(NoRule):
            rulebook.one(shop.session, APPS, shop.marketplace.id, missing)
    assert rulebook.one(shop.session, APPS, other.id, rule.id).id == rule.id


def test_states(shop: Shop) -> None:
    gone = make_target(shop.session, shop.session.get_one(Integration, shop.space.integration_id), gone_at=NOW)
    shop.rule()
    shop.rule(off_at=NOW)
    shop.rule(target=gone)
    shop.rule(target=gone, off_at=NOW)
    assert [row.state for row in shop.listing()] == ["on", "off", "broken", "off"]


@pytest.mark.parametrize(
    ("fields", "clause"),
    [
        ({"trigger": "product_refunded", "action": "remove_from_space", "removal": "spare"}, ""),
        ({"trigger": "product_refunded", "action": "remove_from_space", "removal": "always"}, "in any case"),
        ({"action": "remove_from_space", "removal": "always"}, ""),
        ({"action": "remove_from_space", "removal": "spare"}, "unless another purchase still grants it"),
        ({"trigger": "product_refunded", "action": "remove_from_space", "removal": "spare", "after_days": 3},
         "3 days later, unless another purchase still grants it"),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_list_shows_only_the_unusual(shop: Shop, fields: dict[str, Any], clause: str) -> None:
    shop.rule(**fields)
    assert shop.listing()[0].clause == clause


def test_a_draft_reads_as_the_rule_that_it_becomes(shop: Shop) -> None:
    draft = Draft(shop.product.id, "product_refunded", shop.space.integration_id, "remove_from_space", shop.space.id)
    assert readback.plain(rulebook.sentence(shop.session, APPS, shop.marketplace.id, draft)) == (
        "When Ads 101 is refunded in full, remove the customer from the space VIP Room in My community, "
        "unless another purchase still grants it."
    )


def test_what_rules_did_since(shop: Shop) -> None:
    first, second, idle = shop.rule(), shop.rule(), shop.rule()
    since = make_entry(shop.session, shop.marketplace, rule_id=first).id + 1
    for status in ("succeeded", "failed", "failed"):
        make_entry(shop.session, shop.marketplace, rule_id=first, status=status)
    make_entry(shop.session, shop.marketplace, rule_id=second)
    make_entry(shop.session, make_marketplace(shop.session), rule_id=first)
    found = rulebook.activity(shop.session, shop.marketplace.id, [first, second, idle], since)
    assert found == {first: Activity(3, 2), second: Activity(1, 0), idle: Activity()}
    assert rulebook.activity(shop.session, shop.marketplace.id, [], since) == {}


def test_how_often_a_trigger_fired(shop: Shop) -> None:
    customer = make_customer(shop.session, shop.marketplace)
    other = make_product(shop.session, shop.marketplace)
    bought, refunded = "product_purchased", "product_refunded"
    told = [(shop.product, bought, 1), (shop.product, bought, 40), (other, bought, 1), (other, refunded, 1)]
    for number, (product, trigger, ago) in enumerate(told):
        purchase = Purchase(
            id=new_id(), marketplace_id=shop.marketplace.id, customer_id=customer.id, product_id=product.id, ground=f"order:{number}",
            state_at=NOW, bought_at=NOW,
        )  # fmt: skip
        shop.session.add(purchase)
        shop.session.flush()
        shop.session.add(
            Happening(
                id=new_id(), marketplace_id=shop.marketplace.id, event_id=1, customer_id=customer.id, product_id=product.id,
                purchase_id=purchase.id, trigger=trigger, at=NOW - timedelta(days=ago), tie="", key=str(number),
            )
        )  # fmt: skip
        shop.session.flush()
    since = NOW - timedelta(days=30)
    assert rulebook.fired(shop.session, shop.marketplace.id, "product_purchased", shop.product.id, since) == 1
    assert rulebook.fired(shop.session, shop.marketplace.id, "product_purchased", None, since) == 2
    assert rulebook.fired(shop.session, make_marketplace(shop.session).id, "product_purchased", None, since) == 0
