"""How transactions are made: `db.session` reads in pages, `writing()` writes anywhere. No model and no query lives here."""

from __future__ import annotations

import fcntl
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from pysqlite3 import dbapi2
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session

from webapp.engine.audit import HAND
from webapp.models import Base

db = SQLAlchemy(model_class=Base)

WRITES = {"cartwheel_writes": True}

QUIET = {"hide_parameters": True}
"""An error names no row's values: it is written to a log."""


class Gate:
    """Lets one writer at a time into SQLite, over all threads and processes that name the same file.

    SQLite's own waiting is a poll: beside a busy process the other starved for a third of a second (docs/decisions).
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, self._file)

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:  # a signal's handler may raise while we wait
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._lock.release()


class NoGate:
    """PostgreSQL needs none."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def options(url: str) -> dict[str, Any]:
    """The engine's options for a database address."""
    if url.startswith("sqlite"):
        # The wheel's SQLite is current; the system's may have the WAL-reset corruption bug (fixed after 3.51.2).
        connect = {"timeout": 20, "check_same_thread": False}
        # Each has a cache of pages: one that is used again and again is worth more than ten that are used in turn, and is smaller.
        return {"module": dbapi2, "connect_args": connect, "pool_size": 10, "max_overflow": 30, "pool_use_lifo": True, **QUIET}
    # Our statements are short, and compiling one (jit) takes a hundred times as long as running it: a search took 0.3 s for nothing else.
    return {
        **QUIET,
        "pool_size": 5,
        "max_overflow": 20,
        "pool_recycle": 1800,
        "connect_args": {"connect_timeout": 5, "options": "-c timezone=utc -c jit=off"},
    }


def register(app: Flask, url: str) -> None:
    """Give the app its database."""
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options(url)
    db.init_app(app)
    with app.app_context():
        app.extensions["cartwheel_gate"] = prepare(db.engine)


def prepare(engine: Engine) -> Gate | NoGate:
    """Make an engine behave: on SQLite WAL, foreign keys, synchronous FULL and BEGIN by our own word. Returns its gate."""
    if engine.dialect.name != "sqlite":
        return NoGate()
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", _begin)
    path = engine.url.database
    if not path or path == ":memory:":
        return NoGate()
    return Gate(Path(path + ".gate"))


def _pragmas(connection: DBAPIConnection, _: object) -> None:
    connection.isolation_level = None  # pysqlite's own BEGIN comes too late and is deferred
    cursor = connection.cursor()
    cursor.execute("PRAGMA page_count")
    if cursor.fetchone() == (0,):  # a new file can give back what is cut; in an old one it would take a VACUUM, and a lock for asking
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-20000", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("cartwheel_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_threads = threading.local()


@contextmanager
def _once_a_thread() -> Iterator[None]:
    if getattr(_threads, "writing", False):
        raise RuntimeError("writing() inside writing()")
    _threads.writing = True
    try:
        yield
    finally:
        _threads.writing = False


@contextmanager
def writing() -> Iterator[Session]:
    """A transaction that may write: committed at the end, rolled back by an exception. Never make a network call inside.

    Its session knows on whose behalf it is (`webapp.hands`). On SQLite writers take turns. What the page's own `db.session` has read is
    forgotten, so that it sees the change.
    Raises RuntimeError inside another one: it would wait for itself.
    """
    engine, gate = db.engine, current_app.extensions["cartwheel_gate"]
    hand = current_app.extensions["cartwheel_hand"]
    db.session.rollback()
    with (
        _once_a_thread(),
        gate,
        engine.connect().execution_options(**WRITES) as connection,
        Session(connection, autoflush=True) as session,
        connection.begin(),
    ):
        session.info[HAND] = hand
        yield session
        session.flush()
        session.expunge_all()
