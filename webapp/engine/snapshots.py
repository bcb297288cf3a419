"""What intake keeps in memory of a marketplace: its rules and products, published together under one version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.apps.registry import APPS
from webapp.engine.ready import among, ask
from webapp.models import Integration, Marketplace, Product, Rule, Target


@dataclass(frozen=True, slots=True)
class RuleView:
    """A living rule with all that intake needs of it. `inverse` is the action that takes back what this one gives, or gives what it takes."""

    id: int
    product_id: int | None
    trigger: str
    integration_id: int
    integration: str
    action: str
    inverse: str
    adds: bool
    kind: str
    target_id: int
    target: str
    removal: str | None
    for_days: int | None
    after_days: int
    off: bool
    broken: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A marketplace's rules and products at one version. `products`: id and name by the checkout's own id."""

    marketplace_id: int
    version: int
    time_zone: str
    rules: tuple[RuleView, ...]
    products: Mapping[str, tuple[int, str]]

    def firing(self, trigger: str, product_id: int) -> list[RuleView]:
        """The rules that this trigger starts for this product: its own before the global ones."""
        own = [r for r in self.rules if r.trigger == trigger and not r.off and r.product_id == product_id]
        return own + [r for r in self.rules if r.trigger == trigger and not r.off and r.product_id is None]


class Snapshots:
    """The snapshots that this process keeps. One object holds rules and version, so that no thread sees one without the other."""

    def __init__(self) -> None:
        self._kept: dict[int, Snapshot] = {}

    def get(self, session: Session, marketplaces: Iterable[int]) -> dict[int, Snapshot]:
        """The current snapshots of these marketplaces, read anew where the version in the database has moved."""
        rows = ask(session, _VERSIONS, marketplaces=sorted(marketplaces))
        found: dict[int, Snapshot] = {}
        for marketplace_id, version, zone in rows:
            kept = self._kept.get(marketplace_id)
            if kept is None or kept.version != version:
                kept = self._kept[marketplace_id] = load(session, marketplace_id, version, zone)
            found[marketplace_id] = kept
        return found


_VERSIONS = select(Marketplace.id, Marketplace.version, Marketplace.time_zone).where(among(Marketplace.id, "marketplaces"))


def load(session: Session, marketplace_id: int, version: int, time_zone: str) -> Snapshot:
    """Read a marketplace's rules and products."""
    products = session.execute(select(Product.external_id, Product.id, Product.name).where(Product.marketplace_id == marketplace_id)).all()
    return Snapshot(
        marketplace_id, version, time_zone, tuple(views(session, marketplace_id)), {ext: (pid, name) for ext, pid, name in products}
    )


def views(session: Session, marketplace_id: int, *which: ColumnElement[bool]) -> list[RuleView]:
    """A marketplace's living rules, of those `which` are meant."""
    rules = (
        select(Rule, Target, Integration)
        .join(Target, Target.id == Rule.target_id)
        .join(Integration, Integration.id == Rule.integration_id)
        .where(Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None), *which)
        .order_by(Rule.id)
    )
    return [_view(*row) for row in session.execute(rules)]


def _view(rule: Rule, target: Target, integration: Integration) -> RuleView:
    action = APPS[integration.app].actions[rule.action]
    return RuleView(
        rule.id, rule.product_id, rule.trigger, rule.integration_id, integration.name, rule.action, inverse(integration.app, rule.action),
        action.adds, action.kind, target.id, target.name, rule.removal, rule.for_days, rule.after_days,
        rule.off_at is not None, target.gone_at is not None,
    )  # fmt: skip


def inverse(app: str, action: str) -> str:
    """The action of an app that undoes this one."""
    mine = APPS[app].actions[action]
    return next(a.key for a in APPS[app].actions.values() if a.kind == mine.kind and a.adds != mine.adds)
