"""What a marketplace has that a file does not name: said first, with what goes with it, then deleted. The log stays."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.engine import addresses, integrations, products, readback, rulebook, rules
from webapp.engine.accounts import OWN_FORMAT
from webapp.market.reading import Market
from webapp.models import Integration, Product, Rule, Source, Target
from webapp.sources.registry import SOURCES


@dataclass(frozen=True, slots=True)
class Surplus:
    """What the file does not name, by id, and a sentence for each. Products are archived: their purchases are why people hold something."""

    integrations: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    products: tuple[int, ...] = ()
    sources: tuple[int, ...] = ()
    says: tuple[str, ...] = ()


def surplus(session: Session, marketplace_id: int, market: Market, kept: Collection[int]) -> Surplus:
    """What goes, once all that the file names is there. `kept`: the file's rules. A rule whose target has gone is not in it: no file names it."""
    gone = [one for one in integrations.living(session, marketplace_id) if one.name not in market.integration_names]
    lost = _rules(session, marketplace_id, kept, {one.id for one in gone})
    sold = session.scalars(_products(marketplace_id, market)).all()
    wanted = {OWN_FORMAT, *(source.value for source in market.sources)}
    closed = [source for source in addresses.of(session, marketplace_id).values() if source.kind in SOURCES.keys() - wanted]
    says = [
        *(_says_integration(session, one) for one in gone),
        *(_says_rule(session, marketplace_id, rule) for rule in lost),
        *(f"The product {one.name} ({one.external_id}) is archived: what was bought of it stays on record." for one in sold),
        *(f"The address for {SOURCES[one.kind].name} is closed: nobody can post there any longer." for one in closed),
    ]
    return Surplus(_ids(gone), tuple(lost), _ids(sold), _ids(closed), tuple(says))


def prune(session: Session, marketplace_id: int, what: Surplus, seal: Callable[[str], bytes], now: datetime) -> int:
    """Delete it. Returns how many things that were."""
    for rule in what.rules:
        rules.delete(session, marketplace_id, rule, now=now)
    for one in what.integrations:
        integrations.delete(session, session.get_one(Integration, one), seal, now)
    for product in what.products:
        products.archive(session, marketplace_id, product, away=True, now=now)
    for source in what.sources:
        addresses.remove(session, session.get_one(Source, source))
    return len(what.says)


def _ids(rows: Collection[Integration] | Collection[Product] | Collection[Source]) -> tuple[int, ...]:
    return tuple(row.id for row in rows)


def _rules(session: Session, marketplace_id: int, kept: Collection[int], integrations: Collection[int]) -> list[int]:
    """Those that the file does not name; those of an integration that goes, go with it."""
    there = (
        select(Rule.id)
        .join(Target, Target.id == Rule.target_id)
        .where(Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None), Target.gone_at.is_(None))
        .where(Rule.integration_id.not_in(integrations))
        .order_by(Rule.id)
    )
    return [rule for rule in session.scalars(there) if rule not in kept]


def _products(marketplace_id: int, market: Market) -> Select[Product]:
    named = market.product_ids | {text.value for text in market.mentions[1]}
    return (
        select(Product)
        .where(Product.marketplace_id == marketplace_id, Product.archived_at.is_(None), Product.external_id.not_in(named))
        .order_by(Product.id)
    )


def _says_integration(session: Session, one: Integration) -> str:
    toll = integrations.toll(session, one.id)
    with_it = f", with {_count(toll.rules, 'rule', 'rules')}" if toll.rules else ""
    never = f" {_count(toll.entries, 'entry that waits', 'entries that wait')} will never run." if toll.entries else ""
    return f"The integration {one.name} is deleted{with_it}.{never}"


def _says_rule(session: Session, marketplace_id: int, rule: int) -> str:
    row = rulebook.one(session, APPS, marketplace_id, rule)
    waiting = rulebook.waiting(session, marketplace_id, rule)
    still = f" {_count(waiting, 'entry that waits still runs', 'entries that wait still run')}." if waiting else ""
    return f"This rule is deleted: {readback.plain(row.sentence)}{still}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
