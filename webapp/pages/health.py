"""For who runs it: whether this process is alive (`/healthz`), may be given work (`/readyz`), and numbers (`/metrics`)."""

from __future__ import annotations

from functools import cache
from hmac import compare_digest
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, TimeoutError  # noqa: A004  its name there

from webapp.database import db
from webapp.engine import vitals
from webapp.engine.vitals import Vitals
from webapp.parts import parts

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def alive() -> ResponseReturnValue:
    """200 as long as the process answers; asks nobody else."""
    return {"status": "ok"}


@pages.get("/readyz")
def ready() -> ResponseReturnValue:
    """200 where events can be taken in: the database answers and is migrated. Redis and the lag are told, and keep nobody out."""
    try:
        said: dict[str, Any] = {
            "database": "ok",
            "migrations": _migrations(),
            "lag_seconds": round(vitals.lag(db.session(), parts().now()), 1),
        }
    except (DBAPIError, TimeoutError):
        said = {"database": "unreachable or without its tables"}
    said["redis"] = _redis()
    good = said["database"] == "ok" and said["migrations"] == "ok"
    return {"status": "ready" if good else "not ready", **said}, 200 if good else 503


@pages.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Numbers for Prometheus, for who has METRICS_TOKEN. They are the database's, so any process may be asked."""
    token = parts().settings.metrics_token
    if token is None:
        abort(404)
    given = request.headers.get("Authorization", "")
    if not compare_digest(given.encode(), f"Bearer {token}".encode()):
        return Response("A Bearer token is needed.\n", 401, {"WWW-Authenticate": "Bearer"}, mimetype="text/plain")
    return Response(_exposed(vitals.read(db.session(), parts().now())), mimetype="text/plain", headers={"Cache-Control": "no-store"})


def _migrations() -> str:
    """ok, or what the database is at and should be at."""
    connection, newest = db.session.connection(), newest_revision(Path(current_app.root_path).parent / "migrations")
    at = (
        connection.scalar(text("SELECT max(version_num) FROM alembic_version"))
        if inspect(connection).has_table("alembic_version")
        else None
    )
    if at and at >= newest:  # an older process goes on serving while a newer release migrates
        return "ok"
    return f"at {at or 'none'}, this version needs {newest}: flask --app wsgi db upgrade"


@cache
def newest_revision(migrations: Path) -> str:
    """The revision that this version of the code needs: its file's name begins with it. Alembic knows as well, and to import it takes a
    tenth of a process's start."""
    return max(script.name.partition("_")[0] for script in (migrations / "versions").glob("[0-9]*.py"))


def _redis() -> str:
    try:
        parts().bell.redis.ping()
    except (RedisError, OSError):
        return "unreachable: the clock rings in its place"
    return "ok"


def _exposed(read: Vitals) -> str:
    """In Prometheus' text format."""
    lines: list[str] = []
    for name, help_, value in (
        ("lag_seconds", "For how long the lane that is due longest has been due.", read.lag),
        ("lanes_due", "Lanes that are due and that nobody works on.", read.due),
        ("events_5m", "Events that came in the last five minutes.", read.events),
        ("entries_failed_5m", "Log entries of the last five minutes that failed.", read.failed),
        ("integrations_attention", "Integrations that need a person.", read.attention),
        ("integrations_paused", "Integrations that are paused.", read.paused),
        ("batches_running", "Batches that run.", read.batches),
        ("calls_month", "Calls of this month (UTC).", read.calls),
        ("calls_metered_month", "Calls of this month that the app meters.", read.metered),
    ):
        lines += [f"# HELP cartwheel_{name} {help_}", f"# TYPE cartwheel_{name} gauge", f"cartwheel_{name} {value}"]
    lines += ["# HELP cartwheel_entries_open Log entries that have not ended, by status.", "# TYPE cartwheel_entries_open gauge"]
    lines += [f'cartwheel_entries_open{{status="{status}"}} {count}' for status, count in sorted(read.open.items())]
    return "\n".join(lines) + "\n"
