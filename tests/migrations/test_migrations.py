"""The migrated schema is the models' schema, on both databases, there and back; and what a migration may never do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask

from tests.conftest import make_settings
from tests.factories import NOW
from webapp import create_app
from webapp.database import db, writing
from webapp.models import Base, Customer, Marketplace, Role, User

SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade():
    {upgrade}


def downgrade():
    pass
"""


@pytest.fixture
def app(empty_database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """An app on a database without any table."""
    made = create_app(make_settings(empty_database_url, "redis://127.0.0.1:1", tmp_path))
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def folder(app: Flask, tmp_path: Path) -> Path:
    """A copy of migrations/ that a test can add to."""
    copied = tmp_path / "migrations"
    shutil.copytree(app.extensions["migrate"].directory, copied)
    return copied


def tables() -> set[str]:
    return set(sa.inspect(db.engine).get_table_names())


def revision() -> str | None:
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def add_revision(folder: Path, upgrade: str) -> None:
    (folder / "versions" / "9999_a_test.py").write_text(SECOND.format(head=revision(), upgrade=upgrade))


def test_migrated_schema_is_the_models_schema(app: Flask) -> None:
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    assert tables() == {*Base.metadata.tables, "alembic_version"}


def test_partial_index_knows_only_open_entries(app: Flask) -> None:
    flask_migrate.upgrade()
    indexes = {index["name"]: index for index in sa.inspect(db.engine).get_indexes("log_entries")}
    found = indexes["ix_log_entries_open"]
    where = found["dialect_options"][f"{db.engine.dialect.name}_where"]
    assert "open_lane_id IS NOT NULL" in str(where)


def test_what_went_up_comes_down_again(app: Flask) -> None:
    flask_migrate.upgrade()
    flask_migrate.downgrade(revision="base")
    assert tables() == {"alembic_version"}
    flask_migrate.upgrade()
    assert tables() == {*Base.metadata.tables, "alembic_version"}


def test_a_second_release_finds_nothing_to_do(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    flask_migrate.upgrade()
    assert "0001" in capsys.readouterr().out
    flask_migrate.upgrade()
    assert capsys.readouterr().out == ""


def test_a_migration_that_fails_leaves_nothing_behind(app: Flask, folder: Path) -> None:
    flask_migrate.upgrade()
    before = revision()
    add_revision(folder, 'op.create_table("half", sa.Column("id", sa.Integer)); raise RuntimeError("broken")')
    with pytest.raises(SystemExit):
        flask_migrate.upgrade(directory=str(folder))
    assert "half" not in tables()
    assert revision() == before


def test_changing_a_table_keeps_the_rows_that_refer_to_it(app: Flask, folder: Path) -> None:
    flask_migrate.upgrade()
    with writing() as session:
        session.add(Marketplace(id=1, name="Acme", created_at=NOW))
        session.flush()
        session.add(Customer(id=2, marketplace_id=1, email="mina@shop.test", seen_at=NOW, created_at=NOW))
    change = 'with op.batch_alter_table("marketplaces") as batch: batch.alter_column("name", type_=sa.String(900))'
    add_revision(folder, change)
    flask_migrate.upgrade(directory=str(folder))
    assert db.session.scalars(sa.select(Customer.email)).all() == ["mina@shop.test"]


def test_foreign_keys_hold_again_after_a_migration(app: Flask) -> None:
    flask_migrate.upgrade()
    with pytest.raises(sa.exc.IntegrityError), writing() as session:
        session.add(Role(user_id=1, marketplace_id=1, role="owner"))


def test_a_migration_that_leaves_rows_without_what_they_refer_to_is_refused(app: Flask, folder: Path) -> None:
    flask_migrate.upgrade()
    with writing() as session:
        session.add(Marketplace(id=1, name="Acme", created_at=NOW))
        session.add(User(id=1, email="ana@shop.test", created_at=NOW))
        session.flush()
        session.add(Role(user_id=1, marketplace_id=1, role="owner"))
    # PostgreSQL deletes the role along; SQLite's keys are off meanwhile, so it is we who must see it.
    add_revision(folder, 'op.execute("DELETE FROM users")')
    if db.engine.dialect.name == "sqlite":
        with pytest.raises(SystemExit):
            flask_migrate.upgrade(directory=str(folder))
        assert db.session.scalars(sa.select(User.email)).all() == ["ana@shop.test"]
    else:
        flask_migrate.upgrade(directory=str(folder))
        assert db.session.scalars(sa.select(Role)).all() == []


def test_migrations_wait_their_turn_behind_the_gate(app: Flask) -> None:
    entered: list[bool] = []

    class Watched:
        def __enter__(self) -> None:
            entered.append(bool(tables()))

        def __exit__(self, *_: object) -> None:
            entered.append(bool(tables()))

    app.extensions["cartwheel_gate"] = Watched()
    flask_migrate.upgrade()
    assert entered == [False, True]


def test_sql_alone_is_refused(app: Flask) -> None:
    with pytest.raises(SystemExit):
        flask_migrate.upgrade(sql=True)
    assert tables() == set()
