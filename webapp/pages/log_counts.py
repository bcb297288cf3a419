"""The numbers on the chips of an open log page, told when they have changed. Counted at most once in EVERY seconds, for all who look at a log.

No page lives here.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from webapp.database import db
from webapp.engine import log_query, logs
from webapp.pages import guard, times

EVERY = 3.0

_lock = threading.Lock()


@dataclass(frozen=True)
class Numbers:
    """What the chips say, as HTML, and of which moment; `counted`: when that was, on the clock of `time.monotonic`."""

    html: str
    at: datetime
    counted: float


_kept: dict[int, Numbers] = {}


class Counts:
    """What one open page knows of them. `whole`: its chips count, since the whole log is meant. `since`: of which moment those that it has are."""

    def __init__(self, whole: bool, since: datetime) -> None:
        self._whole, self._since, self._told = whole, since, ""
        self._wanted: datetime | None = None

    @property
    def due(self) -> bool:
        """Whether something has changed since the numbers that it was told."""
        return self._wanted is not None

    def html(self, changed: bool, now: datetime) -> str:
        """The numbers, each to be put in its place, where they are newer and others than before; "" else. `changed`: something in the log has."""
        if changed and self._whole:
            self._wanted = now
        if self._wanted is None:
            return ""
        found = _numbers(now)
        if found.at >= self._wanted:
            self._wanted = None
        if found.at < self._since or found.html == self._told:
            return ""
        self._since, self._told = found.at, found.html
        return found.html


def shown(number: int) -> str:
    """A number as a chip has it."""
    return f"{times.number(number)}{'+' if number >= logs.MOST else ''}" if number else ""


def _numbers(now: datetime) -> Numbers:
    """The numbers of the log of who looks: of this moment, or as old as they may be."""
    here = guard.here()
    if (kept := _lately(here)) is None:
        db.session.remove()  # who waits for the lock must hold no connection: whoever has it needs one
        with _lock:
            if (kept := _lately(here)) is None:
                counts = logs.counts(db.session(), here, now)
                numbers = {"all": sum(counts.values()), **{status: counts.get(status, 0) for status in log_query.STATUSES}}
                made = "".join(f'<b id="chip-{status}" data-known>{shown(number)}</b>' for status, number in numbers.items())
                kept = _kept[here] = Numbers(made, now, time.monotonic())
                db.session.remove()
    return kept


def _lately(here: int) -> Numbers | None:
    kept = _kept.get(here)
    return kept if kept is not None and time.monotonic() - kept.counted < EVERY else None
