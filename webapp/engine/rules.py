"""Rules: what a draft must be to become one, and every change to them. How one reads is in readback.py, lists in rulebook.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Action, App, Kind
from webapp.engine import audit, rule_facts, versions
from webapp.engine.triggers import TRIGGERS, Trigger
from webapp.models import PAID_PERIOD, Integration, Product, Rule, Target

Apps = Mapping[str, App]
NewId = Callable[[datetime], int]

REMOVALS = ("spare", "always")
"""What a removal may do about grants of other purchases: leave what they still grant, or take it in any case."""

MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule as somebody asked for it. `removal` None means the trigger's default; the rest is as in `models.Rule`."""

    product_id: int | None
    trigger: str
    integration_id: int
    action: str
    target_id: int | None = None
    removal: str | None = None
    for_days: int | None = None
    after_days: int = 0


class Wrong(Exception):
    """A draft that can't become a rule: a sentence for each field that is wrong."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


class Duplicate(Exception):
    """There is such a rule already: `rule_id`."""

    def __init__(self, rule_id: int) -> None:
        super().__init__("There is such a rule already.")
        self.rule_id = rule_id


class NoRule(LookupError):
    """No rule of this marketplace has that id, or it has been deleted."""


def check(session: Session, apps: Apps, marketplace_id: int, draft: Draft) -> dict[str, str]:
    """What is wrong with a draft: a sentence by field of the Draft (without `_id`). Empty where nothing is."""
    errors = {}
    if draft.product_id is not None and not _is_product(session, marketplace_id, draft.product_id):
        errors["product"] = "This product does not exist any more."
    if draft.trigger not in TRIGGERS:
        errors["trigger"] = "Choose a trigger."
    integration = find_integration(session, marketplace_id, draft.integration_id)
    if integration is None:
        return {**errors, "integration": "Choose an integration."}
    action = apps[integration.app].actions.get(draft.action)
    if action is None:
        return {**errors, "action": "Choose an action."}
    wrong_target = target_error(session, apps, integration, action, draft.target_id)
    if wrong_target:
        errors["target"] = wrong_target
    return {**errors, **check_timing(action, draft.removal, draft.for_days, draft.after_days)}


def check_timing(action: Action, removal: str | None, for_days: int | None, after_days: int) -> dict[str, str]:
    """What is wrong with how long, when and what is spared: a sentence by field."""
    errors = {}
    if removal is not None and (action.adds or removal not in REMOVALS):
        errors["removal"] = "Only a removal can spare something: spare or always."
    if for_days is not None and (action.adds is False or not 1 <= for_days <= MOST_DAYS):
        errors["for_days"] = f"An add holds for good, or from 1 to {MOST_DAYS:,} days."
    if after_days != 0 and (action.adds or not (after_days == PAID_PERIOD or 1 <= after_days <= MOST_DAYS)):
        errors["after_days"] = f"A removal acts at once, after 1 to {MOST_DAYS:,} days, or at the end of the paid period."
    return errors


def target_error(session: Session, apps: Apps, integration: Integration, action: Action, target_id: int | None) -> str | None:
    """Why this can't be the action's target, for the merchant; None where it can."""
    kind = kind_of(apps[integration.app], action)
    if kind is None:
        return None if membership(session, integration.id) else "The catalog is not loaded yet. Refresh it first."
    target = session.get(Target, target_id) if target_id is not None else None
    if target is None or target.integration_id != integration.id or target.kind != kind.key:
        return f"Choose {article(kind.one)} {kind.one}."
    if target.gone_at is not None:
        return f"The {kind.one} {target.name} no longer exists in {integration.name}. Choose another one."
    return None


def create(session: Session, apps: Apps, marketplace_id: int, draft: Draft, *, now: datetime, new_id: NewId) -> Rule:
    """Make the rule. Raises Wrong, or Duplicate where there is one like it (whatever its timing, on or off)."""
    _demand(session, apps, marketplace_id, draft)
    values = _values(session, apps, draft)
    rule = Rule(id=new_id(now), marketplace_id=marketplace_id, created_at=now)
    _store(session, rule, values)
    audit.note(session, marketplace_id, "rule_made", rule_facts.about(session, rule), after=rule_facts.facts(session, rule))
    return rule


def change(session: Session, apps: Apps, marketplace_id: int, rule_id: int, draft: Draft) -> Rule:
    """Make an existing rule what the draft says; what it did before stays as it is. Raises NoRule, Wrong, Duplicate."""
    rule = get(session, marketplace_id, rule_id)
    _demand(session, apps, marketplace_id, draft)
    about, before = rule_facts.about(session, rule), rule_facts.facts(session, rule)
    _store(session, rule, _values(session, apps, draft))
    audit.note(session, marketplace_id, "rule_changed", about, before, rule_facts.facts(session, rule))
    return rule


def repair(session: Session, apps: Apps, marketplace_id: int, rule_id: int, target_id: int | None) -> Rule:
    """Give a rule whose target has gone another one. Raises NoRule, Wrong, Duplicate."""
    rule = get(session, marketplace_id, rule_id)
    return change(session, apps, marketplace_id, rule_id, draft_of(rule, target_id))


def delete(session: Session, marketplace_id: int, rule_id: int, *, now: datetime) -> Rule:
    """Delete a rule: its row stays for the log, a new one like it may be made. Raises NoRule."""
    rule = get(session, marketplace_id, rule_id)
    rule.deleted_at, rule.identity = now, None
    audit.note(session, marketplace_id, "rule_deleted", rule_facts.about(session, rule), rule_facts.facts(session, rule))
    versions.bump(session, marketplace_id)
    return rule


def delete_of_integration(session: Session, marketplace_id: int, integration_id: int, *, now: datetime) -> None:
    """Delete all rules that use an integration."""
    session.execute(
        update(Rule)
        .where(Rule.marketplace_id == marketplace_id, Rule.integration_id == integration_id, Rule.deleted_at.is_(None))
        .values(deleted_at=now, identity=None)
    )
    versions.bump(session, marketplace_id)


def switch(session: Session, marketplace_id: int, rule_id: int, *, on: bool, now: datetime) -> Rule:
    """Switch a rule on or off; what it gave stays. Raises NoRule."""
    rule = get(session, marketplace_id, rule_id)
    before = {"on": rule.off_at is None}
    if on or rule.off_at is None:
        rule.off_at = None if on else now
    audit.note(session, marketplace_id, "rule_switched", rule_facts.about(session, rule), before, {"on": on})
    versions.bump(session, marketplace_id)
    return rule


def get(session: Session, marketplace_id: int, rule_id: int) -> Rule:
    """A rule of this marketplace. Raises NoRule."""
    rule = session.get(Rule, rule_id)
    if rule is None or rule.marketplace_id != marketplace_id or rule.deleted_at is not None:
        raise NoRule(rule_id)
    return rule


def draft_of(rule: Rule, target_id: int | None = None) -> Draft:
    """The draft that would make this rule, with another target if one is given."""
    return Draft(
        rule.product_id,
        rule.trigger,
        rule.integration_id,
        rule.action,
        target_id or rule.target_id,
        rule.removal,
        rule.for_days,
        rule.after_days,
    )


def find_integration(session: Session, marketplace_id: int, integration_id: int | None) -> Integration | None:
    """An integration of this marketplace that is not deleted."""
    found = session.get(Integration, integration_id) if integration_id is not None else None
    if found is None or found.marketplace_id != marketplace_id or found.deleted_at is not None:
        return None
    return found


def membership(session: Session, integration_id: int) -> int | None:
    """The target that is the membership itself at an integration."""
    return session.scalar(select(Target.id).where(Target.integration_id == integration_id, Target.kind == MEMBERSHIP))


def kind_of(app: App, action: Action) -> Kind | None:
    """The kind of thing that an action is about; None for the membership, where nothing is picked."""
    return next((kind for kind in app.kinds if kind.key == action.kind and kind.key != MEMBERSHIP), None)


def default_removal(trigger: Trigger, action: Action) -> str | None:
    """What a removal does about other purchases' grants unless somebody says otherwise (docs/access.md); None for an add."""
    if action.adds:
        return None
    return "spare" if trigger.takes_back else "always"


def article(word: str) -> str:
    """ "a" or "an"."""
    return "an" if word[:1].lower() in "aeiou" else "a"


def _is_product(session: Session, marketplace_id: int, product_id: int) -> bool:
    product = session.get(Product, product_id)
    return product is not None and product.marketplace_id == marketplace_id


def _demand(session: Session, apps: Apps, marketplace_id: int, draft: Draft) -> None:
    errors = check(session, apps, marketplace_id, draft)
    if errors:
        raise Wrong(errors)


def _values(session: Session, apps: Apps, draft: Draft) -> dict[str, object]:
    """The columns of a rule from a draft that has been checked."""
    integration = session.get_one(Integration, draft.integration_id)
    app = apps[integration.app]
    action = app.actions[draft.action]
    target_id = draft.target_id if kind_of(app, action) else membership(session, integration.id)
    return {
        "product_id": draft.product_id,
        "trigger": draft.trigger,
        "integration_id": draft.integration_id,
        "action": draft.action,
        "target_id": target_id,
        "removal": draft.removal or default_removal(TRIGGERS[draft.trigger], action),
        "for_days": draft.for_days,
        "after_days": draft.after_days,
        "identity": f"{draft.product_id or 'all'}:{draft.trigger}:{draft.action}:{target_id}",
    }


def _store(session: Session, rule: Rule, values: Mapping[str, object]) -> None:
    """Write a rule. Its unique identity says whether there is one like it, no question asked before. Raises Duplicate."""
    marketplace_id = rule.marketplace_id
    try:
        with session.begin_nested():
            for column, value in values.items():
                setattr(rule, column, value)
            session.add(rule)
    except IntegrityError:
        other = session.scalar(select(Rule.id).where(Rule.identity == values["identity"]))
        if other is None:
            raise
        raise Duplicate(other) from None
    versions.bump(session, marketplace_id)
