"""A backup as docs/deploying.md describes it, taken while the database is written to, and restored into an empty one."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

import flask_migrate
import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from pysqlite3 import dbapi2

from tests import servers
from tests.migrations.test_with_data import SHOP, app, write  # noqa: F401
from webapp.database import db, options, writing
from webapp.models import Marketplace


def test_a_backup_holds_what_was_committed(app: Flask, tmp_path: Path) -> None:  # noqa: F811
    flask_migrate.upgrade()
    write(SHOP)
    url = db.engine.url.render_as_string(hide_password=False)
    with writing() as session:  # somebody is in the middle of something
        session.execute(sa.update(Marketplace).values(name="not committed"))
        session.flush()
        restored = _sqlite(url, tmp_path) if url.startswith("sqlite") else _postgresql(url, tmp_path)
    engine = sa.create_engine(restored, **options(restored))
    with engine.connect() as connection:
        held = {name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) for name in SHOP}
        assert held == {name: len(rows) for name, rows in SHOP.items()}
        assert connection.scalar(sa.select(Marketplace.name)) == "Acme"
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    engine.dispose()


def _sqlite(url: str, folder: Path) -> str:
    copy = folder / "backup.db"
    with closing(dbapi2.connect(sa.make_url(url).database)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    return f"sqlite+pysqlite:///{copy}"


def _postgresql(url: str, folder: Path) -> str:
    binaries = servers.postgres_binaries()
    if binaries is None or not (binaries / "pg_dump").exists():
        pytest.skip("there is no pg_dump")
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    subprocess.run([binaries / "pg_dump", "--format=custom", f"--file={folder / 'cartwheel.dump'}", plain], check=True)
    name = sa.make_url(url).database or ""
    with psycopg.connect(plain.replace(f"/{name}?", "/postgres?"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}_restored")
    empty = plain.replace(f"/{name}?", f"/{name}_restored?")
    subprocess.run([binaries / "pg_restore", "--no-owner", f"--dbname={empty}", folder / "cartwheel.dump"], check=True)
    return empty.replace("postgresql://", "postgresql+psycopg://")
