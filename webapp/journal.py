"""How the processes write their logs: a line of text, or a line of JSON (LOG_FORMAT). What is written is decided where it happens.

What a line is about (the ids of an event, of entries, of an integration) is said by whoever knows it, and stands on every line that is written
meanwhile, whoever writes it. Ids are texts: some readers of JSON round large numbers.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

TEXT = "%(levelname)s %(name)s: %(message)s"
OURS = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
"""What every record has; anything else was handed in with `extra`."""

_now: ContextVar[Mapping[str, object]] = ContextVar("about")


class about:  # noqa: N801  it reads as the statement that it is
    """`with about(integration=…):` lines that are written inside name these ids. An error that leaves the block takes them along to whoever
    writes it down."""

    def __init__(self, **ids: object) -> None:
        self._ids = ids

    def __enter__(self) -> None:
        self._before = _now.set(_now.get({}))
        name(**self._ids)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            vars(error)["about"] = {**_now.get(), **vars(error).get("about", {})}
        _now.reset(self._before)


def name(**ids: object) -> None:
    """What has just become known: lines name it until the block is left. Outside of one nobody would take it back, and it is not kept."""
    known = _now.get(None)
    if known is not None:
        texts = {name: [str(one) for one in what] if isinstance(what, list) else str(what) for name, what in ids.items()}
        _now.set({**known, **texts})


def named(record: logging.LogRecord) -> dict[str, object]:
    """What a line is about, by name."""
    error = record.exc_info[1] if record.exc_info else None
    given = {name: value for name, value in vars(record).items() if name not in OURS}
    return {**getattr(error, "about", {}), **_now.get({}), **given}


class Text(logging.Formatter):
    """One line for people, what it is about at its end."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  its name there
        """The line without its traceback."""
        ids = " ".join(f"{name}={','.join(what) if isinstance(what, list) else what}" for name, what in named(record).items())
        return f"{super().formatMessage(record)} {ids}".rstrip()


class Json(logging.Formatter):
    """One JSON object a line: when, how bad, who says it, what; and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **named(record),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


def layout(level: str, form: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: everything goes to standard error, gunicorn's own lines too."""
    lines = {"()": "webapp.journal.Json"} if form == "json" else {"()": "webapp.journal.Text", "fmt": TEXT}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": lines},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"level": level, "handlers": ["out"]},
        "loggers": {"gunicorn.error": {"level": level, "handlers": [], "propagate": True}},
    }
