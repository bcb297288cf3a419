"""On whose behalf a transaction changes something: who is signed in, else the command line, else Cartwheel itself."""

from __future__ import annotations

import click
from flask import Flask, has_request_context
from flask_login import current_user

from webapp.engine.audit import Hand
from webapp.parts import parts

COMMAND_LINE = "the command line"
ITSELF = "Cartwheel"


def register(app: Flask) -> None:
    """Have every transaction of the app (`webapp.database.writing`) know its hand."""
    app.extensions["cartwheel_hand"] = hand


def hand() -> Hand:
    """Who acts now."""
    here = parts()
    known = current_user if has_request_context() and current_user.is_authenticated else None
    if known is not None:
        return Hand(known.email, known.id, here.now(), here.new_id)
    return Hand(COMMAND_LINE if click.get_current_context(silent=True) else ITSELF, None, here.now(), here.new_id)
