"""What stands for Circle in a benchmark: it answers every invite with a new member after a fixed time, and counts. It checks nothing.

`python -m sandbox.sink --port 0 --latency 0.05` prints its address. GET /count answers {"count": n}; GET /calls every call that changed
something: [{"email", "at", "path"}], `at` in Unix seconds. A call costs well under 0.1 ms of CPU, so that a benchmark measures others.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import signal
import time
from collections import deque

ROOM = 262_144
"""Bytes of a request at most; the connection of a longer one is ended."""
EMAIL = re.compile(rb'"(?:user_|member_)?email"\s*:\s*"((?:[^"\\]|\\.)*)"')
OK = b"200 OK"
CREATED = b"201 Created"
COMMUNITY = b'{"id":1,"name":"Sink","slug":"sink","locale":"en","is_private":true}'
EMPTY_PAGE = b'{"page":1,"per_page":100,"has_next_page":false,"count":0,"page_count":0,"records":[]}'
FIRST_MEMBER = 1001
Noted = tuple[bytes, float, bytes]


class Sink:
    """The calls that came, each with its e-mail, its time and its path; and how long to wait before answering."""

    def __init__(self, latency: float) -> None:
        """`latency` is in seconds."""
        self.latency = latency
        self.noted: list[Noted] = []

    def answer(self, method: bytes, path: bytes, body: bytes) -> tuple[bytes, float]:
        """The whole answer to a request, and the seconds to wait before it is given."""
        if path == b"/count":
            return response(OK, b'{"count":%d}' % len(self.noted)), 0.0
        if path == b"/calls":
            return response(OK, json.dumps(self.calls()).encode()), 0.0
        if method == b"GET":
            return response(OK, COMMUNITY if path.endswith(b"/community") else EMPTY_PAGE), self.latency
        found = EMAIL.search(body)
        email = found[1] if found else b""
        self.noted.append((email, time.time(), path))
        if path.endswith(b"/community_members"):
            return response(CREATED, _member(FIRST_MEMBER + len(self.noted), email)), self.latency
        return response(CREATED if path.endswith(b"/tagged_members") else OK, b'{"message":"Done"}'), self.latency

    def calls(self) -> list[dict[str, object]]:
        """Every call that changed something, in the order in which they came."""
        return [{"email": email.decode(), "at": at, "path": path.decode()} for email, at, path in self.noted]


class Connection(asyncio.Protocol):
    """One kept connection: its requests are answered in their order."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._read = bytearray()
        self._answers: deque[tuple[bytes, float]] = deque()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """More of a request, or the rest of it, or several."""
        self._read += data
        while (found := _request(self._read)) is not None:
            method, path, body, length = found
            del self._read[:length]
            self._reply(*self._sink.answer(method, path, body))
        if len(self._read) > ROOM and self._transport is not None:
            self._transport.close()

    def _reply(self, answer: bytes, wait: float) -> None:
        """With one latency for all calls, answers are due in the order of their requests; one at once waits for those before it."""
        due = self._loop.time() + wait
        self._answers.append((answer, due))
        if len(self._answers) == 1:
            self._next()

    def _next(self) -> None:
        while self._answers and self._answers[0][1] <= self._loop.time():
            answer, _ = self._answers.popleft()
            if self._transport is not None:
                self._transport.write(answer)
        if self._answers:
            self._loop.call_at(self._answers[0][1], self._next)


def response(status: bytes, body: bytes) -> bytes:
    """A whole HTTP answer with a JSON body."""
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def _request(read: bytearray) -> tuple[bytes, bytes, bytes, int] | None:
    """The first whole request: method, path without its query, body, and how many bytes it takes; None while it is not whole."""
    end = read.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(read[:end])
    start = end + 4
    place = head.lower().find(b"\r\ncontent-length:")
    size = int(head[place + 17 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
    if len(read) < start + size:
        return None
    method, target, _ = head.split(b" ", 2)
    return method, target.partition(b"?")[0], bytes(read[start : start + size]), start + size


def _member(number: int, email: bytes) -> bytes:
    return (
        b'{"message":"This user has been invited to the community.","community_member":'
        b'{"id":%d,"email":"%s","name":"","active":true,"member_tags":[]}}'
    ) % (number, email)


async def serve(port: int, latency: float) -> None:
    """Answer until a signal asks for the end. Prints the address first."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, over.set)
    sink = Sink(latency)
    server = await loop.create_server(lambda: Connection(sink), "127.0.0.1", port, backlog=512)
    host, taken = server.sockets[0].getsockname()[:2]
    print(f"http://{host}:{taken}", flush=True)
    await over.wait()
    server.close()


def main() -> None:
    """Read the arguments, and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.sink")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds until a call is answered")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.port, given.latency))


if __name__ == "__main__":
    main()
