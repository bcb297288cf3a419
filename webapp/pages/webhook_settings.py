"""Marketplace Settings → Webhook: the address, its secret, a test event, and what came lately. Requests are received in webhooks.py."""

from __future__ import annotations

import secrets
from datetime import datetime

from flask import Blueprint, Response, abort, make_response, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.database import db, writing
from webapp.engine import accounts, addresses
from webapp.engine.accounts import OWN_FORMAT
from webapp.forms.fields import text
from webapp.forms.webhook import TestEvent
from webapp.models import Source
from webapp.pages import guard, webhook_examples
from webapp.pages.render import leave, render_dialog
from webapp.pages.source_settings import cards, public
from webapp.pages.toasts import toast
from webapp.pages.trial_events import opened, send, suggested
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret
from webapp.sources.registry import SOURCES

FRESH = "fresh_secret"
"""The session's key for a secret that was just made, sealed: the next page shows it, once."""

EXAMPLE_PRODUCT = "ads-101"

pages = Blueprint("webhook_settings", __name__)


@pages.get("/settings/webhook")
@guard.signed_in
def show() -> ResponseReturnValue:
    """Everything about the addresses. A secret that was just made is shown this once."""
    here, read = parts(), db.session()
    source = addresses.find(read, guard.here(), OWN_FORMAT)
    sealed = session.pop(FRESH, None)
    secret = opened(sealed.encode()) if sealed else None
    product = next((key for key, _ in suggested(read, guard.here())), EXAMPLE_PRODUCT)
    about = (public(source), secret or webhook_examples.PLACEHOLDER, guard.me().email, product) if source else None
    html = render_template(
        "webhook/show.html",
        source=source,
        address=public(source) if source else None,
        secret=secret,
        previous_until=addresses.previous_until(source, here.now()) if source else None,
        examples=[("With curl", webhook_examples.shell(*about)), ("With Python", webhook_examples.python(*about))] if about else [],
        came=addresses.lately(read, source, SOURCES[OWN_FORMAT].answers) if source else [],
        others=cards(read, guard.here()),
    )
    return _private(make_response(html)) if secret else html


@pages.post("/settings/webhook/secret")
@guard.may_change
def make_secret() -> ResponseReturnValue:
    """The first secret of the address; one that is there already stays."""
    here = parts()
    secret, now = new_secret(), here.now()
    with writing() as write:
        source = addresses.find(write, guard.here(), OWN_FORMAT, lock=True) or _made(write, now)
        made = source.secret is None
        if made:
            addresses.rotate(write, source, here.vault.seal(secret), now)
    if made:
        _keep(secret)
    return leave(url_for("webhook_settings.show"))


@pages.route("/settings/webhook/rotate", methods=["GET", "POST"])
@guard.may_change
def rotate() -> ResponseReturnValue:
    """Say what it means, then make another secret; the present one stays good for a day."""
    here = parts()
    source = _source()
    if request.method == "GET":
        until = addresses.previous_until(source, here.now())
        return render_dialog("webhook/_rotate.html", "Rotate the secret", nav="webhook", previous_until=until)
    secret = new_secret()
    with writing() as write:
        locked = addresses.find(write, guard.here(), OWN_FORMAT, lock=True) or abort(404)
        addresses.rotate(write, locked, here.vault.seal(secret), here.now())
        if locked.previous_secret and opened(locked.previous_secret) is None:
            addresses.end_previous(write, locked)  # it proves nothing any longer
    _keep(secret)
    return leave(url_for("webhook_settings.show"))


@pages.post("/settings/webhook/end-previous")
@guard.may_change
def end_previous() -> ResponseReturnValue:
    """End the secret before the present one early."""
    with writing() as write:
        addresses.end_previous(write, addresses.find(write, guard.here(), OWN_FORMAT, lock=True) or abort(404))
    toast("Only the new secret is good now.")
    return leave(url_for("webhook_settings.show"))


@pages.route("/settings/webhook/test", methods=["GET", "POST"])
@guard.may_change
def test() -> ResponseReturnValue:
    """Ask for whom and what, then send a signed purchase the way that a checkout's comes."""
    source = _source()
    form, known = TestEvent(email=guard.me().email), suggested(db.session(), guard.here())
    if request.method == "GET" and not form.product.data:
        form.product.data = next((key for key, _ in known), "")
    failed = ""
    if form.sent():
        failed = send(source, "product_purchased", text(form.product), text(form.email)).failed
        if not failed:
            toast(f"A test purchase of {text(form.product)} has come in.")
            return leave(url_for("logs.index"))
    status = 422 if request.method == "POST" else 200
    return render_dialog("webhook/_test.html", "Send a test event", status, nav="webhook", form=form, products=known, failed=failed)


def _source() -> Source:
    """The own format's address, as the page reads it; 404 where there is none yet."""
    return addresses.find(db.session(), guard.here(), OWN_FORMAT) or abort(404)


def _made(write: Session, now: datetime) -> Source:
    """An address for a marketplace that has none."""
    here = parts()
    return accounts.open_address(write, guard.here(), OWN_FORMAT, secrets.token_urlsafe(24), None, here.new_id, now)


def _keep(secret: str) -> None:
    """For the next page. The session is signed and not secret, so it carries it sealed."""
    session[FRESH] = parts().vault.seal(secret).decode()


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
