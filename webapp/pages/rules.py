"""Rules: the global ones in a list, and what is done to any rule with one click. Making and changing one is in rule_dialog.py."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as Redirect

from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.engine import integrations, rulebook, rules
from webapp.engine.rulebook import Row
from webapp.pages import batches, guard, rule_back, rule_table
from webapp.pages.render import leave, render_dialog
from webapp.pages.rule_address import address
from webapp.pages.toasts import toast
from webapp.parts import parts

pages = Blueprint("rules", __name__)


@pages.get("/settings/integrations/rules")
@guard.signed_in
def index() -> ResponseReturnValue:
    """The rules for every product: the second tab of Integrations."""
    connected = bool(integrations.living(db.session(), guard.here()))
    return render_template(
        "rules/index.html", table=rule_table.table(guard.here(), None), connected=connected, failed=rule_table.failed_address
    )


@pages.post("/rules/<int:rule_id>/off")
@guard.may_change
def switch_off(rule_id: int) -> ResponseReturnValue:
    """Do nothing more by this rule. What it gave stays."""
    return _switched(rule_id, on=False)


@pages.post("/rules/<int:rule_id>/on")
@guard.may_change
def switch_on(rule_id: int) -> ResponseReturnValue:
    """Do something by this rule again."""
    return _switched(rule_id, on=True)


@pages.route("/rules/<int:rule_id>/delete", methods=["GET", "POST"])
@guard.may_change
def delete(rule_id: int) -> ResponseReturnValue:
    """Ask, with what the rule did lately and what it gave, then delete it; and take that back where it was ticked."""
    row = _row(rule_id)
    toll = rule_back.toll(row)
    if request.method == "POST":
        with writing() as session:
            rules.delete(session, guard.here(), rule_id, now=parts().now())
            begun = rule_back.begin(session, row, toll) if "take_back" in request.form and toll.lanes else None
        toast("Rule deleted. The log keeps what it did.")
        return batches.begun(begun) if begun else leave(address(row))
    waiting = rulebook.waiting(db.session(), guard.here(), rule_id)
    activity = rule_table.lately(guard.here(), [rule_id])[rule_id]
    context: dict[str, Any] = {
        "row": row,
        "close": address(row),
        "activity": activity,
        "waiting": waiting,
        "toll": toll,
        "nav": "products" if row.product_id else "integrations",
    }
    return render_dialog("rules/_delete.html", "Delete rule", **context)


def _switched(rule_id: int, *, on: bool) -> Redirect:
    row = _row(rule_id)
    with writing() as session:
        rules.switch(session, guard.here(), rule_id, on=on, now=parts().now())
    undo = url_for("rules.switch_off" if on else "rules.switch_on", rule_id=rule_id)
    toast("Rule switched on." if on else "Rule switched off. What it gave stays.", undo=undo)
    return redirect(f"{address(row)}#rule-{rule_id}", 303)


def _row(rule_id: int) -> Row:
    try:
        return rulebook.one(db.session(), APPS, guard.here(), rule_id)
    except rules.NoRule:
        abort(404)
