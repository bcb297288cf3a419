"""Marketplace Settings → General: the marketplace's name and clock."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.database import writing
from webapp.engine import accounts, retention
from webapp.forms.fields import text
from webapp.forms.marketplaces import MarketplaceForm, RetentionForm
from webapp.pages import guard
from webapp.pages.auth import NAME_TAKEN
from webapp.pages.toasts import toast

pages = Blueprint("general", __name__)


@pages.get("/settings/general")
@guard.signed_in
def show() -> ResponseReturnValue:
    """What the marketplace is called, in which zone its times are shown, and how long its log is kept."""
    return _page()


@pages.post("/settings/general")
@guard.owner_only
def change() -> ResponseReturnValue:
    """A new name or time zone of the marketplace."""
    form = MarketplaceForm()
    if not form.sent():
        return _page(422, form)
    try:
        with writing() as session:
            accounts.change_marketplace(session, guard.here(), text(form.name), text(form.time_zone))
    except accounts.Taken:
        form.name.errors = [NAME_TAKEN]
        return _page(422, form)
    toast("Saved.")
    return redirect(url_for("general.show"), 303)


@pages.post("/settings/general/retention")
@guard.owner_only
def keep() -> ResponseReturnValue:
    """How long the log is kept."""
    form = RetentionForm()
    if not form.sent():
        return _page(422, kept=form)
    with writing() as session:
        retention.set_days(session, guard.here(), form.days.data or 0)
    toast("Saved.")
    return redirect(url_for("general.show"), 303)


def _page(status: int = 200, place: MarketplaceForm | None = None, kept: RetentionForm | None = None) -> Response:
    form = place or MarketplaceForm(None, name=g.marketplace.name, time_zone=g.marketplace.time_zone)
    days = kept or RetentionForm(None, days=g.marketplace.retention_days)
    return Response(render_template("general/show.html", place=form, kept=days), status)
