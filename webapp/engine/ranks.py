"""Which lanes of an integration go first where many are due: joins before leaves, live events before batches. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import SmallInteger, case, cast, func
from sqlalchemy.sql.elements import ColumnElement

from webapp.apps.registry import APPS
from webapp.models import LogEntry

ALL = JOINS, LEAVES, BATCH_JOINS, BATCH_LEAVES = tuple(range(4))
"""`Lane.rank`: that of its most urgent entry."""


def rank(adds: bool, batch: bool = False) -> int:
    """How urgent one entry is. `batch`: it is part of one (`LogEntry.batch_id`)."""
    return (JOINS if adds else LEAVES) + (BATCH_JOINS if batch else 0)


@cache
def of_entries() -> ColumnElement[Any]:
    """The rank of the most urgent of a group of log entries, for a query."""
    adds = sorted({action.key for app in APPS.values() for action in app.actions.values() if action.adds})
    each = case((LogEntry.action.in_(adds), JOINS), else_=LEAVES) + case((LogEntry.batch_id.is_not(None), BATCH_JOINS), else_=0)
    return cast(func.min(each), SmallInteger)
