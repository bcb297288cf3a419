"""Standard Webhooks: who sent a request, and when. Knows no message; the answers to a refused one are checkout_events' three words."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from standardwebhooks import Webhook

from webapp.sources import Refusal, Request

TOLERANCE = timedelta(minutes=5)
"""How far the time of a signature may be off, either way."""

LONGEST_KEY = 256
"""Characters of a `webhook-id`: what the events' key holds."""

SHORTEST_SECRET = 16
"""Bytes of a signing secret that somebody brings along. Ours have 32."""

NEEDED = ("webhook-id", "webhook-timestamp", "webhook-signature")
PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh signing secret, `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(text: str) -> bool:
    """Whether a text can be a signing secret: `whsec_` and at least 16 bytes in base64 (padding may be missing)."""
    try:
        return text.startswith(PREFIX) and len(_key(text)) >= SHORTEST_SECRET
    except ValueError:
        return False


def signed(secret: str, key: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that a checkout sends with this body: `key` is its `webhook-id`, `at` the time of the signature (not of the event)."""
    at = at.astimezone(UTC)
    signature = Webhook(secret).sign(key, at, body.decode())
    return {"webhook-id": key, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def check(request: Request, now: datetime) -> str:
    """The `webhook-id` of a request that one of the secrets signed within TOLERANCE of `now`.

    Raises Refusal with 401 and `headers`, `timestamp` or `signature`, in this order.
    """
    key, at, given = (request.headers.get(name, "").strip() for name in NEEDED)
    _check_headers(key, at, given)
    _check_time(at, now)
    if not _is_signed(f"{key}.{at}.".encode() + request.body, given, request.secrets):
        raise _refusal("signature", "The signature does not match: it was made with another secret, or the body was changed on the way.")
    return key


def _check_headers(key: str, at: str, given: str) -> None:
    missing = [name for name, value in zip(NEEDED, (key, at, given), strict=True) if not value]
    if missing:
        raise _refusal("headers", f"Not there: {', '.join(missing)}.")
    if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise _refusal("headers", f"webhook-id must have at most {LONGEST_KEY} characters, all of them plain ASCII.")


def _check_time(at: str, now: datetime) -> None:
    if not (at.isascii() and at.isdigit()) or len(at) > 12:
        raise _refusal("timestamp", "webhook-timestamp must be the time in whole seconds since 1970.")
    off = int(at) - int(now.timestamp())
    if abs(off) > TOLERANCE.total_seconds():
        way = "ahead of" if off > 0 else "behind"
        raise _refusal("timestamp", f"webhook-timestamp is {_span(abs(off))} {way} Cartwheel's clock; 5 minutes are allowed.")


def _span(seconds: int) -> str:
    if seconds < 7200:
        return f"{seconds // 60} minutes"
    return f"{seconds // 3600} hours" if seconds < 172800 else f"{seconds // 86400} days"


def _is_signed(text: bytes, given: str, among: Sequence[str]) -> bool:
    """Not by the library's `verify`: it asks the clock itself, and takes text where the bytes as they came are what was signed.

    Every signature is held against every secret, in constant time and without stopping at the first that matches.
    """
    offered = [part[3:].encode(errors="replace") for part in given.split() if part.startswith("v1,")]
    found = False
    for secret in among:
        expected = base64.b64encode(hmac.digest(_key(secret), text, "sha256"))
        for signature in offered:
            found |= hmac.compare_digest(expected, signature)
    return found


@lru_cache(maxsize=4096)
def _key(secret: str) -> bytes:
    """The bytes of a secret. Raises ValueError for what is no base64."""
    try:
        text = secret.removeprefix(PREFIX).rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError) as e:
        raise ValueError("a signing secret is whsec_ and base64") from e


def _refusal(error: str, reason: str) -> Refusal:
    body: Mapping[str, object] = {"error": error}
    return Refusal(401, body, reason)
