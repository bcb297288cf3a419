"""Connections that one thread writes to, many of them, and none waits for another: what a slow one does not take yet lies there until it does."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable, Iterator
from functools import lru_cache
from selectors import EVENT_READ, EVENT_WRITE

HAND_OVER = "cartwheel.hand_over"
"""The environment's key, where a server can part with a connection, for a function: it sends the head of the answer, and what it is given is called
with the `Line` once the server is done with the request."""

WAKES = 4096
END = b"0\r\n\r\n"


class Line:
    """A connection on which an answer goes on. `framed`: its body comes in chunks. `gone` is called when it is closed.

    But for its making it belongs to one thread.
    """

    def __init__(self, sock: socket.socket, framed: bool, gone: Callable[[], None]) -> None:
        sock.setblocking(False)
        self.closed = False
        self._sock, self._framed, self._gone = sock, framed, gone
        self._lies = memoryview(b"")
        self._selector: selectors.BaseSelector | None = None
        self._heeded = EVENT_READ

    @property
    def free(self) -> bool:
        """Whether it has taken all that it was sent."""
        return not self._lies

    def attend(self, selector: selectors.BaseSelector) -> None:
        """Have the selector tell what happens on it, by `happened`, until it is closed."""
        self._selector = selector
        selector.register(self._sock, self._heeded, self)

    def send(self, message: bytes) -> None:
        """Send this, as far as it is taken now; the rest follows by itself. It has to be free."""
        self._lies = memoryview(_chunk(message) if self._framed else message)
        self._go_on()

    def happened(self, events: int) -> None:
        """It takes more, or there is something to read: that it was closed over there, or what nobody asked for."""
        if events & EVENT_WRITE:
            self._go_on()
        if events & EVENT_READ and not self.closed:
            with self._breaking():
                if not self._sock.recv(4096):
                    self._break()

    def close(self) -> None:
        """End the answer. Who has not taken all of it sees that it was cut off."""
        if self._framed and self.free and not self.closed:
            with self._breaking():
                self._sock.send(END)
        self._break()

    def _go_on(self) -> None:
        with self._breaking():
            while self._lies:
                self._lies = self._lies[self._sock.send(self._lies) :]
        heeded = EVENT_READ if self.free else EVENT_READ | EVENT_WRITE
        if self._selector is not None and heeded != self._heeded:
            self._selector.modify(self._sock, heeded, self)
        self._heeded = heeded

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:
            pass
        except OSError:
            self._break()

    def _break(self) -> None:
        if not self.closed:
            self.closed, self._lies = True, memoryview(b"")
            if self._selector is not None:
                self._selector.unregister(self._sock)
                self._selector = None
            self._sock.close()
            self._gone()


class Lines:
    """The lines of one thread, which waits here for what happens on any of them, and is woken by others."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._selector.register(self._woken, EVENT_READ)

    def add(self, line: Line) -> None:
        """One more."""
        line.attend(self._selector)

    def wake(self) -> None:
        """End the wait, or the next one. Any thread may, and a signal's handler."""
        with contextlib.suppress(OSError):  # so full that it is awake, or over
            self._waker.send(b"\0")

    def wait(self, timeout: float | None) -> None:
        """Wait until something happens, so many seconds at most, and take care of it."""
        for key, events in self._selector.select(timeout):
            if key.data is None:
                self._woken.recv(WAKES)
            else:
                key.data.happened(events)

    def close(self) -> None:
        """Nobody waits here any more. All lines are closed."""
        self._selector.close()
        self._woken.close()
        self._waker.close()


@lru_cache(maxsize=4)
def _chunk(message: bytes) -> bytes:
    """The message as a chunk of a body: made once for all the lines that it is sent on."""
    return b"%X\r\n%b\r\n" % (len(message), message)
