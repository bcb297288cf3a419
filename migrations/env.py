"""How `flask db` reaches the database: on SQLite behind the same gate and pragmas as every writer, one transaction for all of it.

On PostgreSQL the version before goes on writing meanwhile. Who holds a table that a migration needs may be waiting for one that it has: before
PostgreSQL would end one of the two, the migration steps back, and begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import click
import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationInfo
from alembic.util import CommandError
from flask import current_app

from webapp.database import WRITES, db
from webapp.models import Base
from webapp.models.base import UTC, Id

LOCK = 0x6361727477686C
"""PostgreSQL's number of the lock under which one release at a time migrates."""


PATIENCE = "700ms"
"""How long a migration waits for a table. PostgreSQL looks for who waits for each other after a second (`deadlock_timeout`)."""

TRIES, REST = 60, 0.5
"""How often it begins anew, and seconds in between: whoever was in the way comes to their end."""

IN_THE_WAY = {"55P03", "40P01"}
"""PostgreSQL's codes for a lock that did not come in time, and for two that waited for each other."""


def run() -> None:
    """Bring the database to the revision that was asked for, or compare it with the models."""
    if context.is_offline_mode():
        raise CommandError("Migrations run against the database itself: --sql is not supported.")
    for left in reversed(range(TRIES)):
        try:
            for told in _migrate():
                click.echo(told)
        except sa.exc.OperationalError as fault:
            if left == 0 or getattr(fault.orig, "sqlstate", None) not in IN_THE_WAY:
                raise
            click.echo("Somebody holds what the migration needs: it begins anew.", err=True)
            time.sleep(REST)
        else:
            return


def _migrate() -> list[str]:
    """Do it all in one transaction. Gives a line for each step."""
    told: list[str] = []
    gate = current_app.extensions["cartwheel_gate"]
    with gate, db.engine.connect().execution_options(**WRITES) as connection, _rows_stay(connection), connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=_as_written,
            on_version_apply=lambda step, **_: told.append(_line(step)),
            transactional_ddl=True,
            **current_app.extensions["migrate"].configure_args,
        )
        context.run_migrations()
        _check_references(connection)
    return told


@contextmanager
def _rows_stay(connection: sa.Connection) -> Iterator[None]:
    """SQLite changes a table by making another and dropping the first, which would delete all that refers to its rows.

    So foreign keys are off meanwhile, and looked at once, before the commit. Inside a transaction the pragma would do nothing.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection.cursor()
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")
        raw.close()


def _check_references(connection: sa.Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() if connection.dialect.name == "sqlite" else []
    if broken:
        raise CommandError(f"The migration would leave rows of {broken[0][0]} that refer to nothing. It was not made.")


def _as_written(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Our two column types under the names that script.py.mako gives them: a revision never imports the models."""
    if kind != "type":
        return False
    if isinstance(item, UTC):
        return "Time"
    return "Id" if item is Id or isinstance(item, sa.BigInteger) else False


def _line(step: MigrationInfo) -> str:
    way = "to" if step.is_upgrade else "back before"
    return f"The database was brought {way} revision {step.up_revision_id}."


run()
