"""Why, and why not: any target of any integration is picked, and one sentence says why the customer has it or has it not."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.apps import MEMBERSHIP
from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import accounts, customers, integrations, log_rows, rules, why_facts
from webapp.forms.rules import ActionStep, action_step
from webapp.models import Integration, Target
from webapp.pages import customer_address, guard, rule_answers, rule_choices, rule_step, rule_targets
from webapp.pages.render import render_dialog
from webapp.pages.rule_answers import About, Answers
from webapp.parts import parts

pages = Blueprint("customer_why", __name__)


@pages.post("/customer/<int:number>/why")
@guard.signed_in
def pick(number: int) -> ResponseReturnValue:
    """What was picked goes into the address. Who may change something can have the catalog loaded anew."""
    if customers.find(db.session(), guard.here(), number) is None:
        abort(404)
    answers = rule_answers.read(request.form)
    if "refresh" in request.form and g.role in accounts.CHANGING:
        rule_targets.refresh(answers.integration or 0)
    asks = {} if "refresh" in request.form or rule_step.only_looks(answers) else {"next": "1"}
    return redirect(f"{url_for('customer_why.why', number=number)}?{urlencode({**answers.given, **asks})}", 303)


@pages.get("/customer/<int:number>/why")
@guard.signed_in
def why(number: int) -> ResponseReturnValue:
    """Pick a target, and be told."""
    session, here, now = db.session(), guard.here(), parts().now()
    customer = customers.find(session, here, number)
    if customer is None:
        abort(404)
    living = integrations.living(session, here)
    if not living:
        return render_dialog("rules/_no_integration.html", "Why?", about=About(None), nav="logs")
    answers = rule_choices.complete(rule_answers.read(request.args), living)
    chosen = next(one for one in living if one.id == answers.integration)
    asks = "next" in request.args or answers.target is not None
    target = _target(chosen, answers) if asks else None
    told = why_facts.ask(session, customer, target, now) if target else None
    return render_dialog(
        "customers/_why.html",
        f"Why, or why not, for {customers.name_of(customer) or customer.email}?",
        customer=customer,
        form=_form(living, chosen, answers),
        answers=answers,
        errors={"target": "Pick one."} if "next" in request.args and target is None else {},
        made_for=rule_choices.made_for(answers),
        picking=rule_targets.picking(chosen, answers, now),
        told=told,
        proof=log_rows.by_id(session, here, told.entries, now) if told else [],
        close=customer_address.of(customer),
        nav="logs",
    )


def _form(living: list[Integration], chosen: Integration, answers: Answers) -> ActionStep:
    """What is asked about: an integration, and a kind of thing, named by the action that gives it."""
    app = APPS[chosen.app]
    called = {MEMBERSHIP: "The membership", **{kind.key: kind.one.capitalize() for kind in app.kinds}}
    kinds = [(action.key, called[action.kind]) for action in app.actions.values() if action.adds]
    return action_step([(str(one.id), rule_choices.named(one)) for one in living], {"Kind": kinds}, str(chosen.id), answers.action)


def _target(integration: Integration, answers: Answers) -> Target | None:
    """What was picked: of a kind without anything to pick the membership."""
    session, action = db.session(), APPS[integration.app].actions[answers.action]
    wanted = rules.membership(session, integration.id) if action.kind == MEMBERSHIP else answers.target
    target = session.get(Target, wanted) if wanted else None
    return target if target is not None and (target.integration_id, target.kind) == (integration.id, action.kind) else None
