"""How the text of a variable is read, and every text that is refused: by its name, and without a secret in the sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy.engine import make_url

from webapp import environment
from webapp.environment import ConfigError, Rate

Reader = Callable[[str, str], Any]
LONG = "a random string that is long enough"


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (environment.as_whole_number(1, 10), "1", 1),
        (environment.as_whole_number(1, 10), "10", 10),
        (environment.as_flag, "1", True),
        (environment.as_flag, "Yes", True),
        (environment.as_flag, "on", True),
        (environment.as_flag, "TRUE", True),
        (environment.as_flag, "0", False),
        (environment.as_flag, "no", False),
        (environment.as_flag, "off", False),
        (environment.as_flag, "false", False),
        (environment.as_level, "debug", "DEBUG"),
        (environment.as_rate, "2000/300", Rate(2000, 300)),
        (environment.as_rate, "0", None),
        (environment.as_http_url, "https://shop.test/", "https://shop.test"),
        (environment.as_http_url, "http://127.0.0.1:8000/api", "http://127.0.0.1:8000/api"),
        (environment.as_database_url, "postgres://u:p@h:5432/n", "postgresql+psycopg://u:p@h:5432/n"),
        (environment.as_database_url, "postgresql://u:p@h/n?sslmode=require", "postgresql+psycopg://u:p@h/n?sslmode=require"),
        (environment.as_database_url, "postgresql+psycopg://@/n?host=/run", "postgresql+psycopg://@/n?host=/run"),
        (environment.as_database_url, "sqlite:////srv/shop.db", "sqlite+pysqlite:////srv/shop.db"),
        (environment.as_redis_url, "redis://h:6379/0", "redis://h:6379/0"),
        (environment.as_redis_url, "unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        (environment.as_redis_url, "unix:///run/valkey.sock?db=1", "unix:///run/valkey.sock?db=1"),
        (environment.as_redis_url, "rediss://:p%40@h:6379", "rediss://:p%40@h:6379?ssl_cert_reqs=none"),
        (environment.as_redis_url, "rediss://h?a=b", "rediss://h?a=b&ssl_cert_reqs=none"),
        (environment.as_redis_url, "rediss://h?ssl_cert_reqs=required", "rediss://h?ssl_cert_reqs=required"),
    ],
)
def test_what_is_understood(read: Reader, text: str, value: object) -> None:
    assert read("NAME", text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((environment.as_whole_number(1, 10), text) for text in ("0", "11", "-1", "1.5", "ten", "²", "٣", "9" * 5000)),
        *((environment.as_flag, text) for text in ("2", "maybe", "ja")),
        *((environment.as_level, text) for text in ("LOUD", "10")),
        *((environment.as_rate, text) for text in ("2000", "2000/", "/300", "0/300", "300/0", "a/b", "-1/300", "²/300", "1/2/3")),
        *(
            (environment.as_http_url, text)
            for text in ("shop.test", "ftp://shop.test", "https://", "https://a?b=c", "https://a#b", "http://[", "http://a:0", "http://a:99999")
        ),
        *(
            (environment.as_database_url, text)
            for text in ("shop", "postgres://", "mysql://h/n", "postgres://u:p@h:port/n", "sqlite://", "sqlite:///")
        ),
        *(
            (environment.as_redis_url, text)
            for text in ("h:6379", "http://h", "redis://", "redis://h:0", "redis://[", "unix://", "unix:///", "unix:/run/valkey.sock", "unix://run/a")
        ),
        *((environment.as_encryption_keys, text) for text in ("short", ",", f"{LONG},short")),
    ],
)  # fmt: skip
def test_what_is_refused_names_its_variable(read: Reader, text: str) -> None:
    with pytest.raises(ConfigError, match=r"^NAME .*\.$"):
        read("NAME", text)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (environment.as_database_url, "postgres://u:hush@h:port/n"),
        (environment.as_redis_url, "redis://:hush@h:0"),
        (environment.as_encryption_keys, "hush"),
    ],
)
def test_a_refusal_does_not_repeat_a_secret(read: Reader, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read("NAME", text)
    assert "hush" not in str(refused.value)


def test_encryption_keys_stand_in_their_order() -> None:
    keys = [Fernet.generate_key().decode(), LONG]
    assert environment.as_encryption_keys("NAME", f" {keys[0]} , {keys[1]},") == tuple(keys)


def test_a_server_s_address_is_one_to_sqlalchemy_too() -> None:
    hosts = ("h", "h:5432", "[::1]:5432", "u:p@h", "u:p/w@h:1", "u:p#w@h", "@", "", ":5432", "u@[fe80::1]")
    for rest in (f"{host}{end}" for host in hosts for end in ("", "/n", "/n?host=/run", "?host=/run") if host or end):
        assert make_url(environment.as_database_url("NAME", f"postgres://{rest}")).drivername == "postgresql+psycopg"
