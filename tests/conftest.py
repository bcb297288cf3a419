"""What every test can ask for: fresh databases of both kinds, a Valkey, a browser."""

from __future__ import annotations

import io
import itertools
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
import redis
import sqlalchemy
from playwright.sync_api import Browser, Page, sync_playwright
from pysqlite3 import dbapi2
from sqlalchemy import Dialect, Engine
from werkzeug.routing import Rule

from tests import servers
from webapp.config import Settings, load
from webapp.journal import Json
from webapp.models import Base

Lines = Callable[[], list[dict[str, Any]]]

# No deadline: nothing is timed to pass. In CI the same examples each time; elsewhere new ones.
hypothesis.settings.register_profile("cartwheel", deadline=None, derandomize=bool(os.environ.get("CI")), database=None)
hypothesis.settings.load_profile("cartwheel")

os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(servers.quickest()))  # where tmp_path is

DATABASES = ("sqlite", "postgresql")
TEMPLATE = "cartwheel_template"
QUIET_CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_numbers = itertools.count(1)
_builders: dict[tuple[object, ...], Any] = {}
_compile_builder = Rule._compile_builder


def _compiled_once(rule: Rule, append_unknown: bool = True) -> Any:
    """What builds a rule's address is the same for the same rule in every app: to compile it anew takes most of an app's making, and almost
    every test of a page makes an app."""
    key = (rule.rule, tuple(rule._trace), append_unknown)
    if rule.defaults:
        return _compile_builder(rule, append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


Rule._compile_builder = _compiled_once  # type: ignore[method-assign]

_dialects: dict[tuple[object, ...], Dialect] = {}
_caches: dict[Dialect, Any] = {}
_init_engine = Engine.__init__


def _with_what_is_compiled(  # noqa: PLR0917  its parameters are those that `create_engine` looks for
    self: Engine,
    pool: Any,
    dialect: Dialect,
    url: Any,
    logging_name: str | None = None,
    echo: Any = None,
    query_cache_size: int = 500,
    execution_options: Any = None,
    hide_parameters: bool = False,
) -> None:
    """Almost every test has a database of its own, and an engine, which would compile every statement anew. What is compiled is kept by the
    dialect, and the first one that has seen its server does for all of its kind."""
    known = vars(dialect)
    kind = (type(dialect), dialect.dbapi, known.get("_json_serializer"), known.get("_json_deserializer"), dialect.paramstyle)
    first = _dialects.setdefault(kind, dialect)
    if "server_version_info" not in vars(first):
        first = _dialects[kind] = dialect
    _init_engine(self, pool, first, url, logging_name, echo, 4 * query_cache_size, execution_options, hide_parameters)
    self._compiled_cache = _caches.setdefault(first, self._compiled_cache)


Engine.__init__ = _with_what_is_compiled  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server for this run alone: `postgresql://…` of its first database."""
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_template(postgres_url: str) -> str:
    """Its address, with a database that holds our empty tables."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    engine = sqlalchemy.create_engine(_named(postgres_url, TEMPLATE).replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.create_all(engine)
    engine.dispose()
    return postgres_url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that holds our empty tables."""
    path = tmp_path_factory.mktemp("template") / "cartwheel.db"
    engine = sqlalchemy.create_engine(f"sqlite+pysqlite:///{path}", module=dbapi2)
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database with our tables."""
    path = tmp_path / "cartwheel.db"
    shutil.copy(_sqlite_template, path)
    return f"sqlite+pysqlite:///{path}"


@pytest.fixture
def postgresql_url(_postgres_template: str) -> Iterator[str]:
    """A fresh PostgreSQL database with our tables."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(_postgres_template, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        yield _named(_postgres_template, name).replace("postgresql://", "postgresql+psycopg://")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database with our tables, once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database without any table, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite+pysqlite:///{tmp_path / 'empty.db'}"
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"empty_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield _named(server, name).replace("postgresql://", "postgresql+psycopg://")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[str]:
    with servers.valkey() as url:
        yield url


@pytest.fixture
def redis_url(_redis_server: str) -> str:
    """A Valkey with nothing in it."""
    with redis.Redis.from_url(_redis_server) as connection:
        connection.flushall()
    return _redis_server


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings on a fresh database (both kinds) and an empty Valkey, with no limit on the calls and no https."""
    return make_settings(database_url, redis_url, tmp_path)


def make_settings(database_url: str, redis_url: str, var: Path, **more: str) -> Settings:
    """Settings as production reads them, for these servers; `more` are variables."""
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret key for tests alone",
        "ENCRYPTION_KEYS": "an encryption key for tests alone",
        "BASE_URL": "http://cartwheel.test",
        "CIRCLE_RATE": "0",
        "DEMO": "0",
    }
    return load({**environ, **more}, var)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """`lines()`: what was written to the log so far (LOG_FORMAT=json), line by line."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    handler.setFormatter(Json())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """A Chromium's path. Without one the test is skipped, in CI it fails."""
    return servers.chromium()


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    """A Chromium that talks to nobody by itself."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=list(QUIET_CHROMIUM))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a window of its own, with no cookie."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def _named(url: str, database: str) -> str:
    """The address of another database of the same server."""
    return url.replace("/postgres?", f"/{database}?")
