"""Toasts: what was done, said once on the next page. Never for errors, and never the only record. No page lives here."""

from __future__ import annotations

from flask import session


def toast(text: str, undo: str | None = None) -> None:
    """Say `text` on the next page. `undo` is an address that takes the deed back by a POST: the toast then has an Undo button."""
    said = session.get("_flashes", [])
    session["_flashes"] = [*said, ("message", {"text": text, "undo": undo})]
