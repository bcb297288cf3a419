"""What a rule gave, taken back: from a dialog of its own where the rule is switched off, or with its deletion."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.engine import readback, rulebook, rules, taking_back
from webapp.engine.rulebook import Row
from webapp.engine.taking_back import Toll
from webapp.models import Batch, Rule
from webapp.pages import batches, guard
from webapp.pages.render import render_dialog
from webapp.pages.rule_address import address
from webapp.parts import parts

pages = Blueprint("rule_back", __name__)


@pages.route("/rules/<int:rule_id>/take-back", methods=["GET", "POST"])
@guard.may_change
def take_back(rule_id: int) -> ResponseReturnValue:
    """Ask, with how many people and calls that is; then begin it."""
    try:
        row = rulebook.one(db.session(), APPS, guard.here(), rule_id)
    except rules.NoRule:
        abort(404)
    found = toll(row)
    if request.method == "POST" and row.off_at is not None and found.lanes:
        with writing() as session:
            begun = begin(session, row, found)
        return batches.begun(begun)
    status = 409 if request.method == "POST" else 200
    nav = "products" if row.product_id else "integrations"
    return render_dialog("rules/_take_back.html", "Take back what it gave", status, row=row, toll=found, close=address(row), nav=nav)


def toll(row: Row) -> Toll:
    """What taking back comes to; nothing for a rule that takes."""
    if not row.action.adds:
        return Toll(0, 0, 0, 0)
    here, rule = parts(), db.session().get_one(Rule, row.id)
    return taking_back.toll(db.session(), rule, here.now(), timedelta(hours=here.settings.belief_hours))


def begin(session: Session, row: Row, found: Toll) -> Batch:
    """Take it back, of a rule that has just been switched off or deleted, in that transaction."""
    title = f"Take back what a rule gave: {readback.plain(row.sentence)}"
    return batches.begin(session, taking_back.KEY, found.lanes, title, taking_back.given(session.get_one(Rule, row.id)))
