"""From when and until when what a rule asks for counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.models import PAID_PERIOD


@dataclass(frozen=True, slots=True)
class Terms:
    """When a mark counts: from `at`, and an opening until `until` (None: for good).

    Where it waits, `asked_at` is the time at which it was asked for. `recoverable`: a recovery in between undoes it.
    `paid_period`: it is at the end of what was paid for, whenever that turns out to be.
    """

    at: datetime
    until: datetime | None = None
    asked_at: datetime | None = None
    recoverable: bool = False
    paid_period: bool = False


def opening(at: datetime, for_days: int | None, asked_at: datetime | None = None) -> Terms:
    """Of what gives something. `asked_at`: the event's time, where the happening's own is later (an abandoned cart)."""
    return Terms(at, at + timedelta(days=for_days) if for_days else None, asked_at)


def removal(at: datetime, after_days: int, access_until: datetime | None, asked_at: datetime | None = None) -> Terms:
    """Of what takes something: at once, so many days later, or (PAID_PERIOD) when what was paid for ends, if the checkout says when."""
    due = max(at, access_until or at) if after_days == PAID_PERIOD else at + timedelta(days=after_days)
    paid_period = after_days == PAID_PERIOD
    return Terms(due, None, at, True, paid_period) if due > at else Terms(at, None, asked_at, paid_period=paid_period)
