"""A web process that is told to end lets its open log pages go, whole, and does not wait for them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import factories, servers
from webapp.config import ROOT
from webapp.database import options

pytestmark = pytest.mark.chaos


@pytest.fixture
def web(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A gunicorn as the Procfile starts it, and its address. Its database is the fresh one in `tmp_path`."""
    port = servers.free_port()
    environ = {**os.environ, "CARTWHEEL_VAR": str(tmp_path), "DEMO": "0", "PORT": str(port)}
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
    except requests.ConnectionError:
        return False


def _signed_in(url: str, email: str) -> requests.Session:
    browser = requests.Session()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{url}/sign-in", timeout=30).text)
    assert token
    given = {"csrf_token": token[1], "email": email, "password": factories.PASSWORD}
    assert browser.post(f"{url}/sign-in", data=given, timeout=30, allow_redirects=False).status_code == 303
    return browser


def test_open_pages_are_let_go_when_the_process_ends(web: tuple[subprocess.Popen[bytes], str], sqlite_url: str) -> None:
    process, url = web
    engine = sa.create_engine(sqlite_url, **options(sqlite_url))
    with Session(engine) as session:
        shop = factories.make_marketplace(session)
        factories.make_user(session, shop, email="owner@shop.test")
        session.commit()
        address = f"{url}/logs/live?in={shop.id}"
    engine.dispose()
    with _signed_in(url, "owner@shop.test") as browser:
        streams = [browser.get(address, headers={"Accept": "text/event-stream"}, stream=True, timeout=60) for _ in range(3)]
        lines = [stream.iter_lines() for stream in streams]
        assert {next(line) for line in lines} == {b"retry: 2000"}
        process.send_signal(signal.SIGTERM)
        for line in lines:
            assert b"data: " in list(line), "cut off, this raises ChunkedEncodingError"
    assert process.wait(servers.PATIENCE) == 0
