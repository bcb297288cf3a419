"""Marketplace Settings → Webhook: the addresses of checkouts that can't sign what they send, each switched on knowingly."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.database import db, writing
from webapp.engine import accounts, addresses
from webapp.engine.addresses import Came
from webapp.engine.triggers import TRIGGERS
from webapp.models import Source
from webapp.pages import guard
from webapp.pages.render import leave, render_dialog
from webapp.pages.toasts import toast
from webapp.parts import parts
from webapp.sources.registry import SOURCES

UNSIGNED = tuple(kind for kind, source in SOURCES.items() if not source.signed)
SETTINGS = "webhook_settings.show"

pages = Blueprint("source_settings", __name__)


@dataclass(frozen=True)
class Card:
    """What the page tells of one kind of checkout. Without an address it is not switched on.

    `urls`: the address for each trigger, by the trigger's name; `came`: what came lately.
    """

    kind: str
    name: str
    address: str | None
    urls: Sequence[tuple[str, str]]
    came: Sequence[Came]


def cards(read: Session, marketplace_id: int) -> list[Card]:
    """One for every kind of checkout that can't sign, switched on or not."""
    known = addresses.of(read, marketplace_id)
    return [_card(read, kind, known) for kind in UNSIGNED]


def _card(read: Session, kind: str, known: Mapping[str, Source]) -> Card:
    spoken, source = SOURCES[kind], known.get(kind)
    if source is None:
        return Card(kind, spoken.name, None, (), ())
    address = public(source)
    urls = [(trigger.label, f"{address}?trigger={trigger.key}") for trigger in TRIGGERS.values()]
    return Card(kind, spoken.name, address, urls, addresses.lately(read, source, spoken.answers))


def public(source: Source) -> str:
    """The public address to post to."""
    path = url_for("webhooks.show", address=source.address)
    base = parts().settings.base_url
    return base.rstrip("/") + path if base else url_for("webhooks.show", address=source.address, _external=True)


@pages.route("/settings/webhook/<kind>/on", methods=["GET", "POST"])
@guard.may_change
def switch_on(kind: str) -> ResponseReturnValue:
    """Say what an address without a signature means, then make one; one that is there already stays."""
    name = _name(kind)
    if request.method == "GET":
        return render_dialog("webhook/_on.html", f"Switch on {name}", nav="webhook", kind=kind, name=name)
    here = parts()
    with suppress(accounts.Taken), writing() as write:
        accounts.open_address(write, guard.here(), kind, _token(), None, here.new_id, here.now())
    return leave(url_for(SETTINGS))


@pages.route("/settings/webhook/<kind>/replace", methods=["GET", "POST"])
@guard.may_change
def replace(kind: str) -> ResponseReturnValue:
    """Say what it means, then give the checkout another address; nobody can post to the one before."""
    name = _name(kind)
    if request.method == "GET":
        _found(db.session(), kind)
        return render_dialog("webhook/_replace.html", "Replace the address", nav="webhook", kind=kind, name=name)
    with writing() as write:
        addresses.replace(write, _found(write, kind, lock=True), _token())
    toast(f"{name} has a new address. Put it into all of its rules.")
    return leave(url_for(SETTINGS))


@pages.route("/settings/webhook/<kind>/remove", methods=["GET", "POST"])
@guard.may_change
def remove(kind: str) -> ResponseReturnValue:
    """Say what it means, then take the address away."""
    name = _name(kind)
    if request.method == "GET":
        _found(db.session(), kind)
        return render_dialog("webhook/_off.html", f"Switch off {name}", nav="webhook", kind=kind, name=name)
    with writing() as write:
        addresses.remove(write, _found(write, kind, lock=True))
    toast(f"{name} is switched off.")
    return leave(url_for(SETTINGS))


def _name(kind: str) -> str:
    """What such a checkout is called; 404 for one that is not, or that signs."""
    return SOURCES[kind].name if kind in UNSIGNED else abort(404)


def _found(session: Session, kind: str, *, lock: bool = False) -> Source:
    return addresses.find(session, guard.here(), kind, lock=lock) or abort(404)


def _token() -> str:
    """What makes an address unguessable: 256 random bits."""
    return secrets.token_urlsafe(32)
