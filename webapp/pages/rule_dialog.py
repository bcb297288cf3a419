"""The dialog in which a rule is made, changed or repaired: what it does, when, and the sentence that reads it back.

Each step has its address. An answer is checked where it is given and once more where the rule is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as Redirect

from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.engine import implications, integrations, rulebook, rules
from webapp.engine.triggers import TRIGGERS
from webapp.forms.rules import action_step, removal_step, timing_step, trigger_step
from webapp.models import Batch, Integration
from webapp.pages import batches, guard, rule_answers, rule_choices, rule_past, rule_step, rule_targets, trigger_words
from webapp.pages.render import leave, render_dialog
from webapp.pages.rule_answers import About, Answers
from webapp.pages.toasts import toast
from webapp.parts import parts

DAYS = "30"
"""What stands in the field for days until somebody types."""

NO_DAYS = f"Type a number of days, from 1 to {rules.MOST_DAYS:,}."

pages = Blueprint("rule_dialog", __name__)


@pages.get("/settings/integrations/rules/new")
@pages.route("/rules/new", methods=["GET", "POST"])
@guard.may_change
def new_action() -> ResponseReturnValue:
    """Step 1 of a new rule."""
    return _action(rule_answers.about_new(request.values))


@pages.route("/rules/new/trigger", methods=["GET", "POST"])
@guard.may_change
def new_trigger() -> ResponseReturnValue:
    """Step 2 of a new rule."""
    return _trigger(rule_answers.about_new(request.values))


@pages.route("/rules/new/confirm", methods=["GET", "POST"])
@guard.may_change
def new_confirm() -> ResponseReturnValue:
    """Step 3 of a new rule."""
    return _confirm(rule_answers.about_new(request.values))


@pages.route("/rules/<int:rule_id>/edit", methods=["GET", "POST"])
@guard.may_change
def edit_action(rule_id: int) -> ResponseReturnValue:
    """Step 1 of a rule that is there: what it does now is filled in. Where its target has gone, this is where it gets another."""
    return _action(rule_answers.about_rule(rule_id))


@pages.route("/rules/<int:rule_id>/edit/trigger", methods=["GET", "POST"])
@guard.may_change
def edit_trigger(rule_id: int) -> ResponseReturnValue:
    """Step 2 of a rule that is there."""
    return _trigger(rule_answers.about_rule(rule_id))


@pages.route("/rules/<int:rule_id>/edit/confirm", methods=["GET", "POST"])
@guard.may_change
def edit_confirm(rule_id: int) -> ResponseReturnValue:
    """Step 3 of a rule that is there."""
    return _confirm(rule_answers.about_rule(rule_id))


def _action(about: About) -> ResponseReturnValue:
    """Step 1: integration, action, target."""
    living = integrations.living(db.session(), guard.here())
    if not living:
        return render_dialog("rules/_no_integration.html", about.title, about=about, nav=about.nav)
    posted = request.method == "POST"
    given = rule_answers.read(request.values)
    answers = rule_choices.complete(given if given.given or about.row is None else rule_answers.of_row(about.row), living)
    if posted and "refresh" in request.form:
        rule_targets.refresh(answers.integration or 0)
        return _go(about, "action", answers)
    if not posted or rule_step.only_looks(answers):
        return _show_action(about, answers, living)
    errors = rule_step.errors(about.draft(answers))
    if errors:
        return _show_action(about, answers, living, errors)
    return _go(about, "trigger", answers.but(q=""))


def _show_action(about: About, answers: Answers, living: Sequence[Integration], errors: Mapping[str, str] | None = None) -> Response:
    chosen = next(one for one in living if one.id == answers.integration)
    form = action_step(
        [(str(one.id), rule_choices.named(one)) for one in living], rule_choices.grouped(chosen), str(chosen.id), answers.action
    )
    for field in (form.integration, form.action):
        field.errors = [errors[field.name]] if errors and field.name in errors else []
    return render_dialog(
        "rules/_action.html",
        about.title,
        422 if errors else 200,
        about=about,
        answers=answers,
        form=form,
        errors=errors or {},
        made_for=rule_choices.made_for(answers),
        hint=rule_choices.hint(chosen, answers.action),
        picking=rule_targets.picking(chosen, answers, parts().now()),
        nav=about.nav,
    )


def _trigger(about: About) -> ResponseReturnValue:
    """Step 2: the trigger."""
    answers = rule_answers.read(request.values)
    if rule_step.errors(about.draft(answers)):
        return _go(about, "action", answers)
    posted = request.method == "POST"
    if posted and "back" in request.form:
        return _go(about, "action", answers)
    if posted and answers.trigger:
        return _go(about, "confirm", answers)
    shown = answers.but(trigger=answers.trigger or rule_choices.usual(answers))
    form = trigger_step(trigger_words.CATEGORY, trigger_words.grouped(), shown.trigger)
    if posted:
        form.trigger.errors = ["Choose a trigger."]
    context = {"about": about, "answers": shown, "form": form, "nav": about.nav, **rule_choices.fires(about, shown)}
    return render_dialog("rules/_trigger.html", about.title, 422 if posted else 200, **context)


def _confirm(about: About) -> ResponseReturnValue:
    """Step 3: the sentence, and what it implies."""
    answers = rule_answers.read(request.values)
    if request.method == "POST" and "back" in request.form:
        return _go(about, "trigger", answers)
    wrong = rules.check(db.session(), APPS, guard.here(), about.draft(answers))
    if wrong and not wrong.keys() <= rule_answers.TIMING:
        return _go(about, "trigger" if set(wrong) == {"trigger"} else "action", answers)
    if wrong or request.method == "GET":
        return _show_confirm(about, answers, wrong=bool(wrong) and request.method == "POST")
    try:
        begun = _store(about, answers)
    except rules.Duplicate as same:
        return _show_confirm(about, answers, same.rule_id)
    except rules.Wrong:  # gone since the look above
        return _go(about, "action", answers)
    toast("Rule saved." if about.row else "Rule added.")
    return batches.begun(begun) if begun else leave(about.close)


def _show_confirm(about: About, answers: Answers, duplicate: int | None = None, *, wrong: bool = False) -> Response:
    """With days that are none, the sentence is told without them."""
    session, here = db.session(), guard.here()
    draft = about.draft(answers if not rules.check(session, APPS, here, about.draft(answers)) else answers.but(lasts="", acts=""))
    action = rule_choices.action_of(answers)
    removal = answers.removal or (rules.default_removal(TRIGGERS[answers.trigger], action) if action else None)
    timing = timing_step(answers.lasts, answers.acts, answers.days if wrong else answers.days or DAYS)
    timing.days.errors = [NO_DAYS] if wrong else []
    return render_dialog(
        "rules/_confirm.html",
        about.title,
        422 if duplicate or wrong else 200,
        about=about,
        answers=answers,
        sentence=rulebook.sentence(session, APPS, here, draft),
        implied=implications.implied(session, APPS, here, draft),
        timing=timing,
        past=rule_past.told(draft, ticked="past" in request.form),
        removal=removal_step(removal) if removal else None,
        duplicate=rulebook.one(session, APPS, here, duplicate) if duplicate else None,
        nav=about.nav,
    )


def _store(about: About, answers: Answers) -> Batch | None:
    """Make or change the rule. Where it is also for who did it before, gives the batch that sees to them."""
    draft, here = about.draft(answers), guard.here()
    customers = rule_past.people(draft) if "past" in request.form else []
    with writing() as session:
        if about.row is not None:
            rule = rules.change(session, APPS, here, about.row.id, draft)
        else:
            rule = rules.create(session, APPS, here, draft, now=parts().now(), new_id=parts().new_id)
        return rule_past.begin(session, rule, draft, customers) if customers else None


def _go(about: About, step: str, answers: Answers) -> Redirect:
    """To a step that knows these answers."""
    return redirect(about.address(step, answers), 303)
