"""Parts of the rule dialog that change while it is open: what can be picked, what a trigger means, the sentence.

The dialog has them all by itself; here scripts get them alone. Who asks for a page is sent to the dialog.
What can be picked is asked on a customer's page, too, where everybody may look.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import implications, integrations, rulebook, rules
from webapp.pages import guard, rule_answers, rule_choices, rule_past, rule_targets
from webapp.pages.render import is_fragment, render
from webapp.parts import parts

pages = Blueprint("rule_parts", __name__)


@pages.get("/rules/targets")
@guard.signed_in
def targets() -> ResponseReturnValue:
    """The picker's list alone, while somebody types."""
    return _part("rules/_targets.html")


@pages.get("/rules/pick")
@guard.signed_in
def pick() -> ResponseReturnValue:
    """What is picked from, for another integration or action than the page was made for."""
    return _part("rules/_pick.html", search=request.args.get("for") == rule_choices.made_for(rule_answers.read(request.args)), alone=True)


@pages.get("/rules/catalog")
@guard.signed_in
def catalog() -> ResponseReturnValue:
    """How far a catalog is loaded, while it is."""
    return _part("rules/_catalog.html", watched=True)


@pages.get("/rules/trigger")
@guard.may_change
def trigger() -> ResponseReturnValue:
    """What is said of a trigger, when another one is chosen."""
    about, answers = rule_answers.about_new(request.args), rule_answers.read(request.args)
    if not is_fragment() or not answers.trigger:
        return redirect(about.address("action", answers))
    return render("rules/_fires.html", "dialog_page.html", **rule_choices.fires(about, answers))


@pages.get("/rules/readback")
@guard.may_change
def readback() -> ResponseReturnValue:
    """The sentence and what it implies, when it is to hold, act or spare otherwise. While a number of days is being typed, nothing."""
    about, answers = rule_answers.about_new(request.args), rule_answers.read(request.args)
    session, here, draft = db.session(), guard.here(), about.draft(answers)
    wrong = rules.check(session, APPS, here, draft)
    if is_fragment() and wrong and wrong.keys() <= rule_answers.TIMING:
        return "", 204
    if not is_fragment() or wrong:
        return redirect(about.address("action", answers))
    sentence, implied = rulebook.sentence(session, APPS, here, draft), implications.implied(session, APPS, here, draft)
    past = rule_past.told(draft, ticked="past" in request.args)
    return render("rules/_readback.html", "dialog_page.html", sentence=sentence, implied=implied, past=past, alone=True)


def _part(template: str, *, search: bool = True, **said: bool) -> ResponseReturnValue:
    """A part of step 1 for the answers in the address; for who asks for a page, the page."""
    answers = rule_answers.read(request.args)
    answers = answers if search else answers.but(q="")
    integration = integrations.find(db.session(), guard.here(), answers.integration or 0)
    found = rule_targets.picking(integration, answers, parts().now()) if integration else None
    if integration is None or found is None or not is_fragment():
        return redirect(rule_answers.About(None).address("action", answers))
    hint = rule_choices.hint(integration, answers.action)
    context: dict[str, Any] = {
        "answers": answers,
        "picking": found,
        "errors": {},
        "made_for": rule_choices.made_for(answers),
        "hint": hint,
        **said,
    }
    return render(template, "dialog_page.html", **context)
