"""The log: the list at its two addresses, and what is told to it while it is open. An entry's own page is in log_entry.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import urlencode

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp.database import db
from webapp.engine import log_query, logs
from webapp.engine.first_steps import first_steps
from webapp.engine.triggers import TRIGGERS
from webapp.models import Integration
from webapp.pages import guard, log_address, log_rows, log_stream, times
from webapp.pages.log_address import Asked
from webapp.pages.render import is_fragment, render
from webapp.parts import parts

pages = Blueprint("logs", __name__)

MAIN, TAB = "/logs", "/settings/integrations/logs"
"""The log's two doors: the nav, and the third tab of Integrations."""


@dataclass(frozen=True)
class Menu:
    """One filter: its key and label, what it offers by value, and what is chosen."""

    key: str
    label: str
    offers: Mapping[str, str]
    chosen: str


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
    zone, now = times.here(), parts().now()
    if request.args.get("in") != str(guard.here()):
        return "This page is about another marketplace than the one you are in. Load it again.\n", 409
    asked = log_address.read(MAIN, request.args, zone, now)
    query = log_query.settle(db.session(), guard.here(), asked.query(zone, now))
    page = log_stream.read(request.args, request.headers.get("Last-Event-ID"), query, now)
    return log_stream.poll(page) if "poll" in request.args else log_stream.stream(page)


def _list(base: str, whole: str) -> ResponseReturnValue:
    session, zone, now = db.session(), times.here(), parts().now()
    asked = log_address.read(base, request.args, zone, now)
    query = log_query.settle(session, guard.here(), asked.query(zone, now))
    before = request.args.get("before", type=int)
    found = logs.part(session, guard.here(), query, now, before)
    days = log_rows.days(found.rows, zone, now)
    older = asked.href(before=found.rows[-1].id, day=days[-1].key) if found.older else None
    if before is not None and is_fragment():
        return render("logs/_rows.html", whole, days=days, older=older, above=request.args.get("day"))
    return render(
        "logs/_list.html",
        whole,
        asked=asked,
        days=days,
        older=older,
        before=before,
        shown=len(found.rows),
        steps=None if found.rows or before or asked.narrows else first_steps(session, guard.here()),
        live=None if before else _live(asked, now),
        chips=_chips(asked, now),
        menus=_menus(asked, zone, now),
    )


def _live(asked: Asked, now: datetime) -> dict[str, str]:
    """Where the page asks for what is new, and from when on. What it shows it says itself."""
    return {"address": f"/logs/live?{urlencode({**asked.values, 'in': guard.here()})}", "cursor": log_stream.mark(now)}


def _chips(asked: Asked, now: datetime) -> list[tuple[str, int | None]]:
    """The statuses to offer, "" for all, with their counts where the whole log is meant."""
    counts = logs.counts(db.session(), guard.here(), now)
    alone = asked.href(status=None) == asked.base
    shown = dict.fromkeys([*counts, *filter(None, [asked["status"]])])
    chips: list[tuple[str, int | None]] = [("", sum(counts.values())), *((status, counts.get(status, 0)) for status in shown)]
    return chips if alone and counts else [(status, None) for status, _ in chips]


def _menus(asked: Asked, zone: tzinfo, now: datetime) -> list[Menu]:
    wanted = select(Integration.id, Integration.name).where(Integration.marketplace_id == guard.here()).order_by(Integration.name)
    names = {str(one): name for one, name in db.session.execute(wanted)}
    dates = dict(log_address.DATES)
    if asked["date"]:
        dates.setdefault(asked["date"], log_address.date_label(asked["date"], zone, now))
    offers: list[tuple[str, str, Mapping[str, str]]] = [
        ("trigger", "Trigger", {trigger.key: trigger.label for trigger in TRIGGERS.values()}),
        ("action", "Action", log_address.ACTIONS),
        ("integration", "Integration", names),
        ("date", "Date", dates),
    ]
    return [Menu(key, label, offered, asked[key]) for key, label, offered in offers]
