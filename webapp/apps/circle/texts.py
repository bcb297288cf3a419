"""What is said in an answer of Circle, in whichever of its forms. Nothing is decided here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from webapp.apps import Answer

MISSING = re.compile(r"missing record:\s*([a-z/ ]+)", re.IGNORECASE)
LONGEST = 300
FIELDS = ("message", "errors", "error", "error_details")
"""Where Circle puts its words. `error_details` may be an object, a string, a list or null."""


def said(answer: Answer) -> str:
    """Everything that an answer says, in one line and lower case."""
    return " ".join(_words(answer.data)).lower()


def record(answer: Answer) -> str:
    """Which record a 404 says is missing: `user`, `space`, `member tag` ...; "" where it doesn't say."""
    found = MISSING.search(" ".join(_words(answer.data)))
    return found[1].strip().lower() if found else ""


def quoted(answer: Answer) -> str:
    """The words of a refusal for the merchant: what Circle said first, shortened."""
    words = next(_words(answer.data), "").strip()
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def _words(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 4:
        for one in value:
            yield from _words(one, depth + 1)
    elif isinstance(value, dict) and depth < 4:
        for field in FIELDS:
            yield from _words(value.get(field), depth + 1)
