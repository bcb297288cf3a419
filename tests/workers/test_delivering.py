"""Sending what waits in the outbox: to a mail server that is there or away, with Redis or without."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories
from tests.conftest import make_settings
from tests.factories import NOW
from tests.mail_server import MailServer, mail_server
from tests.workers.conftest import called
from webapp import create_app, doorbell
from webapp.database import db, writing
from webapp.engine import accounts, outbox
from webapp.engine.outbox import Letter
from webapp.models import OneTimeLink, Outgoing
from webapp.parts import parts
from webapp.tokens import hash_token
from workers.clock import Clock
from workers.delivering import OFF, deliver


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def made(database_url: str, redis_url: str, var: Path, **more: str) -> Flask:
    app = create_app(make_settings(database_url, redis_url, var, **more))
    app.extensions["cartwheel"] = replace(app.extensions["cartwheel"], now=lambda: NOW)
    return app


@pytest.fixture
def app(sqlite_url: str, redis_url: str, tmp_path: Path, server: MailServer) -> Iterator[Flask]:
    more = {"SMTP_URL": f"smtp://localhost:{server.port}?tls=never", "MAIL_FROM": "Acme <mail@shop.test>"}
    app = made(sqlite_url, redis_url, tmp_path, **more)
    with app.app_context():
        yield app
    factories.done_with(app)


def later(app: Flask, moment: datetime) -> None:
    app.extensions["cartwheel"] = replace(app.extensions["cartwheel"], now=lambda: moment)


def put(to: str = "mina@shop.test", text: str = "Hello.") -> None:
    here = parts()
    with writing() as session:
        outbox.mail(session, to, Letter("Hello", text), here.vault.seal, here.new_id, here.now())


def rows() -> list[Outgoing]:
    found = list(db.session.scalars(select(Outgoing).order_by(Outgoing.id)))
    db.session.rollback()
    return found


def test_all_that_is_due_leaves_once(app: Flask, server: MailServer) -> None:
    put("mina@shop.test")
    put("tom@shop.test")
    deliver()
    deliver()
    assert [mail["To"] for mail in server.mails] == ["mina@shop.test", "tom@shop.test"]
    assert [row.sent_at for row in rows()] == [NOW, NOW]


def test_what_it_says_is_encrypted_while_it_waits(app: Flask) -> None:
    put(text="https://shop.test/link/let-me-in")
    assert rows()[0].content
    with db.engine.connect() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM outbox").all())
    assert "let-me-in" not in kept


def test_one_that_is_refused_does_not_hold_up_the_others(app: Flask, server: MailServer) -> None:
    server.refuses["gone@"] = b"550 nobody here"
    put("gone@shop.test")
    put("tom@shop.test")
    deliver()
    assert [mail["To"] for mail in server.mails] == ["tom@shop.test"]
    gone, sent = rows()
    assert (gone.given_up_at, gone.fault) == (NOW, "The mail server refused this address: nobody here")
    assert sent.sent_at == NOW


def test_a_server_that_is_away_is_tried_again(app: Flask, server: MailServer) -> None:
    server.refuses["mina@"] = b"451 try later"
    put()
    deliver()
    assert (server.mails, rows()[0].fault) == ([], "The mail server refused this address: try later")
    server.refuses.clear()
    deliver()
    assert server.mails == []
    later(app, NOW + timedelta(minutes=1))
    deliver()
    assert len(server.mails) == 1


def test_a_mail_about_a_forgotten_password_has_a_link_that_is_made_for_it(app: Flask, server: MailServer) -> None:
    here = parts()
    with writing() as session:
        user = factories.make_user(session, email="mina@shop.test")
        user_id = user.id
        for email in ("mina@shop.test", "nobody@shop.test"):
            outbox.put(session, outbox.RESET, {"email": email}, here.vault.seal, here.new_id, NOW)
    deliver()
    (mail,) = server.mails
    assert mail["To"] == "mina@shop.test"
    link = re.search(r"http://cartwheel\.test/link/(\S+)", mail.get_content())
    assert link
    kept = db.session.get_one(OneTimeLink, hash_token(link[1]))
    assert (kept.purpose, kept.user_id, kept.expires_at) == ("reset", user_id, NOW + accounts.RESET_LASTS)
    db.session.rollback()
    assert [row.sent_at for row in rows()] == [NOW, NOW]


def test_the_clock_calls_for_it_where_redis_did_not_hear(app: Flask) -> None:
    put()  # nobody rang
    clock = Clock(app, "one", threading.Event())
    for _ in range(3):
        clock.tick()
    here = parts()
    here.bell.flush(5)
    assert called(here.bell.redis, doorbell.DELIVER) == 1
    deliver()
    put()
    clock.tick()
    parts().bell.flush(5)
    assert called(here.bell.redis, doorbell.DELIVER) == 2


def test_without_a_server_production_sends_nothing_and_says_so(sqlite_url: str, redis_url: str, tmp_path: Path) -> None:
    app = made(sqlite_url, redis_url, tmp_path)
    with app.app_context():
        put()
        deliver()
        assert rows()[0].fault == OFF
        db.session.remove()
        db.engine.dispose()
    assert not (tmp_path / "mail").exists()


def test_a_message_that_no_key_opens_is_given_up(sqlite_url: str, redis_url: str, tmp_path: Path, app: Flask, server: MailServer) -> None:
    put()
    other = made(sqlite_url, redis_url, tmp_path, ENCRYPTION_KEYS="quite another encryption key for tests")
    with other.app_context():
        deliver()
        assert rows()[0].given_up_at == NOW
        db.session.remove()
        db.engine.dispose()
    assert server.mails == []
