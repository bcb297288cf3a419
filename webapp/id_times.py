"""When a row was made, as its id tells (`webapp.ids`): ids sort by time, so a span of time is a span of ids. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
"""Where the time in an id begins."""

BITS = 22
"""How many of an id's last bits tell no time."""

MILLISECOND = timedelta(milliseconds=1)


def first_id(at: datetime) -> int:
    """The smallest id that a row made at that time may have."""
    return (at - EPOCH) // MILLISECOND << BITS


def made_at(row_id: int) -> datetime:
    """When the row of an id was made, to the millisecond."""
    return EPOCH + (row_id >> BITS) * MILLISECOND
