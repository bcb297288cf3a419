"""Transactions: what `writing` commits, rolls back and refuses, and that on SQLite one writer at a time is let in."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests.conftest import make_settings
from tests.factories import NOW, done_with, make_marketplace
from webapp import create_app
from webapp.database import Gate, db, writing
from webapp.models import Marketplace

NOBODY = "redis://127.0.0.1:1"


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    made = create_app(make_settings(database_url, NOBODY, tmp_path))
    with made.app_context():
        yield made
    done_with(made)


@pytest.fixture
def sqlite_app(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    made = create_app(make_settings(sqlite_url, NOBODY, tmp_path))
    with made.app_context():
        yield made
    done_with(made)


def names() -> list[str]:
    return list(db.session.scalars(sa.select(Marketplace.name).order_by(Marketplace.name)))


def test_the_end_commits(app: Flask) -> None:
    with writing() as session:
        made = make_marketplace(session, "Acme")
    assert names() == ["Acme"]
    assert made.name == "Acme"  # what was made can be looked at afterwards


def test_an_exception_takes_everything_back(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), writing() as session:
        make_marketplace(session, "Acme")
        raise ZeroDivisionError
    assert names() == []
    with writing() as session:  # and the next one gets in
        make_marketplace(session, "Other")
    assert names() == ["Other"]


def test_what_fails_at_the_very_end_is_taken_back_as_well(app: Flask) -> None:
    with writing() as session:
        make_marketplace(session, "Acme")
    with pytest.raises(IntegrityError), writing() as session:
        make_marketplace(session, "Other")
        session.add(Marketplace(id=-1, name="Acme", created_at=NOW))
    assert names() == ["Acme"]


def test_a_refused_row_leaves_the_rest(app: Flask) -> None:
    with writing() as session:
        make_marketplace(session, "Acme")
        with pytest.raises(IntegrityError), session.begin_nested():
            make_marketplace(session, "Acme")
        make_marketplace(session, "Other")
    assert names() == ["Acme", "Other"]


def test_a_page_sees_what_was_written(app: Flask) -> None:
    with writing() as session:
        make_marketplace(session, "Acme")
    read = db.session.scalars(sa.select(Marketplace)).one()
    with writing() as session:
        session.execute(sa.update(Marketplace).values(name="Renamed"))
    assert read.name == "Renamed"


def test_writing_inside_writing_is_refused(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="inside"), writing() as session:
        make_marketplace(session, "Acme")
        with writing():
            pass
    assert names() == []
    with writing() as session:
        make_marketplace(session, "Other")


def test_threads_take_turns(app: Flask) -> None:
    with writing() as session:
        marketplace = make_marketplace(session, "Acme")

    def count() -> None:
        with app.app_context():
            for _ in range(20):
                with writing() as session:
                    row = session.get_one(Marketplace, marketplace.id, with_for_update=True)
                    row.version += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.session.scalars(sa.select(Marketplace.version)).one() == 80


PROCESS = """
import sys
from webapp import config, create_app
from webapp.database import writing
from webapp.models import Marketplace

app = create_app(config.load({"CARTWHEEL_VAR": sys.argv[1]}))
with app.app_context():
    for _ in range(25):
        with writing() as session:
            session.get_one(Marketplace, int(sys.argv[2])).version += 1
"""


def test_processes_take_turns(sqlite_app: Flask, tmp_path: Path) -> None:
    with writing() as session:
        marketplace = make_marketplace(session, "Acme")
    command = [sys.executable, "-c", PROCESS, str(tmp_path), str(marketplace.id)]
    both = [subprocess.Popen(command, cwd=Path(__file__).parents[2], env={}) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert db.session.scalars(sa.select(Marketplace.version)).one() == 50


def test_the_gate_is_shut_while_somebody_writes(sqlite_app: Flask, tmp_path: Path) -> None:
    with (tmp_path / "cartwheel.db.gate").open() as other:
        with writing(), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_reading_needs_no_gate(sqlite_app: Flask, tmp_path: Path) -> None:
    with writing() as session:
        make_marketplace(session, "Acme")
        session.flush()
        assert names() == []  # the state before, without waiting


def test_a_signal_that_interrupts_the_wait_leaves_the_gate_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(tmp_path / "gate")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), gate:
            pass
    entered = threading.Event()

    def enter() -> None:
        with gate:
            entered.set()

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    assert entered.wait(30)
    thread.join()


def test_sqlite_keeps_what_it_has_answered_for(sqlite_app: Flask) -> None:
    with db.engine.connect() as connection:
        found = {p: connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in ("journal_mode", "synchronous", "foreign_keys")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_sqlite_is_one_without_the_wal_bug(sqlite_app: Flask) -> None:
    version = db.engine.dialect.dbapi.sqlite_version_info  # type: ignore[union-attr]
    assert version > (3, 51, 2)
