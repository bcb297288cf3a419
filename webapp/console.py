"""How entries and holdings look to a script (product.md's fields, in their order) and on a terminal. Nothing is read here, nothing printed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from webapp.engine.holdings import Because, Held
from webapp.engine.log_rows import Row
from webapp.engine.sentences import label

HELD = {"held": "yes", "not_held": "no", "unknown": "unknown"}
NOT_SHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
TURNED = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that turn the direction of what follows: with them a text can look like another."""

LOG = (("WHEN", 19), ("STATUS", 14), ("CUSTOMER", 30), ("PRODUCT", 20), ("WHAT HAPPENED", 0))
HOLDINGS = (("INTEGRATION", 24), ("KIND", 12), ("TARGET", 28), ("SHOULD HOLD", 11), ("BELIEVED TO HOLD", 16), ("BECAUSE OF", 0))
"""Columns with their widths in characters; the last one is as wide as it must be."""


def entry(row: Row) -> dict[str, Any]:
    """An entry as `logs --json` gives it. Ids are texts: they are larger than what some languages count to."""
    return {
        "id": str(row.id),
        "at": time(row.at),
        "email": row.email or None,
        "product": row.product_ref or None,
        "trigger": row.trigger,
        "integration": label(row.integration) or None,
        "action": row.action,
        "target": row.target or None,
        "status": row.status,
        "sentence": row.says,
        "event": str(row.event_id) if row.event_id else None,
    }


def holding(held: Held) -> dict[str, Any]:
    """A target as `holds --json` gives it."""
    return {
        "integration": held.integration,
        "kind": held.kind,
        "target": held.target,
        "held": held.held,
        "because": [{"product": one.product, "ground": one.ground, "since": time(one.since)} for one in held.because],
        "believed": held.believed,
    }


def log(rows: Iterable[Row], zone: str) -> Iterator[str]:
    """Entries as a table with its headings, line by line as they come; nothing for none."""
    for number, row in enumerate(rows):
        if number == 0:
            yield _heading(LOG)
        yield _line(LOG, (_local(row.at, zone), row.status, row.email or "-", row.product_ref or "-", row.says))


def held(found: Iterable[Held], zone: str) -> Iterator[str]:
    """What a customer should hold as a table with its headings; nothing for nothing."""
    for number, one in enumerate(found):
        if number == 0:
            yield _heading(HOLDINGS)
        because = "; ".join(_because(reason, zone) for reason in one.because) or "-"
        cells = (one.integration, one.kind, one.target or "-", "yes" if one.held else "no", HELD[one.believed], because)
        yield _line(HOLDINGS, cells)


def time(at: datetime) -> str:
    """A moment for a script: ISO 8601 in UTC, with its offset."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def safe(text: str) -> str:
    """A text for a terminal: what came from elsewhere can't move the cursor, change colours, or look like another text."""
    return "".join("\ufffd" if sign in TURNED or unicodedata.category(sign) in NOT_SHOWN else sign for sign in text)


def _because(reason: Because, zone: str) -> str:
    return f"{reason.product or 'by hand'}, {reason.ground}, since {_local(reason.since, zone)}"


def _local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def _heading(columns: Sequence[tuple[str, int]]) -> str:
    return _line(columns, [name for name, _ in columns])


def _line(columns: Sequence[tuple[str, int]], cells: Sequence[str]) -> str:
    return "  ".join(_cell(cell, width) for (_, width), cell in zip(columns, cells, strict=True))


def _cell(text: str, width: int) -> str:
    """As wide as its column: what is longer is cut, and says so."""
    text = safe(text)
    if not width:
        return text
    return f"{text[: width - 1]}…" if len(text) > width else text.ljust(width)
