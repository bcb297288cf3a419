"""What an app is put together from, in one place: settings, vault, ids, clock, bell. Handed out by `parts()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from flask import Flask, current_app

from webapp.config import Settings
from webapp.doorbell import Bell
from webapp.ids import Ids
from webapp.pacing import Pace
from webapp.vault import Vault


def utcnow() -> datetime:
    """The time, aware. The only place outside the tests that asks the clock for a moment."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Parts:
    """The parts of a running app. `now` is the clock; `new_id(now)` makes an id; `pace` says how many calls may go out."""

    settings: Settings
    vault: Vault
    new_id: Ids
    bell: Bell
    pace: Pace
    now: Callable[[], datetime] = utcnow


def parts() -> Parts:
    """The parts of the current app."""
    return cast(Parts, current_app.extensions["cartwheel"])


def register(app: Flask, made: Parts) -> None:
    """Give the app its parts."""
    app.extensions["cartwheel"] = made
