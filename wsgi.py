"""The app, for gunicorn and flask. Nothing else lives here."""

from __future__ import annotations

from webapp import create_app
from webapp.environment import ConfigError

try:
    app = create_app()
except ConfigError as wrong:
    raise SystemExit(f"Cartwheel can't start: {wrong}") from None
