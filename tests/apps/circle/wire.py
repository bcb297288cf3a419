"""A server that does to each connection what a test says, and a client that calls it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from webapp.apps import Answer, Call
from webapp.apps.circle.client import CircleClient

KEY = "key-that-nobody-may-see-7f3a"
INVITE = Call("POST", "/community_members", "invite", (1,), "", body={"email": "zoë+1@shop.test", "space_ids": [3]})
SEARCH = Call("GET", "/community_members/search", "search", (1,), "", query=(("email", "zoë+1@shop.test"),))
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"message":"Ok"}'
SHORT = 0.4
"""Seconds: the deadline of calls that must meet it. PATIENT is how long a test waits before it calls that a hang."""

PATIENT = 10.0
Script = Callable[[socket.socket], None]


class Server:
    """A server that does to each connection what a script says, and keeps what it was sent."""

    def __init__(self, script: Script, wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection) -> None:
        self._script, self._wrap, self.requests, self.connections = script, wrap, list[bytes](), 0
        self.ended = threading.Semaphore(0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), self._wrap(connection) as wrapped:
            while request := _request(wrapped):
                self.requests.append(request)
                self._script(wrapped)
        self.ended.release()

    def close(self) -> None:
        self._listener.close()


def _request(connection: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            return b""
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def serving(script: Script, **more: Any) -> Iterator[Server]:
    server = Server(script, **more)
    try:
        yield server
    finally:
        server.close()


def says(*pieces: bytes, every: float = 0.0, close: bool = False) -> Script:
    def script(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            if every:
                time.sleep(every)
        if close:
            connection.close()

    return script


def first(one: Script, others: Script) -> Script:
    """One script for the first request, another one for those after it."""
    scripts = iter([one])

    def script(connection: socket.socket) -> None:
        next(scripts, others)(connection)

    return script


def drips(text: bytes) -> Script:
    return says(*(text[place : place + 1] for place in range(len(text))), every=0.05)


def hang(connection: socket.socket) -> None:
    connection.recv(1)  # until the client gives up


def asked(script: Script, call: Call = INVITE, deadline: float = PATIENT) -> Answer:
    with serving(script) as server:
        return CircleClient(server.url, KEY, deadline=deadline).send(call)
