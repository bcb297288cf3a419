"""The numbers on the chips of an open log page, told when they have changed. Counted at most once in EVERY seconds, for all who look at a log.

No page lives here.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime

from webapp.database import db
from webapp.engine import log_query, logs
from webapp.pages import guard, times

EVERY = 3.0

_lock = threading.Lock()
_kept: dict[int, tuple[float, str]] = {}


class Counts:
    """What one open page knows of them. `whole`: its chips count, since the whole log is meant. `due`: it has not been told the newest."""

    def __init__(self, whole: bool) -> None:
        self._whole, self._told = whole, ""
        self.due = False

    def html(self, changed: bool, now: datetime) -> str:
        """The numbers, each to be put in its place, where they are others than before; "" else. `changed`: something in the log has."""
        if not self._whole or not (changed or self.due):
            return ""
        made, newest = _html(now)
        self.due = not newest
        if made == self._told:
            return ""
        self._told = made
        return made


def shown(number: int) -> str:
    """A number as a chip has it."""
    return f"{times.number(number)}{'+' if number >= logs.MOST else ''}" if number else ""


def _html(now: datetime) -> tuple[str, bool]:
    """The numbers of the log of who looks, and whether they are of this moment."""
    here, moment = guard.here(), time.monotonic()
    db.session.remove()  # who waits for the lock must hold no connection: whoever has it needs one
    with _lock:
        kept = _kept.get(here)
        if kept is not None and moment - kept[0] < EVERY:
            return kept[1], False
        counts = logs.counts(db.session(), here, now)
        numbers = {"all": sum(counts.values()), **{status: counts.get(status, 0) for status in log_query.STATUSES}}
        made = "".join(f'<b id="chip-{status}" data-known>{shown(number)}</b>' for status, number in numbers.items())
        _kept[here] = (moment, made)
        db.session.remove()
    return made, True
