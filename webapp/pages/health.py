"""Whether this process is alive: `/healthz`."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def alive() -> ResponseReturnValue:
    """200 as long as the process answers; asks nobody else."""
    return {"status": "ok"}
