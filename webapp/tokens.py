"""Tokens for links that work once: a random text for the address, and its SHA-256, which alone is kept."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """A token that nobody guesses: 32 random bytes, safe in an address."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is kept of a token: its SHA-256 in hexadecimal. The token is random, so it needs no salt."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
