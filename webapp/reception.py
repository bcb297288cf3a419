"""The front of the web process: each request is read whole before a thread has it. Slow senders hold a connection, and no thread.

gunicorn's own threads read a request as it comes, so that as many slow senders as there are threads would hold up everybody. What a request says
is not looked at here, but for where it ends; gunicorn's parser judges it, and may find that it is none.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

PATIENCE = 30.0
"""Seconds that a request may take to arrive, all of it, from its connection or its first byte on."""

HEAD = 64 * 1024
BODY = 2 * 1024 * 1024
"""Bytes of a head and of a body that are read here. A larger body is left to the app, which refuses it unread."""

ROOM = 64 * 1024 * 1024
"""Bytes of all requests that are arriving. Who is sending when there is no more room is let go: those that come at once need none."""

PIECE = 16 * 1024
LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue", re.IGNORECASE)
END = b"\r\n\r\n"
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
REFUSED = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class Arriving:
    """A request that is on its way. `wanted`: how many bytes it has, once its head has told. `expects`: its sender waits to be told to go on."""

    since: float
    data: bytearray = field(default_factory=bytearray)
    wanted: int | None = None
    chunked: bool = False
    expects: bool = False
    watched: bool = False
    _searched: int = 0

    def add(self, piece: bytes) -> None:
        """A piece has come."""
        self.data += piece
        if self.wanted is None:
            self._read_head()

    @property
    def whole(self) -> bool:
        """Whether all of it is here. In chunks it may also end where it only seems to: the thread reads on then."""
        if self.wanted is None or len(self.data) < self.wanted:
            return False
        return not self.chunked or self.data.endswith(END) or len(self.data) > self.wanted + BODY

    @property
    def endless(self) -> bool:
        """Whether its head is longer than any."""
        return self.wanted is None and len(self.data) > HEAD

    def _read_head(self) -> None:
        end = self.data.find(END, max(0, self._searched - len(END)))
        self._searched = len(self.data)
        if end < 0:
            return
        head = bytes(self.data[: end + len(END)])
        length = LENGTH.search(head)
        self.chunked, self.expects = CHUNKED.search(head) is not None, EXPECTS.search(head) is not None
        body = int(length[1]) if length and not self.chunked else 0
        self.wanted = len(head) + (body if body <= BODY else 0) + self.chunked


class Reception(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's worker of threads, in front of which its main thread gathers what arrives."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._arriving: dict[TConn, Arriving] = {}
        self._gathered = 0

    def accept(self, listener: Any) -> None:
        """Take a connection; where there are too many, whoever has been silent for longest goes."""
        if self.nr_conns >= self.worker_connections - 1:
            self._make_room()
        super().accept(listener)

    def enqueue_req(self, conn: TConn) -> None:
        """A request arrives on this connection: read it, and hand it to a thread once it is whole."""
        arriving = self._arriving[conn] = Arriving(time.monotonic())
        conn.sock.setblocking(False)
        if conn.parser is not None:
            self._add(arriving, conn.parser.unreader.take_buffered())  # what came right behind the one before
        self._read(conn, conn.sock)

    def is_there(self, conn: TConn) -> bool:
        """For the thread that has a connection: whether the next request on it is here, all of it, or the connection's end. What has come of it
        is kept for whoever reads it."""
        arriving, unreader = Arriving(0.0), conn.parser.unreader
        arriving.add(unreader.take_buffered())
        conn.sock.setblocking(False)
        try:
            while not arriving.whole:
                piece = conn.sock.recv(PIECE)
                if not piece or arriving.endless:
                    return not piece
                arriving.add(piece)
        except OSError as fault:
            return not isinstance(fault, BlockingIOError)
        finally:
            unreader.unread(arriving.data)
        return True

    def murder_pending(self) -> None:
        """Called once a second: let those go that take too long."""
        late = time.monotonic() - PATIENCE
        for conn, arriving in list(self._arriving.items()):  # in the order in which they began
            if arriving.since > late:
                break
            self._refuse(conn, b"408 Request Timeout")

    def _cap_keepalive(self, deadline: float) -> None:
        """The worker ends at this time: nobody may take longer."""
        super()._cap_keepalive(deadline)
        for arriving in self._arriving.values():
            arriving.since = min(arriving.since, deadline - PATIENCE)

    def _read(self, conn: TConn, _: Any) -> None:
        """Read what has come."""
        arriving = self._arriving[conn]
        try:
            while not arriving.whole:
                piece = conn.sock.recv(PIECE)
                if not piece:
                    self._let_go(conn)
                    return
                self._add(arriving, piece)
                if arriving.endless or self._gathered > ROOM:
                    self._refuse(conn, b"431 Request Header Fields Too Large" if arriving.endless else b"503 Service Unavailable")
                    return
        except BlockingIOError:
            self._watch(conn, arriving)
        except OSError:
            self._let_go(conn)
        else:
            self._hand_over(conn)

    def _add(self, arriving: Arriving, piece: bytes) -> None:
        arriving.add(piece)
        self._gathered += len(piece)

    def _watch(self, conn: TConn, arriving: Arriving) -> None:
        """The rest of it is still to come."""
        if arriving.expects:
            arriving.expects = False
            with contextlib.suppress(OSError):
                conn.sock.send(GO_ON)
        if not arriving.watched:
            arriving.watched = True
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read, conn))

    def _hand_over(self, conn: TConn) -> None:
        arriving = self._forget(conn)
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(arriving.data)
        super().enqueue_req(conn)

    def _refuse(self, conn: TConn, status: bytes) -> None:
        if self._arriving[conn].data:
            with contextlib.suppress(OSError):
                conn.sock.send(REFUSED % status)
        self._let_go(conn)

    def _let_go(self, conn: TConn) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: TConn) -> Arriving:
        arriving = self._arriving.pop(conn)
        self._gathered -= len(arriving.data)
        if arriving.watched:
            self.poller.unregister(conn.sock)
        return arriving

    def _make_room(self) -> None:
        slowest = next(iter(self._arriving), None)
        idle = self.keepalived_conns[0] if self.keepalived_conns else None
        if idle and (slowest is None or idle.timeout - self.cfg.keepalive < self._arriving[slowest].since):
            idle.timeout = 0.0
            self.murder_keepalived()
        elif slowest:
            self._refuse(slowest, b"503 Service Unavailable")
