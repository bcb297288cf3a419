"""The dashboard: put the parts together, nothing else."""

from __future__ import annotations

from flask import Flask

from webapp import called, cli, config, database, desk, doorbell, hands, live, mistakes, pacing, pages, parts, proxies
from webapp.ids import Ids
from webapp.vault import Vault


def create_app(settings: config.Settings | None = None) -> Flask:
    """The app for these settings, or for those of the environment. Raises ConfigError for a wrong one."""
    settings = settings or config.load()
    mistakes.register(settings.sentry_dsn)
    app = Flask(__name__, template_folder="../templates", static_folder=None)
    app.config.update(SECRET_KEY=settings.secret_key, MAX_CONTENT_LENGTH=2 * 1024 * 1024)
    proxies.register(app, settings.trusted_proxies)
    database.register(app, settings.database_url)
    bell = doorbell.Bell(doorbell.connect(settings.redis_url))
    pace = pacing.pace(bell.redis, settings.circle_rate, called.since)
    parts.register(app, parts.Parts(settings, Vault(settings.encryption_keys), Ids(), bell, pace))
    hands.register(app)
    desk.register(app)
    live.register(app, settings, bell.redis)
    pages.register(app, settings)
    cli.register(app)
    return app
