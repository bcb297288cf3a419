"""Questions about this machine, asked of sockets that a test opens itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from embedded import checks


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def web() -> Iterator[int]:
    """The port of a server whose /healthz is well and nothing else."""
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_taken_port_is_a_sentence_that_names_a_free_one(taken: int) -> None:
    why = checks.why_not_free(taken)
    assert why is not None
    sentence, _, command = why.partition(" PORT names another: ")
    assert sentence == f"Port {taken} is taken by another program."
    assert checks.is_free(int(command.removeprefix("PORT=").removesuffix(" make run")))


def test_a_free_port_is_no_reason() -> None:
    assert checks.why_not_free(checks.free_port()) is None


def test_free_taken_and_listened_on(taken: int) -> None:
    free = checks.free_port()
    assert (checks.is_free(taken), checks.listens(taken)) == (False, True)
    assert (checks.is_free(free), checks.listens(free)) == (True, False)


def test_only_an_answer_of_200_is_one(web: int, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.05)
    assert checks.answers(web, "/healthz")
    assert not checks.answers(web, "/broken")
    assert not checks.answers(checks.free_port(), "/healthz")
    assert not checks.answers(taken, "/healthz")  # listens and says nothing


def test_a_valkey_answers_and_nothing_else_does(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen()
        assert not checks.valkey_answers(tmp_path / "silent")
    assert checks.valkey_answers(Path(redis_url.removeprefix("unix://")))
    assert not checks.valkey_answers(tmp_path / "none")
