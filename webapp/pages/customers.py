"""A customer: what they hold and why, what they bought, and everything that happened to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from webapp import forgetting
from webapp.database import db
from webapp.engine import coming, customers, holdings
from webapp.engine.log_rows import Row
from webapp.models import Customer
from webapp.pages import customer_places, guard, log_rows, product_address, rule_answers, times, whole
from webapp.pages.render import is_fragment, render
from webapp.parts import parts

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
        "started": log_rows.started,
        "aside": log_rows.aside,
    }
    if before is not None and is_fragment():
        return render("customers/_rows.html", "customers/show.html", **context)
    day = _asked_day(now.astimezone(zone).date())
    places = [] if customer.erased_at else customer_places.places(customer, _end_of(day, zone) if day else None)
    return render(
        "customers/_customer.html",
        "customers/show.html",
        customer=customer,
        name=customers.name_of(customer),
        erased_before=forgetting.erased_before(customer),
        initials=_initials(customer),
        places=places,
        on=day,
        then=_end_of(day, zone) if day else None,
        today=now.astimezone(zone).date(),
        coming=coming.coming(session, customer.id, now),
        purchases=customers.purchases(session, customer.id),
        gives=customer_places.gives(places),
        states=STATES,
        before=before,
        product_address=product_address.by_key,
        **context,
    )


def _asked_day(today: date) -> date | None:
    """The day that is asked about, where there is one before today."""
    try:
        asked = date.fromisoformat(request.args.get("on", ""))
    except ValueError:
        return None
    return asked if asked < today else None


def _end_of(day: date, zone: tzinfo) -> datetime:
    """The last moment of a day."""
    return datetime.combine(day, time.max, zone)


def _initials(customer: Customer) -> str:
    """One or two letters for the picture that nobody has."""
    letters = [word[0] for word in (customer.first_name, customer.last_name) if word]
    return "".join(letters or customer.email[:1]).upper()


def _days(rows: Iterable[Row], zone: tzinfo, now: datetime) -> list[Day]:
    found = groupby(rows, lambda row: row.at.astimezone(zone).date().isoformat())
    return [_day(key, list(its), zone, now) for key, its in found]


def _day(key: str, rows: list[Row], zone: tzinfo, now: datetime) -> Day:
    return Day(key, times.heading(rows[0].at, zone, now), rows)
