"""What every test of Circle can ask for."""

from __future__ import annotations

import pytest

from tests.apps.circle.play import Place


@pytest.fixture
def place() -> Place:
    """A community of its own."""
    return Place()
