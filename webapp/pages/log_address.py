"""What the address of a log page asks for, and the addresses of its filters: the query string is the page's state. No page lives here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from urllib.parse import urlencode

from webapp.apps.registry import APPS
from webapp.engine.log_query import STATUSES, Query
from webapp.engine.triggers import TRIGGERS
from webapp.pages import times

DATES = {"today": "Today", "yesterday": "Yesterday", "7d": "Last 7 days", "30d": "Last 30 days"}
"""The dates that the menu offers; an address may also name a day (2026-11-24) or an hour of it (2026-11-24T14)."""
LONGEST = 200
ACTIONS = {action.key: action.label for app in APPS.values() for action in app.actions.values()}
DAY_OR_HOUR = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}))?")


@dataclass(frozen=True)
class Asked:
    """One log page's address: `base` is its path, `values` what it asks for (only what is known here), in a fixed order."""

    base: str
    values: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        """What is asked of `key`, "" for nothing."""
        return self.values.get(key, "")

    def href(self, **changes: str | int | None) -> str:
        """The same page with these asked otherwise; None or "" drops one."""
        given = {key: value for key, value in {**self.values, **changes}.items() if value not in {None, ""}}
        return f"{self.base}?{urlencode(given)}" if given else self.base

    @property
    def narrows(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.values)

    def query(self, zone: tzinfo, now: datetime) -> Query:
        """What is to be looked for; days are those of the zone."""
        since, until = span(self["date"], zone, now) or (None, None)
        integration = int(self["integration"]) if self["integration"] else None
        return Query(self["q"], self["status"], self["trigger"], self["action"], integration, since, until)


def read(base: str, args: Mapping[str, str], zone: tzinfo, now: datetime) -> Asked:
    """What the arguments of a request ask for. What they can't mean is left out."""
    given = {key: args.get(key, "").strip()[:LONGEST] for key in ("q", "status", "trigger", "action", "integration", "date")}
    good = {
        "q": bool(given["q"]),
        "status": given["status"] in STATUSES,
        "trigger": given["trigger"] in TRIGGERS,
        "action": given["action"] in ACTIONS,
        "integration": given["integration"].isdecimal() and int(given["integration"]) < 1 << 63,
        "date": span(given["date"], zone, now) is not None,
    }
    return Asked(base, {key: value for key, value in given.items() if good[key]})


def span(text: str, zone: tzinfo, now: datetime) -> tuple[datetime, datetime | None] | None:
    """From when until when a date means; None for one that means nothing."""
    today = now.astimezone(zone).date()
    match text:
        case "today":
            return _midnight(today, zone), None
        case "yesterday":
            return _midnight(today - timedelta(days=1), zone), _midnight(today, zone)
        case "7d" | "30d":
            return now - timedelta(days=int(text[:-1])), None
    found = DAY_OR_HOUR.fullmatch(text)
    return _named(found[1], found[2], zone) if found else None


def date_label(text: str, zone: tzinfo, now: datetime) -> str:
    """How a date is called: "Today", "24 November", "24 November, 14:00 to 15:00"."""
    if text in DATES:
        return DATES[text]
    bounds = span(text, zone, now)
    if bounds is None:
        return text
    since, until = bounds
    label = times.day(since, zone, now)
    if "T" not in text or until is None:
        return label
    return f"{label}, {since.astimezone(zone):%H:%M} to {until.astimezone(zone):%H:%M}"


def _named(day: str, hour: str | None, zone: tzinfo) -> tuple[datetime, datetime] | None:
    try:
        named = date.fromisoformat(day)
        if hour is None:
            return _midnight(named, zone), _midnight(named + timedelta(days=1), zone)
        since = datetime(named.year, named.month, named.day, int(hour), tzinfo=zone)
        since.astimezone()  # a year that no zone reaches
    except (ValueError, OverflowError):
        return None
    return since, since + timedelta(hours=1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
