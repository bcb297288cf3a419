"""A thread stays with the connection that it has answered, for a moment, and never so long or so many that others wait."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from webapp import serving


class Kept:
    """A kept connection as gunicorn's workers know it: our end of it, and what was read ahead of the next request."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.parser = SimpleNamespace(unreader=SimpleNamespace(buf=io.BytesIO()))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: the checkout's and ours."""
    theirs, ours = socket.socketpair()
    yield theirs, ours
    theirs.close()
    ours.close()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> serving.Worker:
    """A worker that reads three bytes at a time, and keeps the connection unless they are `bye` or its end."""
    monkeypatch.setattr(serving, "STAY", 20)

    def handle(self: Any, conn: Any) -> bool:
        self.read.append(conn.sock.recv(3))
        return self.read[-1] not in (b"bye", b"")

    monkeypatch.setattr(ThreadWorker, "handle", handle)
    made = serving.Worker.__new__(serving.Worker)
    vars(made).update(read=[], alive=True, may_stay=1)
    return made


def test_what_follows_at_once_is_answered_by_the_same_thread(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    theirs.sendall(b"onebye")
    assert worker.handle(Kept(ours)) is False
    assert worker.read == [b"one", b"bye"]
    assert worker.may_stay == 1


def test_so_is_what_was_read_ahead(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    worker.may_stay = 0
    theirs, ours = ends
    theirs.sendall(b"onebye")
    kept = Kept(ours)
    kept.parser.unreader.buf.write(b"bye")
    assert worker.handle(kept) is False
    assert worker.read == [b"one", b"bye"]


def test_a_silent_connection_goes_back_to_the_main_thread(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    theirs.sendall(b"one")
    assert worker.handle(Kept(ours)) is True
    assert worker.read == [b"one"]


def test_one_that_was_closed_is_found_out_by_reading_it(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    theirs.sendall(b"one")
    theirs.shutdown(socket.SHUT_WR)
    assert worker.handle(Kept(ours)) is False
    assert worker.read == [b"one", b""]


@pytest.mark.parametrize("state", [{"may_stay": 0}, {"alive": False}])
def test_nobody_stays_when_too_many_do_or_the_process_ends(
    worker: Any, ends: tuple[socket.socket, socket.socket], state: dict[str, object]
) -> None:
    theirs, ours = ends
    vars(worker).update(state)
    theirs.sendall(b"one")
    kept = Kept(ours)
    original, told = worker._more, []

    def watch(conn: Any) -> bool:
        theirs.sendall(b"two")  # it is there, and is left for who comes next
        told.append(original(conn))
        return told[-1]

    worker._more = watch
    assert worker.handle(kept) is True
    assert (worker.read, told) == ([b"one"], [False])
