"""Statements that are built once, at import, and asked many times a second. Each is compiled once for a database, and is text from then on.

To build a statement takes longer than the database takes to answer it, and so does SQLAlchemy's own way from a statement to the database and back:
it looks the text up anew, spreads lists into it, and looks at each value of each row by itself. Only for statements that stay: all are kept.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Executable, Table, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.sql.selectable import ReturnsRows
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine

Process = Callable[[Any], Any]

MOST_ROWS = 32
"""How many rows one statement inserts at most."""


def ask(on: Session | Connection, statement: Executable, **values: Any) -> Sequence[Any]:
    """The rows that a statement gives for these values of its bound names (a list for `among`), past the ORM, but for what it has not written
    yet."""
    connection = _connection(on)
    plan = _plan(connection.dialect, statement, ())
    found = connection.exec_driver_sql(plan.sql, tuple(plan.given(values))).all()  # not the cursor's own: SQLite may fail at any row
    return [plan.understood(row) for row in found] if plan.outs else found


def change(on: Session | Connection, statement: Executable, **values: Any) -> int:
    """Execute a statement that gives no rows. Gives how many it has changed."""
    connection = _connection(on)
    plan = _plan(connection.dialect, statement, ())
    return connection.exec_driver_sql(plan.sql, tuple(plan.given(values))).rowcount


def write(on: Session | Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> int:
    """Execute it for each of these rows, which all have the same keys: bound names, or an insert's columns. Gives how many rows it has changed."""
    connection = _connection(on)
    if statement.is_insert:
        plan = _plan(connection.dialect, statement, tuple(rows[0]))
        return plan.insert(connection, rows) if plan.repeats else plan.insert_from_json(connection, rows)
    plan = _plan(connection.dialect, statement, ())
    return connection.exec_driver_sql(plan.sql, [tuple(plan.given(row)) for row in rows]).rowcount


class among(ColumnElement[bool]):  # noqa: N801  reads as SQLAlchemy's own functions do
    """Whether a column's value is one of a list, which is one bound value: the text of the statement is the same for lists of any length."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: InstrumentedAttribute[Any], name: str) -> None:
        self.column = column.__clause_element__()
        self.list = bindparam(name, type_=_List(self.column.type))

    def self_group(self, against: object = None) -> among:
        """As it is: it needs no brackets, and no comparison with 1."""
        return self


@compiles(among, "sqlite")
def _sqlite(element: among, compiler: SQLCompiler, **more: Any) -> str:
    column, values = compiler.process(element.column, **more), compiler.process(element.list, **more)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  both are placeholders and names


@compiles(among, "postgresql")
def _postgresql(element: among, compiler: SQLCompiler, **more: Any) -> str:
    return f"{compiler.process(element.column, **more)} = ANY ({compiler.process(element.list, **more)})"


class _List(TypeDecorator[Sequence[Any]]):
    """Values of a type: PostgreSQL has lists, SQLite reads them from JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An array, or text."""
        return dialect.type_descriptor(ARRAY(self.of) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        """The list, or its JSON."""
        return value if dialect.name == "postgresql" else json.dumps(value)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement as one database takes it: its text, and what its values are called, in their order. `fixed`: the values that it has itself.
    `ins`, `outs`: which of its values, and of a row's, are something else in Python than there.

    `width`: how many of the values are one row's. `repeats`: where in the text of an insert its row of values begins and ends; None where it
    takes all its rows as JSON.
    """

    sql: str
    names: Sequence[str]
    fixed: Mapping[str, Any]
    ins: Sequence[tuple[int, Process]]
    outs: Sequence[tuple[int, Process]]
    width: int = 0
    repeats: tuple[int, int] | None = None
    many: dict[int, str] = field(default_factory=dict)

    def given(self, values: Mapping[str, Any]) -> list[Any]:
        """Its values. Raises KeyError for one that is missing."""
        all_values = {**self.fixed, **values} if self.fixed else values
        picked = [all_values[name] for name in self.names]
        for index, process in self.ins:
            picked[index] = process(picked[index])
        return picked

    def understood(self, row: Sequence[Any]) -> Sequence[Any]:
        """A row that the database gave."""
        values = list(row)
        for index, process in self.outs:
            values[index] = process(values[index])
        return values

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert rows, as many with one statement as a power of two has it, so that there are few statements to know."""
        begin, end = self.repeats or (0, 0)
        done, width = 0, self.width
        while rows:
            size = min(MOST_ROWS, 1 << (len(rows).bit_length() - 1))
            if size not in self.many:
                self.many[size] = self.sql[:begin] + ", ".join([self.sql[begin:end]] * size) + self.sql[end:]
            given = [self.given(row) for row in rows[:size]]
            values = [value for row in given for value in row[:width]] + given[-1][width:]
            done += connection.exec_driver_sql(self.many[size], tuple(values)).rowcount
            rows = rows[size:]
        return done

    def insert_from_json(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert rows, however many, with one statement that has one value."""
        own = self.names[self.width :]
        given = [{**self.fixed, **row} for row in rows]
        if any(len(one) != self.width + len(own) for one in given):
            raise KeyError("rows of one insert have different columns")
        written, values = json.dumps(given, default=_written), [self.fixed[name] for name in own]
        return connection.exec_driver_sql(self.sql, (written, *values)).rowcount


_plans: dict[tuple[Executable, str, tuple[str, ...]], _Plan] = {}


def _plan(dialect: Dialect, statement: Executable, keys: tuple[str, ...]) -> _Plan:
    """`keys`: those of an insert's rows; else none."""
    known = _plans.get((statement, dialect.name, keys))
    if known is None:
        known = _plans[statement, dialect.name, keys] = _made(_positional(dialect), statement, keys)
    return known


def _made(dialect: Dialect, statement: Any, keys: tuple[str, ...]) -> _Plan:
    compiled = statement.compile(dialect=dialect, column_keys=keys or None)
    asked = {name for name, bind in compiled.binds.items() if bind.required}
    spelt = compiled.construct_expanded_state(dict.fromkeys(asked))  # lists of the statement's own are spelt out in it
    names = spelt.positiontup or []
    fixed = {name: value for name, value in spelt.parameters.items() if name not in asked}
    text, width, repeats = spelt.statement, 0, None
    if statement.is_insert:
        fixed |= {column.key: _default(column) for column in compiled.insert_prefetch}
        width = len(keys) + len(compiled.insert_prefetch)
        begin = text.index("(", text.index(") VALUES (") + 1)
        repeats = begin, text.index(")", begin) + 1
        # SQLite steps once for a statement, and other threads take their turn at each step. To PostgreSQL each value by itself is dear.
        if dialect.name == "postgresql":
            text, repeats = _from_json(statement.table, text, *repeats, names[:width], dialect), None
    types = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
    ins = (
        (index, types[name].bind_processor(dialect) if name in types else spelt.processors.get(name)) for index, name in enumerate(names)
    )
    given = [column.type.dialect_impl(dialect) for column in statement.exported_columns] if isinstance(statement, ReturnsRows) else []
    outs = ((index, type_.result_processor(dialect, None)) for index, type_ in enumerate(given))
    return _Plan(text, names, fixed, _some(ins), _some(outs), width, repeats)


def _from_json(table: Table, text: str, begin: int, end: int, names: Sequence[str], dialect: Dialect) -> str:
    """An insert whose rows come from one JSON array, instead of the row of values between `begin` and `end`."""
    columns = text[text.index("(") + 1 : text.index(") VALUES (")]
    types = (table.columns[name].type.compile(dialect).partition("(")[0] for name in names)
    record = ", ".join(f"{column} {type_}" for column, type_ in zip(columns.split(", "), types, strict=True))
    rows = f"SELECT {columns} FROM json_to_recordset(%s::json) AS row_({record})"  # noqa: S608  all of it is SQLAlchemy's
    return text[: text.rindex("VALUES", 0, begin)] + rows + text[end:]


def _written(value: object) -> str:
    """What JSON has no word for, as PostgreSQL reads it."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"{type(value).__name__} in a row")


def _some(processes: Iterable[tuple[int, Process | None]]) -> list[tuple[int, Process]]:
    return [(index, process) for index, process in processes if process is not None]


def _default(column: Column[Any]) -> Any:
    """What a column has that no row names. Raises TypeError where that would have to be made anew for each row."""
    if isinstance(column.default, ScalarElementColumnDefault):
        return column.default.arg
    raise TypeError(f"{column} has no value of its own")


def _positional(dialect: Dialect) -> Dialect:
    """The same, which numbers the values of a statement instead of naming them."""
    if dialect.positional:
        return dialect
    other = copy.copy(dialect)
    other.positional, other.paramstyle = True, "format"
    return other


def _connection(on: Session | Connection) -> Connection:
    """A writing session is bound to its transaction's connection: to ask it for that costs more than some answers. In a savepoint it has to be
    asked, which makes the savepoint."""
    if isinstance(on, Connection):
        return on
    on.flush()
    bound = on.bind
    return bound if isinstance(bound, Connection) and not on.in_nested_transaction() else on.connection()
