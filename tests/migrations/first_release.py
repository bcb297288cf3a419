"""What the first release (revision 0001) left in its database, and what it said to it afterwards, recorded from its code on either database.

A merchant with two rules has had an order. Then came a repeat, an order of somebody else, a message that is not understood, a charge, a prospect and
a refund; the lanes were worked, with one call that failed; and an owner signed in, looked at every page, changed and replayed something.
Replayed on a later schema, all of it must go as it went: an old version serves while a new one migrates.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from psycopg.types.json import Json
from sqlalchemy import Connection, Engine

FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Said:
    """One statement with its parameters (a list of them where it was for many rows), and how many rows it touched or found; -1: unknown."""

    statement: str
    parameters: Any
    rows: int

    def repeat(self, connection: Connection) -> None:
        """Say it again. It must touch, and find, as many rows as it did."""
        came = connection.exec_driver_sql(self.statement, self.parameters)
        assert self.rows in {-1, came.rowcount}, self.statement


@dataclass(frozen=True)
class Release:
    """Its recordings on one kind of database. `said`: transactions, in their order."""

    rows: dict[str, tuple[list[str], list[list[Any]]]]
    said: list[list[Said]]

    def fill(self, engine: Engine) -> None:
        """Put its rows into a database of its own schema."""
        with engine.begin() as connection:
            mark = "?" if engine.dialect.name == "sqlite" else "%s"
            for table, (columns, rows) in self.rows.items():
                names = ", ".join(f'"{column}"' for column in columns)
                statement = f"INSERT INTO {table} ({names}) VALUES ({', '.join([mark] * len(columns))})"
                connection.exec_driver_sql(statement, [tuple(row) for row in rows])

    def held(self, engine: Engine) -> dict[str, int]:
        """How many rows each of its tables has now."""
        with engine.connect() as connection:
            return {name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) for name in self.rows}


def load(dialect: str) -> Release:
    """The recordings on this kind of database."""
    read = json.loads((FOLDER / f"{dialect}.json").read_text(), object_hook=_value)
    said = [[Said(statement, _given(given), rows) for statement, given, rows in transaction] for transaction in read["said"]]
    return Release(read["rows"], said)


def _given(given: Any) -> Any:
    """The driver takes tuples or mappings, and a list for many."""
    if isinstance(given, dict):
        return given
    many = bool(given) and isinstance(given[0], list | dict)
    return [_given(one) for one in given] if many else tuple(given)


def _value(said: dict[str, Any]) -> Any:
    """JSON has no bytes, no times, and no JSON that is a value."""
    if set(said) == {"bytes"}:
        return base64.b64decode(said["bytes"])
    if set(said) == {"time"}:
        return datetime.fromisoformat(said["time"])
    return Json(said["json"]) if set(said) == {"json"} else said
