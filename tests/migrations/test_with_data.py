"""A database of the first release, with a merchant's data in it: it is brought up to date while the old version serves, and back again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask

from tests.conftest import make_settings
from tests.factories import NOW
from tests.migrations import first_release
from tests.workers.processes import until
from webapp import create_app
from webapp.config import ROOT
from webapp.database import WRITES, db, options, prepare, writing
from webapp.models import Base
from webapp.pages.health import newest_revision

FIRST = "0001"
SHOP: dict[str, list[dict[str, Any]]] = {
    "marketplaces": [{"id": 1, "name": "Acme", "time_zone": "UTC", "version": 3, "allowance": 1000, "retention_days": 90, "settings": {}}],
    "users": [{"id": 2, "email": "ana@shop.test", "session_epoch": 0, "settings": {}}],
    "roles": [{"user_id": 2, "marketplace_id": 1, "role": "owner"}],
    "products": [{"id": 3, "marketplace_id": 1, "external_id": "ads-101", "name": "Ads 101"}],
    "integrations": [
        {"id": 4, "marketplace_id": 1, "name": "My community", "app": "circle", "credentials": b"sealed", "public": {}, "key_tail": "7f3a",
         "community": "", "community_id": "", "watch_only": False, "send_invitation": True, "hold_reason": "", "failures": 0, "quota": 5000,
         "catalog": {}},
    ],
    "targets": [{"id": 5, "integration_id": 4, "kind": "membership", "remote_id": "", "name": ""}],
    "customers": [{"id": 6, "marketplace_id": 1, "email": "mina@shop.test", "first_name": "Mina", "last_name": "", "seen_at": NOW}],
    "rules": [
        {"id": 7, "marketplace_id": 1, "product_id": 3, "trigger": "product_purchased", "integration_id": 4, "action": "invite", "target_id": 5,
         "after_days": 0, "identity": "x"},
    ],
    "lanes": [{"id": 8, "marketplace_id": 1, "customer_id": 6, "integration_id": 4, "attempts": 0, "alias": "m@shop.test", "alias_by": "merchant"}],
    "log_entries": [
        {"id": 9, "marketplace_id": 1, "lane_id": 8, "open_lane_id": 8, "integration_id": 4, "customer_id": 6, "status": "queued",
         "sentence": "Invite", "todo": "", "cause": "", "at": NOW, "changed_at": NOW, "attempts": 0, "test": False},
    ],
}  # fmt: skip
"""What a merchant of the first release had, by table; written as the first release wrote it."""


@pytest.fixture
def app(empty_database_url: str, tmp_path: Path) -> Iterator[Flask]:
    made = create_app(make_settings(empty_database_url, "redis://127.0.0.1:1", tmp_path))
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


def write(tables: dict[str, list[dict[str, Any]]]) -> None:
    """Rows into the tables as they are now: a column that the rows don't know is left to its default, as an old version leaves it."""
    with writing() as session:
        found = sa.MetaData()
        found.reflect(session.connection())
        for name, rows in tables.items():
            table = found.tables[name]
            times = {"created_at": NOW} if "created_at" in table.columns else {}
            session.execute(sa.insert(table), [{**times, **row} for row in rows])


def held() -> dict[str, int]:
    """How many rows each table of the first release has."""
    with db.engine.connect() as connection:
        return {name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) for name in SHOP}


def test_the_first_releases_data_is_there_after_all_migrations(app: Flask) -> None:
    flask_migrate.upgrade(revision=FIRST)
    write(SHOP)
    flask_migrate.upgrade()
    assert held() == {name: len(rows) for name, rows in SHOP.items()}
    for model in Base.registry.mappers:  # and every model reads what is there
        db.session.scalars(sa.select(model.class_)).all()


def test_the_old_version_goes_on_writing_after_them(app: Flask) -> None:
    """A release migrates while the version before it still serves: nothing that it writes may miss a column."""
    flask_migrate.upgrade()
    write(SHOP)
    assert held() == {name: len(rows) for name, rows in SHOP.items()}


class Old:
    """A process of the first release, on the app's database: its own connections, and the gate that it shares with all writers."""

    def __init__(self, url: sa.URL) -> None:
        told = url.render_as_string(hide_password=False)
        self.engine = sa.create_engine(told, **options(told)).execution_options(**WRITES)
        self.gate = prepare(self.engine)
        self.release = first_release.load(self.engine.dialect.name)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with self.gate, self.engine.begin() as connection:
            yield connection

    def say(self, transactions: Sequence[Sequence[first_release.Said]]) -> None:
        """Say again what it has said."""
        for transaction in transactions:
            with self.transaction() as connection:
                for said in transaction:
                    said.repeat(connection)

    def waited_for(self) -> bool:
        """Whether somebody waits for a lock. On SQLite they wait at the gate, unseen."""
        waits = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE NOT granted AND datname = current_database()"
        with self.engine.connect() as connection:
            return connection.dialect.name == "sqlite" or bool(connection.exec_driver_sql(waits).scalar())


@pytest.fixture
def old(app: Flask) -> Iterator[Old]:
    """It has served for a while on its own schema."""
    flask_migrate.upgrade(revision=FIRST)
    made = Old(db.engine.url)
    made.release.fill(made.engine)
    yield made
    made.engine.dispose()


def test_what_the_first_release_says_goes_on_all_the_same_after_them(old: Old) -> None:
    """It finds and changes as many rows as on its own schema."""
    before = old.release.held(old.engine)
    flask_migrate.upgrade()
    assert old.release.held(old.engine) == before
    old.say(old.release.said)
    for model in Base.registry.mappers:
        db.session.scalars(sa.select(model.class_)).all()


def test_they_step_back_from_a_transaction_of_the_old_version(app: Flask, old: Old) -> None:
    """It holds what they need, and comes to need what they have: it goes on, they begin anew, and nothing of either is lost."""

    def migrate() -> None:
        with app.app_context():
            flask_migrate.upgrade()

    with ThreadPoolExecutor(1) as beside:
        with old.transaction() as connection:
            connection.exec_driver_sql("UPDATE customers SET first_name = 'Zoe'")  # the last of them changes this table
            migrated = beside.submit(migrate)
            until(old.waited_for)
            connection.exec_driver_sql("UPDATE lanes SET attempts = 3")  # the first of them has changed this one
        migrated.result()
    with old.transaction() as connection:
        assert connection.exec_driver_sql("SELECT first_name, attempts FROM customers, lanes").all() == [("Zoe", 3)]
    assert db.session.scalar(sa.text("SELECT version_num FROM alembic_version")) == newest_revision(ROOT / "migrations")


def test_the_newest_migration_can_be_taken_back_with_data(app: Flask) -> None:
    flask_migrate.upgrade()
    write(SHOP)
    flask_migrate.downgrade(revision="-1")
    assert held() == {name: len(rows) for name, rows in SHOP.items()}
    flask_migrate.upgrade()
    assert held() == {name: len(rows) for name, rows in SHOP.items()}


def test_all_of_them_can_be_taken_back_to_the_first_release(app: Flask) -> None:
    flask_migrate.upgrade()
    write(SHOP)
    flask_migrate.downgrade(revision=FIRST)
    assert held() == {name: len(rows) for name, rows in SHOP.items()}


def test_there_is_one_way_up() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision(ROOT / "migrations")]
