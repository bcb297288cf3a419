"""Making a marketplace, and going from one to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from webapp.database import db, writing
from webapp.engine import accounts
from webapp.forms.fields import text
from webapp.forms.marketplaces import MarketplaceForm
from webapp.pages import guard
from webapp.pages.auth import HOME, NAME_TAKEN, new_address, page
from webapp.pages.toasts import toast
from webapp.parts import parts

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

pages = Blueprint("marketplaces", __name__)


def _known(view: View[P]) -> View[P]:
    """For everybody who is signed in, with a role somewhere or without."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return view(*args, **kwargs) if guard.person() else cast(ResponseReturnValue, guard.login_manager.unauthorized())

    return guarded


@pages.route("/marketplaces/new", methods=["GET", "POST"])
@_known
def new() -> ResponseReturnValue:
    """One more marketplace, whose owner is who makes it. Also where people without any role end up."""
    form = MarketplaceForm()
    if form.sent():
        try:
            _make(form)
        except accounts.Taken:
            form.name.errors = [NAME_TAKEN]
        else:
            return redirect(HOME, 303)
    has_place = bool(accounts.places(db.session(), guard.me().id))
    return page("marketplaces/new.html", 422 if request.method == "POST" else 200, form=form, has_place=has_place)


@pages.post("/marketplaces/<int:number>/enter")
@_known
def enter(number: int) -> ResponseReturnValue:
    """Go into another marketplace of one's own."""
    place = next((p for p in accounts.places(db.session(), guard.me().id) if p.marketplace.id == number), None)
    if place is None:
        abort(404)
    guard.enter(number)
    return redirect(HOME, 303)


def _make(form: MarketplaceForm) -> None:
    made = parts()
    name = text(form.name)
    with writing() as session:
        new = accounts.found_marketplace(session, name, text(form.time_zone), guard.me().id, new_address(), made.new_id, made.now())
    guard.enter(new.id)
    toast(f"{name} is made. You are in it now.")
