"""What is picked for an integration's action: what is wrong with an answer, and whether the form was only sent to look. No page lives here."""

from __future__ import annotations

from dataclasses import replace

from flask import request

from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import rules
from webapp.engine.rules import Draft
from webapp.engine.triggers import TRIGGERS
from webapp.pages import guard, rule_choices
from webapp.pages.rule_answers import About, Answers


def errors(draft: Draft) -> dict[str, str]:
    """What is wrong with the integration, the action and its target: a sentence by field."""
    asked = replace(draft, trigger=draft.trigger or next(iter(TRIGGERS)), removal=None)
    found = rules.check(db.session(), APPS, guard.here(), asked)
    return {field: sentence for field, sentence in found.items() if field in {"integration", "action", "target"}}


def only_looks(answers: Answers) -> bool:
    """Whether the form was sent to search, or by who has chosen another integration or action and not yet seen its list."""
    form = request.form
    searched = "search" in form or ("next" not in form and answers.q != form.get("searched", answers.q).strip())
    made_for = form.get("for")
    return searched or (made_for is not None and made_for != rule_choices.made_for(answers) and not _fits(answers))


def _fits(answers: Answers) -> bool:
    """Whether nothing has to be picked anew for these answers."""
    return "target" not in errors(About(None).draft(answers))
