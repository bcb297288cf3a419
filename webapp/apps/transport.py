"""Connections that keep one deadline over everything: name, connection, TLS, request, answer. What is sent over them is not decided here.

The timeouts of `requests` are one a read: a server that sends a byte every ten seconds never meets them. So each read of these sockets is
given what is left of the deadline of the call that its thread is making.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context


class Clock(threading.local):
    """The deadline of the call that this thread is making. `sent`: whether any byte of its request has left."""

    def __init__(self) -> None:
        self.end = self.connect_by = float("inf")
        self.sent = False

    def start(self, seconds: float, connect: float) -> None:
        """A call begins now, and ends after so many seconds; after `connect` seconds there is a connection, or there won't be."""
        now = time.monotonic()
        self.end, self.connect_by, self.sent = now + seconds, now + min(connect, seconds), False

    def left(self) -> float:
        """Seconds that are left of the call. Raises TimeoutError where there are none."""
        return _left(self.end)


clock = Clock()


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


class _Socket(socket.socket):
    """A socket whose reads keep the deadline."""

    def recv_into(self, *args: Any, **more: Any) -> int:
        self.settimeout(clock.left())
        return super().recv_into(*args, **more)


class _SafeSocket(ssl.SSLSocket):
    """The same, over TLS."""

    def recv_into(self, *args: Any, **more: Any) -> int:
        self.settimeout(clock.left())
        return super().recv_into(*args, **more)


class _Deadlined:
    """What both kinds of connection do otherwise than urllib3's: they connect and send within the deadline, and say that they have sent."""

    host: str
    port: int
    sock: socket.socket | None
    allowed: Callable[[str], bool]

    def _new_conn(self) -> socket.socket:
        return _connected(getattr(self, "_dns_host", self.host), self.port, self.allowed)

    def send(self, data: Any) -> None:
        """Send, after connecting where there is no connection yet."""
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # the connection's own, beside which this stands
        if self.sock is not None:
            self.sock.settimeout(clock.left())
        clock.sent = True
        super().send(data)  # type: ignore[misc]  # the connection's own


class Forbidden(OSError):
    """None of a name's addresses is one that may be connected to."""


def anywhere(address: str) -> bool:
    """Any address may be connected to: whose it is was settled by whoever runs this."""
    return True


def _pools(allowed: Callable[[str], bool]) -> dict[str, type[HTTPConnectionPool]]:
    """Pools whose connections go only to addresses that are allowed: the very address that was asked about is connected to."""

    class Connection(_Deadlined, HTTPConnection):
        """One connection in the clear."""

    class SafeConnection(_Deadlined, HTTPSConnection):
        """One connection over TLS."""

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SafePool(HTTPSConnectionPool):
        ConnectionCls = SafeConnection

    Connection.allowed = SafeConnection.allowed = staticmethod(allowed)
    return {"http": Pool, "https": SafePool}


class Adapter(HTTPAdapter):
    """The adapter of a session whose calls keep `clock`, and go only to addresses (IP, as texts) that are `allowed`."""

    def __init__(self, *, allowed: Callable[[str], bool] = anywhere, **more: Any) -> None:
        self._allowed = allowed
        super().__init__(**more)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        """Pools of our connections, and TLS with our sockets."""
        context = create_urllib3_context()
        context.sslsocket_class = _SafeSocket
        super().init_poolmanager(connections, maxsize, block, ssl_context=context, **more)
        self.poolmanager.pool_classes_by_scheme = _pools(self._allowed)


def _connected(host: str, port: int, allowed: Callable[[str], bool] = anywhere) -> socket.socket:
    """A connection to whichever of a name's addresses takes one first. OSError where none does in time, Forbidden where none is allowed.

    One that is silent leaves the others their share of the time.
    """
    fault: OSError = Forbidden(f"{host} has no address that is allowed")
    addresses = [found for found in _addresses(host, port) if allowed(found[4][0])]
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = _Socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(_left(clock.connect_by) / (len(addresses) - place))
            sock.connect(address)
            sock.settimeout(_left(clock.connect_by))  # what is left is for TLS
        except OSError as error:
            sock.close()
            fault = error
        else:
            return sock
    raise fault


def _addresses(host: str, port: int) -> list[Any]:
    """The addresses of a name. The system's look-up knows no timeout, so it is left behind in its thread when time is up."""
    with contextlib.suppress(OSError):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    found: Future[list[Any]] = Future()
    threading.Thread(target=_look_up, args=(host, port, found), daemon=True).start()
    return found.result(_left(clock.connect_by))


def _look_up(host: str, port: int, found: Future[list[Any]]) -> None:
    try:
        found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as fault:
        found.set_exception(fault)


def causes(fault: BaseException | None) -> Iterator[BaseException]:
    """A fault and everything that led to it, as libraries wrap them."""
    seen: set[int] = set()
    waiting = [fault]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [
                one.__cause__,
                one.__context__,
                getattr(one, "reason", None),
                *(a for a in one.args if isinstance(a, BaseException)),
            ]
