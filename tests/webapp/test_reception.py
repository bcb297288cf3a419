"""How a request is gathered before a thread has it: where it ends. That slow senders hold nobody up is tested with the web process."""

from __future__ import annotations

import pytest

from webapp.reception import BODY, HEAD, Arriving

HEADERS = b"POST /webhooks/x HTTP/1.1\r\nHost: cartwheel.test\r\n"


def whole(text: bytes, piece: int) -> list[bool]:
    """Whether it is whole, after each of its pieces."""
    arriving, said = Arriving(0.0), []
    for place in range(0, len(text), piece):
        arriving.add(text[place : place + piece])
        said.append(arriving.whole)
    return said


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        HEADERS + b"Content-Length: 0\r\n\r\n",
        HEADERS + b'content-length:  2 \r\nX: y\r\n\r\n{"',
        HEADERS + b"Content-Length: 40\r\n\r\n" + b"\r\n" * 20,
        HEADERS + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        HEADERS + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\nX-Trailer: y\r\n\r\n",
    ],
)
def test_it_is_whole_with_its_last_byte_and_not_before(text: bytes, piece: int) -> None:
    *before, last = whole(text, piece)
    assert (set(before) <= {False}, last) == (True, True)


@pytest.mark.parametrize("length", [str(BODY + 1), "9" * 15])
def test_a_body_larger_than_any_is_the_apps_to_refuse_unread(length: str) -> None:
    assert whole(HEADERS + f"Content-Length: {length}\r\n\r\n".encode(), 1000) == [True]


def test_a_head_larger_than_any_is_not_waited_for() -> None:
    arriving = Arriving(0.0)
    arriving.add(HEADERS + b"X: " + b"x" * HEAD)
    assert (arriving.whole, arriving.endless) == (False, True)


def test_chunks_without_an_end_are_handed_on() -> None:
    arriving = Arriving(0.0)
    arriving.add(HEADERS + b"Transfer-Encoding: chunked\r\n\r\n" + b"x" * BODY)
    assert not arriving.whole
    arriving.add(b"x" * HEAD)
    assert arriving.whole


def test_who_asks_whether_to_go_on_is_known() -> None:
    arriving = Arriving(0.0)
    arriving.add(HEADERS + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    assert (arriving.expects, arriving.whole) == (True, False)
