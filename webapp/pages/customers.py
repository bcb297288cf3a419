"""A customer: what they hold and why, what they bought, and everything that happened to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from webapp.apps import MEMBERSHIP
from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import customers, holdings
from webapp.engine.holdings import Because, Held
from webapp.engine.log_rows import Row
from webapp.engine.triggers import TRIGGERS
from webapp.models import Customer
from webapp.pages import guard, log_rows, product_address, rule_answers, times, whole
from webapp.pages.render import is_fragment, render
from webapp.parts import parts

KINDS = {kind.key: kind.one.capitalize() for app in APPS.values() for kind in app.kinds} | {MEMBERSHIP: "Membership"}

BELIEFS: Mapping[tuple[bool, str], tuple[str, str]] = {
    (True, "held"): ("on", "There"),
    (True, "not_held"): ("queued", "Not yet"),
    (True, "unknown"): ("queued", "Not known"),
    (False, "held"): ("queued", "Still there"),
    (False, "not_held"): ("skipped", "Not there"),
    (False, "unknown"): ("skipped", "Not known"),
}
"""What is said of the app, by what should be and what is believed: a state that gives the look, and the word."""

STATES: Mapping[str, tuple[str, str]] = {
    "active": ("on", "Active"),
    "ended": ("off", "Ended"),
    "refunded": ("off", "Refunded"),
    "unknown": ("no_rule", "Not on record"),
    "prospect": ("queued", "In the cart"),
}
"""How a purchase stands: a state that gives the look, and the word."""

pages = Blueprint("customers", __name__)
whole.allow(pages)


@dataclass(frozen=True)
class Reason:
    """One reason for what is held: the product with its address (None: a person), what the purchase is known by, the entry."""

    product: str | None
    href: str | None
    known_as: str
    because: Because


@dataclass(frozen=True)
class Line:
    """One thing at an integration: what it is, whether it should be held and why, and what the app is believed to say."""

    held: Held
    kind: str
    reasons: Sequence[Reason]
    look: tuple[str, str]


@dataclass(frozen=True)
class Place:
    """One integration: the membership, what is held there, and what no longer is."""

    id: int
    name: str
    alias: str | None
    member: Line | None
    lines: Sequence[Line]
    past: Sequence[Line]


@dataclass(frozen=True)
class Day:
    """The entries of one day: its key (2026-11-24), its heading, its rows."""

    key: str
    heading: str
    rows: Sequence[Row]


@pages.get("/customers/<whole:email>", merge_slashes=False)
@guard.signed_in
def show(email: str) -> ResponseReturnValue:
    """The customer's page. Below an entry (`before`) the next part of what happened."""
    session, here, zone, now = db.session(), guard.here(), times.here(), parts().now()
    customer = holdings.find_customer(session, here, email)
    if customer is None:
        abort(404)
    before = rule_answers.number(request.args.get("before"))
    part = customers.entries(session, here, customer.id, now, before)
    days = _days(part.rows, zone, now)
    older = None
    if part.older:
        older = f"{url_for('customers.show', email=email)}?{urlencode({'before': part.rows[-1].id, 'day': days[-1].key})}"
    context: dict[str, Any] = {
        "days": days,
        "older": older,
        "above": request.args.get("day") if before else None,
        "triggers": TRIGGERS,
        "aside": log_rows.aside,
    }
    if before is not None and is_fragment():
        return render("customers/_rows.html", "customers/show.html", **context)
    return render(
        "customers/_customer.html",
        "customers/show.html",
        customer=customer,
        name=customers.name_of(customer),
        initials=_initials(customer),
        places=_places(customer),
        purchases=customers.purchases(session, customer.id),
        states=STATES,
        before=before,
        product_address=product_address.by_key,
        **context,
    )


def _initials(customer: Customer) -> str:
    """One or two letters for the picture that nobody has."""
    letters = [word[0] for word in (customer.first_name, customer.last_name) if word]
    return "".join(letters or customer.email[:1]).upper()


def _days(rows: Iterable[Row], zone: tzinfo, now: datetime) -> list[Day]:
    found = groupby(rows, lambda row: row.at.astimezone(zone).date().isoformat())
    return [_day(key, list(its), zone, now) for key, its in found]


def _day(key: str, rows: list[Row], zone: tzinfo, now: datetime) -> Day:
    return Day(key, times.heading(rows[0].at, zone, now), rows)


def _places(customer: Customer) -> list[Place]:
    session, now = db.session(), parts().now()
    held = holdings.holdings(session, customer.id, now)
    aliases = customers.aliases(session, customer.id)
    refs = {one.product for every in held for one in every.because if one.product is not None}
    names = customers.product_names(session, guard.here(), refs)
    places = groupby(held, lambda one: (one.integration_id, one.integration))
    return [_place(key, aliases.get(key[0]), [_line(one, names) for one in its]) for key, its in places]


def _place(key: tuple[int, str], alias: str | None, lines: Iterable[Line]) -> Place:
    every = list(lines)
    member = next((line for line in every if line.held.kind == MEMBERSHIP), None)
    others = [line for line in every if line is not member]
    now = [line for line in others if line.held.held]
    return Place(*key, alias, member, now, [line for line in others if not line.held.held])


def _line(held: Held, names: Mapping[str, tuple[int, str]]) -> Line:
    reasons = [_reason(because, names) for because in held.because]
    return Line(held, KINDS.get(held.kind, held.kind), reasons, BELIEFS[held.held, held.believed])


def _reason(because: Because, names: Mapping[str, tuple[int, str]]) -> Reason:
    known_as = customers.ground_words(because.ground)
    if because.product is None or because.product not in names:
        return Reason(because.product, None, known_as, because)
    product_id, name = names[because.product]
    return Reason(name, product_address.by_key(because.product, product_id), known_as, because)
