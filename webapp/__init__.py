"""The dashboard: put the parts together, nothing else."""

from __future__ import annotations

from flask import Flask

from webapp import called, config, database, doorbell, hands, mistakes, pacing, parts
from webapp.ids import Ids
from webapp.vault import Vault


def create_app(settings: config.Settings | None = None) -> Flask:
    """The app for these settings, or for those of the environment: with its pages, the checkouts' door and its commands.

    Raises ConfigError for a wrong setting.
    """
    from webapp import cli, desk, live, pages, proxies  # noqa: PLC0415  a worker does without them, and without their 20 MB

    settings = settings or config.load()
    app = create_core(settings)
    here: parts.Parts = app.extensions["cartwheel"]
    proxies.register(app, settings.trusted_proxies)
    desk.register(app)
    live.register(app, settings, here.bell.redis)
    pages.register(app, settings)
    cli.register(app)
    return app


def create_core(settings: config.Settings | None = None) -> Flask:
    """What a worker needs of it: the database, Redis, the keys, the pace. Raises ConfigError for a wrong setting."""
    settings = settings or config.load()
    mistakes.register(settings.sentry_dsn)
    app = Flask(__name__, template_folder="../templates", static_folder=None)
    app.config.update(SECRET_KEY=settings.secret_key, MAX_CONTENT_LENGTH=2 * 1024 * 1024)
    database.register(app, settings.database_url)
    bell = doorbell.Bell(doorbell.connect(settings.redis_url))
    pace = pacing.pace(bell.redis, settings.circle_rate, called.since)
    parts.register(app, parts.Parts(settings, Vault(settings.encryption_keys), Ids(), bell, pace))
    hands.register(app)
    return app
