"""The words in which one asks the log: `maya@ "no longer exists" status:failed after:yesterday`. Text to terms and back, and times. Pure.

A term is a word, or several in quotation marks, that is looked for; or `key:value`. docs/search.md tells it to people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

KEYS = ("status", "trigger", "action", "integration", "rule", "product", "order", "batch", "cause", "after", "before")
"""What a term may ask for by name, in the order in which pages show it."""

LONGEST = 300
"""Characters of a text that are read."""

MOST_WORDS = 8
"""So many words are looked for, and no more."""

_TERM = re.compile(rf'(?:({"|".join(KEYS)}):)?(?:"([^"]*)"?|(\S+))', re.IGNORECASE)
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2})(?::?(\d{2}))?)?")
_AGO = re.compile(r"(\d{1,4})([hd])")


class Term(NamedTuple):
    """What is looked for: a `value` under a key, or, with the key "", anywhere."""

    key: str
    value: str

    def __str__(self) -> str:
        quoted = (
            f'"{self.value}"' if not self.value or re.search(r"\s", self.value) or (not self.key and _is_key(self.value)) else self.value
        )
        return f"{self.key}:{quoted}" if self.key else quoted


def terms(text: str) -> tuple[Term, ...]:
    """What a text asks for, in its order. Of a key that is given more than once the last one counts; `key:` alone is nothing."""
    found: dict[tuple[str, str], Term] = {}
    for match in _TERM.finditer(text[:LONGEST]):
        key, quoted, plain = (match[1] or "").lower(), match[2], match[3]
        value = (quoted if plain is None else plain).strip()
        unsaid = plain is not None and plain[:-1].lower() in KEYS and plain.endswith(":")  # `status:`, not yet finished
        if value and not unsaid:
            found[key, "" if key else value] = Term(key, value)
    words = [term for term in found.values() if not term.key][:MOST_WORDS]
    return tuple(term for term in found.values() if term.key or term in words)


def text(asked: Iterable[Term]) -> str:
    """Terms as one would type them."""
    return " ".join(str(term) for term in asked)


def moment(said: str, zone: tzinfo, now: datetime) -> datetime | None:
    """When a time is: `2026-11-24`, `2026-11-24T14`, `2026-11-24T14:30`, `today`, `yesterday`, `24h`, `7d`; None for what is none.

    A day begins at midnight in the zone. `7d` is seven times 24 hours ago.
    """
    said = said.lower()
    today = now.astimezone(zone).date()
    if said in {"today", "yesterday"}:
        return _midnight(today - timedelta(days=said == "yesterday"), zone)
    ago = _AGO.fullmatch(said)
    if ago:
        return now - timedelta(**{"hours" if ago[2] == "h" else "days": int(ago[1])})
    named = _DAY.fullmatch(said.upper())
    return _named(named[1], named[2] or "0", named[3] or "0", zone) if named else None


def _is_key(value: str) -> bool:
    return value.partition(":")[0].lower() in KEYS and ":" in value


def _named(day: str, hour: str, minute: str, zone: tzinfo) -> datetime | None:
    try:
        named = date.fromisoformat(day)
        found = datetime(named.year, named.month, named.day, int(hour), int(minute), tzinfo=zone)
        found.astimezone()  # a year that no zone reaches
    except (ValueError, OverflowError):
        return None
    return found


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
