"""Looking after marketplaces and telling: from an integration in trouble to a mail and a line in a chat."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests import factories
from tests.conftest import make_settings
from tests.factories import NOW
from tests.mail_server import MailServer, mail_server
from tests.workers.conftest import called
from webapp import create_app, doorbell
from webapp.database import db, writing
from webapp.engine import alerts
from webapp.models import Alert, Integration
from webapp.outward import NotDone
from webapp.parts import parts
from workers import delivering, watching
from workers.clock import Clock
from workers.watching import watch

SECRET = "https://hooks.shop.test/services/T0/B0/hush"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def app(sqlite_url: str, redis_url: str, tmp_path: Path, server: MailServer) -> Iterator[Flask]:
    more = {"SMTP_URL": f"smtp://localhost:{server.port}?tls=never", "MAIL_FROM": "Acme <mail@shop.test>"}
    app = create_app(make_settings(sqlite_url, redis_url, tmp_path, **more))
    at(app, timedelta(0))
    with app.app_context():
        yield app
    factories.done_with(app)


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    told: list[tuple[str, Any]] = []
    monkeypatch.setattr("webapp.outward.post", lambda url, content: told.append((url, content)))
    return told


def at(app: Flask, after: timedelta) -> None:
    app.extensions["cartwheel"] = replace(app.extensions["cartwheel"], now=lambda: NOW + after)


def trouble(name: str = "Acme", *, chat: bool = False) -> int:
    """A marketplace with an owner and an integration whose key has died. Gives the integration."""
    with writing() as session:
        shop = factories.make_marketplace(session, name, time_zone="Europe/Berlin")
        factories.make_user(session, shop, email=f"owner@{name.lower()}.test")
        factories.make_user(session, shop, "viewer")
        if chat:
            alerts.change_chat(session, shop.id, parts().vault.seal(SECRET), "hooks.shop.test")
        return factories.make_integration(session, shop, "Alumni <Club>", attention="dead_key", attention_at=NOW).id


def put_right(integration: int) -> None:
    with writing() as session:
        session.get_one(Integration, integration).attention = None


def test_a_trouble_is_mailed_with_a_link_and_so_is_its_end(app: Flask, server: MailServer) -> None:
    integration = trouble()
    watch()
    delivering.deliver()
    (mail,) = server.mails
    assert (mail["To"], mail["Subject"]) == ("owner@acme.test", "Acme: Circle no longer accepts the API key of Alumni <Club>")
    text = mail.get_content()
    assert "Since 15:02." in text
    assert "What to do: Make a new token in Circle" in text
    with writing() as session:
        number = session.query(Alert).one().id
    assert re.findall(r"https?://\S+", text) == [f"http://cartwheel.test/settings/alerts/{number}"]
    at(app, timedelta(minutes=1))
    watch()
    put_right(integration)
    at(app, timedelta(minutes=2))
    watch()
    delivering.deliver()
    assert server.mails[1]["Subject"] == "Acme: over: Circle no longer accepts the API key of Alumni <Club>"
    assert "over at 15:04." in server.mails[1].get_content()
    assert len(server.mails) == 2


def test_a_chat_is_told_in_its_own_signs_and_its_address_stands_nowhere(app: Flask, chat: list[tuple[str, Any]]) -> None:
    trouble(chat=True)
    watch()
    delivering.deliver()
    ((url, content),) = chat
    assert url == SECRET
    assert content["text"].startswith("*Acme*\n:warning: <http://cartwheel.test/settings/alerts/")
    assert "Alumni &lt;Club&gt;" in content["text"]
    with db.engine.connect() as connection:
        kept = [str(connection.exec_driver_sql(f"SELECT * FROM {table}").all()) for table in ("outbox", "watches")]
    assert not any("hush" in one for one in kept)


def test_a_chat_that_was_taken_away_meanwhile_is_not_told(app: Flask, chat: list[tuple[str, Any]], server: MailServer) -> None:
    trouble(chat=True)
    watch()
    with writing() as session:
        (shop,) = session.query(alerts.Watch).all()
        alerts.change_chat(session, shop.marketplace_id, None, "")
    delivering.deliver()
    assert (chat, len(server.mails)) == ([], 1)


def test_a_chat_that_refuses_leaves_its_reason(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotDone("hooks.shop.test answered 404.", for_good=True)

    monkeypatch.setattr("webapp.outward.post", refuse)
    trouble(chat=True)
    watch()
    delivering.deliver()
    with writing() as session:
        shop = session.query(alerts.Watch).one().marketplace_id
        faults = {row.recipient: row.fault for row in delivering.outbox.latest(session, shop, 5)}
    assert faults == {"owner@acme.test": "", "hooks.shop.test": "hooks.shop.test answered 404."}


def test_a_mistake_in_one_marketplace_leaves_the_others_their_turn(
    app: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trouble("Bad")
    trouble("Good")
    real = watching._look

    first = watching._due(parts())[0]
    monkeypatch.setattr(watching, "_look", lambda session, number, here: real(session, number, here) if number != first else 1 / 0)
    watch()
    delivering.deliver()
    assert [mail["To"] for mail in server.mails] == ["owner@good.test"]
    assert "could not be looked after" in caplog.text


def test_in_the_morning_comes_a_digest(app: Flask, server: MailServer) -> None:
    trouble()
    watch()
    at(app, timedelta(hours=18))  # 09:02 in Berlin
    watch()
    at(app, timedelta(hours=19))
    watch()
    delivering.deliver()
    digests = [mail for mail in server.mails if "25 November 2026" in mail["Subject"]]
    assert [mail["Subject"] for mail in digests] == ["Acme, 25 November 2026: 1 thing needs somebody"]
    assert "Since 24 November 2026, 15:02." in digests[0].get_content()


def test_the_clock_calls_for_it_twice_a_minute(app: Flask) -> None:
    clock = Clock(app, "one", threading.Event())
    for second in (0, 1, 29, 30, 59, 60):
        at(app, timedelta(seconds=second))
        clock.tick()
    parts().bell.flush(5)
    assert called(parts().bell.redis, doorbell.WATCH) == 3
