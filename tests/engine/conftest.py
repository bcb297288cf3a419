"""What tests of the engine can ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.engine.shop import Shop, Shops, open_shop
from tests.factories import somebody
from webapp.database import WRITES, options, prepare
from webapp.engine.audit import HAND


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """A shop connected to a community, on SQLite and on PostgreSQL."""
    made = open_shop(database_url)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="session")
def shops(_sqlite_template: Path) -> Shops:
    """Shops in memory, as many as a test needs."""
    return Shops(_sqlite_template)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    """A session that may write, once on SQLite and once on PostgreSQL. What it leaves is rolled back."""
    engine = sa.create_engine(database_url, **options(database_url))
    prepare(engine)
    with engine.connect().execution_options(**WRITES) as connection, Session(connection) as opened:
        opened.info[HAND] = somebody
        yield opened
        opened.rollback()
    engine.dispose()
