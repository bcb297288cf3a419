"""Marketplace Settings → Webhook: the address, its secret, a test event, and what came lately. Requests are received in webhooks.py."""

from __future__ import annotations

import json
import secrets
from datetime import datetime

from flask import Blueprint, Response, abort, make_response, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import db, writing
from webapp.desk import desk
from webapp.engine import accounts, addresses
from webapp.engine.accounts import OWN_FORMAT
from webapp.forms.fields import text
from webapp.forms.webhook import TestEvent
from webapp.models import Product, Source
from webapp.pages import guard, webhook_examples
from webapp.pages.render import leave, render_dialog
from webapp.pages.toasts import toast
from webapp.parts import parts
from webapp.sources import Request
from webapp.sources.cartwheel import new_secret, signed
from webapp.sources.registry import SOURCES
from webapp.vault import Sealed

FRESH = "fresh_secret"
"""The session's key for a secret that was just made, sealed: the next page shows it, once."""

NOTHING_TO_SIGN_WITH = "There is no secret to sign it with. Make one first."
LOST = "Cartwheel can no longer read the secret: this deployment has lost the key that it was encrypted with. Rotate it."
SUGGESTED = 100
EXAMPLE_PRODUCT = "ads-101"

pages = Blueprint("webhook_settings", __name__)


@pages.get("/settings/webhook")
@guard.signed_in
def show() -> ResponseReturnValue:
    """Everything about the own format's address. A secret that was just made is shown this once."""
    here, read = parts(), db.session()
    source = addresses.find(read, guard.here(), OWN_FORMAT)
    sealed = session.pop(FRESH, None)
    secret = _opened(sealed.encode()) if sealed else None
    product = next(iter(_products(read)), EXAMPLE_PRODUCT)
    about = (_address(source), secret or webhook_examples.PLACEHOLDER, guard.me().email, product) if source else None
    html = render_template(
        "webhook/show.html",
        source=source,
        address=_address(source) if source else None,
        secret=secret,
        previous_until=addresses.previous_until(source, here.now()) if source else None,
        examples=[("With curl", webhook_examples.shell(*about)), ("With Python", webhook_examples.python(*about))] if about else [],
        came=addresses.lately(read, source, SOURCES[OWN_FORMAT].answers) if source else [],
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
            addresses.rotate(source, here.vault.seal(secret), now)
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
        addresses.rotate(locked, here.vault.seal(secret), here.now())
        if locked.previous_secret and _opened(locked.previous_secret) is None:
            addresses.end_previous(locked)  # it proves nothing any longer
    _keep(secret)
    return leave(url_for("webhook_settings.show"))


@pages.post("/settings/webhook/end-previous")
@guard.may_change
def end_previous() -> ResponseReturnValue:
    """End the secret before the present one early."""
    with writing() as write:
        addresses.end_previous(addresses.find(write, guard.here(), OWN_FORMAT, lock=True) or abort(404))
    toast("Only the new secret is good now.")
    return leave(url_for("webhook_settings.show"))


@pages.route("/settings/webhook/test", methods=["GET", "POST"])
@guard.may_change
def test() -> ResponseReturnValue:
    """Ask for whom and what, then send a signed purchase the way that a checkout's comes."""
    source = _source()
    form = TestEvent(email=guard.me().email)
    if request.method == "GET" and not form.product.data:
        form.product.data = next(iter(_products(db.session())), "")
    failed = ""
    if form.sent():
        failed = _send(source, text(form.product), text(form.email))
        if not failed:
            toast(f"A test purchase of {text(form.product)} has come in.")
            return leave(url_for("logs.index"))
    status = 422 if request.method == "POST" else 200
    known = _products(db.session())
    return render_dialog("webhook/_test.html", "Send a test event", status, nav="webhook", form=form, products=known, failed=failed)


def _send(source: Source, product: str, email: str) -> str:
    """Take a purchase in through the door that the checkout's come through, signed, and marked as a test. Gives the reason where it was not."""
    here = parts()
    now = here.now()
    key, address = f"test-{here.new_id(now)}", source.address
    if source.secret is None:
        return NOTHING_TO_SIGN_WITH
    secret = _opened(source.secret)
    if secret is None:
        return LOST
    data = {"order_id": key, "customer": {"email": email}, "items": [{"product_id": product, "kind": "primary"}]}
    body = json.dumps({"type": "order.created", "test": True, "timestamp": now.isoformat(), "data": data}).encode()
    db.session.rollback()
    answered = desk().receive(address, Request(body, {"content-type": "application/json", **signed(secret, key, now, body)}, {}))
    return "" if answered.status == SOURCES[OWN_FORMAT].answers.taken else f"It was not taken: {answered.body}"


def _source() -> Source:
    """The own format's address, as the page reads it; 404 where there is none yet."""
    return addresses.find(db.session(), guard.here(), OWN_FORMAT) or abort(404)


def _made(write: Session, now: datetime) -> Source:
    """An address for a marketplace that has none."""
    here = parts()
    return accounts.open_address(write, guard.here(), OWN_FORMAT, secrets.token_urlsafe(24), None, here.new_id, now)


def _products(read: Session) -> list[str]:
    """The checkout's ids of the products to suggest."""
    living = (Product.marketplace_id == guard.here(), Product.archived_at.is_(None))
    return list(read.scalars(select(Product.external_id).where(*living).order_by(Product.name).limit(SUGGESTED)))


def _opened(sealed: bytes) -> str | None:
    """A secret; None where no key of this deployment opens it."""
    try:
        return parts().vault.open(sealed)
    except Sealed:
        return None


def _keep(secret: str) -> None:
    """For the next page. The session is signed and not secret, so it carries it sealed."""
    session[FRESH] = parts().vault.seal(secret).decode()


def _address(source: Source) -> str:
    """The public address to post to."""
    path = url_for("webhooks.receive", address=source.address)
    base = parts().settings.base_url
    return base.rstrip("/") + path if base else url_for("webhooks.receive", address=source.address, _external=True)


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
