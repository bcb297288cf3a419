"""Tokens for links that work once: a random text for the address, and its SHA-256, which alone is kept. And what is known again by a digest."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_token() -> str:
    """A token that nobody guesses: 32 random bytes, safe in an address."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is kept of a token: its SHA-256 in hexadecimal. The token is random, so it needs no salt."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def digest(secret: str, *known: object) -> str:
    """By what something is known again without being kept: an HMAC-SHA-256 in hexadecimal, which nobody can make who has not the secret."""
    return hmac.new(secret.encode(), "\0".join(map(str, known)).encode(errors="replace"), hashlib.sha256).hexdigest()
