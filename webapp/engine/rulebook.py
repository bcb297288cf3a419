"""Rules as pages list them: with their names, their state, and how often they ran. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row as Fetched
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from webapp.apps import Action, App
from webapp.engine import readback
from webapp.engine.rules import Apps, Draft, NoRule, default_removal, kind_of
from webapp.engine.triggers import TRIGGERS, Trigger
from webapp.models import Happening, Integration, LogEntry, Product, Rule, Target

State = Literal["on", "off", "broken"]
MOST_COUNTED = 10_000
_ORDER = {key: number for number, key in enumerate(TRIGGERS)}


@dataclass(frozen=True, slots=True)
class Row:
    """One rule with everything that a page says of it. `target`: its name; `kind`: the word for it; both "" for the membership."""

    id: int
    product_id: int | None
    product_key: str | None
    product: str | None
    trigger: Trigger
    action: Action
    integration_id: int
    integration: str
    target_id: int
    target: str
    kind: str
    gone_at: datetime | None
    off_at: datetime | None
    removal: str | None
    for_days: int | None
    after_days: int

    @property
    def state(self) -> State:
        """off where the merchant switched it off, broken where its target has gone, else on."""
        if self.off_at is not None:
            return "off"
        return "broken" if self.gone_at is not None else "on"

    @property
    def sentence(self) -> readback.Sentence:
        """The rule read back."""
        return readback.sentence(
            self.trigger,
            self.action,
            product=self.product,
            target=self.target,
            integration=self.integration,
            removal=self.removal,
            for_days=self.for_days,
            after_days=self.after_days,
        )

    @property
    def clause(self) -> str:
        """How long, when and what is spared, where that is not the usual: what a list shows beside the action."""
        usual = default_removal(self.trigger, self.action) == self.removal and not self.after_days
        if not self.action.adds and usual:
            return ""
        said = readback.clause(self.action, self.removal, self.for_days, self.after_days)
        return readback.plain(said).strip(", ")


@dataclass(frozen=True, slots=True)
class Activity:
    """How many log entries a rule made in a time, and how many of them have failed."""

    entries: int = 0
    failed: int = 0


def listing(session: Session, apps: Apps, marketplace_id: int, product_id: int | None) -> list[Row]:
    """The rules of a product, or (None) the global ones, by trigger, then as they were made. One query."""
    query = _query(marketplace_id).where(Rule.product_id == product_id if product_id else Rule.product_id.is_(None))
    rows = [_row(apps, found) for found in session.execute(query)]
    return sorted(rows, key=lambda row: (_ORDER[row.trigger.key], row.id))


def one(session: Session, apps: Apps, marketplace_id: int, rule_id: int) -> Row:
    """One rule as lists show it. Raises NoRule."""
    found = session.execute(_query(marketplace_id).where(Rule.id == rule_id)).first()
    if found is None:
        raise NoRule(rule_id)
    return _row(apps, found)


def about(session: Session, apps: Apps, marketplace_id: int, target_id: int) -> list[Row]:
    """The rules about a target that are switched on."""
    return [
        _row(apps, found) for found in session.execute(_query(marketplace_id).where(Rule.target_id == target_id, Rule.off_at.is_(None)))
    ]


def sentence(session: Session, apps: Apps, marketplace_id: int, draft: Draft) -> readback.Sentence:
    """A checked draft, read back."""
    integration = session.get_one(Integration, draft.integration_id)
    action = apps[integration.app].actions[draft.action]
    trigger = TRIGGERS[draft.trigger]
    product = session.get(Product, draft.product_id) if draft.product_id else None
    target = session.get(Target, draft.target_id) if draft.target_id else None
    return readback.sentence(
        trigger,
        action,
        product=product.name if product and product.marketplace_id == marketplace_id else None,
        target=target.name if target else "",
        integration=integration.name,
        removal=draft.removal or default_removal(trigger, action),
        for_days=draft.for_days,
        after_days=draft.after_days,
    )


def activity(session: Session, marketplace_id: int, rule_ids: Collection[int], since_id: int) -> dict[int, Activity]:
    """What these rules did since: by rule, for entries with an id from `since_id` (ids sort by time, `webapp.ids`)."""
    if not rule_ids:
        return {}
    counted = _per_rule(session, LogEntry.rule_id.in_(rule_ids), LogEntry.marketplace_id == marketplace_id, LogEntry.id >= since_id)
    failed = _per_rule(session, LogEntry.marketplace_id == marketplace_id, LogEntry.status == "failed", LogEntry.id >= since_id)
    return {rule: Activity(counted.get(rule, 0), failed.get(rule, 0)) for rule in rule_ids}


def waiting(session: Session, marketplace_id: int, rule_id: int) -> int:
    """How many entries of a rule are open: queued, retrying or parked. They run also when the rule is off or deleted."""
    still = (LogEntry.marketplace_id == marketplace_id, LogEntry.open_lane_id.is_not(None), LogEntry.rule_id == rule_id)
    return session.scalar(select(func.count()).where(*still)) or 0


def fired(session: Session, marketplace_id: int, trigger: str, product_id: int | None, since: datetime) -> int:
    """How often a trigger fired since, for a product or for any; counts no further than MOST_COUNTED."""
    happened = select(Happening.id).where(Happening.marketplace_id == marketplace_id, Happening.trigger == trigger, Happening.at >= since)
    if product_id is not None:
        happened = happened.where(Happening.product_id == product_id)
    return session.scalar(select(func.count()).select_from(happened.limit(MOST_COUNTED).subquery())) or 0


def _per_rule(session: Session, *where: Any) -> dict[int, int]:
    query = select(LogEntry.rule_id, func.count()).where(*where).group_by(LogEntry.rule_id)
    return {rule: count for rule, count in session.execute(query) if rule is not None}


def _query(marketplace_id: int) -> Select[Rule, Product, Integration, Target]:
    return (
        select(Rule, Product, Integration, Target)
        .join(Product, Product.id == Rule.product_id, isouter=True)
        .join(Integration, Integration.id == Rule.integration_id)
        .join(Target, Target.id == Rule.target_id)
        .where(Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None))
    )


def _row(apps: Mapping[str, App], found: Fetched[Rule, Product, Integration, Target]) -> Row:
    rule, integration, target = found.Rule, found.Integration, found.Target
    product: Product | None = found.Product
    app = apps[integration.app]
    action = app.actions[rule.action]
    kind = kind_of(app, action)
    return Row(
        id=rule.id,
        product_id=rule.product_id,
        product_key=product.external_id if product else None,
        product=product.name if product else None,
        trigger=TRIGGERS[rule.trigger],
        action=action,
        integration_id=integration.id,
        integration=integration.name,
        target_id=target.id,
        target=target.name if kind else "",
        kind=kind.one if kind else "",
        gone_at=target.gone_at,
        off_at=rule.off_at,
        removal=rule.removal,
        for_days=rule.for_days,
        after_days=rule.after_days,
    )
