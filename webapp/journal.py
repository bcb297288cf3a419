"""How the processes write their logs: a line of text, or a line of JSON (LOG_FORMAT). What is written is decided where it happens."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

TEXT = "%(levelname)s %(name)s: %(message)s"
OURS = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
"""What every record has; anything else was handed in with `extra`, such as the id of an event."""


class Json(logging.Formatter):
    """One JSON object a line: when, how bad, who says it, what; and whatever the record was given beside (`event`, `entry`, …)."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= {name: value for name, value in vars(record).items() if name not in OURS}
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


def layout(level: str, form: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: everything goes to standard error, gunicorn's own lines too."""
    lines = {"()": "webapp.journal.Json"} if form == "json" else {"format": TEXT}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": lines},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"level": level, "handlers": ["out"]},
        "loggers": {"gunicorn.error": {"level": level, "handlers": [], "propagate": True}},
    }
