"""Passwords: hashed with Argon2id, checked in the same time whether the account exists or not. Nothing is stored here."""

from __future__ import annotations

import threading
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


@dataclass(frozen=True)
class Checked:
    """Whether a password was right, and the hash to store instead where the stored one was made with other parameters."""

    right: bool
    better_hash: str | None = None


def hash_password(password: str) -> str:
    """The hash to store."""
    with _slots:
        return HASHER.hash(password)


def check_password(stored: str | None, password: str) -> Checked:
    """Hold a password against a stored hash. None (no such account, or none with a password) is wrong after the same time."""
    known = stored or _nobodys()
    with _slots:
        right = _matches(known, password) and stored is not None
    if right and HASHER.check_needs_rehash(known):
        return Checked(True, hash_password(password))
    return Checked(right)


def _matches(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """A hash for accounts that do not exist, so that these take as long to refuse."""
    return hash_password("nobody has this password")
