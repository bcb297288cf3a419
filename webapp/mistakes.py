"""Where mistakes of our own are reported to, if anywhere: Sentry, with what went wrong and nothing of whom it was about."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from webapp.environment import ConfigError

KEPT = ("event_id", "timestamp", "level", "logger", "platform", "release", "exception", "threads", "transaction", "sdk", "contexts", "tags")
"""What of a report leaves: no request, cookie, header, user, extra or breadcrumb."""


def register(dsn: str | None) -> None:
    """Report unforeseen errors from now on. Without a DSN the library is not even loaded. Raises ConfigError."""
    if dsn is None:
        return
    sentry: Any = importlib.import_module("sentry_sdk")
    try:
        sentry.init(
            dsn=dsn,
            before_send=scrub,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
        )
    except ValueError:  # its BadDsn
        raise ConfigError("SENTRY_DSN is not an address that Sentry gives.") from None


def scrub(report: Mapping[str, Any], hint: Any) -> dict[str, Any]:
    """The report without anything that may hold a person, a key or what a checkout sent: the kinds of errors and the places in the code.

    An error's own words are left out too: a database's quote the row.
    """
    kept = {name: report[name] for name in KEPT if name in report}
    for error in kept.get("exception", {}).get("values", ()):
        error["value"] = ""
    return kept
