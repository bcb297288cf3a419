"""Times as people read them: in the marketplace's zone, short, with the full date at hand. No page lives here.

Every function takes an aware datetime and the name of a zone; the filters of the templates take the marketplace's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, g

from webapp.parts import parts

MINUTE, HOUR, DAY = 60, 3600, 86400


def clock(at: datetime, zone: tzinfo) -> str:
    """14:02:08"""
    return at.astimezone(zone).strftime("%H:%M:%S")


def day(at: datetime, zone: tzinfo, now: datetime) -> str:
    """24 November, with the year where it is not this one."""
    return _date(at.astimezone(zone), now.astimezone(zone), "%B")


def heading(at: datetime, zone: tzinfo, now: datetime) -> str:
    """The heading of a day in a list: "Today, 24 November", "Yesterday, 23 November", "12 August"."""
    apart = (now.astimezone(zone).date() - at.astimezone(zone).date()).days
    return {0: "Today, ", 1: "Yesterday, "}.get(apart, "") + day(at, zone, now)


def when(at: datetime, zone: tzinfo, now: datetime) -> str:
    """24 Nov, 14:06"""
    here = at.astimezone(zone)
    return f"{_date(here, now.astimezone(zone), '%b')}, {here:%H:%M}"


def full(at: datetime, zone: tzinfo) -> str:
    """24 November 2026, 14:02:08 Europe/Berlin"""
    here = at.astimezone(zone)
    return f"{here.day} {here:%B %Y, %H:%M:%S} {zone}"


def ago(at: datetime, zone: tzinfo, now: datetime) -> str:
    """How long ago, up to a day: "just now", "12 minutes ago"; beyond it the time itself."""
    seconds = (now - at).total_seconds()
    if not 0 <= seconds < DAY:
        return when(at, zone, now)
    if seconds < MINUTE:
        return "just now"
    unit, length = ("minute", MINUTE) if seconds < HOUR else ("hour", HOUR)
    return f"{plural(int(seconds // length), unit, unit + 's')} ago"


def duration(seconds: float | timedelta) -> str:
    """How long something took: "4 ms", "0.4 s", "1.8 s", "42 s", "4 min 6 s", "2 h 5 min", "3 d 4 h"."""
    length = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    if length < 0.0995:
        return f"{round(length * 1000)} ms"
    if length < 9.95:
        return f"{length:.1f} s"
    whole = round(length)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", 1, "s")
    return _two(whole, HOUR, "h", MINUTE, "min") if whole < DAY else _two(whole, DAY, "d", HOUR, "h")


def number(value: float) -> str:
    """1,284"""
    return f"{value:,}"


def plural(count: int, one: str, many: str) -> str:
    """The number with its word: "1 entry", "1,284 entries"."""
    return f"{number(count)} {one if count == 1 else many}"


def zone_of(name: str | None) -> tzinfo:
    """The zone of that name; UTC for none and for one that this machine does not know."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def here() -> tzinfo:
    """The zone of the marketplace that the request is in (`g.marketplace`), else UTC."""
    return zone_of(getattr(g.get("marketplace"), "time_zone", None))


def register(app: Flask, now: Callable[[], datetime] | None = None) -> None:
    """Give templates the filters clock, day, heading, when, full, ago, iso, duration, number, plural."""

    def moment() -> datetime:
        return now() if now else parts().now()

    app.jinja_env.filters |= {
        "clock": lambda at: clock(at, here()),
        "day": lambda at: day(at, here(), moment()),
        "heading": lambda at: heading(at, here(), moment()),
        "when": lambda at: when(at, here(), moment()),
        "full": lambda at: full(at, here()),
        "ago": lambda at: ago(at, here(), moment()),
        "iso": lambda at: at.isoformat(timespec="seconds"),
        "duration": duration,
        "number": number,
        "plural": plural,
    }


def _date(here_: datetime, now: datetime, month: str) -> str:
    year = "" if here_.year == now.year else f" {here_.year}"
    return f"{here_.day} {here_.strftime(month)}{year}"


def _two(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    """The two largest units; the smaller one only where it is not nought."""
    first, rest = divmod(whole, large)
    second = rest // small
    return f"{first} {large_unit}" + (f" {second} {small_unit}" if second else "")
