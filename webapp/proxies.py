"""Who asked, behind proxies: what the nearest ones say is believed, as many as TRUSTED_PROXIES, and nobody beyond them."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def register(app: Flask, trusted: int) -> None:
    """Take the address, scheme and host of whoever asked from so many proxies; with 0 the headers say nothing."""
    if trusted:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted)  # type: ignore[method-assign]
