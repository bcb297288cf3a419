"""The dashboard: put the parts together, nothing else.

Nothing is loaded before it is needed: gunicorn's first process reads the settings and no more, and would hold the rest beside the one that works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from webapp import config


def create_app(settings: config.Settings | None = None) -> Flask:
    """The app for these settings, or for those of the environment: with its pages, the checkouts' door and its commands.

    Raises ConfigError for a wrong setting.
    """
    from webapp import cli, config, desk, live, pages, parts, proxies  # noqa: PLC0415  a worker does without most of them, and without their 20 MB

    settings = settings or config.load()
    app = create_core(settings)
    here: parts.Parts = app.extensions["cartwheel"]
    desk.register(app)
    live.register(app, here.bell.redis)
    pages.register(app, settings)
    proxies.register(app, settings.trusted_proxies)  # before the pages, and before the door that is before them
    cli.register(app)
    return app


def create_core(settings: config.Settings | None = None) -> Flask:
    """What a worker needs of it: the database, Redis, the keys, the pace. Raises ConfigError for a wrong setting."""
    from flask import Flask  # noqa: PLC0415  see above

    from webapp import called, config, database, doorbell, hands, ids, mistakes, pacing, parts, vault  # noqa: PLC0415

    settings = settings or config.load()
    mistakes.register(settings.sentry_dsn)
    app = Flask(__name__, template_folder="../templates", static_folder=None)
    app.config.update(SECRET_KEY=settings.secret_key, MAX_CONTENT_LENGTH=2 * 1024 * 1024)
    database.register(app, settings.database_url)
    bell = doorbell.Bell(doorbell.connect(settings.redis_url))
    pace = pacing.pace(bell.redis, settings.circle_rate, called.since)
    parts.register(app, parts.Parts(settings, vault.Vault(settings.encryption_keys), ids.Ids(), bell, pace))
    hands.register(app)
    return app
