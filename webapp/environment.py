"""How the text of an environment variable becomes a value or is refused in one sentence. No setting lives here."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.headerregistry import Address
from email.utils import parseaddr
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SHORTEST_SECRET = 32
"""Characters of a random string that encrypts. A Fernet key has more."""

SHORTEST_TOKEN = 16
"""Characters of what guards the metrics."""

LOG_FORMATS = ("text", "json")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


class ConfigError(Exception):
    """A setting that is wrong or missing: one plain sentence that names its variable, without a secret's value."""


class Rate(NamedTuple):
    """So many calls in so many seconds."""

    calls: int
    seconds: int


class Smtp(NamedTuple):
    """A mail server. `tls`: from the first byte (`smtps://`), after STARTTLS (`smtp://`), or never, for a relay on one's own machine."""

    host: str
    port: int
    user: str
    password: str
    tls: str


SERVER = re.compile(r"([^:/]*(:[^@]*)?@)?(\[[^/?]+\]|[^/:?]+)?(:\d*)?([/?].*)?")
"""A server's address behind its scheme, as SQLAlchemy reads it, which is not asked itself: gunicorn's first process reads the settings, too, and
would hold its 20 MB for that alone."""

SMTP_PORTS = {"smtp": 587, "smtps": 465}


def as_text(name: str, text: str) -> str:
    """The text as it is."""
    return text


def as_whole_number(least: int, most: int) -> Callable[[str, str], int]:
    """A reader of whole numbers between two bounds, both allowed."""

    def read(name: str, text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if not least <= number <= most:
            raise ConfigError(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
        return number

    return read


def as_flag(name: str, text: str) -> bool:
    """1 or 0; true, yes, on and their opposites are understood too."""
    if text.lower() not in FLAGS:
        raise ConfigError(f"{name} must be 1 or 0, not {text!r}.")
    return FLAGS[text.lower()]


def as_level(name: str, text: str) -> str:
    """A level of Python's logging."""
    if text.upper() not in LEVELS:
        raise ConfigError(f"{name} must be one of {', '.join(LEVELS)}, not {text!r}.")
    return text.upper()


def as_log_format(name: str, text: str) -> str:
    """How a line of the log is written: text or json."""
    if text.lower() not in LOG_FORMATS:
        raise ConfigError(f"{name} must be one of {', '.join(LOG_FORMATS)}, not {text!r}.")
    return text.lower()


def as_metrics_token(name: str, text: str) -> str:
    """What guards /metrics: too long to be guessed."""
    if len(text) < SHORTEST_TOKEN:
        raise ConfigError(f"{name} must be a random string of at least {SHORTEST_TOKEN} characters.")
    return text


def as_rate(name: str, text: str) -> Rate | None:
    """`2000/300` is 2,000 calls in 300 seconds; `0` is no limit, None."""
    if text == "0":
        return None
    calls, _, seconds = text.partition("/")
    if not (text.isascii() and calls.isdigit() and seconds.isdigit() and int(calls) and int(seconds)):
        raise ConfigError(f"{name} must be calls/seconds, such as 2000/300, or 0 for no limit, not {text!r}.")
    return Rate(int(calls), int(seconds))


def as_http_url(name: str, text: str) -> str:
    """An http(s) address without a slash at its end."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"{name} must be an address such as https://cartwheel.example.com, without a query.")
    return text.rstrip("/")


def as_database_url(name: str, text: str) -> str:
    """SQLAlchemy's address of a PostgreSQL or SQLite database, from what platforms give (`postgres://…`)."""
    scheme, _, rest = text.partition("://")
    if scheme in ("postgres", "postgresql", "postgresql+psycopg") and rest and SERVER.fullmatch(rest):
        return f"postgresql+psycopg://{rest}"
    if scheme in ("sqlite", "sqlite+pysqlite") and rest.startswith("/") and rest.strip("/") not in ("", ":memory:"):
        return f"sqlite+pysqlite://{rest}"
    raise ConfigError(f"{name} must be the address of a PostgreSQL database: postgres://user:password@host/name.")


def as_redis_url(name: str, text: str) -> str:
    """redis-py's address. A `rediss://` without a word on certificates takes any: platforms sign their own."""
    parts = _split(text)
    if parts is None or not (_is_socket(text, parts) or (parts.scheme in ("redis", "rediss") and parts.hostname)):
        raise ConfigError(f"{name} must be an address such as redis://host:6379/0, rediss://… or unix:///path.")
    if parts.scheme == "rediss" and "ssl_cert_reqs" not in dict(parse_qsl(parts.query)):
        return f"{text}{'&' if parts.query else '?'}ssl_cert_reqs=none"
    return text


def as_smtp_url(name: str, text: str) -> Smtp:
    """A mail server's address. Encrypted always, but with `?tls=never`, which sends no password."""
    parts = _split(text)
    said = dict(parse_qsl(parts.query)) if parts else {}
    if parts is None or parts.scheme not in SMTP_PORTS or not parts.hostname or parts.path.strip("/") or said not in ({}, {"tls": "never"}):
        raise ConfigError(f"{name} must be an address such as smtp://user:password@host:587 or smtps://user:password@host.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if said and (user or parts.scheme == "smtps"):
        raise ConfigError(f"{name} may say tls=never only for smtp:// without a user: a password is sent over TLS alone.")
    tls = "never" if said else {"smtp": "starttls", "smtps": "always"}[parts.scheme]
    return Smtp(parts.hostname, parts.port or SMTP_PORTS[parts.scheme], user, password, tls)


def as_sender(name: str, text: str) -> str:
    """An e-mail address with or without a name: `Acme <mail@acme.example>`."""
    shown, address = parseaddr(text)
    try:
        good = Address(shown, addr_spec=address) if "@" in address and text.isprintable() else None
    except ValueError:
        good = None
    if good is None or not good.domain:
        raise ConfigError(f"{name} must be an e-mail address such as Cartwheel <cartwheel@example.com>, not {text!r}.")
    return str(good)


def as_encryption_keys(name: str, text: str) -> tuple[str, ...]:
    """Fernet keys or long random strings (`webapp.vault` makes keys of them), the newest first."""
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    if not keys:
        raise ConfigError(f"{name} holds no key.")
    if min(map(len, keys)) < SHORTEST_SECRET:
        raise ConfigError(f"{name} must be Fernet keys or random strings of {SHORTEST_SECRET} characters or more, comma-separated.")
    return keys


def _split(text: str) -> SplitResult | None:
    """The parts of an address; None where it is none, or its port is none."""
    try:
        parts = urlsplit(text)
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _is_socket(text: str, parts: SplitResult) -> bool:
    return text.startswith("unix:///") and len(parts.path) > 1
