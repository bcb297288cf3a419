"""How gunicorn runs the web process: nobody holds a thread by sending a body drop by drop."""

from __future__ import annotations

import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gunicorn.http.unreader import SocketUnreader

from webapp.config import ROOT


class Asked:
    """A request on a connection, as gunicorn's hooks get it."""

    def __init__(self, sock: socket.socket) -> None:
        self.unreader = SocketUnreader(sock)
        self.closes = False

    def force_close(self) -> None:
        self.closes = True


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("CARTWHEEL_VAR", str(tmp_path))
    return runpy.run_path(str(ROOT / "gunicorn.conf.py"))


def test_a_body_that_does_not_come_ends_its_connection(conf: dict[str, Any], ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    asked = Asked(ours)
    conf["pre_request"].__globals__["BODY_SECONDS"] = 0.05
    conf["pre_request"](None, asked)
    theirs.sendall(b"{")
    assert asked.unreader.read() == b"{"
    with pytest.raises(TimeoutError):
        asked.unreader.read()
    assert asked.closes


def test_the_next_request_of_a_connection_is_waited_for_as_before(conf: dict[str, Any], ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    asked = Asked(ours)
    conf["pre_request"](None, asked)
    conf["post_request"](None, asked, {}, None)
    assert "chunk" not in vars(asked.unreader)
    theirs.sendall(b"GET")
    assert asked.unreader.read() == b"GET"
    assert ours.gettimeout() is None
    assert not asked.closes


def test_the_first_process_holds_none_of_what_the_second_works_with(tmp_path: Path) -> None:
    """It reads the settings of a deployment and waits. What it loads is in memory twice."""
    script = "import runpy, sys; runpy.run_path('gunicorn.conf.py'); import webapp.serving; print(*sys.modules)"
    environ = {
        "CARTWHEEL_VAR": str(tmp_path), "DATABASE_URL": "postgres://u:p@h/n", "REDIS_URL": "redis://h", "SECRET_KEY": "k" * 32,
        "ENCRYPTION_KEYS": "a random string that is long enough",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], env=environ, cwd=ROOT, check=True, capture_output=True, text=True)
    assert not {"flask", "sqlalchemy", "redis", "cryptography", "webapp.models"} & set(done.stdout.split())
