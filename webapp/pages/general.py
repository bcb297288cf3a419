"""Marketplace Settings → General: the marketplace's name and clock, and one's own password and keyboard."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.database import db, writing
from webapp.engine import accounts
from webapp.forms.fields import text
from webapp.forms.general import ChangePassword, Keyboard
from webapp.forms.marketplaces import MarketplaceForm
from webapp.models import User
from webapp.pages import guard, limits
from webapp.pages.auth import NAME_TAKEN
from webapp.pages.toasts import toast
from webapp.passwords import check_password, hash_password

NOT_THE_PRESENT = "This is not your present password."

pages = Blueprint("general", __name__)


@pages.app_context_processor
def account_link() -> dict[str, object]:
    """For every page's frame: where one's own account is, for who is in a marketplace."""
    return {"account_url": url_for("general.show", _anchor="account")} if "marketplace" in g else {}


@pages.get("/settings/general")
@guard.signed_in
def show() -> ResponseReturnValue:
    """The three forms."""
    return _page()


@pages.post("/settings/general")
@guard.owner_only
def change() -> ResponseReturnValue:
    """A new name or time zone of the marketplace."""
    form = MarketplaceForm()
    if not form.sent():
        return _page(422, place=form)
    try:
        with writing() as session:
            accounts.change_marketplace(session, guard.here(), text(form.name), text(form.time_zone))
    except accounts.Taken:
        form.name.errors = [NAME_TAKEN]
        return _page(422, place=form)
    toast("Saved.")
    return redirect(url_for("general.show"), 303)


@pages.post("/settings/general/password")
@guard.signed_in
@limits.guessable
def change_password() -> ResponseReturnValue:
    """A new password. Every other session ends; this one goes on."""
    form = ChangePassword()
    if not form.sent():
        return _page(422, password=form)
    user = _changed(text(form.present), text(form.password))
    if user is None:
        form.present.errors = [NOT_THE_PRESENT]
        return _page(422, password=form)
    limits.forgive()
    here = guard.here()
    guard.sign_in(user)
    guard.enter(here)
    toast("Your password is changed. Everywhere else you are signed out.")
    return redirect(url_for("general.show"), 303)


@pages.post("/settings/general/keyboard")
@guard.signed_in
def change_keyboard() -> ResponseReturnValue:
    """Whether single keys do something (WCAG 2.1.4)."""
    on = bool(Keyboard().shortcuts.data)
    with writing() as session:
        accounts.set_preference(session, guard.me().id, "shortcuts", on)
    toast("Single keys are on." if on else "Single keys are off.")
    return redirect(url_for("general.show"), 303)


def _changed(present: str, password: str) -> User | None:
    """The account with its new password; None where the present one was not right."""
    user = db.session.get(User, guard.me().id)
    stored = user.password_hash if user else None
    db.session.rollback()  # Argon2 takes its time: no transaction waits for it
    if not check_password(stored, present).right:
        return None
    password_hash = hash_password(password)
    with writing() as session:
        return accounts.change_password(session, guard.me().id, password_hash)


def _page(status: int = 200, place: MarketplaceForm | None = None, password: ChangePassword | None = None) -> Response:
    html = render_template(
        "general/show.html",
        place=place or MarketplaceForm(None, name=g.marketplace.name, time_zone=g.marketplace.time_zone),
        password=password or ChangePassword(None),
        keyboard=Keyboard(None, shortcuts=guard.me().shortcuts),
    )
    return Response(html, status)
