"""The log as a file for a spreadsheet: what a query finds, however much it is, part by part."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from flask import Blueprint, Response, request, stream_with_context
from flask.typing import ResponseReturnValue

from webapp.database import db
from webapp.engine import log_query, logs
from webapp.engine.log_query import Query
from webapp.engine.log_rows import Row
from webapp.engine.sentences import label
from webapp.pages import guard, log_address, times
from webapp.parts import parts

pages = Blueprint("log_export", __name__)

COLUMNS = (
    "Id",
    "Arrived",
    "Status",
    "E-mail",
    "Product",
    "Product id",
    "Trigger",
    "Integration",
    "Action",
    "Target",
    "What happened",
    "Event",
)
PART = 500
"""How many entries are read at once."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would compute."""


@pages.get("/logs/export.csv")
@guard.signed_in
def export() -> ResponseReturnValue:
    """The entries of `q`, the newest first."""
    asked = log_address.read("/logs", request.args)
    query = log_query.parse(db.session(), guard.here(), asked.text, times.here(), parts().now())
    headers = {"Content-Disposition": 'attachment; filename="log.csv"', "Cache-Control": "no-store"}
    return Response(stream_with_context(_lines(guard.here(), query)), mimetype="text/csv", headers=headers)


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _lines(marketplace_id: int, query: Query) -> Iterator[str]:
    """The file, part by part; no transaction is open while the reader takes its time."""
    yield _csv([COLUMNS])
    before = None
    while True:
        found = logs.part(db.session(), marketplace_id, query, parts().now(), before, PART)
        db.session.rollback()
        yield _csv([_cells(row) for row in found.rows])
        if not found.older:
            return
        before = found.rows[-1].id


def _cells(row: Row) -> tuple[str, ...]:
    texts = (
        str(row.id), row.at.astimezone(times.here()).isoformat(timespec="seconds"), row.status, row.email, row.product, row.product_ref,
        row.trigger or "", label(row.integration), row.action or "", row.target, row.says, str(row.event_id or ""),
    )  # fmt: skip
    return tuple(safe(text) for text in texts)


def _csv(rows: list[tuple[str, ...]]) -> str:
    written = StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
