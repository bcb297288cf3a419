"""A thread that is in no hurry rests again and again, so that whoever is gets the interpreter: one of them has it at a time.

It is not enough that a thread can be interrupted. Whoever answers a checkout gives the interpreter away and wants it back a dozen times, at each
step of a statement, and each time it would wait until the other one is interrupted.
"""

from __future__ import annotations

import threading
import time

WORK = 0.0003
"""Seconds after which a thread that is in no hurry rests."""
REST = 0.0015
"""Seconds for which it does."""


class _Mine(threading.local):
    rested: float | None = None


_mine = _Mine()


def be_patient() -> None:
    """This thread is in no hurry from now on."""
    _mine.rested = time.perf_counter()


def breathe() -> None:
    """A good moment to rest, for a thread that is in no hurry; for any other nothing."""
    if _mine.rested is not None and time.perf_counter() - _mine.rested > WORK:
        time.sleep(REST)
        _mine.rested = time.perf_counter()
