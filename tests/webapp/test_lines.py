"""Connections that one thread writes to: what is sent arrives whole, who is slow holds up nobody, and who is gone is found out."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from webapp.lines import Line, Lines

LARGE = b"much" * 500_000
"""More than a connection takes at once."""


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    yield made
    made.close()


@pytest.fixture
def gone() -> list[str]:
    return []


@pytest.fixture
def line(lines: Lines, ends: tuple[socket.socket, socket.socket], gone: list[str]) -> Iterator[Line]:
    made = Line(ends[1], True, lambda: gone.append("gone"))
    lines.add(made)
    yield made
    made.close()


def _read(sock: socket.socket, lines: Lines, most: int | None = None) -> bytes:
    """So much, or everything up to the end, while the lines are minded."""
    found = b""
    sock.setblocking(False)
    while len(found) != most:
        try:
            piece = sock.recv(65536)
        except BlockingIOError:
            lines.wait(30)
            continue
        if not piece:
            break
        found += piece
    return found


def test_messages_come_as_chunks_and_then_the_end(ends: tuple[socket.socket, socket.socket], line: Line, gone: list[str]) -> None:
    line.send(b"one")
    line.send(b"a second one")
    line.close()
    assert b"".join(iter(lambda: ends[0].recv(4096), b"")) == b"3\r\none\r\nC\r\na second one\r\n0\r\n\r\n"
    line.close()
    assert (line.closed, gone) == (True, ["gone"])


def test_a_client_of_old_gets_them_as_they_are(ends: tuple[socket.socket, socket.socket]) -> None:
    line = Line(ends[1], False, lambda: None)
    line.send(b"one")
    line.close()
    assert b"".join(iter(lambda: ends[0].recv(4096), b"")) == b"one"


def test_a_slow_one_holds_up_nobody_and_gets_the_rest_as_it_reads(
    lines: Lines, ends: tuple[socket.socket, socket.socket], line: Line
) -> None:
    line.send(LARGE)
    assert not line.free
    theirs, ours = socket.socketpair()
    with theirs:
        other = Line(ours, True, lambda: None)
        other.send(b"one")
        assert (theirs.recv(99), other.free) == (b"3\r\none\r\n", True)
        other.close()
    whole = b"%X\r\n%b\r\n" % (len(LARGE), LARGE)
    assert _read(ends[0], lines, len(whole)) == whole
    assert line.free
    line.close()
    assert _read(ends[0], lines) == b"0\r\n\r\n"


def test_one_that_has_not_taken_all_is_seen_to_be_cut_off(lines: Lines, ends: tuple[socket.socket, socket.socket], line: Line) -> None:
    line.send(LARGE)
    line.close()
    assert not _read(ends[0], lines).endswith(b"0\r\n\r\n")


def test_one_that_was_closed_over_there_is_found_out_at_once(
    lines: Lines, ends: tuple[socket.socket, socket.socket], line: Line, gone: list[str]
) -> None:
    ends[0].send(b"what nobody asked for")
    lines.wait(30)
    assert not line.closed
    ends[0].close()
    lines.wait(30)
    assert (line.closed, gone) == (True, ["gone"])
    line.close()
    assert gone == ["gone"]


def test_one_that_is_gone_by_the_time_it_is_sent_something(ends: tuple[socket.socket, socket.socket], line: Line, gone: list[str]) -> None:
    ends[0].close()
    line.send(b"one")
    assert (line.closed, line.free, gone) == (True, True, ["gone"])


def test_others_wake_it(lines: Lines) -> None:
    lines.wake()
    lines.wait(None)
    for _ in range(100_000):  # more than anybody keeps
        lines.wake()
    lines.wait(None)
