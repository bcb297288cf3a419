"""The pages' app, for what the documentation says of it."""

from tests.pages.conftest import app, client, clock, empty_database, settings, write  # noqa: F401
