"""A thread stays with the connection that it has answered, for a moment, and never so long or so many that others wait."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import ThreadWorker

from webapp import serving

ONE, BYE = b"GET /one HTTP/1.1\r\n\r\n", b"GET /bye HTTP/1.1\r\n\r\n"


class Kept:
    """A kept connection as gunicorn's workers know it: our end of it, and what was read ahead of the next request."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.parser = SimpleNamespace(unreader=SocketUnreader(sock))


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> serving.Worker:
    """A worker that reads one request at a time, and keeps the connection unless it is `BYE` or its end."""
    monkeypatch.setattr(serving, "STAY", 20)

    def handle(self: Any, conn: Any) -> bool:
        ahead = conn.parser.unreader
        self.read.append(ahead.read(len(ONE)) if ahead.buf.getvalue() else conn.sock.recv(len(ONE)))
        return self.read[-1] not in (BYE, b"")

    monkeypatch.setattr(ThreadWorker, "handle", handle)
    made = serving.Worker.__new__(serving.Worker)
    vars(made).update(read=[], alive=True, may_stay=1)
    return made


def test_what_follows_at_once_is_answered_by_the_same_thread(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    theirs.sendall(ONE + BYE)
    assert worker.handle(Kept(ours)) is False
    assert worker.read == [ONE, BYE]
    assert worker.may_stay == 1


def test_so_is_what_was_read_ahead(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    worker.may_stay = 0
    kept = Kept(ends[1])
    kept.parser.unreader.unread(ONE + BYE)
    assert worker.handle(kept) is False
    assert worker.read == [ONE, BYE]


def test_a_silent_connection_goes_back_to_the_main_thread(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    theirs.sendall(ONE)
    assert worker.handle(Kept(ours)) is True
    assert worker.read == [ONE]


def test_one_that_was_closed_is_found_out_by_reading_it(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    theirs.sendall(ONE)
    theirs.shutdown(socket.SHUT_WR)
    assert worker.handle(Kept(ours)) is False
    assert worker.read == [ONE, b""]


def test_one_that_comes_slowly_goes_back_with_what_has_come(worker: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    theirs.sendall(ONE + BYE[:9])
    kept = Kept(ours)
    assert worker.handle(kept) is True
    assert (worker.read, kept.parser.unreader.take_buffered()) == ([ONE], BYE[:9])


@pytest.mark.parametrize("state", [{"may_stay": 0}, {"alive": False}])
def test_nobody_stays_when_too_many_do_or_the_process_ends(
    worker: Any, ends: tuple[socket.socket, socket.socket], state: dict[str, object]
) -> None:
    theirs, ours = ends
    vars(worker).update(state)
    theirs.sendall(ONE)
    kept = Kept(ours)
    original, told = worker._more, []

    def watch(conn: Any) -> bool:
        theirs.sendall(BYE)  # it is there, and is left for who comes next
        told.append(original(conn))
        return told[-1]

    worker._more = watch
    assert worker.handle(kept) is True
    assert (worker.read, told) == ([ONE], [False])
