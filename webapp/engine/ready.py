"""Statements that are built once, at import, and asked many times a second: to build one costs more than the database takes to answer it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.orm import Session


def ask(session: Session, statement: Executable, **values: Any) -> CursorResult[*tuple[Any, ...]]:
    """Execute it with these values for its bound names (a list for an expanding one), past the ORM, but for what it has not written yet."""
    session.flush()
    bound = session.bind  # a writing session is bound to its transaction's connection: to ask it for that costs more than some answers
    return (bound if isinstance(bound, Connection) else session.connection()).execute(statement, values)
