"""A row of the log as HTML: the same for the page, for what is loaded below it, and for what comes to it live. No page lives here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from itertools import groupby

from flask import current_app, g

from webapp.engine import log_query
from webapp.engine.accounts import CHANGING
from webapp.engine.log_query import Query
from webapp.engine.log_rows import Row
from webapp.engine.triggers import TRIGGERS
from webapp.pages import times

KEPT = ("not_understood", "nothing")
"""Statuses of messages that led nowhere, but are kept."""


@dataclass(frozen=True)
class Day:
    """The entries of one day: its key (2026-11-24), its heading, its rows as HTML."""

    key: str
    heading: str
    rows: list[str]


def days(rows: Iterable[Row], zone: tzinfo, now: datetime) -> list[Day]:
    """Rows by their day in the zone, in the order given."""
    found = groupby(rows, lambda row: row.at.astimezone(zone).date().isoformat())
    return [_day(key, list(its), zone, now) for key, its in found]


def html(row: Row) -> str:
    """The row for who looks at it now. Made once for all who look at the same: many pages are told of a row that changed."""
    return _html(row, getattr(g.get("marketplace"), "time_zone", None), g.get("role") in CHANGING)


def aside(row: Row) -> str:
    """What stands below the time: how long it took, how often it was tried, or that nothing was called."""
    match row.status:
        case "running":
            return "now"
        case "queued":
            return "waits"
        case "retrying" | "failed" if row.attempts or row.called:
            return times.plural(max(row.attempts, 1), "attempt", "attempts")
        case "succeeded" | "unchanged" if row.called and row.took is not None:
            return times.duration(row.took)
    return "kept" if row.status in KEPT else "no call"


def frame(rows: Sequence[Row], query: Query, floor: int, zone: tzinfo, now: datetime, more: int = 0) -> str:
    """What an open page is told: rows, the newest first, each day's heading after them; "" for nothing.

    A row that does not match, or lies below what the page began with (`floor`, its oldest entry), is only for a page that has it already.
    `more`: how many new entries are not in it.
    """
    told = [row for row in rows if log_query.could_match(query, row)]
    pieces: list[str] = []
    for key, its in groupby(told, lambda row: row.at.astimezone(zone).date().isoformat()):
        same = list(its)
        fresh = [row.id >= floor and log_query.matches(query, row) for row in same]
        pieces += [html(row) if new else html(row).replace("<tr ", "<tr data-known ", 1) for row, new in zip(same, fresh, strict=True)]
        if any(fresh):
            pieces.append(_template("_day.html", key=key, heading=times.heading(same[0].at, zone, now)))
    if more:
        pieces.append(f'<tr data-more="{more}"></tr>')
    return "".join(pieces)


def _day(key: str, rows: list[Row], zone: tzinfo, now: datetime) -> Day:
    return Day(key, times.heading(rows[0].at, zone, now), [html(row) for row in rows])


@lru_cache(maxsize=4096)
def _html(row: Row, zone: str | None, may_change: bool) -> str:
    there = row.at.astimezone(times.zone_of(zone))
    trigger = TRIGGERS.get(row.trigger or "")
    label = trigger.label if trigger else "Webhook"
    return _template("_row.html", row=row, day=there.date().isoformat(), trigger=label, aside=aside(row), may_change=may_change)


def _template(name: str, **context: object) -> str:
    return current_app.jinja_env.get_template(f"logs/{name}").render(context).strip()
