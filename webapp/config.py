"""Every setting in one place: its variable, default and meaning. Read once, checked at start."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from webapp import local
from webapp.environment import (
    ConfigError,
    Rate,
    Smtp,
    as_database_url,
    as_encryption_keys,
    as_flag,
    as_http_url,
    as_level,
    as_log_format,
    as_metrics_token,
    as_rate,
    as_redis_url,
    as_sender,
    as_smtp_url,
    as_text,
    as_whole_number,
)

ROOT = Path(__file__).resolve().parent.parent
"""The folder of wsgi.py, Procfile and migrations/."""

VAR = ROOT / "var"
"""The folder for what is kept on this machine, unless CARTWHEEL_VAR names another."""

ENVIRONMENTS = ("development", "production")
SHORTEST_SECRET_KEY = 16
PLACEHOLDERS = ("change-me", "change_me", "changeme", "dev", "development", "secret", "secret-key", "secret_key")
"""What examples and tutorials have for a SECRET_KEY: anybody could sign a session with it."""


@dataclass(frozen=True)
class Setting:
    """One row of the table: the variable, what reads its text, its default (None: see `otherwise`), its meaning."""

    name: str
    read: Callable[[str, str], Any]
    default: str | None
    meaning: str
    otherwise: str = "not set"


SETTINGS = (
    Setting("PORT", as_whole_number(1, 65535), "8000", "The port that the web process listens on."),
    Setting(
        "BASE_URL",
        as_http_url,
        None,
        "The public address, for links that are made outside a request.",
        "the address that a page was asked under",
    ),
    Setting(
        "DATABASE_URL",
        as_database_url,
        None,
        "The PostgreSQL database. Setting it makes this a production: the keys below must be given.",
        "SQLite in var/cartwheel.db",
    ),
    Setting(
        "REDIS_URL",
        as_redis_url,
        None,
        "Redis or Valkey. A rediss:// address may have a self-signed certificate; ?ssl_cert_reqs=required checks it.",
        "the Valkey that `make run` brings",
    ),
    Setting(
        "SECRET_KEY",
        as_text,
        None,
        "Signs sessions and one-time links: a long random string.",
        "made once in var/secret_key; in production it must be given",
    ),
    Setting(
        "ENCRYPTION_KEYS",
        as_encryption_keys,
        None,
        "Encrypt API keys and webhook secrets at rest: Fernet keys or random strings of at least 32 characters, "
        "separated by commas, the newest first.",
        "made once in var/encryption_keys; in production they must be given",
    ),
    Setting(
        "CIRCLE_API_URL",
        as_http_url,
        "https://app.circle.so/api/admin/v2",
        "Circle's Admin API V2. Where `make run` brings the sandbox, the default is the sandbox's address.",
    ),
    Setting(
        "CIRCLE_RATE",
        as_rate,
        "2000/300",
        "The most calls to Circle in so many seconds, over all workers: Circle counts by IP address. 0 is no limit.",
    ),
    Setting(
        "SMTP_URL",
        as_smtp_url,
        None,
        "The mail server: smtp://user:password@host:587 (STARTTLS is demanded) or smtps://… (TLS from the start); certificates are "
        "checked. A relay on the same machine may be smtp://localhost:25?tls=never.",
        "in development mails are files in var/mail; in production none are sent",
    ),
    Setting(
        "MAIL_FROM",
        as_sender,
        None,
        "Whom mails come from, such as Cartwheel <cartwheel@example.com>. Needed with SMTP_URL.",
        "in development Cartwheel <cartwheel@localhost>",
    ),
    Setting(
        "DEMO",
        as_flag,
        None,
        "Whether `make run` brings the sandbox and a demo marketplace connected to it.",
        "1 in development, 0 in production and where CIRCLE_API_URL is set",
    ),
    Setting(
        "FLASK_ENV",
        as_text,
        "development",
        "`production` refuses to start on keys made by this machine, and sends cookies over https only.",
    ),
    Setting("WEB_THREADS", as_whole_number(4, 1000), "250", "Threads of the web process. Open log pages hold none."),
    Setting("CALL_THREADS", as_whole_number(1, 500), "100", "Calls that one worker process makes at the same time."),
    Setting(
        "BELIEF_HOURS",
        as_whole_number(0, 8760),
        "24",
        "How many hours what Circle was last heard to say is taken for true without a call.",
    ),
    Setting(
        "TRUSTED_PROXIES",
        as_whole_number(0, 10),
        None,
        "How many proxies in front of the web process are trusted to say who asked (X-Forwarded-For, -Proto, -Host).",
        "1 where DYNO is set, else 0",
    ),
    Setting("LOG_LEVEL", as_level, "INFO", "The least level of what is written to the processes' logs."),
    Setting("LOG_FORMAT", as_log_format, "text", "`json` writes each line of the log as one JSON object."),
    Setting(
        "METRICS_TOKEN",
        as_metrics_token,
        None,
        "Serves numbers for Prometheus at /metrics to whoever sends this as a Bearer token: a long random string.",
        "not set: /metrics is not there",
    ),
    Setting("SENTRY_DSN", as_text, None, "Where mistakes of Cartwheel's own are reported to (Sentry), without requests and secrets."),
    Setting("CARTWHEEL_VAR", as_text, None, "The folder for what is kept on this machine.", "var/ beside wsgi.py"),
)
"""docs/configuration.md is this table: see `table`."""


@dataclass(frozen=True)
class Settings:
    """What the processes run on. `repr` shows no secret, and no address that may hold a password."""

    var: Path
    port: int
    base_url: str | None
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    circle_api_url: str
    circle_rate: Rate | None
    smtp: Smtp | None = field(repr=False)
    mail_from: str
    demo: bool
    production: bool
    web_threads: int
    call_threads: int
    belief_hours: int
    trusted_proxies: int
    log_level: str
    log_format: str = "text"
    metrics_token: str | None = field(default=None, repr=False)
    sentry_dsn: str | None = field(default=None, repr=False)

    @property
    def root(self) -> Path:
        """The folder of wsgi.py, templates/, static/ and migrations/."""
        return ROOT

    @property
    def limits_url(self) -> str:
        """Redis as Flask-Limiter's store names it: its Unix sockets have a scheme of their own."""
        return f"redis+{self.redis_url}" if self.redis_url.startswith("unix://") else self.redis_url

    @property
    def address(self) -> str:
        """Where the pages are, for links that are made outside a request: BASE_URL, else this machine."""
        return self.base_url or f"http://127.0.0.1:{self.port}"

    @property
    def mail_folder(self) -> Path:
        """Where mails go in development, one file each."""
        return self.var / "mail"

    @property
    def can_mail(self) -> bool:
        """Whether mails go anywhere: to a server, or in development to a folder."""
        return self.smtp is not None or not self.production

    @property
    def secure(self) -> bool:
        """Whether people come over https, so that cookies may insist on it: what BASE_URL says, else in production."""
        return urlsplit(self.base_url).scheme == "https" if self.base_url else self.production


def load(environ: Mapping[str, str] | None = None, var: Path = VAR) -> Settings:
    """The settings from `environ` (by default the process's own).

    In development, missing keys are made once and kept in the folder `var`.

    An empty variable counts as not set. Raises ConfigError, a sentence that names the variable, for whatever is wrong.
    """
    given = {name: text.strip() for name, text in (os.environ if environ is None else environ).items() if text.strip()}
    var = Path(given["CARTWHEEL_VAR"]).resolve() if "CARTWHEEL_VAR" in given else var
    production = _is_production(given)
    _check_platform(given)
    values = _read({**local.running(var), **given})
    if values["DATABASE_URL"] is None:
        _make_folder(var)
    return Settings(
        var=var,
        port=values["PORT"],
        base_url=values["BASE_URL"],
        database_url=values["DATABASE_URL"] or f"sqlite+pysqlite:///{var / 'cartwheel.db'}",
        redis_url=values["REDIS_URL"] or f"unix://{quote(str(local.valkey_socket(var)))}",
        secret_key=_secret_key(values["SECRET_KEY"], production, var),
        encryption_keys=values["ENCRYPTION_KEYS"] or _own_encryption_keys(production, var),
        circle_api_url=values["CIRCLE_API_URL"],
        circle_rate=values["CIRCLE_RATE"],
        smtp=values["SMTP_URL"],
        mail_from=_sender(values["MAIL_FROM"], values["SMTP_URL"]),
        demo=(not production and "CIRCLE_API_URL" not in given) if values["DEMO"] is None else values["DEMO"],
        production=production,
        web_threads=values["WEB_THREADS"],
        call_threads=values["CALL_THREADS"],
        belief_hours=values["BELIEF_HOURS"],
        trusted_proxies=_proxies(values["TRUSTED_PROXIES"], given),
        log_level=values["LOG_LEVEL"],
        log_format=values["LOG_FORMAT"],
        metrics_token=values["METRICS_TOKEN"],
        sentry_dsn=values["SENTRY_DSN"],
    )


def table() -> str:
    """The settings as a table in Markdown, for docs/configuration.md."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    rows += [f"| `{s.name}` | {f'`{s.default}`' if s.default else s.otherwise} | {s.meaning} |" for s in SETTINGS]
    return "\n".join(rows) + "\n"


def _read(texts: Mapping[str, str]) -> dict[str, Any]:
    found = {s: texts.get(s.name, s.default) for s in SETTINGS}
    return {s.name: None if text is None else s.read(s.name, text) for s, text in found.items()}


def _is_production(given: Mapping[str, str]) -> bool:
    kind = given.get("FLASK_ENV", "development")
    if kind not in ENVIRONMENTS:
        raise ConfigError(f"FLASK_ENV must be development or production, not {kind!r}.")
    return kind == "production" or "DATABASE_URL" in given


def _check_platform(given: Mapping[str, str]) -> None:
    """DYNO is set where each process has a disk of its own that is thrown away with it."""
    if "DYNO" not in given:
        return
    if not given.get("DATABASE_URL", "").startswith("postgres"):
        raise ConfigError("DATABASE_URL must name a PostgreSQL database here: a SQLite file would be lost with the dyno.")
    if "REDIS_URL" not in given:
        raise ConfigError("REDIS_URL must be set here: each dyno is alone, so web and worker need a Redis they share.")


def _make_folder(var: Path) -> None:
    try:
        var.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise ConfigError(f"CARTWHEEL_VAR must name a folder that can be made and written: {var}, {wrong.strerror}.") from None
    if not os.access(var, os.W_OK | os.X_OK):
        raise ConfigError(f"CARTWHEEL_VAR must name a folder that this user may write, not {var}.")


def _secret_key(given: str | None, production: bool, var: Path) -> str:
    if given is None and not production:
        return local.made_once(var / "secret_key", lambda: secrets.token_urlsafe(32))
    if given is None:
        raise ConfigError("SECRET_KEY must be set in production, to a long random string.")
    if production and (given.lower() in PLACEHOLDERS or len(given) < SHORTEST_SECRET_KEY):
        raise ConfigError(f"SECRET_KEY must be a random string of at least {SHORTEST_SECRET_KEY} characters in production.")
    return given


def _own_encryption_keys(production: bool, var: Path) -> tuple[str, ...]:
    if production:
        raise ConfigError("ENCRYPTION_KEYS must be set in production: API keys and secrets are encrypted with them.")
    kept = local.made_once(var / "encryption_keys", lambda: secrets.token_urlsafe(32))
    return as_encryption_keys(str(var / "encryption_keys"), kept)


def _sender(given: str | None, smtp: Smtp | None) -> str:
    if given is None and smtp is not None:
        raise ConfigError("MAIL_FROM must be set where SMTP_URL is: mail servers refuse a sender that is not theirs.")
    return given or "Cartwheel <cartwheel@localhost>"


def _proxies(given: int | None, environ: Mapping[str, str]) -> int:
    if given is not None:
        return given
    return 1 if "DYNO" in environ else 0
