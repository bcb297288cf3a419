"""What a report of a mistake holds: where it was in the code, and nothing of whom it was about."""

from __future__ import annotations

import json
import sys

import pytest

from webapp import mistakes
from webapp.environment import ConfigError

REPORT = {
    "event_id": "1",
    "level": "error",
    "request": {"url": "https://shop.test/customers/mina@shop.test", "headers": {"Cookie": "cartwheel=secret"}, "data": "secret"},
    "user": {"email": "mina@shop.test"},
    "extra": {"key": "secret"},
    "breadcrumbs": {"values": [{"message": "secret"}]},
    "exception": {
        "values": [{"type": "IntegrityError", "value": "row (secret, mina@shop.test)", "stacktrace": {"frames": [{"lineno": 7}]}}]
    },
}


def test_nothing_of_anybody_leaves() -> None:
    said = json.dumps(mistakes.scrub(REPORT, None))
    assert "IntegrityError" in said
    assert "secret" not in said
    assert "mina@shop.test" not in said


def test_without_an_address_the_library_is_not_loaded() -> None:
    before = set(sys.modules)
    mistakes.register(None)
    assert "sentry_sdk" not in set(sys.modules) - before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own, of itself
def test_a_wrong_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="SENTRY_DSN"):
        mistakes.register("not an address")
