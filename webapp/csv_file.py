"""CSV files as spreadsheets write them: text from bytes, rows from text. What a row means is decided elsewhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BYTES = 1024 * 1024


class Unreadable(Exception):
    """The file as a whole can't be used: a sentence."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One line that can't be used, and why."""

    number: int
    why: str


def decode(data: bytes) -> str:
    """A file's text. Raises Unreadable where it is too large, or not UTF-8."""
    if len(data) > MOST_BYTES:
        raise Unreadable("This file is larger than 1 MiB. Split it, and import one part after the other.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("This file is not in UTF-8. Save it as “CSV UTF-8” in your spreadsheet, then choose it again.") from None
    if "\0" in text:
        raise Unreadable("This is not a CSV file. Save the sheet as “CSV UTF-8”, then choose it again.")
    return text


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that is not empty, with the number at which it begins. Raises Unreadable where quotes don't close."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first), strict=True, skipinitialspace=True)
    begins = 1
    try:
        for cells in reader:
            trimmed = [cell.strip() for cell in cells]
            if any(trimmed):
                yield begins, trimmed
            begins = reader.line_num + 1
    except csv.Error:
        raise Unreadable(f"Line {begins} can't be read: its quotes do not match. Mend it, then choose the file again.") from None


def _delimiter(line: str) -> str:
    """What separates the columns: what the first line has most of."""
    return max(",;\t", key=lambda one: (line.count(one), one == ","))
