"""`flask apply --prune`: what the file does not name goes, after it was said what. The log stays."""

from __future__ import annotations

import pytest

from sandbox.community import Community
from tests import factories
from tests.cli.conftest import MARKET, Desk
from webapp import cli
from webapp.models import Integration, LogEntry, Marketplace, Product, Rule, Source, Target

MORE = """\
  - {product: ads-101, trigger: product_refunded, integration: My community, action: remove_from_space, target: VIP Room}
"""
REMOVED = "remove the customer from the space VIP Room in My community"
SAID = [
    "The file does not name these:",
    "- The integration Old club is deleted, with 1 rule. 1 entry that waits will never run.",
    f"- This rule is deleted: When Ads 101 is refunded in full, {REMOVED}, unless another purchase still grants it.",
    "- The product Old course (old-1) is archived: what was bought of it stays on record.",
    "- The address for SamCart is closed: nobody can post there any longer.",
]


@pytest.fixture
def grown(desk: Desk) -> Desk:
    """A marketplace in which more has come to be than its file says: an integration with a rule and an entry, a rule, a product, an address."""
    desk.apply(MARKET + MORE)
    with desk.write() as session:
        shop = session.get_one(Marketplace, desk.one(Marketplace).id)
        old = factories.make_integration(session, shop, "Old club")
        target = factories.make_target(session, old)
        factories.make_rule(session, target)
        customer = factories.make_customer(session, shop)
        factories.make_entry(session, shop, factories.make_lane(session, customer, old))
        factories.make_product(session, shop, "Old course", external_id="old-1")
        factories.make_product(session, shop, "Gone already", external_id="old-2", archived_at=factories.NOW)
        factories.make_source(session, shop.id, "samcart")
    return desk


def there(desk: Desk) -> tuple[set[str], int, set[str], set[str]]:
    """What lives: integrations, rules, products, addresses."""
    return (
        {one.name for one in desk.rows(Integration) if one.deleted_at is None},
        len([rule for rule in desk.rows(Rule) if rule.deleted_at is None]),
        {product.external_id for product in desk.rows(Product) if product.archived_at is None},
        {source.kind for source in desk.rows(Source)},
    )


def test_what_goes_is_said_and_goes(grown: Desk) -> None:
    done = grown.apply(MARKET, "--prune", "--yes")
    assert (done.code, done.err.splitlines()[:5]) == (0, SAID)
    assert done.err.splitlines()[-1] == "0 created, 0 changed, 7 unchanged, 4 deleted."
    assert done.last["deleted"] == 4
    assert there(grown) == ({"My community"}, 2, {"ads-101"}, {"cartwheel"})
    assert [entry.status for entry in grown.rows(LogEntry)] == ["skipped"]
    again = grown.apply(MARKET, "--prune", "--yes")
    assert (again.last["deleted"], "does not name" in again.err) == (0, False)


def test_nothing_goes_where_it_was_not_asked_for_or_nobody_said_yes_or_the_file_is_wrong(grown: Desk) -> None:
    before = there(grown)
    assert "deleted" not in grown.apply(MARKET).last
    done = grown.apply(MARKET, "--prune")
    assert (done.code, done.out) == (1, "")
    assert SAID[1] in done.err
    assert "Nothing was changed. With --yes they are deleted" in done.err
    done = grown.apply(MARKET.replace("VIP Room", "VIP Rom"), "--prune", "--yes")
    assert (done.code, "does not name" in done.err) == (1, False)
    assert grown.apply(MARKET.replace("Acme Courses", "Beta Books"), "--prune").last["deleted"] == 0  # a new one has nothing too much
    assert there(grown)[0] >= before[0]
    assert there(grown)[2] == before[2]


def test_a_person_is_asked(grown: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "on_terminal", lambda: True)
    before = there(grown)
    for answer, code, zone in (("n", 1, "Europe/Berlin"), ("y", 0, "Europe/Paris")):
        assert there(grown) == before
        done = grown.apply(MARKET.replace("Europe/Berlin", "Europe/Paris"), "--prune", typed=f"{answer}\n")
        assert "Delete these 4? [y/N]" in done.err
        assert (done.code, grown.one(Marketplace).time_zone) == (code, zone)
    assert there(grown) != before


def test_a_rule_whose_target_has_gone_stays_for_no_file_can_name_it(desk: Desk, community: Community) -> None:
    desk.apply(MARKET + MORE)
    with desk.write() as session:
        for target in session.query(Target).filter_by(name="VIP Room"):
            target.gone_at = factories.NOW
    exported = desk.run("export").out
    assert desk.apply(exported, "--prune", "--yes").last["deleted"] == 0
    assert there(desk)[1] == 3
