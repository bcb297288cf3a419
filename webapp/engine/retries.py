"""When to try again and when to give up after a passing failure. Pure: the dice are passed in."""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp.engine import sentences

DELAYS = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 20 * 3600, 30 * 3600))
"""After the first failure, the second, ...: almost three days in all. After the last one an entry has failed."""

JITTER = 0.2
"""By how much of itself a delay may be longer or shorter, so that what failed together does not come back together."""

TOMORROW_AT = timedelta(minutes=10)
"""How long after midnight work goes on that waited for the app's next day."""


def again_at(failures: int, now: datetime, dice: float) -> datetime | None:
    """When to try again after so many failures in a row (from 1); None to give up. `dice` is from 0 to 1."""
    if failures > len(DELAYS):
        return None
    return now + DELAYS[failures - 1] * (1 - JITTER + 2 * JITTER * dice)


def tomorrow(now: datetime, zone: str) -> datetime:
    """Ten minutes past the next midnight in a time zone. Circle doesn't say whose midnight its daily limit means."""
    there = sentences.local(now, zone)
    midnight = (there + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + TOMORROW_AT).astimezone(now.tzinfo)


def waiting(reason: str, failures: int, at: datetime, zone: str, now: datetime) -> str:
    """`Circle answered with an error (503). Next attempt at 14:36, the 3rd of 11.`"""
    return f"{reason} Next attempt {sentences.when(at, zone, now)}, the {sentences.ordinal(failures + 1)} of {len(DELAYS) + 1}."
