"""Test this rule: what it is about is said to happen to somebody, for real but marked as a test, and its log entry is shown until it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import addresses, products, rulebook, rules, story
from webapp.engine.accounts import OWN_FORMAT
from webapp.engine.decided import Decided
from webapp.engine.headlines import headline
from webapp.engine.rulebook import Row
from webapp.engine.story import Story
from webapp.forms.fields import text
from webapp.forms.rules import Trial
from webapp.models import LogEntry
from webapp.pages import guard, log_story, trial_events
from webapp.pages.render import is_fragment, render, render_dialog
from webapp.pages.rule_address import address
from webapp.parts import parts

SOON = timedelta(minutes=1)
"""Of what waits longer than this, the dialog says so, and asks no further."""

ALSO = {"subscription_delinquent": "Who turns delinquent is canceled, too: rules for Subscription Canceled run as well."}
"""What else a trigger's test event starts."""

NO_PRODUCT = "You have no product with this id."

pages = Blueprint("rule_trial", __name__)


@pages.route("/rules/<int:rule_id>/test", methods=["GET", "POST"])
@guard.may_change
def test(rule_id: int) -> ResponseReturnValue:
    """Ask for whom (and of a global rule for which product), having said that it really happens; then let it happen."""
    row = _row(rule_id)
    form, known = Trial(email=guard.me().email), trial_events.suggested(db.session(), guard.here())
    if row.product_key is not None:
        form.product.data = row.product_key
    elif request.method == "GET" and not form.product.data:
        form.product.data = next((key for key, _ in known), "")
    failed = ""
    if row.off_at is None and form.sent() and _is_known(form):
        sent = _send(row, form)
        if sent.event_id is not None:
            return redirect(url_for("rule_trial.tried", rule_id=rule_id, event_id=sent.event_id), 303)
        failed = sent.failed
    context: dict[str, Any] = {"row": row, "form": form, "products": known, "failed": failed, "also": ALSO.get(row.trigger.key, "")}
    return render_dialog("rules/_trial.html", "Test this rule", 422 if request.method == "POST" else 200, **context, **_about(row))


@pages.get("/rules/<int:rule_id>/test/<int:event_id>")
@guard.may_change
def tried(rule_id: int, event_id: int) -> ResponseReturnValue:
    """What the rule made of a test event. While that goes on the dialog asks with what it has (`seen`): 204 while it stands so."""
    row, seen = _row(rule_id), request.args.get("seen")
    told = _told(rule_id, event_id)
    if seen == log_story.version(told):
        return "", 204
    context: dict[str, Any] = {
        "row": row,
        "entry": told.row,
        "headline": headline(told),
        "said": log_story.page(told, Decided()),
        "asks": url_for("rule_trial.tried", rule_id=rule_id, event_id=event_id),
        "watched": _goes_on(told),
        **_about(row),
    }
    if seen is not None and is_fragment():
        return render("rules/_tried.html", "dialog_page.html", title="Test this rule", **context)
    return render_dialog("rules/_trying.html", "Test this rule", **context)


def _send(row: Row, form: Trial) -> trial_events.Sent:
    source = addresses.find(db.session(), guard.here(), OWN_FORMAT)
    if source is None:
        return trial_events.Sent(None, trial_events.NOTHING_TO_SIGN_WITH)
    return trial_events.send(source, row.trigger.key, text(form.product), text(form.email))


def _is_known(form: Trial) -> bool:
    """Whether this product is one of ours: a slip of the pen must not make another one."""
    found = products.find(db.session(), guard.here(), text(form.product))
    if found is None:
        form.product.errors = [NO_PRODUCT]
    return found is not None


def _told(rule_id: int, event_id: int) -> Story:
    """The story of the entry that the rule made of this event; 404 where there is none here."""
    session, here = db.session(), guard.here()
    ours = (LogEntry.marketplace_id == here, LogEntry.event_id == event_id, LogEntry.rule_id == rule_id)
    made = session.scalar(select(LogEntry.id).where(*ours).order_by(LogEntry.id).limit(1))
    return (made and story.load(session, here, made, parts().now())) or abort(404)


def _goes_on(told: Story) -> bool:
    """Whether it is worth asking again soon: not for what waits for a person or a later time."""
    row = told.row
    return row.open and row.status != "parked" and (row.due_at is None or row.due_at <= parts().now() + SOON)


def _row(rule_id: int) -> Row:
    try:
        return rulebook.one(db.session(), APPS, guard.here(), rule_id)
    except rules.NoRule:
        abort(404)


def _about(row: Row) -> dict[str, str]:
    return {"close": address(row), "nav": "products" if row.product_id else "integrations"}
