"""A web process that is told to end lets its open log pages go, whole, and does not wait for them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import factories, servers
from webapp import live
from webapp.config import ROOT
from webapp.database import options
from webapp.models import Marketplace

pytestmark = pytest.mark.chaos
STREAM = {"Accept": "text/event-stream"}
THREADS = 4


@pytest.fixture
def web(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A gunicorn as the Procfile starts it, and its address. Its database is the fresh one in `tmp_path`."""
    port = servers.free_port()
    environ = {**os.environ, "CARTWHEEL_VAR": str(tmp_path), "DEMO": "0", "PORT": str(port), "WEB_THREADS": str(THREADS)}
    for name in ("DATABASE_URL", "REDIS_URL", "FLASK_ENV"):
        environ.pop(name, None)
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--no-control-socket"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        servers._wait(lambda: _answers(port), "gunicorn")
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(servers.PATIENCE)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
    except requests.RequestException:  # it listens before it can answer, and on a busy machine that may take longer than a try
        return False


def _signed_in(url: str, email: str) -> requests.Session:
    browser = requests.Session()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{url}/sign-in", timeout=30).text)
    assert token
    given = {"csrf_token": token[1], "email": email, "password": factories.PASSWORD}
    assert browser.post(f"{url}/sign-in", data=given, timeout=30, allow_redirects=False).status_code == 303
    return browser


@pytest.fixture
def shop(sqlite_url: str) -> Iterator[tuple[Session, int]]:
    """A way into the database, and a marketplace with an owner."""
    engine = sa.create_engine(sqlite_url, **options(sqlite_url))
    with Session(engine, expire_on_commit=False) as session:
        made = factories.make_marketplace(session)
        factories.make_user(session, made, email="owner@shop.test")
        session.commit()
        yield session, made.id
    engine.dispose()


def _opened(browser: requests.Session, address: str) -> requests.Response:
    return browser.get(address, headers=STREAM, stream=True, timeout=60)


def test_open_pages_are_let_go_when_the_process_ends(web: tuple[subprocess.Popen[bytes], str], shop: tuple[Session, int]) -> None:
    process, url = web
    address = f"{url}/logs/live?in={shop[1]}"
    with _signed_in(url, "owner@shop.test") as browser:
        streams = [_opened(browser, address) for _ in range(3)]
        lines = [stream.iter_lines() for stream in streams]
        assert {next(line) for line in lines} == {b"retry: 2000"}
        process.send_signal(signal.SIGTERM)
        for line in lines:
            assert b"data: " in list(line), "cut off, this raises ChunkedEncodingError"
    assert process.wait(servers.PATIENCE) == 0


def test_many_more_pages_than_threads_are_told(web: tuple[subprocess.Popen[bytes], str], shop: tuple[Session, int]) -> None:
    url, (session, market) = web[1], shop
    address = f"{url}/logs/live?in={market}"
    with _signed_in(url, "owner@shop.test") as browser:
        pages = [_opened(browser, address) for _ in range(10 * THREADS)]
        lines = [page.iter_lines() for page in pages]
        for line in lines:
            assert b"data: " in line, "it is told first that it missed nothing"
        now = datetime.now(UTC)
        entry = factories.make_entry(session, session.get_one(Marketplace, market), at=now, changed_at=now)
        session.commit()
        for line in lines:
            assert any(f"entry-{entry.id}".encode() in said for said in line)


def test_a_page_that_was_closed_makes_room_at_once(web: tuple[subprocess.Popen[bytes], str], shop: tuple[Session, int]) -> None:
    address = f"{web[1]}/logs/live?in={shop[1]}"
    with _signed_in(web[1], "owner@shop.test") as browser:
        for _ in range(2):
            pages = [_opened(browser, address) for _ in range(live.MOST)]
            assert {page.status_code for page in pages} == {200}
            assert _opened(browser, address).status_code == 204
            for page in pages:
                page.close()
            servers._wait(lambda: _opened(browser, address).status_code == 200, "a page")
