"""New Integration and Edit: where the app is asked whether a key is good, in the request and outside of any transaction."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.apps import App, Community, Refused
from webapp.apps.counted import Counted
from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.doorbell import REFRESH
from webapp.engine import integrations, loading, states, usage
from webapp.engine.integrations import Changes, Connection, NameTaken, OtherCommunity
from webapp.forms import integrations as forms
from webapp.forms.fields import text
from webapp.models import Integration
from webapp.pacing import admit
from webapp.pages import guard
from webapp.pages.render import leave, render_dialog
from webapp.pages.toasts import toast
from webapp.parts import parts

PATIENCE = 5.0
"""Seconds that somebody waits at most until the pace lets a call out for them."""

NAME_TAKEN = "Another integration here has this name."
OTHER_COMMUNITY = (
    "This key opens another community, {given}. The rules of this integration are about {known}: make a new integration for {given}."
)

pages = Blueprint("connecting", __name__)


@pages.route("/settings/integrations/new", methods=["GET", "POST"])
@guard.may_change
def pick() -> ResponseReturnValue:
    """Step 1: the app."""
    form = forms.PickApp()
    if form.sent():
        return redirect(url_for("connecting.new", key=text(form.app)), 303)
    return render_dialog("integrations/_pick.html", "New Integration", _status(), nav="integrations", form=form, apps=APPS)


@pages.route("/settings/integrations/new/<key>", methods=["GET", "POST"])
@guard.may_change
def new(key: str) -> ResponseReturnValue:
    """Step 2: its name and what the app asks for. Saving asks the app, then makes it and has its catalog loaded."""
    app = APPS.get(key)
    if app is None:
        abort(404)
    form = forms.connect(app)
    if form.sent() and _connect(app, form):
        toast(f"{text(form.name)} is connected. Its catalog is loading.")
        return leave(url_for("integrations.index"))
    return render_dialog("integrations/_connect.html", "New Integration", _status(), nav="integrations", form=form, app=app)


@pages.route("/settings/integrations/<int:number>/edit", methods=["GET", "POST"])
@guard.may_change
def edit(number: int) -> ResponseReturnValue:
    """Everything that can be changed of it. A new key is checked with the app before anything is written."""
    one = integrations.find(db.session(), guard.here(), number)
    if one is None:
        abort(404)
    app = APPS[one.app]
    state = states.state(one, app, integrations.waiting(db.session(), number))
    form = forms.change(app, one)
    db.session.expunge(one)
    if form.sent() and _edit(app, form, one):
        toast(f"{text(form.name)} is connected again." if form.secret and one.attention else "Saved.")
        return leave(url_for("integrations.index"))
    return render_dialog(
        "integrations/_edit.html", f"Edit {one.name}", _status(), nav="integrations", form=form, one=one, app=app, state=state
    )


def _connect(app: App, form: forms.Connect) -> bool:
    """Check what was typed with the app, and make the integration; False where a field now says why not."""
    here = parts()
    client = _client(app, {**form.secret, **form.public})
    community = _ask(app, client, form)
    if community is None:
        return False
    connection = Connection(app.key, community, form.secret, form.public)
    now = here.now()
    try:
        with writing() as session:
            made = integrations.create(session, guard.here(), text(form.name), connection, here.vault.seal, here.new_id, now)
            loading.want(made, now)
            usage.count(session, made.id, now, client.calls, client.metered)
            number = made.id
    except NameTaken:
        form.name.errors = [NAME_TAKEN]
        return False
    here.bell.chore(REFRESH, number)
    return True


def _edit(app: App, form: forms.Change, known: Integration) -> bool:
    """Check a new key with the app, and write the changes; False where a field now says why not."""
    connection = None
    if form.secret:
        community = _check(app, form, known.id)
        if community is None:
            return False
        connection = Connection(app.key, community, form.secret, form.public)
    here = parts()
    try:
        with writing() as session:
            _write(session, known.id, form, connection)
    except NameTaken:
        form.name.errors = [NAME_TAKEN]
        return False
    except OtherCommunity as other:
        _complain(form, next(iter(form.secret)), OTHER_COMMUNITY.format(given=other.name, known=known.community or known.name))
        return False
    here.bell.ring((guard.here(),))
    if connection is not None:
        here.bell.chore(REFRESH, known.id)
    return True


def _write(session: Session, number: int, form: forms.Change, connection: Connection | None) -> None:
    """All changes in one transaction. Raises NameTaken or OtherCommunity."""
    here, now = parts(), parts().now()
    one = integrations.find(session, guard.here(), number, lock=True)
    if one is None:
        abort(404)
    mode = text(form.mode)
    watch_only = one.watch_only if mode == "paused" else mode == "watching"
    changes = Changes(text(form.name), form.public, bool(form.send_invitation.data), watch_only, form.quota.data, form.batch_share.data)
    integrations.edit(session, one, changes)
    if connection is not None:
        integrations.replace_key(session, one, connection, here.vault.seal, now)
        loading.want(one, now)
    if mode == "paused":
        integrations.pause(session, one, now)
    elif one.paused_at is not None:
        integrations.resume(session, one, now)


def _check(app: App, form: forms.Change, number: int) -> Community | None:
    """Ask the app about a new key of an integration that there is, whose meter counts it."""
    client = _client(app, {**form.secret, **form.public})
    community = _ask(app, client, form)
    with writing() as session:
        usage.count(session, number, parts().now(), client.calls, client.metered)
    return community


def _client(app: App, credentials: Mapping[str, str]) -> Counted:
    here = parts()
    return Counted(app.client(here.settings.circle_api_url, credentials), partial(admit, here.pace, PATIENCE))


def _ask(app: App, client: Counted, form: forms.Connect) -> Community | None:
    """Whose key it is; None where the app refuses it, which the field then says. No transaction waits for it."""
    db.session.rollback()
    try:
        return app.connect(client)
    except Refused as refused:
        _complain(form, refused.field, f"{refused.sentence} {refused.todo}".strip())
        return None


def _complain(form: forms.Connect, field: str, sentence: str) -> None:
    if field in form:
        form[field].errors = [sentence]
    else:
        form.form_errors.append(sentence)


def _status() -> int:
    return 422 if request.method == "POST" else 200
