"""Marketplace Settings → Integrations → Integration Setup: the list, and what is done with one press. What asks the app is in connecting.py."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.doorbell import REFRESH
from webapp.engine import integrations, loading, setup
from webapp.forms import integrations as forms
from webapp.forms.fields import text
from webapp.models import Integration
from webapp.pages import guard, times
from webapp.pages.render import is_fragment, leave, render, render_dialog
from webapp.pages.toasts import toast
from webapp.parts import parts

TOLD_FOR = timedelta(hours=1)
"""How long a card says what the last refresh changed."""

OTHER_NAME = "This is not its name."

pages = Blueprint("integrations", __name__)
T = TypeVar("T")


@pages.app_context_processor
def tally() -> dict[str, object]:
    """For the tabs that every page of Integrations has: how many global rules there are, asked for only where a template looks."""
    return {"global_rules": lambda: setup.global_rules(db.session(), guard.here())}


@pages.get("/settings/integrations")
@guard.signed_in
def index() -> ResponseReturnValue:
    """Every integration, those that need a person first."""
    now = parts().now()
    cards = setup.cards(db.session(), APPS, guard.here(), now)
    return render_template("integrations/index.html", cards=cards, now=now, told_since=now - TOLD_FOR)


@pages.get("/settings/integrations/<int:number>")
@guard.signed_in
def show(number: int) -> ResponseReturnValue:
    """One of them: what the list asks for while its catalog loads, and its own page without scripts."""
    return _card(number)


@pages.post("/settings/integrations/<int:number>/refresh")
@guard.may_change
def refresh(number: int) -> ResponseReturnValue:
    """Load its catalog once more. A load that is on its way already will do."""
    if _change(number, lambda _, one, now: loading.want(one, now)):
        parts().bell.chore(REFRESH, number)
    return _done(number)


@pages.post("/settings/integrations/<int:number>/resume")
@guard.may_change
def resume(number: int) -> ResponseReturnValue:
    """End its pause."""
    _change(number, integrations.resume)
    parts().bell.ring((guard.here(),))
    return _done(number)


@pages.post("/settings/integrations/<int:number>/start")
@guard.may_change
def start(number: int) -> ResponseReturnValue:
    """End watching: from now on it calls."""
    _change(number, lambda session, one, _: integrations.watch(session, one, only=False))
    return _done(number)


@pages.route("/settings/integrations/<int:number>/delete", methods=["GET", "POST"])
@guard.may_change
def delete(number: int) -> ResponseReturnValue:
    """Say what goes with it, have its name typed, delete it."""
    session = db.session()
    one = integrations.find(session, guard.here(), number)
    if one is None:
        abort(404)
    form = forms.Delete()
    if form.sent():
        if text(form.name).strip() == one.name:
            return _delete(number)
        form.name.errors = [OTHER_NAME]
    toll = integrations.toll(session, number)
    status = 422 if request.method == "POST" else 200
    return render_dialog("integrations/_delete.html", f"Delete {one.name}", status, nav="integrations", form=form, one=one, toll=toll)


def _delete(number: int) -> ResponseReturnValue:
    here = parts()
    name = ""

    def gone(session: Session, one: Integration, now: datetime) -> integrations.Toll:
        nonlocal name
        name = one.name
        return integrations.delete(session, one, here.vault.seal, now)

    toll = _change(number, gone)
    here.bell.ring((guard.here(),), work=False)
    with_it = f", with {times.plural(toll.rules, 'rule', 'rules')}" if toll.rules else ""
    toast(f"{name} is deleted{with_it}. Its log stays.")
    return leave(url_for("integrations.index"))


def _change(number: int, act: Callable[[Session, Integration, datetime], T]) -> T:
    """Do something to one integration of this marketplace, in a transaction. 404 where it is not there."""
    now = parts().now()
    with writing() as session:
        one = integrations.find(session, guard.here(), number, lock=True)
        if one is None:
            abort(404)
        return act(session, one, now)


def _done(number: int) -> Response:
    """The card as it is now: in its place, or on its own page."""
    return _card(number) if is_fragment() else leave(url_for("integrations.show", number=number))


def _card(number: int) -> Response:
    now = parts().now()
    cards = setup.cards(db.session(), APPS, guard.here(), now, only=number)
    if not cards:
        abort(404)
    shown = {"card": cards[0], "cards": cards, "only": True, "now": now, "told_since": now - TOLD_FOR}
    return render("integrations/_card.html", "integrations/index.html", 200, **shown)
