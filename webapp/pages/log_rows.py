"""A row of the log as HTML: the same for the page, for what is loaded below it, and for what comes to it live. No page lives here."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from itertools import groupby

from flask import current_app, g

from webapp.breath import breathe
from webapp.engine import log_query, logs
from webapp.engine.accounts import CHANGING
from webapp.engine.log_query import Query
from webapp.engine.log_rows import Row
from webapp.engine.triggers import TRIGGERS
from webapp.pages import times
from webapp.streams import News

KEPT = ("not_understood", "nothing")
"""Statuses of messages that led nowhere, but are kept."""

ENOUGH = logs.PART
"""So many new entries wait on an open page, and no more: beyond that it is only told how many there are, since the list begins with others."""


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
    breathe()
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

    def begin(self, news: News, more: int, now: datetime) -> str:
        """What it missed; "" for nothing. `more`: how many new entries are not among the rows."""
        self._newest = max([self._newest, *(row.id for row in news.rows[:1])])
        made = self.make(news, now)
        self._new = ENOUGH if more else self._new
        return _with_more(made, more or None)

    def make(self, news: News, now: datetime) -> str:
        """The rows, each day's heading after them; "" for nothing.

        A row that does not match is only for a page that has it already. Once it was told of ENOUGH that wait there, new ones are only counted,
        and what they are by then it is not told: it is loaded anew.
        """
        asked = news.once(self._query, lambda: _Asked(self._query, news))
        end = asked.before(self._floor - 1)
        above = min(asked.before(self._top), end)
        full = self._new >= ENOUGH
        self._new += asked.fitting(above)
        begin = above if full else 0
        seen_as = str(self._zone), g.get("role") in CHANGING
        html = news.once((self._query, seen_as, begin, end), lambda: asked.html(begin, end, self._zone, now))
        return _with_more(html, asked.firsts(min(asked.before(self._newest), end)) if full and asked.fitting(above) else None)


class _Asked:
    """Of some rows, the newest first, those that a query could ask for."""

    def __init__(self, query: Query, news: News) -> None:
        self._rows = [row for row in news.rows if log_query.could_match(query, row)]
        self._match = [log_query.matches(query, row) for row in self._rows]
        self._first = [fits and row.id in news.firsts for row, fits in zip(self._rows, self._match, strict=True)]

    def before(self, entry: int) -> int:
        """How many come before an entry, being newer."""
        return bisect_left(self._rows, -entry, key=lambda row: -row.id)

    def fitting(self, end: int) -> int:
        """How many of the first so many match."""
        return sum(self._match[:end])

    def firsts(self, end: int) -> int:
        """How many of the first so many match, and were never told before."""
        return sum(self._first[:end])

    def html(self, begin: int, end: int, zone: tzinfo, now: datetime) -> str:
        """Some of them, each day's heading after its own."""
        told = zip(self._rows[begin:end], self._match[begin:end], strict=True)
        return "".join(_told(list(its), zone, now) for _, its in groupby(told, lambda one: one[0].at.astimezone(zone).date()))


def _with_more(html: str, more: int | None) -> str:
    return html if more is None else f'{html}<tr data-more="{more}"></tr>'


def _told(rows: list[tuple[Row, bool]], zone: tzinfo, now: datetime) -> str:
    """Rows of one day, each with whether it matches, and the day's heading if one does."""
    pieces = [html(row) if fits else html(row).replace("<tr ", "<tr data-known ", 1) for row, fits in rows]
    at = rows[0][0].at.astimezone(zone)
    heading = _heading(at.date().isoformat(), times.heading(at, zone, now)) if any(fits for _, fits in rows) else ""
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
