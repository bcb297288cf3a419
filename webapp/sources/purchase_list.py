"""Past purchases from a CSV file: a line for each, its e-mail, product, date and order id. Each line is a message, as if the checkout had sent it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from pydantic_core import PydanticCustomError

from webapp.csv_file import Unreadable, Wrong, rows
from webapp.sources import Line, Message, Person
from webapp.sources.values import EARLIEST_YEAR, as_email, as_id

MOST_LINES = 20_000
TYPE = "purchase.imported"

EMAIL, PRODUCT, DATE, ORDER = "email", "product", "date", "order"
HEADINGS: Mapping[str, frozenset[str]] = {
    EMAIL: frozenset({"email", "e-mail", "customer", "customer email", "customer_email", "e-mail address", "email address"}),
    PRODUCT: frozenset({"product", "product id", "product_id", "productid", "sku"}),
    DATE: frozenset({"date", "purchased", "purchased at", "bought", "bought at", "created", "created at", "created_at", "order date"}),
    ORDER: frozenset({"order", "order id", "order_id", "orderid", "order number", "id"}),
}
"""What the first line's columns may be called. Without a heading they stand in this order."""

_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)")


@dataclass(frozen=True, slots=True)
class Read:
    """What a file has: the messages by their lines' numbers, and the lines that can't be used."""

    messages: Mapping[int, Message]
    wrong: Sequence[Wrong]


def read(text: str, zone: tzinfo, now: datetime) -> Read:
    """The purchases in a CSV text, by commas, semicolons or tabs. A date without a zone is meant in `zone`. Raises Unreadable."""
    found = list(rows(text))
    if not found:
        raise Unreadable("This file is empty. It needs a line for each purchase: e-mail, product id, date, order id.")
    columns = _columns(found[0][1])
    body = found[1:] if columns else found
    if not body:
        raise Unreadable("This file has a heading and no purchases.")
    if len(body) > MOST_LINES:
        raise Unreadable(f"This file has {len(body):,} lines; at most {MOST_LINES:,} can be imported at once. Split it.")
    return _sorted_out(body, columns or {name: at for at, name in enumerate(HEADINGS)}, zone, now)


def _columns(cells: Sequence[str]) -> dict[str, int] | None:
    """Where everything stands, if this line is a heading. Raises Unreadable for one that lacks what is needed."""
    called = [cell.casefold() for cell in cells]
    columns = {name: at for name, words in HEADINGS.items() for at in reversed(range(len(called))) if called[at] in words}
    if not columns or any("@" in cell for cell in cells):
        return None
    missing = [name for name in (EMAIL, PRODUCT, DATE) if name not in columns]
    if missing:
        raise Unreadable(f"The heading has no column for: {', '.join(missing)}.")
    return columns


def _sorted_out(body: Iterable[tuple[int, list[str]]], columns: Mapping[str, int], zone: tzinfo, now: datetime) -> Read:
    messages: dict[int, Message] = {}
    wrong: list[Wrong] = []
    lines: dict[str, int] = {}
    for number, cells in body:
        said = {name: cells[at] if at < len(cells) else "" for name, at in columns.items()}
        message = _message(said, zone, now)
        if isinstance(message, str):
            wrong.append(Wrong(number, message))
        elif message.key in lines:
            wrong.append(Wrong(number, f"It is in line {lines[message.key]} already."))
        else:
            lines[message.key], messages[number] = number, message
    return Read(messages, wrong)


def _message(said: Mapping[str, str], zone: tzinfo, now: datetime) -> Message | str:
    """What a line says, or what is wrong with it."""
    try:
        email = _checked("The e-mail", as_email, said[EMAIL])
        product = _checked("The product id", as_id, said[PRODUCT])
        order = _checked("The order id", as_id, said[ORDER]) if said.get(ORDER) else None
        at = _time(said[DATE], zone, now)
    except ValueError as why:
        return str(why)
    line = Line("purchased", product, order=order)
    return Message(_key(email, product, order or at.isoformat()), TYPE, at, Person(email), (line,))


def _checked(what: str, check: Callable[[object], str], value: str) -> str:
    try:
        return check(value)
    except PydanticCustomError as error:
        raise ValueError(f"{what} {error.message()}.") from None


def _time(text: str, zone: tzinfo, now: datetime) -> datetime:
    """When: `2026-05-12`, with or without a time and a zone; `12.05.2026` is understood, too. Raises ValueError with a sentence."""
    if not text:
        raise ValueError("There is no date.")
    german = _GERMAN.fullmatch(text)
    written = f"{german[3]}-{int(german[2]):02}-{int(german[1]):02}{german[4]}" if german else text
    try:
        at = datetime.fromisoformat(written.upper())
        at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"“{text[:40]}” is not a date. Write it like 2026-05-12.") from None
    if at.year < EARLIEST_YEAR or at > now:
        raise ValueError(f"{text[:40]} is {'in the future' if at > now else 'too long ago'}.")
    return at


def _key(*parts: str) -> str:
    """The line's identity: the same line of another file is a repeat."""
    return f"import-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}"
