"""Ids made in the process, so that rows can be written without asking the database for them. They sort by the time they were made."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime

from webapp.id_times import BITS, first_id


class Ids:
    """Makes 63-bit ids: 41 bits of milliseconds since `id_times.EPOCH` (69 years), 10 of the process (drawn), 12 of a counter.

    Two processes that drew the same number may make the same id in the same millisecond: the primary key refuses the second, whose
    transaction is then done again with new ids.
    """

    def __init__(self) -> None:
        self._process = secrets.randbelow(1 << 10) << 12
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self, now: datetime) -> int:
        """The next id, for a row made at `now`. Never the same twice, and never smaller than the one before."""
        floor = first_id(now)
        with self._lock:
            if floor >> BITS > self._last >> BITS:
                self._last = floor | self._process
            elif self._last & 0xFFF == 0xFFF:
                self._last = ((self._last >> BITS) + 1 << BITS) | self._process
            else:
                self._last += 1
            return self._last
