"""Every setting: its default, its variable, what production refuses, and the table in docs/configuration.md."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import quote

import pytest

from webapp import local
from webapp.config import ROOT, SETTINGS, load, table
from webapp.environment import ConfigError, Rate, Smtp

SECRET = "hush hush hush hush"
KEYS = {"SECRET_KEY": "a long random string of characters", "ENCRYPTION_KEYS": "another long random string of characters"}
PRODUCTION = {"FLASK_ENV": "production", "BASE_URL": "https://shop.test", **KEYS}
POSTGRES = "postgres://u:hush@h/n"


def test_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    assert (settings.port, settings.web_threads, settings.call_threads, settings.belief_hours) == (8000, 250, 100, 24)
    assert settings.circle_api_url == "https://app.circle.so/api/admin/v2"
    assert settings.circle_rate == Rate(2000, 300)
    assert settings.database_url == f"sqlite+pysqlite:///{tmp_path}/cartwheel.db"
    assert settings.redis_url == f"unix://{quote(str(tmp_path / 'valkey.sock'))}"
    assert (settings.demo, settings.production, settings.secure) == (True, False, False)
    assert settings.base_url is None
    assert (settings.trusted_proxies, settings.log_level) == (0, "INFO")
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.root == ROOT


def test_every_setting_is_read_from_its_variable(tmp_path: Path) -> None:
    given = {
        "PORT": "9000", "BASE_URL": "https://shop.test/", "DATABASE_URL": POSTGRES, "REDIS_URL": "redis://h", **KEYS,
        "CIRCLE_API_URL": "http://127.0.0.1:1/api", "CIRCLE_RATE": "7/1", "DEMO": "1", "FLASK_ENV": "production", "WEB_THREADS": "8",
        "CALL_THREADS": "2", "BELIEF_HOURS": "0", "TRUSTED_PROXIES": "2",
        "SMTP_URL": "smtps://cart%40shop:hush@mail.shop.test", "MAIL_FROM": "Acme <mail@shop.test>",
        "LOG_LEVEL": "error", "LOG_FORMAT": "JSON", "METRICS_TOKEN": "a token for prometheus", "SENTRY_DSN": "https://k@sentry.test/1",
        "CARTWHEEL_VAR": str(tmp_path / "there"),
    }  # fmt: skip
    settings = load(given)
    assert {setting.name for setting in SETTINGS} == given.keys()
    assert (settings.port, settings.base_url, settings.var) == (9000, "https://shop.test", tmp_path / "there")
    assert (settings.database_url, settings.redis_url) == ("postgresql+psycopg://u:hush@h/n", "redis://h")
    assert settings.secret_key == KEYS["SECRET_KEY"]
    assert len(settings.encryption_keys) == 1
    assert (settings.circle_api_url, settings.circle_rate) == ("http://127.0.0.1:1/api", Rate(7, 1))
    assert (settings.demo, settings.production, settings.secure) == (True, True, True)
    assert (settings.web_threads, settings.call_threads, settings.belief_hours) == (8, 2, 0)
    assert (settings.trusted_proxies, settings.log_level) == (2, "ERROR")
    assert settings.address == "https://shop.test"
    assert settings.smtp == Smtp("mail.shop.test", 465, "cart@shop", "hush", "always")
    assert (settings.mail_from, settings.can_mail) == ("Acme <mail@shop.test>", True)


def test_mails_go_to_a_folder_in_development_and_nowhere_in_production_without_a_server(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    assert (settings.can_mail, settings.mail_folder) == (True, tmp_path / "mail")
    assert not load(PRODUCTION, tmp_path).can_mail
    with pytest.raises(ConfigError, match=r"^MAIL_FROM must be set"):
        load({"SMTP_URL": "smtp://mail.shop.test"}, tmp_path)
    assert load({"SMTP_URL": "smtp://localhost:25?tls=never", "MAIL_FROM": "a@b.test"}, tmp_path).smtp == Smtp(
        "localhost", 25, "", "", "never"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "0"),
        ("PORT", "http"),
        ("BASE_URL", "shop.test"),
        ("DATABASE_URL", "mysql://h/n"),
        ("REDIS_URL", "h:6379"),
        ("ENCRYPTION_KEYS", "short"),
        ("CIRCLE_API_URL", "app.circle.so"),
        ("CIRCLE_RATE", "fast"),
        ("DEMO", "maybe"),
        ("SMTP_URL", "mail.shop.test"),
        ("SMTP_URL", "smtp://user:hush@mail.shop.test?tls=never"),
        ("SMTP_URL", "smtp://mail.shop.test?tls=maybe"),
        ("MAIL_FROM", "shop.test"),
        ("FLASK_ENV", "staging"),
        ("WEB_THREADS", "3"),
        ("CALL_THREADS", "0"),
        ("BELIEF_HOURS", "-1"),
        ("TRUSTED_PROXIES", "11"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence_that_names_it(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} .*\.$"):
        load({name: text}, tmp_path)


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load({"PORT": " ", "DATABASE_URL": "", "REDIS_URL": "  "}, tmp_path) == load({}, tmp_path)


@pytest.mark.parametrize("environ", [{"FLASK_ENV": "production"}, {"DATABASE_URL": POSTGRES}])
@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({"ENCRYPTION_KEYS": KEYS["ENCRYPTION_KEYS"]}, "SECRET_KEY"),
        ({**KEYS, "SECRET_KEY": "secret"}, "SECRET_KEY"),
        ({**KEYS, "SECRET_KEY": "Change-Me"}, "SECRET_KEY"),
        ({**KEYS, "SECRET_KEY": "too short"}, "SECRET_KEY"),
        ({"SECRET_KEY": KEYS["SECRET_KEY"]}, "ENCRYPTION_KEYS"),
    ],
)
def test_production_refuses_keys_that_are_missing_or_known(
    environ: dict[str, str], keys: dict[str, str], names: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"^{names} must be"):
        load({**environ, **keys}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_production_sends_cookies_over_https_and_brings_no_demo(tmp_path: Path) -> None:
    settings = load(PRODUCTION, tmp_path)
    assert (settings.secure, settings.demo) == (True, False)
    assert not load({**PRODUCTION, "BASE_URL": "http://10.0.0.1"}, tmp_path).secure


def test_a_community_of_ones_own_brings_no_demo(tmp_path: Path) -> None:
    assert not load({"CIRCLE_API_URL": "http://127.0.0.1:1"}, tmp_path).demo


def test_a_disk_that_is_thrown_away_needs_both_servers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^DATABASE_URL must name a PostgreSQL"):
        load({**PRODUCTION, "DYNO": "web.1", "REDIS_URL": "redis://h"}, tmp_path)
    with pytest.raises(ConfigError, match=r"^DATABASE_URL must name a PostgreSQL"):
        load({**PRODUCTION, "DYNO": "web.1", "REDIS_URL": "redis://h", "DATABASE_URL": "sqlite:////srv/a.db"}, tmp_path)
    with pytest.raises(ConfigError, match=r"^REDIS_URL must be set"):
        load({**PRODUCTION, "DYNO": "web.1", "DATABASE_URL": POSTGRES}, tmp_path)
    there = load({**PRODUCTION, "DYNO": "web.1", "REDIS_URL": "redis://h", "DATABASE_URL": POSTGRES}, tmp_path)
    assert there.trusted_proxies == 1


def test_own_keys_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    var = tmp_path / "var"
    first, second = load({}, var), load({}, var)
    assert (first.secret_key, first.encryption_keys) == (second.secret_key, second.encryption_keys)
    assert len(first.secret_key) >= 32
    assert len(first.encryption_keys[0]) >= 32
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in var.iterdir()}
    assert modes == {"secret_key": 0o600, "encryption_keys": 0o600}


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="CARTWHEEL_VAR"):
        load({"CARTWHEEL_VAR": str(tmp_path / "file" / "var")})


def test_what_make_run_noted_counts_only_while_it_runs(tmp_path: Path) -> None:
    with local.holding(tmp_path):
        local.note_running(tmp_path, {"PORT": "9000", "DEMO": "0"})
        assert load({}, tmp_path).port == 9000
        assert load({"PORT": "9001"}, tmp_path).port == 9001
    assert load({}, tmp_path).port == 8000  # killed: the note is still there


def test_settings_show_no_secret(tmp_path: Path) -> None:
    given = {**KEYS, "SECRET_KEY": SECRET, "DATABASE_URL": POSTGRES, "REDIS_URL": "redis://:hush@h"}
    shown = repr(load(given, tmp_path))
    assert "hush" not in shown
    assert KEYS["ENCRYPTION_KEYS"] not in shown


def test_limits_have_their_own_word_for_a_socket(tmp_path: Path) -> None:
    assert load({"REDIS_URL": "unix:///run/v.sock"}, tmp_path).limits_url == "redis+unix:///run/v.sock"
    assert load({"REDIS_URL": "redis://h"}, tmp_path).limits_url == "redis://h"


def test_the_documentation_is_the_table() -> None:
    assert table() in (ROOT / "docs" / "configuration.md").read_text()
