"""Marketplace Settings → Alerts: what needs somebody, who is told of it, and what became of the messages. A link in a mail changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import outward, telling
from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.engine import alerting, alerts, outbox, rulebook, team
from webapp.engine.alerting import KINDS
from webapp.forms.alerts import Chat, Told
from webapp.forms.fields import text
from webapp.models import Alert, Outgoing, User
from webapp.pages import guard, limits, log_address
from webapp.pages.toasts import toast
from webapp.parts import parts

SHOWN = 20
"""Alerts that are over, and messages, that the page lists."""

SNOOZES = {"1h": "an hour", "1d": "a day", "7d": "a week"}
OVER = "It is over, or somebody else has seen to it."

pages = Blueprint("alerts", __name__)


@dataclass(frozen=True)
class Place:
    """Where an alert is seen to: a page and its name."""

    href: str
    label: str


@pages.get("/settings/alerts")
@guard.signed_in
def show() -> ResponseReturnValue:
    """What stands, who is told, what was told."""
    return _page()


@pages.post("/settings/alerts")
@guard.may_change
def change() -> ResponseReturnValue:
    """Who is told of what."""
    form = Told().offer(team.members(db.session(), guard.here()))
    if not form.sent():
        return _page(422, told=form)
    with writing() as session:
        alerts.change_watch(session, guard.here(), form.people.data or [], form.kinds.data or [], bool(form.digest.data))
    toast("Saved.")
    return redirect(url_for("alerts.show"), 303)


@pages.post("/settings/alerts/chat")
@guard.may_change
def set_chat() -> ResponseReturnValue:
    """Tell a chat, too, at this address."""
    form = Chat()
    if not form.sent():
        return _page(422, chat=form)
    address = text(form.address)
    try:
        host = outward.check(address)
    except outward.NotDone as wrong:
        form.address.errors = [str(wrong)]
        return _page(422, chat=form)
    with writing() as session:
        alerts.change_chat(session, guard.here(), parts().vault.seal(address), host[:255])
    toast(f"{host} is told from now on. Send a test to see it arrive.")
    return redirect(url_for("alerts.show"), 303)


@pages.post("/settings/alerts/chat/remove")
@guard.may_change
def remove_chat() -> ResponseReturnValue:
    """Tell no chat any longer."""
    with writing() as session:
        alerts.change_chat(session, guard.here(), None, "")
    toast("No chat is told any longer.")
    return redirect(url_for("alerts.show"), 303)


@pages.post("/settings/alerts/test")
@guard.may_change
@limits.mails_test
def test() -> ResponseReturnValue:
    """Send a test to all who would be told."""
    with writing() as session:
        places = telling.trial(session, g.marketplace, parts())
    toast("A test is on its way. What becomes of it stands below." if places else "Nobody would be told: choose people or a chat.")
    return redirect(url_for("alerts.show", _anchor="messages"), 303)


@pages.get("/settings/alerts/<int:number>")
@guard.signed_in
def one(number: int) -> ResponseReturnValue:
    """One alert. Of another marketplace of one's own it says how to get there."""
    found = _find(number)
    if found.marketplace_id != guard.here():
        other = next(place.marketplace for place in g.places if place.marketplace.id == found.marketplace_id)
        return render_template("alerts/elsewhere.html", other=other, here_next=request.path)
    by = db.session.get(User, found.acknowledged_by) if found.acknowledged_by else None
    return render_template(
        "alerts/one.html", alert=found, state=state(found), kind=KINDS[found.kind], places=_places(found), by=by, snoozes=SNOOZES
    )


@pages.post("/settings/alerts/<int:number>/acknowledge")
@guard.may_change
def acknowledge(number: int) -> ResponseReturnValue:
    """I see to it."""
    with writing() as session:
        done = alerts.acknowledge(session, guard.here(), number, guard.me().id, parts().now())
    return _changed(number, done, "You see to it. Nobody is told again until it is over.")


@pages.post("/settings/alerts/<int:number>/snooze")
@guard.may_change
def snooze(number: int) -> ResponseReturnValue:
    """Later."""
    length = request.form.get("for", "")
    if length not in alerts.SNOOZES:
        abort(400)
    with writing() as session:
        done = alerts.snooze(session, guard.here(), number, parts().now() + alerts.SNOOZES[length])
    return _changed(number, done, f"Put off for {SNOOZES[length]}. If it is still there then, people are told again.")


@pages.post("/settings/alerts/<int:number>/reopen")
@guard.may_change
def reopen(number: int) -> ResponseReturnValue:
    """Nobody sees to it after all."""
    with writing() as session:
        done = alerts.reopen(session, guard.here(), number)
    return _changed(number, done, "It waits for somebody again.")


def state(alert: Alert) -> str:
    """How an alert stands, as its pill shows it."""
    if alert.open_key is None:
        return "over"
    if alert.acknowledged_at is not None:
        return "acknowledged"
    return "snoozed" if alert.snoozed_until is not None else "standing"


def fate(message: Outgoing) -> str:
    """What became of a message, as its pill shows it."""
    if message.sent_at is not None:
        return "sent"
    if message.given_up_at is not None:
        return "given_up"
    return "retrying" if message.fault else "waiting"


def _changed(number: int, done: bool, said: str) -> ResponseReturnValue:
    if not done:
        _find(number)
    toast(said if done else OVER)
    return redirect(url_for("alerts.one", number=number), 303)


def _find(number: int) -> Alert:
    """An alert of a marketplace that one may enter; of all others nothing is said."""
    return alerts.find(db.session(), [place.marketplace.id for place in g.places], number) or abort(404)


def _places(alert: Alert) -> Sequence[Place]:
    """Where to see to it."""
    match alert.kind:
        case alerting.ATTENTION:
            return [Place(f"{url_for('integrations.index')}#integration-{alert.subject}", "To the integration")]
        case alerting.FAILED:
            return [Place(log_address.query(status="failed", cause=alert.subject.partition(":")[2]), "To the entries")]
        case alerting.NOT_UNDERSTOOD:
            return [Place(log_address.query(status="not_understood"), "To the messages")]
        case alerting.BROKEN:
            rows = rulebook.about(db.session(), APPS, alert.marketplace_id, int(alert.subject))
            return [Place(url_for("rule_dialog.edit_action", rule_id=row.id), f"Repair rule ({row.product or 'global'})") for row in rows]
        case _:
            return [Place(url_for("webhook_settings.show"), "To the address")]


def _page(status: int = 200, told: Told | None = None, chat: Chat | None = None) -> Response:
    session, here = db.session(), guard.here()
    watch, people = alerts.watch_of(session, here), team.members(session, here)
    chosen = [one.user_id for one in people if alerts.is_told(watch, one.user_id, one.role)]
    form = told or Told(None, people=chosen, kinds=[kind for kind in KINDS if kind not in watch.muted], digest=watch.digest).offer(people)
    html = render_template(
        "alerts/show.html", standing=[(one, state(one)) for one in alerts.standing(session, here)],
        past=alerts.history(session, here, SHOWN), messages=[(one, fate(one)) for one in outbox.latest(session, here, SHOWN)],
        told=form, chat=chat or Chat(None), chat_host=watch.chat_host, mails=parts().settings.can_mail,
    )  # fmt: skip
    return make_response(html, status)
