"""The words that entries say, and times in a marketplace's zone. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

PLACES = {"space": "space", "space_group": "space group", "event": "event", "tag": "tag"}

_DELETED = re.compile(r" \(deleted \d+\)$")


def local(at: datetime, zone: str) -> datetime:
    """The same moment in a time zone (an IANA name)."""
    return at.astimezone(ZoneInfo(zone))


def day(at: datetime, zone: str) -> str:
    """`12 May 2026`."""
    there = local(at, zone)
    return f"{there.day} {there:%B %Y}"


def clock(at: datetime, zone: str) -> str:
    """`14:32`."""
    return f"{local(at, zone):%H:%M}"


def moment(at: datetime, zone: str, now: datetime) -> str:
    """`14:32` where it is the same day as `now`, else `12 May 2026, 14:32`."""
    if local(at, zone).date() == local(now, zone).date():
        return clock(at, zone)
    return f"{day(at, zone)}, {clock(at, zone)}"


def when(at: datetime, zone: str, now: datetime) -> str:
    """`at 14:32` where it is the same day as `now`, else `on 12 May 2026 at 14:32`."""
    if local(at, zone).date() == local(now, zone).date():
        return f"at {clock(at, zone)}"
    return f"on {day(at, zone)} at {clock(at, zone)}"


def until(at: datetime, zone: str) -> str:
    """`until 12 May 2026 at 14:32`."""
    return f"until {day(at, zone)} at {clock(at, zone)}"


def asked(kind: str, target: str, integration: str, adds: bool) -> str:
    """What an entry asks for: `Add to space VIP Room`, `Invite to My community`."""
    match kind, adds:
        case "membership", True:
            return f"Invite to {integration}"
        case "membership", False:
            return f"Remove from {integration}"
        case "tag", True:
            return f"Add tag {target}"
        case "tag", False:
            return f"Remove tag {target}"
        case "event", True:
            return f"RSVP to event {target}"
        case "event", False:
            return f"Un-RSVP from event {target}"
        case _, True:
            return f"Add to {PLACES.get(kind, kind)} {target}"
        case _:
            return f"Remove from {PLACES.get(kind, kind)} {target}"


def coming(kind: str, target: str, integration: str, adds: bool) -> str:
    """What an entry asks for that waits for its time: `Will be removed from space VIP Room`."""
    match kind, adds:
        case "membership", True:
            return f"Will be invited to {integration}"
        case "membership", False:
            return f"Will be removed from {integration}"
        case "tag", _:
            return f"Will {'get' if adds else 'lose'} the tag {target}"
        case "event", True:
            return f"Will get an RSVP for event {target}"
        case "event", False:
            return f"Will lose the RSVP for event {target}"
        case _, True:
            return f"Will be added to {PLACES.get(kind, kind)} {target}"
        case _:
            return f"Will be removed from {PLACES.get(kind, kind)} {target}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def label(integration: str) -> str:
    """An integration's name for people: of a deleted one without the number that frees its name."""
    return _DELETED.sub(" (deleted)", integration)
