"""Making a marketplace, and going from one to another."""

from __future__ import annotations

from flask import Blueprint, abort, g, redirect, request
from flask.typing import ResponseReturnValue

from webapp.database import writing
from webapp.engine import accounts
from webapp.forms.fields import text
from webapp.forms.marketplaces import MarketplaceForm
from webapp.pages import guard
from webapp.pages.auth import HOME, NAME_TAKEN, new_address, own_page, page
from webapp.pages.toasts import toast
from webapp.parts import parts

pages = Blueprint("marketplaces", __name__)


@pages.route("/marketplaces/new", methods=["GET", "POST"])
@guard.known
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
    has_place = bool(g.places)
    return page("marketplaces/new.html", 422 if request.method == "POST" else 200, form=form, has_place=has_place)


@pages.post("/marketplaces/<int:number>/enter")
@guard.known
def enter(number: int) -> ResponseReturnValue:
    """Go into another marketplace of one's own: to its log, or to the page of it that is named."""
    place = next((p for p in g.places if p.marketplace.id == number), None)
    if place is None:
        abort(404)
    guard.enter(number)
    return redirect(own_page(request.form.get("next")), 303)


def _make(form: MarketplaceForm) -> None:
    made = parts()
    name = text(form.name)
    with writing() as session:
        new = accounts.found_marketplace(session, name, text(form.time_zone), guard.me().id, new_address(), made.new_id, made.now())
    guard.enter(new.id)
    toast(f"{name} is made. You are in it now.")
