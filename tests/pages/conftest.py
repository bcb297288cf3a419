"""What tests of pages share: an app on a database of its own, a browser without scripts, and a way to be signed in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from tests import factories
from webapp import config, create_app
from webapp.database import db, options, prepare, writing
from webapp.models import Base, User
from webapp.parts import parts

Write = Callable[[], AbstractContextManager[Session]]
SignIn = Callable[[User], FlaskClient]


class Compiled(BytecodeCache):
    """Templates, each compiled once for all apps of a run: they are the same, and compiling them is most of what a test would cost."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


class Clock:
    """The time as the app knows it; a test moves it."""

    def __init__(self) -> None:
        self.time = factories.NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table and no row, made once and copied for each test."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    url = f"sqlite+pysqlite:///{path}"
    engine = create_engine(url, **options(url))
    prepare(engine)
    Base.metadata.create_all(engine)
    engine.dispose()  # the last connection to close brings everything from the WAL into the file
    return path


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that take no time to hash, made as those of the factories are."""
    monkeypatch.setattr("webapp.passwords.HASHER", factories.HASHER)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path, empty_database: Path) -> config.Settings:
    """Settings on files of the test's own. Nobody answers as Redis."""
    shutil.copy(empty_database, tmp_path / "cartwheel.db")
    return config.load({"CARTWHEEL_VAR": str(tmp_path), "DEMO": "0", "CIRCLE_RATE": "0"})


@pytest.fixture
def app(settings: config.Settings, clock: Clock) -> Iterator[Flask]:
    """The app, whose time is `clock`. Forms need no CSRF token, but in the tests that are about it."""
    made = create_app(settings)
    made.jinja_env.bytecode_cache = COMPILED
    made.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    made.extensions["cartwheel"] = replace(made.extensions["cartwheel"], now=clock)
    yield made
    factories.done_with(made)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def write(app: Flask) -> Write:
    """`with write() as session:` is a transaction, committed at its end; what it made can be looked at afterwards."""

    @contextmanager
    def opened() -> Iterator[Session]:
        with app.app_context(), writing() as session:
            yield session

    return opened


@pytest.fixture
def sign_in(app: Flask, client: FlaskClient) -> SignIn:
    """`sign_in(user)` gives the client that user's session, as the sign-in page does."""

    def signed(user: User) -> FlaskClient:
        client.post("/sign-out")
        answer = client.post("/sign-in", data={"email": user.email, "password": factories.PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    return signed


@pytest.fixture
def new_id(app: Flask, clock: Clock) -> Callable[[], int]:
    """Ids as the app makes them."""
    with app.app_context():
        make = parts().new_id
    return lambda: make(clock())


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    said: list[str] = []

    def hear(_: object, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", hear)
    yield said
    event.remove(engine, "before_cursor_execute", hear)
