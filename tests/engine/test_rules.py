"""Rules: what a draft must be, that none exists twice, and that every change moves the marketplace's version."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.engine.an_app import ADD, INVITE, LEAVE, AnApp
from tests.factories import NOW, make_integration, make_marketplace, make_product, make_target, new_id
from webapp.engine import rules
from webapp.engine.rules import Draft, Duplicate, NoRule, Wrong
from webapp.engine.triggers import TRIGGERS
from webapp.models import PAID_PERIOD, Integration, Marketplace, Product, Rule, Target

APPS = {"circle": AnApp()}


@dataclass
class Shop:
    """A marketplace with an integration, its membership and a space, and a product."""

    session: Session
    marketplace: Marketplace
    integration: Integration
    membership: Target
    space: Target
    product: Product

    def draft(self, **changes: Any) -> Draft:
        return replace(Draft(self.product.id, "product_purchased", self.integration.id, "add_to_space", self.space.id), **changes)

    def create(self, **changes: Any) -> Rule:
        return rules.create(self.session, APPS, self.marketplace.id, self.draft(**changes), now=NOW, new_id=lambda _: new_id())

    def check(self, **changes: Any) -> dict[str, str]:
        return rules.check(self.session, APPS, self.marketplace.id, self.draft(**changes))

    def version(self) -> int:
        self.session.refresh(self.marketplace)
        return self.marketplace.version


def open_shop(session: Session) -> Shop:
    marketplace = make_marketplace(session)
    integration = make_integration(session, marketplace, "My community")
    membership = make_target(session, integration, "membership")
    space = make_target(session, integration, "space", "VIP Room")
    return Shop(session, marketplace, integration, membership, space, make_product(session, marketplace, "Ads 101"))


@pytest.fixture
def shop(session: Session) -> Shop:
    return open_shop(session)


def test_a_rule_is_what_its_draft_says(shop: Shop) -> None:
    rule = shop.create(for_days=30)
    assert (rule.marketplace_id, rule.product_id, rule.trigger) == (shop.marketplace.id, shop.product.id, "product_purchased")
    assert (rule.integration_id, rule.action, rule.target_id) == (shop.integration.id, "add_to_space", shop.space.id)
    assert (rule.removal, rule.for_days, rule.after_days, rule.off_at, rule.created_at) == (None, 30, 0, None, NOW)


def test_the_membership_is_the_target_of_an_action_that_has_none(shop: Shop) -> None:
    assert shop.create(action="invite_member", target_id=None).target_id == shop.membership.id
    assert shop.create(action="remove_member", target_id=shop.space.id).target_id == shop.membership.id


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"product_id": -1}, "product", "This product does not exist any more."),
        ({"trigger": "sunrise"}, "trigger", "Choose a trigger."),
        ({"integration_id": -1}, "integration", "Choose an integration."),
        ({"action": "dance"}, "action", "Choose an action."),
        ({"target_id": None}, "target", "Choose a space."),
        ({"target_id": -1}, "target", "Choose a space."),
        ({"action": "add_tag"}, "target", "Choose a tag."),
        ({"removal": "spare"}, "removal", "Only a removal can spare something: spare or always."),
        ({"for_days": 0}, "for_days", "An add holds for good, or from 1 to 3,650 days."),
        ({"for_days": 3651}, "for_days", "An add holds for good, or from 1 to 3,650 days."),
        ({"after_days": 1}, "after_days", "A removal acts at once, after 1 to 3,650 days, or at the end of the paid period."),
        ({"action": "remove_from_space", "removal": "maybe"}, "removal", "Only a removal can spare something: spare or always."),
        ({"action": "remove_from_space", "for_days": 3}, "for_days", "An add holds for good, or from 1 to 3,650 days."),
        ({"action": "remove_from_space", "after_days": -2}, "after_days",
         "A removal acts at once, after 1 to 3,650 days, or at the end of the paid period."),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_at_its_field(shop: Shop, changes: dict[str, Any], field: str, sentence: str) -> None:
    assert shop.check(**changes) == {field: sentence}
    with pytest.raises(Wrong) as wrong:
        shop.create(**changes)
    assert wrong.value.errors == {field: sentence}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"product_id": None},
        {"for_days": 1},
        {"for_days": 3650},
        {"action": "remove_from_space", "removal": "always", "after_days": 3650},
        {"action": "remove_from_space", "removal": "spare", "after_days": PAID_PERIOD},
    ],
)
def test_what_is_right(shop: Shop, changes: dict[str, Any]) -> None:
    assert shop.check(**changes) == {}


def test_everything_that_is_wrong_is_told_at_once(shop: Shop) -> None:
    assert shop.check(product_id=-1, trigger="x", target_id=None, for_days=0).keys() == {"product", "trigger", "target", "for_days"}


def test_a_target_that_has_gone_cannot_be_chosen(shop: Shop) -> None:
    shop.space.gone_at = NOW
    assert shop.check() == {"target": "The space VIP Room no longer exists in My community. Choose another one."}


def test_a_community_whose_catalog_is_not_loaded_has_no_membership_yet(shop: Shop) -> None:
    bare = make_integration(shop.session, shop.marketplace)
    assert shop.check(integration_id=bare.id, action="invite_member") == {"target": "The catalog is not loaded yet. Refresh it first."}


def test_nothing_of_another_marketplace_can_be_used(shop: Shop) -> None:
    other = open_shop(shop.session)
    assert shop.check(product_id=other.product.id) == {"product": "This product does not exist any more."}
    assert shop.check(integration_id=other.integration.id) == {"integration": "Choose an integration."}
    assert shop.check(target_id=other.space.id) == {"target": "Choose a space."}
    rule = other.create()
    for refused in (
        lambda: rules.get(shop.session, shop.marketplace.id, rule.id),
        lambda: rules.change(shop.session, APPS, shop.marketplace.id, rule.id, shop.draft()),
        lambda: rules.switch(shop.session, shop.marketplace.id, rule.id, on=False, now=NOW),
        lambda: rules.delete(shop.session, shop.marketplace.id, rule.id, now=NOW),
    ):
        with pytest.raises(NoRule):
            refused()


def test_a_deleted_integration_cannot_be_used(shop: Shop) -> None:
    shop.integration.deleted_at = NOW
    assert shop.check() == {"integration": "Choose an integration."}


def test_a_second_one_like_it_is_refused_whatever_its_timing(shop: Shop) -> None:
    first = shop.create()
    for changes in ({}, {"for_days": 30}):
        with pytest.raises(Duplicate) as duplicate:
            shop.create(**changes)
        assert duplicate.value.rule_id == first.id
    rules.switch(shop.session, shop.marketplace.id, first.id, on=False, now=NOW)
    with pytest.raises(Duplicate):
        shop.create()


def test_what_differs_in_one_thing_is_another_rule(shop: Shop) -> None:
    other = make_target(shop.session, shop.integration, "space")
    made = [
        shop.create(),
        shop.create(product_id=None),
        shop.create(trigger="subscription_charged"),
        shop.create(target_id=other.id),
        shop.create(action="remove_from_space"),
        shop.create(action="invite_member", target_id=None),
    ]
    assert len({rule.id for rule in made}) == 6


def test_a_removal_spares_or_not_as_its_trigger_says_unless_somebody_says_otherwise(shop: Shop) -> None:
    assert shop.create(trigger="product_refunded", action="remove_from_space").removal == "spare"
    assert shop.create(trigger="product_purchased", action="remove_from_space").removal == "always"
    assert shop.create(trigger="subscription_canceled", action="remove_from_space", removal="always").removal == "always"
    assert rules.default_removal(TRIGGERS["product_refunded"], ADD) is None


def test_a_rule_becomes_what_another_draft_says(shop: Shop) -> None:
    rule, number = shop.create(), shop.version()
    rules.change(shop.session, APPS, shop.marketplace.id, rule.id, shop.draft(product_id=None, for_days=3))
    assert (rule.product_id, rule.for_days) == (None, 3)
    assert shop.version() > number
    shop.create()  # what it was is free again


def test_a_change_to_what_another_rule_is_leaves_it_as_it_was(shop: Shop) -> None:
    first, second = shop.create(), shop.create(product_id=None)
    with pytest.raises(Duplicate) as duplicate:
        rules.change(shop.session, APPS, shop.marketplace.id, second.id, shop.draft())
    assert duplicate.value.rule_id == first.id
    shop.session.refresh(second)
    assert second.product_id is None


def test_a_wrong_change_changes_nothing(shop: Shop) -> None:
    rule = shop.create()
    with pytest.raises(Wrong):
        rules.change(shop.session, APPS, shop.marketplace.id, rule.id, shop.draft(trigger="sunrise"))
    assert rule.trigger == "product_purchased"


def test_a_broken_rule_is_repaired_with_another_target(shop: Shop) -> None:
    rule = shop.create(for_days=30)
    shop.space.gone_at = NOW
    other = make_target(shop.session, shop.integration, "space")
    rules.repair(shop.session, APPS, shop.marketplace.id, rule.id, other.id)
    assert (rule.target_id, rule.for_days) == (other.id, 30)


def test_a_deleted_rule_keeps_its_row_and_frees_its_place(shop: Shop) -> None:
    rule, number = shop.create(), shop.version()
    rules.delete(shop.session, shop.marketplace.id, rule.id, now=NOW)
    assert (rule.deleted_at, rule.identity) == (NOW, None)
    assert shop.version() > number
    with pytest.raises(NoRule):
        rules.get(shop.session, shop.marketplace.id, rule.id)
    assert shop.create().id != rule.id


def test_the_rules_of_an_integration_go_together(shop: Shop) -> None:
    rule, number = shop.create(), shop.version()
    elsewhere = open_shop(shop.session)
    other = elsewhere.create()
    rules.delete_of_integration(shop.session, shop.marketplace.id, shop.integration.id, now=NOW)
    shop.session.refresh(rule)
    shop.session.refresh(other)
    assert (rule.deleted_at, other.deleted_at) == (NOW, None)
    assert shop.version() > number


def test_a_rule_is_switched_off_and_on(shop: Shop) -> None:
    rule, number = shop.create(), shop.version()
    rules.switch(shop.session, shop.marketplace.id, rule.id, on=False, now=NOW)
    assert (rule.off_at, shop.version() > number) == (NOW, True)
    rules.switch(shop.session, shop.marketplace.id, rule.id, on=False, now=NOW.replace(year=2027))
    assert rule.off_at == NOW  # since when it is off does not move
    rules.switch(shop.session, shop.marketplace.id, rule.id, on=True, now=NOW)
    assert rule.off_at is None


def test_a_draft_that_would_make_a_rule_again(shop: Shop) -> None:
    rule = shop.create(action="remove_from_space", removal="spare", after_days=PAID_PERIOD)
    draft = shop.draft(action="remove_from_space", removal="spare", after_days=PAID_PERIOD)
    assert rules.draft_of(rule) == draft
    assert rules.draft_of(rule, 5) == replace(draft, target_id=5)


def test_kinds_of_actions(shop: Shop) -> None:
    app = APPS["circle"]
    assert rules.kind_of(app, INVITE) is None
    kind = rules.kind_of(app, LEAVE)
    assert kind is not None
    assert kind.key == "space"
    assert (rules.article("event"), rules.article("space")) == ("an", "a")
