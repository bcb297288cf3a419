"""What tests of the engine can ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.shop import Shop, open_shop


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """A shop connected to a community, on SQLite and on PostgreSQL."""
    made = open_shop(database_url)
    yield made
    made.engine.dispose()
