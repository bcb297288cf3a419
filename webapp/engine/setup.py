"""What Integration Setup shows of each integration: state, catalog, rules, what waits, the month's meter. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from webapp.apps import App
from webapp.engine import catalog, integrations, loading, states, usage
from webapp.engine.loading import Progress
from webapp.engine.states import State
from webapp.engine.usage import Meter
from webapp.models import Integration, Rule, Target


@dataclass(frozen=True, slots=True)
class Use:
    """Which living rules are about an integration: for every product, or for one (`own`, on so many `products`); `broken` are of both."""

    everywhere: int = 0
    own: int = 0
    products: int = 0
    broken: int = 0

    @property
    def rules(self) -> int:
        """All of them."""
        return self.everywhere + self.own


@dataclass(frozen=True, slots=True)
class Card:
    """One integration as the list shows it. `contents`: what its catalog holds, in words; `waiting`: how many entries wait for it."""

    integration: Integration
    app: App
    state: State
    progress: Progress
    contents: str
    use: Use
    waiting: int
    meter: Meter


def cards(session: Session, apps: Mapping[str, App], marketplace_id: int, now: datetime, only: int | None = None) -> list[Card]:
    """A marketplace's integrations, those that need a person first; `only` one of them, where it is there."""
    found = [one for one in integrations.living(session, marketplace_id) if only is None or one.id == only]
    ids = [one.id for one in found]
    waiting = {one: integrations.waiting(session, one) for one in ids}
    uses, meters = _uses(session, ids), usage.meters(session, found, now)
    contents = catalog.contents(session, ids)
    return [
        Card(
            one,
            apps[one.app],
            states.state(one, apps[one.app], waiting[one.id]),
            loading.progress(one, now),
            catalog.told(contents[one.id], apps[one.app].kinds),
            uses[one.id],
            waiting[one.id],
            meters[one.id],
        )
        for one in found
    ]


def global_rules(session: Session, marketplace_id: int) -> int:
    """How many living rules are for every product."""
    wanted = select(func.count()).where(Rule.marketplace_id == marketplace_id, Rule.product_id.is_(None), Rule.deleted_at.is_(None))
    return session.scalar(wanted) or 0


def _uses(session: Session, ids: Collection[int]) -> dict[int, Use]:
    product = Rule.product_id
    broken = case((Rule.off_at.is_(None), Target.gone_at))
    rows = session.execute(
        select(Rule.integration_id, func.count(), func.count(product), func.count(product.distinct()), func.count(broken))
        .join(Target, Target.id == Rule.target_id)
        .where(Rule.integration_id.in_(ids), Rule.deleted_at.is_(None))
        .group_by(Rule.integration_id)
    )
    found = {one: Use(rules - own, own, products, broken) for one, rules, own, products, broken in rows}
    return {one: found.get(one, Use()) for one in ids}
