"""The log: the list at its two addresses, and what is told to it while it is open. An entry's own page is in log_entry.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp.database import db
from webapp.engine import log_query, logs
from webapp.engine.first_steps import first_steps
from webapp.engine.log_language import Term
from webapp.engine.log_query import Query
from webapp.engine.logs import Part
from webapp.engine.sentences import label
from webapp.engine.triggers import TRIGGERS
from webapp.models import Integration
from webapp.pages import guard, log_address, log_counts, log_glance, log_rows, log_stream, times
from webapp.pages.log_address import Asked
from webapp.pages.log_rows import Day
from webapp.pages.render import is_fragment, render
from webapp.parts import parts

pages = Blueprint("logs", __name__)

MAIN, TAB = "/logs", "/settings/integrations/logs"
"""The log's two doors: the nav, and the third tab of Integrations."""


@dataclass(frozen=True)
class Menu:
    """One drop-down: its label and its offers, each with its label, its address, and whether it is what is asked for."""

    label: str
    offers: Sequence[tuple[str, str, bool]]


@pages.get(MAIN)
@guard.signed_in
def index() -> ResponseReturnValue:
    """The log, from the nav."""
    return _list(MAIN, "logs/index.html")


@pages.get(TAB)
@guard.signed_in
def tab() -> ResponseReturnValue:
    """The log, as a tab of Integrations."""
    return _list(TAB, "logs/tab.html")


@pages.get("/logs/live")
@guard.signed_in
def live() -> ResponseReturnValue:
    """What changes on a log page while it is open: a stream of events, or with `poll` one answer (docs/live.md)."""
    now = parts().now()
    if request.args.get("in") != str(guard.here()):
        return "This page is about another marketplace than the one you are in. Load it again.\n", 409
    asked = log_address.read(MAIN, request.args)
    page = log_stream.read(request.args, request.headers.get("Last-Event-ID"), _query(asked, now), _whole(asked), now)
    return log_stream.poll(page) if "poll" in request.args else log_stream.stream(page)


def _list(base: str, whole: str) -> ResponseReturnValue:
    session, zone, now = db.session(), times.here(), parts().now()
    asked = log_address.read(base, request.args)
    if log_address.is_old(request.args):
        return redirect(asked.href())
    query = _query(asked, now)
    before = request.args.get("before", type=int)
    if before is not None and is_fragment():
        return _more(asked, query, whole, before)
    found, count = logs.counted(session, guard.here(), query, now, before)
    days = log_rows.days(found.rows, zone, now)
    return render(
        "logs/_list.html",
        whole,
        asked=asked,
        wrong=query.wrong,
        days=days,
        older=_older(asked, found, days),
        before=before,
        count=count,
        strip=log_glance.strip(base, request.args.get("period", ""), now) if found.rows and not (before or asked.narrows) else None,
        export=log_address.address("/logs/export.csv", asked.text),
        steps=None if found.rows or before or asked.narrows else first_steps(session, guard.here()),
        live=None if before else _live(asked, now),
        chips=_chips(asked, now),
        menus=_menus(asked),
        picked=list(_picked(asked, query)),
    )


def _more(asked: Asked, query: Query, whole: str, before: int) -> ResponseReturnValue:
    """What is loaded below the entry `before`."""
    now = parts().now()
    found = logs.part(db.session(), guard.here(), query, now, before)
    days = log_rows.days(found.rows, times.here(), now)
    return render("logs/_rows.html", whole, days=days, older=_older(asked, found, days), above=request.args.get("day"))


def _older(asked: Asked, found: Part, days: Sequence[Day]) -> str | None:
    """The address of what is below a part; None where nothing is."""
    return asked.older(found.rows[-1].id, days[-1].key) if found.older else None


def _query(asked: Asked, now: datetime) -> Query:
    return log_query.parse(db.session(), guard.here(), asked.text, times.here(), now)


def _live(asked: Asked, now: datetime) -> dict[str, str]:
    """Where the page asks for what is new, and from when on. What it shows it says itself."""
    given = {**({"q": asked.text} if asked.text else {}), "in": guard.here()}
    return {"address": f"/logs/live?{urlencode(given)}", "cursor": log_stream.mark(now)}


def _whole(asked: Asked) -> bool:
    """Whether all of the log is meant, or all of a status."""
    return all(term.key == "status" for term in asked.terms)


def _chips(asked: Asked, now: datetime) -> list[tuple[str, str | None]]:
    """The statuses to offer, "" for all, with their counts where the whole log is meant: there also those of which there are none yet, which
    do not show until there are."""
    counts = logs.counts(db.session(), guard.here(), now)
    if not (_whole(asked) and counts):
        return [(status, None) for status in dict.fromkeys(["", *counts, *filter(None, [asked["status"]])])]
    chosen = asked["status"]
    numbers = {"": sum(counts.values()), **{status: counts.get(status, 0) for status in log_query.STATUSES}}
    return [(status, log_counts.shown(number) or ("0" if status == chosen else "")) for status, number in numbers.items()]


def _menus(asked: Asked) -> list[Menu]:
    """The drop-downs beside the box: each offer is a link that writes its terms into the query."""
    wanted = select(Integration.name).where(Integration.marketplace_id == guard.here()).order_by(Integration.name)
    names = {name: label(name) for name in db.session.scalars(wanted)}
    offers: list[tuple[str, str, Mapping[str, str]]] = [
        ("trigger", "Trigger", {trigger.key: trigger.label for trigger in TRIGGERS.values()}),
        ("action", "Action", log_query.ACTIONS),
        ("integration", "Integration", names),
    ]
    menus = [
        Menu(name, [(said, asked.href(**{key: value}), value == asked[key]) for value, said in its.items()]) for key, name, its in offers
    ]
    dates = [(said, asked.href(**log_address.SPANS[date]), date == asked.date) for date, said in log_address.DATES.items()]
    return [*menus, Menu("Date", dates)]


def _picked(asked: Asked, query: Query) -> Iterator[tuple[str, str]]:
    """A chip for each term with a key that no other chip shows: what it says, and the address without it."""
    if asked.date:
        yield log_address.DATES[asked.date], asked.href(after=None, before=None)
    for term in asked.terms:
        if term.key not in {"", "status"} and not (asked.date and term.key in {"after", "before"}):
            yield _says(term, query), asked.href(**{term.key: None})


def _says(term: Term, query: Query) -> str:
    """What a term asks for, in the merchant's words."""
    match term.key:
        case "trigger" if query.trigger:
            return TRIGGERS[query.trigger].label
        case "action" if query.action:
            return log_query.ACTIONS[query.action]
        case "integration" if query.integration_id:
            return label(db.session.get_one(Integration, query.integration_id).name)
    return f"{term.key.capitalize()} {term.value}"
