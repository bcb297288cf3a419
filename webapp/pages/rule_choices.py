"""What the rule dialog offers, what is chosen for who has not chosen yet, and what is said of a choice. No page lives here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from webapp.apps import MEMBERSHIP, Action
from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import integrations, rulebook
from webapp.models import Integration
from webapp.pages import guard, trigger_words
from webapp.pages.rule_answers import About, Answers
from webapp.pages.rule_table import LATELY
from webapp.parts import parts

SEEN = LATELY * 3
"""How far back it is counted how often a trigger has fired."""


def complete(answers: Answers, living: Sequence[Integration], *, adds: bool = True) -> Answers:
    """With an integration and an action chosen for who has not yet: one that works, and the first that gives (or takes) something to pick.
    What was answered about another sort of action is forgotten."""
    usable = next((one for one in living if one.attention is None), living[0])
    chosen = next((one for one in living if one.id == answers.integration), usable)
    actions = APPS[chosen.app].actions
    first = next(action for action in actions.values() if action.adds == adds and action.kind != MEMBERSHIP)
    action = actions.get(answers.action, first)
    forgotten = {"removal": "", "acts": ""} if action.adds else {"lasts": ""}
    return answers.but(integration=chosen.id, action=action.key, **forgotten)


def fires(about: About, answers: Answers) -> dict[str, Any]:
    """What is said of the trigger: when it fires, how often it has, and what usually goes with it."""
    since = parts().now() - SEEN
    product_id = about.product.id if about.product else None
    action = action_of(answers)
    return {
        "fires": trigger_words.fires(answers.trigger, about.name),
        "fired": rulebook.fired(db.session(), guard.here(), answers.trigger, product_id, since),
        "most": rulebook.MOST_COUNTED,
        "partner": action is not None and action.adds and answers.trigger == "product_purchased",
    }


def made_for(answers: Answers) -> str:
    """What a picker was made for."""
    return f"{answers.integration}:{answers.action}"


def action_of(answers: Answers) -> Action | None:
    """The action that is chosen; None where the integration is not there or can't do it."""
    integration = integrations.find(db.session(), guard.here(), answers.integration or 0)
    return APPS[integration.app].actions.get(answers.action) if integration else None


def usual(answers: Answers) -> str:
    """The trigger that this action mostly stands beside."""
    action = action_of(answers)
    return "product_purchased" if action is None or action.adds else "product_refunded"


def named(integration: Integration) -> str:
    """An integration in the list, with what is the matter with it."""
    matters = {"needs attention": integration.attention, "paused": integration.paused_at, "watch only": integration.watch_only}
    matter = next((word for word, so in matters.items() if so), None)
    return f"{integration.name} ({matter})" if matter else integration.name


def grouped(integration: Integration, *, adds: bool | None = None) -> dict[str, list[tuple[str, str]]]:
    """The actions of an integration's app, by what they are about: all, or those that give (or take)."""
    app = APPS[integration.app]
    called = {MEMBERSHIP: "Membership", **{kind.key: kind.many.capitalize() for kind in app.kinds}}
    groups: dict[str, list[tuple[str, str]]] = {name: [] for name in called.values()}
    for action in app.actions.values():
        if adds not in (None, action.adds):
            continue
        groups[called[action.kind]].append((action.key, action.label))
    return groups


def hint(integration: Integration, key: str) -> str:
    """What the merchant need not think of."""
    action = APPS[integration.app].actions[key]
    if action.kind == MEMBERSHIP:
        return "Somebody who is a member already stays one." if action.adds else "Somebody who is no member is left alone."
    if action.adds:
        return "Somebody who is not a member yet is invited first. You need no rule for that."
    return "Somebody who does not have it is left alone."
