"""The list of keys: a dialog that `?` opens. Which key does what is in static/app.js."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from webapp.pages import guard
from webapp.pages.render import render_dialog

pages = Blueprint("keys", __name__)


@pages.get("/keys")
@guard.signed_in
def show() -> ResponseReturnValue:
    """All keys, and where they are switched off."""
    return render_dialog("_keys.html", "Keys", nav="")
