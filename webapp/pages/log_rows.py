"""A row of the log as HTML: the same for the page, for what is loaded below it, and for what comes to it live. No page lives here."""

from __future__ import annotations

import threading
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

ENOUGH = 300
"""So many new entries wait on an open page, and no more: beyond that it is only told how many there are."""


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
    """The row for who looks at it now. Made once for all who look at the same: many pages are told of a row that changed, all at once, and all
    but one wait until it is made."""
    seen_as = row, getattr(g.get("marketplace"), "time_zone", None), g.get("role") in CHANGING
    found = _made.get(seen_as)
    if found is None:
        with _making:
            found = _made.get(seen_as)
            if found is None:
                if len(_made) >= MOST_MADE:
                    _made.clear()
                found = _made[seen_as] = _html(*seen_as)
    return found


def started(row: Row) -> str:
    """What started it: its trigger; else a person, or the message itself."""
    trigger = TRIGGERS.get(row.trigger or "")
    return trigger.label if trigger else "By hand" if row.action else "Webhook"


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


class Frames:
    """What one open page is told, frame by frame. It shows the entries from `floor` to `top` (0: none), and what it is told of here."""

    def __init__(self, query: Query, top: int, floor: int, zone: tzinfo) -> None:
        self._query, self._top, self._floor, self._zone = query, top, floor, zone
        self._newest, self._new = top, 0

    def make(self, rows: Sequence[Row], now: datetime, more: int = 0) -> str:
        """Rows, the newest first, each day's heading after them; "" for nothing. `more`: how many new entries are not among them.

        A row that does not match is only for a page that has it already. Once ENOUGH new ones wait there, they are only counted.
        """
        mine = [row for row in rows if row.id >= self._floor and log_query.could_match(self._query, row)]
        full = self._new >= ENOUGH
        more += sum(full and row.id > self._newest and log_query.matches(self._query, row) for row in mine)
        told = [row for row in mine if not full or row.id <= self._top]
        pieces = [self._day(list(its), now) for _, its in groupby(told, lambda row: row.at.astimezone(self._zone).date())]
        self._newest = max([self._newest, *(row.id for row in mine)])
        return "".join([*pieces, f'<tr data-more="{more}"></tr>' if more else ""])

    def _day(self, rows: list[Row], now: datetime) -> str:
        match = [log_query.matches(self._query, row) for row in rows]
        self._new += sum(fits and row.id > self._top for row, fits in zip(rows, match, strict=True))
        pieces = [html(row) if fits else html(row).replace("<tr ", "<tr data-known ", 1) for row, fits in zip(rows, match, strict=True)]
        at = rows[0].at.astimezone(self._zone)
        heading = _heading(at.date().isoformat(), times.heading(at, self._zone, now)) if any(match) else ""
        return "".join([*pieces, heading])


def _day(key: str, rows: list[Row], zone: tzinfo, now: datetime) -> Day:
    return Day(key, times.heading(rows[0].at, zone, now), [html(row) for row in rows])


MOST_MADE = 4096
_made: dict[tuple[Row, str | None, bool], str] = {}
_making = threading.Lock()


def _html(row: Row, zone: str | None, may_change: bool) -> str:
    there = row.at.astimezone(times.zone_of(zone))
    return _template("_row.html", row=row, day=there.date().isoformat(), trigger=started(row), aside=aside(row), may_change=may_change)


@lru_cache(maxsize=256)
def _heading(key: str, heading: str) -> str:
    return _template("_day.html", key=key, heading=heading)


def _template(name: str, **context: object) -> str:
    return current_app.jinja_env.get_template(f"logs/{name}").render(context).strip()
