"""The headers that every answer carries: what a browser may load, who may frame a page, what is kept. Nothing else."""

from __future__ import annotations

from flask import Flask, request
from flask import Response as FlaskResponse

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
"""Nothing inline and nothing evaluated: no page has a script, style or handler of its own."""

PERMISSIONS = ", ".join(f"{one}=()" for one in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics"))
"""What no page of ours asks a browser for, and nothing in a page may."""

HSTS = "max-age=31536000; includeSubDomains"


CACHING = ("Cache-Control", "private, no-cache")
"""Pages may differ from one request to the next and belong to who is signed in: they are not kept without asking."""

ALWAYS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", PERMISSIONS),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
SECURE = ("Strict-Transport-Security", HSTS)


def register(app: Flask) -> None:
    """Put the headers on every answer of the app."""
    app.after_request(_protect)


def kept(secure: bool) -> list[tuple[str, str]]:
    """The headers of an answer that is no page's. `secure`: it was asked for over TLS."""
    return [*ALWAYS, CACHING, *([SECURE] if secure else [])]


def _protect(answer: FlaskResponse) -> FlaskResponse:
    answer.headers.update(ALWAYS)
    answer.headers.setdefault(*CACHING)
    if request.is_secure:
        answer.headers.update([SECURE])
    return answer
