"""Grant by hand and Take away: the dialogs in which a merchant decides what one customer has, whatever rules say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP
from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.engine import customers, granting, integrations, rules
from webapp.engine.entries import Refused
from webapp.forms.customers import ForDays
from webapp.forms.rules import action_step
from webapp.models import Customer, Target
from webapp.pages import customer_address, guard, rule_answers, rule_choices, rule_step, rule_targets
from webapp.pages.render import leave, render_dialog
from webapp.pages.rule_answers import About, Answers
from webapp.pages.toasts import toast
from webapp.parts import parts

pages = Blueprint("customer_hand", __name__)


@dataclass(frozen=True)
class Way:
    """One of the two dialogs: `adds` gives, else takes."""

    adds: bool
    title: str
    submit: str
    busy: str
    done: str


GRANT = Way(True, "Grant by hand", "Grant", "Granting…", "Granted by hand.")
TAKE = Way(False, "Take away", "Take away", "Taking away…", "Taken away by hand.")


@pages.route("/customer/<int:number>/grant", methods=["GET", "POST"])
@guard.may_change
def grant(number: int) -> ResponseReturnValue:
    """Pick what to give, and for how long."""
    return _dialog(_customer(number), GRANT)


@pages.route("/customer/<int:number>/take-away", methods=["GET", "POST"])
@guard.may_change
def take_away(number: int) -> ResponseReturnValue:
    """Pick what to take."""
    return _dialog(_customer(number), TAKE)


@pages.post("/customer/<int:number>/leave/<int:target_id>")
@guard.may_change
def leave_to_purchases(number: int, target_id: int) -> ResponseReturnValue:
    """End what was decided by hand."""
    customer = _customer(number)
    try:
        _act(customer.id, target_id, granting.leave_to_purchases)
    except Refused as refused:
        toast(refused.sentence)
    else:
        toast("Left to purchases again.")
    return leave(customer_address.of(customer))


def _dialog(customer: Customer, way: Way) -> ResponseReturnValue:
    living = integrations.living(db.session(), guard.here())
    if not living:
        return render_dialog("rules/_no_integration.html", way.title, about=About(None), nav="logs")
    answers = rule_choices.complete(rule_answers.read(request.values), living, adds=way.adds)
    form = ForDays()
    if request.method == "POST" and "refresh" in request.form:
        rule_targets.refresh(answers.integration or 0)
        return redirect(f"{request.path}?{urlencode(answers.given)}", 303)
    if request.method == "GET" or rule_step.only_looks(answers):
        return _show(customer, way, answers, form, {})
    errors = rule_step.errors(About(None).draft(answers))
    sent = form.sent()
    if errors or not sent:
        return _show(customer, way, answers, form, errors)
    try:
        _act(customer.id, _target_id(answers), _decision(way, form.days.data))
    except Refused as refused:
        return _show(customer, way, answers, form, {"target": refused.sentence})
    toast(way.done)
    return leave(customer_address.of(customer))


def _show(customer: Customer, way: Way, answers: Answers, form: ForDays, errors: dict[str, str]) -> Response:
    living = integrations.living(db.session(), guard.here())
    chosen = next(one for one in living if one.id == answers.integration)
    actions = rule_choices.grouped(chosen, adds=way.adds)
    step = action_step([(str(one.id), rule_choices.named(one)) for one in living], actions, str(chosen.id), answers.action)
    for field in (step.integration, step.action):
        field.errors = [errors[field.name]] if field.name in errors else []
    return render_dialog(
        "customers/_hand.html",
        way.title,
        422 if errors or form.errors else 200,
        way=way,
        customer=customer,
        form=step,
        days=form,
        answers=answers,
        errors=errors,
        made_for=rule_choices.made_for(answers),
        hint=rule_choices.hint(chosen, answers.action),
        picking=rule_targets.picking(chosen, answers, parts().now()),
        close=customer_address.of(customer),
        nav="logs",
    )


Decision = Callable[..., int]


def _decision(way: Way, days: int | None) -> Decision:
    """What the engine is asked for."""
    return (
        (lambda session, customer, target, *how: granting.grant(session, customer, target, days, *how)) if way.adds else granting.take_away
    )


def _act(customer_id: int, target_id: int, decide: Decision) -> None:
    """Do it in one transaction, and ring. Raises Refused; 404 for what is not this marketplace's."""
    made = parts()
    with writing() as session:
        customer, target = customers.find(session, guard.here(), customer_id), _target(session, target_id)
        if customer is None or target is None:
            abort(404)
        decide(session, customer, target, guard.me().email, made.now(), made.new_id)
    made.bell.ring(marketplaces=(guard.here(),), work=True)


def _target(session: Session, target_id: int) -> Target | None:
    """A target of this marketplace."""
    target = session.get(Target, target_id)
    return target if target is not None and integrations.find(session, guard.here(), target.integration_id) else None


def _target_id(answers: Answers) -> int:
    """What was picked: of an action without anything to pick the membership."""
    integration = integrations.find(db.session(), guard.here(), answers.integration or 0)
    if integration is None:
        abort(404)
    action = APPS[integration.app].actions[answers.action]
    if action.kind != MEMBERSHIP:
        return answers.target or 0
    return rules.membership(db.session(), integration.id) or 0


def _customer(number: int) -> Customer:
    found = customers.find(db.session(), guard.here(), number)
    if found is None:
        abort(404)
    return found
