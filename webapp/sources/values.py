"""The values that messages are made of, as pydantic types, and what is wrong with one in plain words. Nothing of one source lives here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from webapp.sources import Problem

LONGEST_ID = 200
LONGEST_EMAIL = 320
LONGEST_NAME = 200
LONGEST_PRODUCT_NAME = 300
LARGEST_COUNT = 1_000_000
EARLIEST_YEAR, LATEST_YEAR = 2000, 2199
"""Between these a time can be meant, shown in any zone and stored in any database."""

MOST_PROBLEMS = 20
"""Of a message with hundreds of wrong items so many are told."""

UNREADABLE = "\ufffd"
"""Stands where half of a character was sent."""

_EMAIL = re.compile(r"""[^@\s<>(),;:"\[\]\\]+@[^@\s<>(),;:"\[\]\\.-]+(?:[.-]+[^@\s<>(),;:"\[\]\\.-]+)*""")


def wrong(message: str) -> PydanticCustomError:
    """What is wrong with a value, in plain words. The braces of pydantic's templates are not ours."""
    return PydanticCustomError("ours", "{message}", {"message": message})


def as_id(value: object) -> str:
    """An id as text: text is trimmed, a whole number written out."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**LONGEST_ID else "9" * (LONGEST_ID + 1)
    if not isinstance(value, str):
        raise wrong("must be text or a whole number")
    value = value.strip()
    if not value:
        raise wrong("must not be empty")
    if len(value) > LONGEST_ID:
        raise wrong(f"is longer than {LONGEST_ID} characters")
    if not value.isprintable() or UNREADABLE in value:
        raise wrong("has a character that cannot be shown")
    return value


def as_email(value: object) -> str:
    """An e-mail address, trimmed and lower-cased. Its shape is checked, not whether it exists: that Circle or its mail server says."""
    if not isinstance(value, str):
        raise wrong("must be text")
    value = value.strip().lower()
    if not value:
        raise wrong("must not be empty")
    if len(value) > LONGEST_EMAIL:
        raise wrong(f"is longer than {LONGEST_EMAIL} characters")
    if not value.isprintable() or UNREADABLE in value or not _EMAIL.fullmatch(value):
        raise wrong("is not an e-mail address")
    return value


def as_time(value: object) -> datetime:
    """A time with its zone, in UTC: `2026-11-24T08:00:00Z` or with an offset."""
    if not isinstance(value, str):
        raise wrong("must be a time like 2026-11-24T08:00:00Z, as text")
    if not value.isprintable():  # Python's reader lets a NUL through
        raise wrong("is not a time like 2026-11-24T08:00:00Z")
    try:
        at = datetime.fromisoformat(value.strip().upper())
    except ValueError:
        raise wrong("is not a time like 2026-11-24T08:00:00Z") from None
    if at.tzinfo is None:
        raise wrong("has no time zone: end it with Z for UTC, or with an offset like +01:00")
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise wrong(f"must be between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return at.astimezone(UTC)


def _as_name(value: object, longest: int) -> str:
    """A name for people: what cannot be shown becomes a space, and what is too long is cut. A strange name keeps nobody out."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong("must be text")
    if not value.isprintable():
        value = "".join(c if c.isprintable() else " " for c in value)
    return value.strip()[:longest]


def as_name(value: object) -> str:
    """A part of a person's name."""
    return _as_name(value, LONGEST_NAME)


def as_product_name(value: object) -> str:
    """A product's name."""
    return _as_name(value, LONGEST_PRODUCT_NAME)


_ID_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": LONGEST_ID}, {"type": "integer"}],
    "description": "The checkout's own id. A number is kept as text.",
}
_NAME_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "null"}]}

Id = Annotated[str, BeforeValidator(as_id), WithJsonSchema(_ID_SCHEMA)]
MaybeId = Annotated[
    str | None,
    BeforeValidator(lambda value: None if value is None else as_id(value)),
    WithJsonSchema({**_ID_SCHEMA, "anyOf": [*_ID_SCHEMA["anyOf"], {"type": "null"}]}),
]
Email = Annotated[
    str, BeforeValidator(as_email), WithJsonSchema({"type": "string", "maxLength": LONGEST_EMAIL, "description": "An e-mail address."})
]
Name = Annotated[str, BeforeValidator(as_name), WithJsonSchema(_NAME_SCHEMA)]
ProductName = Annotated[str, BeforeValidator(as_product_name), WithJsonSchema(_NAME_SCHEMA)]
Time = Annotated[
    datetime,
    BeforeValidator(as_time),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "With its zone, e.g. 2026-11-24T08:00:00Z."}),
]
MaybeTime = Annotated[
    datetime | None,
    BeforeValidator(lambda value: None if value is None else as_time(value)),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]


def problem(error: ErrorDetails, skip: int = 0) -> Problem:
    """One of pydantic's errors in plain words. The first `skip` parts of its place are not the message's (the tag of a union)."""
    return Problem(".".join(str(part) for part in error["loc"][skip:]), _sentence(error))


def _sentence(error: ErrorDetails) -> str:
    context: Mapping[str, Any] = error.get("ctx", {})
    if error["type"] == "ours":
        return str(context["message"])
    for kind, sentence in _SENTENCES.items():
        if error["type"].startswith(kind):
            return sentence.format_map(context)
    return "is not right: " + error["msg"]


_SENTENCES = {
    "missing": "is missing",
    "string": "must be text",
    "list": "must be a list",
    "too_short": "must have at least one item",
    "bool": "must be true or false",
    "int": "must be a whole number",
    "finite": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of: {expected}",
    "model": "must be an object with fields",
    "dict": "must be an object with fields",
}
"""The beginnings of pydantic's names for its errors, and what we say."""
