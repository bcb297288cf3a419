"""Passwords: hashed with Argon2id, checked in the same time whether the account exists or not. Nothing is stored here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 10, 1000
"""Characters of a password."""

HASHER = PasswordHasher()
"""The library's own parameters, RFC 9106's for machines with little memory: 64 MiB each."""

_slots = threading.BoundedSemaphore(2)
"""So many at a time: a burst of sign-ins must not take the machine's memory."""

_room = threading.BoundedSemaphore(24)
"""So many at work or waiting: the other threads of the process are for webhooks and pages."""


class Busy(Exception):
    """Too many passwords are being checked at this moment."""


@dataclass(frozen=True)
class Checked:
    """Whether a password was right, and the hash to store instead where the stored one was made with other parameters."""

    right: bool
    better_hash: str | None = None


def hash_password(password: str) -> str:
    """The hash to store. Raises Busy."""
    with _slot():
        return HASHER.hash(password)


def check_password(stored: str | None, password: str) -> Checked:
    """Hold a password against a stored hash. None (no such account, or none with a password) is wrong after the same time.

    Raises Busy.
    """
    known = stored or _nobodys()
    with _slot():
        right = _matches(known, password) and stored is not None
    if right and HASHER.check_needs_rehash(known):
        return Checked(True, hash_password(password))
    return Checked(right)


@contextmanager
def _slot() -> Iterator[None]:
    if not _room.acquire(blocking=False):
        raise Busy
    try:
        with _slots:
            yield
    finally:
        _room.release()


def _matches(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """A hash for accounts that do not exist, so that these take as long to refuse."""
    return hash_password("nobody has this password")
