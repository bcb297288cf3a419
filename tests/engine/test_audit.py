"""Who changed what: what a line keeps, what leaves none, and how the list goes on."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOW, make_integration, make_marketplace, make_product, make_rule, make_target, make_user, new_id
from webapp.engine import accounts, audit, integrations, products, rules, team
from webapp.models import AuditLine, Marketplace


@pytest.fixture
def shop(session: Session) -> Marketplace:
    return make_marketplace(session, "Acme Courses")


def kept(session: Session) -> list[tuple[str, str, Any, Any]]:
    """Every line, the oldest first."""
    rows = session.scalars(select(AuditLine).order_by(AuditLine.id))
    return [(line.what, line.about, line.before, line.after) for line in rows]


def test_a_line_says_who_and_when_and_only_what_differs(session: Session, shop: Marketplace) -> None:
    audit.note(session, shop.id, "rule_changed", "The rule", {"holds": "", "target": "VIP"}, {"holds": "30 days", "target": "VIP"})
    line = session.scalars(select(AuditLine)).one()
    assert (line.who, line.user_id, line.at, line.marketplace_id) == ("ana@shop.test", 1, NOW, shop.id)
    assert (line.before, line.after) == ({"holds": ""}, {"holds": "30 days"})


def test_what_changes_nothing_leaves_no_line(session: Session, shop: Marketplace) -> None:
    audit.note(session, shop.id, "rule_changed", "The rule", {"holds": ""}, {"holds": ""})
    assert kept(session) == []


def test_a_change_without_a_word_is_refused(session: Session, shop: Marketplace) -> None:
    with pytest.raises(LookupError, match="no word for rule_bent"):
        audit.note(session, shop.id, "rule_bent", "The rule")


def test_a_transaction_that_is_nobodys_is_refused(session: Session, shop: Marketplace) -> None:
    del session.info[audit.HAND]
    with pytest.raises(LookupError, match="nobody's"):
        audit.note(session, shop.id, "rule_changed", "The rule")


def test_who_has_just_got_an_account_acts_themselves(session: Session, shop: Marketplace) -> None:
    user = make_user(session, email="new@shop.test")
    audit.act_as(session, user.id, user.email)
    accounts.give_role(session, user.id, shop.id, "viewer")
    assert session.scalars(select(AuditLine)).one().who == "new@shop.test"


def test_the_list_goes_on_below_its_last_line_and_is_the_marketplaces_own(session: Session, shop: Marketplace) -> None:
    other = make_marketplace(session)
    for name in "abcde":
        audit.note(session, shop.id, "product_added", name)
        audit.note(session, other.id, "product_added", "not ours")
    first = audit.lines(session, shop.id, limit=2)
    second = audit.lines(session, shop.id, before=first.lines[-1].id, limit=3)
    assert [line.about for line in (*first.lines, *second.lines)] == list("edcba")
    assert (first.more, second.more) == (True, False)


def test_a_rule_is_told_in_words(session: Session, shop: Marketplace) -> None:
    target = make_target(session, make_integration(session, shop, "My community"), name="VIP Room")
    rule = make_rule(session, target, make_product(session, shop, "Ads 101"))
    rules.switch(session, shop.id, rule.id, on=False, now=NOW)
    rules.switch(session, shop.id, rule.id, on=False, now=NOW)
    rules.delete(session, shop.id, rule.id, now=NOW)
    said = "Product Purchased, Ads 101: add to space VIP Room in My community"
    assert [(what, about) for what, about, _, _ in kept(session)] == [("rule_switched", said), ("rule_deleted", said)]


def test_a_key_leaves_no_more_than_pages_show(session: Session, shop: Marketplace) -> None:
    one = make_integration(session, shop, "My community", public={"community_url": "https://c.test"})
    changes = integrations.Changes("Renamed", one.public, True, False, 5000)
    integrations.edit(session, one, changes)
    integrations.pause(session, one, NOW)
    integrations.pause(session, one, NOW)
    integrations.resume(session, one, NOW)
    integrations.delete(session, one, str.encode, NOW)
    lines = kept(session)
    assert [what for what, *_ in lines] == ["integration_changed", "integration_paused", "integration_resumed", "integration_deleted"]
    assert lines[0][2:] == ({"name": "My community"}, {"name": "Renamed"})
    assert lines[3][2]["key"] == "••••7f3a"
    assert lines[3][1] == "Renamed"


def test_people_and_products(session: Session, shop: Marketplace) -> None:
    owner, other = make_user(session, shop, email="owner@shop.test"), make_user(session, shop, "viewer", email="other@shop.test")
    team.change_role(session, shop.id, other.id, "admin")
    team.remove(session, shop.id, other.id)
    team.invite(session, shop.id, "new@shop.test", "viewer", "h" * 64, owner.id, lambda _: new_id(), NOW)
    made = products.add(session, shop.id, "ads-101", "Ads 101", now=NOW, new_id=lambda _: new_id())
    products.archive(session, shop.id, made.id, away=True, now=NOW)
    assert kept(session) == [
        ("role_changed", "other@shop.test", {"role": "viewer"}, {"role": "admin"}),
        ("role_taken", "other@shop.test", {"role": "admin"}, None),
        ("invited", "new@shop.test", None, {"role": "viewer"}),
        ("product_added", "ads-101", None, {"name": "Ads 101"}),
        ("product_archived", "ads-101", {"archived": False}, {"archived": True}),
    ]
