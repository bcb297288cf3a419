"""A file's rules by names → rules by ids, in the transaction. What a rule may be is decided in the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps import Kind
from webapp.apps.registry import APPS
from webapp.engine import rules
from webapp.engine.triggers import TRIGGERS
from webapp.market.nodes import Complaints, Text, near, plain
from webapp.market.reading import Asked
from webapp.models import Integration, Product, Rule, Target

NewId = Callable[[datetime], int]


class Rules:
    """The rules of one marketplace, for one transaction."""

    def __init__(self, session: Session, marketplace_id: int, complaints: Complaints, now: datetime, new_id: NewId) -> None:
        self._session, self._shop, self._complaints, self._now, self._new_id = session, marketplace_id, complaints, now, new_id
        self._lines: dict[int, int] = {}
        self._there: dict[tuple[int, str], Sequence[Target]] = {}

    @property
    def kept(self) -> set[int]:
        """The rules that the file names."""
        return set(self._lines)

    def bring_about(self, asked: Asked) -> str | None:
        """Make a rule, or make it agree. Returns created, changed or unchanged; None where it can't be, which is complained of."""
        draft = self._draft(asked)
        if draft is None:
            return None
        try:
            rule = rules.create(self._session, APPS, self._shop, draft, now=self._now, new_id=self._new_id)
            outcome = "created"
        except rules.Duplicate as same:
            rule = self._session.get_one(Rule, same.rule_id)
            outcome = self._agree(rule, draft)
        except rules.Wrong as wrong:
            for word, sentence in wrong.errors.items():
                self._complaints.add(asked.line_of(word), sentence)
            return None
        if rule.id in self._lines:  # once by its target's name, once by its id
            self._complaints.add(asked.line, f"This rule stands on line {self._lines[rule.id]} already.")
        self._lines[rule.id] = asked.line
        return self._switched(rule, asked.off, outcome)

    def _agree(self, rule: Rule, draft: rules.Draft) -> str:
        action = APPS[self._session.get_one(Integration, rule.integration_id).app].actions[rule.action]
        spares = draft.removal or rules.default_removal(TRIGGERS[draft.trigger], action)
        if (rule.removal, rule.for_days, rule.after_days) == (spares, draft.for_days, draft.after_days):
            return "unchanged"
        rules.change(self._session, APPS, self._shop, rule.id, draft)
        return "changed"

    def _switched(self, rule: Rule, off: bool | None, outcome: str) -> str:
        """Where the file does not say whether it is on, it stays as it is."""
        if off is None or off == (rule.off_at is not None):
            return outcome
        rules.switch(self._session, self._shop, rule.id, on=not off, now=self._now)
        return "changed" if outcome == "unchanged" else outcome

    def _draft(self, asked: Asked) -> rules.Draft | None:
        """The rule with ids for its names; None where one leads nowhere."""
        integration = self._integration(asked.integration)
        if integration is None:
            return None
        target = self._target(asked, asked.target, integration) if asked.target else None
        product = self._product(asked.product) if asked.product else None
        if (asked.target and target is None) or (asked.product and product is None):
            return None
        return rules.Draft(
            product, asked.trigger.value, integration.id, asked.action.value, target, asked.removal, asked.for_days, asked.after_days
        )

    def _integration(self, named: Text) -> Integration | None:
        where = (Integration.marketplace_id == self._shop, Integration.name == named.value, Integration.deleted_at.is_(None))
        found = self._session.scalar(select(Integration).where(*where))
        if found is None:
            self._complaints.add(named.line, f"There is no integration `{named.shown}`.")
        return found

    def _product(self, named: Text) -> int | None:
        where = (Product.marketplace_id == self._shop, Product.external_id == named.value)
        found = self._session.scalar(select(Product.id).where(*where))
        if found is None:
            self._complaints.add(named.line, f"There is no product `{named.shown}`. A rule names a product by its id.")
        return found

    def _target(self, asked: Asked, named: Text, integration: Integration) -> int | None:
        """By its name, or by its id in the app where names repeat."""
        app = APPS[integration.app]
        action = app.actions.get(asked.action.value)
        kind = rules.kind_of(app, action) if action else None
        if kind is None:
            self._complaints.add(asked.action.line, f"{app.name} has no action `{asked.action.shown}` with a target.")
            return None
        there = self._targets(integration.id, kind.key)
        found = [one for one in there if plain(one.name) == plain(named.value)] or [one for one in there if one.remote_id == named.value]
        if len(found) == 1:
            return found[0].id
        if found:
            self._complaints.add(named.line, self._repeated(asked, named, kind, found))
        else:
            hint = near(named.value, {one.name for one in there})
            self._complaints.add(named.line, f"There is no {kind.one} `{named.shown}` in {asked.integration.shown}.{hint}")
        return None

    def _targets(self, integration_id: int, kind: str) -> Sequence[Target]:
        """What can be picked: read once."""
        known = self._there.get((integration_id, kind))
        if known is None:
            where = (Target.integration_id == integration_id, Target.kind == kind, Target.gone_at.is_(None))
            known = self._there[integration_id, kind] = self._session.scalars(select(Target).where(*where)).all()
        return known

    def _repeated(self, asked: Asked, named: Text, kind: Kind, found: Sequence[Target]) -> str:
        """The ids of several of one name, each with its group, so that they can be told apart."""
        integration = found[0].integration_id
        groups = select(Target.remote_id, Target.name).where(Target.integration_id == integration, Target.kind == kind.grouped_by)
        names = dict(self._session.execute(groups).all())
        ids = sorted((f"{one.remote_id} ({names[one.group]})" if one.group in names else one.remote_id) for one in found)
        return f"{len(found)} {kind.many} in {asked.integration.shown} are called `{named.shown}`. Name one by its id: {', '.join(ids)}."
