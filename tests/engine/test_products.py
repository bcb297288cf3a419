"""Products: each id once in a marketplace, listed in parts, found by words; archived, and back."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOW, make_customer, make_integration, make_marketplace, make_product, make_rule, make_target
from webapp.engine import products
from webapp.engine.products import NoProduct, Part, Rules, Taken
from webapp.models import Marketplace, Product, Purchase

_ids = count(10**9)


def new_id(_: object) -> int:
    return next(_ids)


@pytest.fixture
def market(session: Session) -> Marketplace:
    return make_marketplace(session)


def names(part: Part) -> list[str]:
    return [product.name for product in part.products]


def test_an_id_is_taken_once_in_each_marketplace(session: Session, market: Marketplace) -> None:
    before = market.version
    made = products.add(session, market.id, "ads-101", "Ads 101", now=NOW, new_id=new_id)
    with pytest.raises(Taken) as taken:
        products.add(session, market.id, "ads-101", "Another", now=NOW, new_id=new_id)
    assert (taken.value.product.id, taken.value.product.name) == (made.id, "Ads 101")
    products.add(session, make_marketplace(session).id, "ads-101", "Ads 101", now=NOW, new_id=new_id)
    session.refresh(market)
    assert market.version == before + 1


def test_without_a_name_it_is_called_like_its_id(session: Session, market: Marketplace) -> None:
    assert products.add(session, market.id, "ads-101", "", now=NOW, new_id=new_id).name == "ads-101"


def test_the_list_in_parts_has_every_product_once_by_name_whatever_its_case(session: Session, market: Marketplace) -> None:
    for name in ("beta", "Alpha", "Gamma", "alpha", "BETA", "delta"):
        make_product(session, market, name)
    make_product(session, make_marketplace(session), "Aaa")
    seen: list[Product] = []
    after = None
    for _ in range(4):
        part = products.listing(session, market.id, after=after, limit=2)
        seen += part.products
        after = seen[-1].id
        if not part.more:
            break
    assert [product.name.lower() for product in seen] == ["alpha", "alpha", "beta", "beta", "delta", "gamma"]
    assert len({product.id for product in seen}) == 6
    elsewhere = make_product(session, make_marketplace(session), "A")
    assert names(products.listing(session, market.id, after=elsewhere.id)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["100 % Ads", "Ads 101", "ÄRZTE Kurs"]),
        ("ads", ["100 % Ads", "Ads 101"]),
        ("101 ADS", ["Ads 101"]),
        ("sku-7", ["ÄRZTE Kurs"]),
        ("ärzte", ["ÄRZTE Kurs"]),
        ("%", ["100 % Ads"]),
        ("_", []),
        ("nothing", []),
    ],
)
def test_a_search_has_every_word_in_name_or_id(session: Session, market: Marketplace, text: str, found: list[str]) -> None:
    make_product(session, market, "Ads 101", external_id="one")
    make_product(session, market, "100 % Ads", external_id="two")
    make_product(session, market, "ÄRZTE Kurs", external_id="SKU-7")
    assert sorted(names(products.listing(session, market.id, text))) == found


def test_archived_ones_are_a_list_of_their_own(session: Session, market: Marketplace) -> None:
    one, two = make_product(session, market, "One"), make_product(session, market, "Two")
    products.archive(session, market.id, two.id, away=True, now=NOW)
    products.archive(session, market.id, two.id, away=True, now=NOW + timedelta(days=1))
    assert two.archived_at == NOW
    assert names(products.listing(session, market.id)) == ["One"]
    assert names(products.listing(session, market.id, archived=True)) == ["Two"]
    assert [products.count(session, market.id, archived=away) for away in (False, True)] == [1, 1]
    products.archive(session, market.id, two.id, away=False, now=NOW)
    products.archive(session, market.id, one.id, away=False, now=NOW)
    assert names(products.listing(session, market.id)) == ["One", "Two"]


def test_another_name_is_known_to_what_arrives(session: Session, market: Marketplace) -> None:
    product = make_product(session, market, "Old")
    before = market.version
    products.rename(session, market.id, product.id, "New")
    session.refresh(market)
    assert (product.name, market.version) == ("New", before + 1)


def test_somebody_elses_product_is_none(session: Session, market: Marketplace) -> None:
    theirs = make_product(session, make_marketplace(session), external_id="theirs")
    assert products.find(session, market.id, "theirs") is None
    for act in (
        lambda: products.get(session, market.id, theirs.id),
        lambda: products.rename(session, market.id, theirs.id, "Mine"),
        lambda: products.archive(session, market.id, theirs.id, away=True, now=NOW),
    ):
        with pytest.raises(NoProduct):
            act()
    assert (theirs.archived_at, theirs.name != "Mine") == (None, True)


def test_rules_are_counted_without_the_deleted(session: Session, market: Marketplace) -> None:
    integration = make_integration(session, market)
    space, gone = make_target(session, integration), make_target(session, integration, gone_at=NOW)
    product, other = make_product(session, market), make_product(session, market)
    make_rule(session, space, product)
    make_rule(session, space, product, off_at=NOW)
    make_rule(session, gone, product)
    make_rule(session, gone, product, off_at=NOW)
    make_rule(session, space, product, deleted_at=NOW)
    make_rule(session, space)
    assert products.rules(session, [product.id, other.id]) == {product.id: Rules(4, broken=1, off=2)}


def test_purchases_on_record_are_counted(session: Session, market: Marketplace) -> None:
    product, customer = make_product(session, market), make_customer(session, market)
    for ground, more in (("order:1", {}), ("order:2", {"test": True}), ("order:3", {"on_record": False})):
        given = {"on_record": True, "state_at": NOW, "bought_at": NOW, **more}
        session.add(
            Purchase(id=new_id(NOW), marketplace_id=market.id, customer_id=customer.id, product_id=product.id, ground=ground, **given)
        )
    session.flush()
    assert products.bought(session, product) == 1


@pytest.mark.parametrize(("given", "wrong"), [("a/b c·ü", False), ("", True), ("x" * 200, False), ("x" * 201, True), ("a\nb", True)])
def test_what_may_be_an_id(given: str, *, wrong: bool) -> None:
    assert bool(products.id_error(given)) == wrong


@pytest.mark.parametrize(("given", "wrong"), [("Ads 101", False), ("x" * 300, False), ("x" * 301, True), ("a\x07", True)])
def test_what_may_be_a_name(given: str, *, wrong: bool) -> None:
    assert bool(products.name_error(given)) == wrong
