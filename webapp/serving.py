"""The web process's threads stay for a moment with the connection that they have answered, and part with one whose answer goes on."""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from threading import BoundedSemaphore
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

from webapp.lines import HAND_OVER, Line
from webapp.reception import Reception

STAY = 250
"""Milliseconds for which a thread waits for its connection's next request before it gives the connection back to the main thread."""

TURNS = 2
"""So many requests for a stream are looked at, at the same time: after a restart all open pages come at once, and would hold up everybody."""


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's, which would put together a line about every request, for an access log that there is not."""

    access_log_enabled = False


class Worker(Reception):
    """gunicorn's threads behind the reception, but for the way of a kept connection's next request.

    As gunicorn has it each request goes twice through the main thread: back into its poller and, once there is more to read, on to a thread
    again. That is more than a third of what an event costs the web process (docs/performance.md). A checkout, or a router in front of us, that
    sends one message after the other finds the same thread waiting.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As gunicorn makes it. At most a quarter of the threads may wait: the others are for who comes meanwhile."""
        super().__init__(*args, **kwargs)
        self.may_stay = self.cfg.threads // 4
        self._turns = BoundedSemaphore(TURNS)
        self._handed: dict[Any, Callable[[], None]] = {}

    def load_wsgi(self) -> None:
        """The app is told how it gets a connection for itself (webapp/lines.py)."""
        super().load_wsgi()
        app = self.app.wsgi()

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            environ[HAND_OVER] = partial(self._part_with, start_response.__self__)
            with self._turns if environ.get("HTTP_ACCEPT") == "text/event-stream" else nullcontext():
                return app(environ, start_response)

        self.wsgi = answer

    def handle(self, conn: Any) -> Any:
        """Answer the connection's request, and those that follow it at once. Gives what gunicorn's own gives: whether the connection is kept."""
        kept = super().handle(conn)
        while kept is True and self._more(conn):
            kept = super().handle(conn)
        return kept

    def finish_request(self, conn: Any, fs: Any) -> None:
        """A connection that was handed over is not closed here, and not waited on; it counts until it is closed."""
        to = self._handed.pop(conn.sock, None)
        if to is None:
            super().finish_request(conn, fs)
        else:
            to()

    def _part_with(self, answer: Any, to: Callable[[Line], None]) -> None:
        """Send the head of gunicorn's answer, have it send nothing else, and give its connection away once the request is done with."""
        answer.force_close()
        answer.send_headers()
        self._handed[answer.sock] = partial(self._give, answer.sock, answer.chunked, to)
        answer.chunked = False

    def _give(self, sock: Any, framed: bool, to: Callable[[Line], None]) -> None:
        to(Line(sock, framed, partial(self.method_queue.defer, self._count_off)))

    def _count_off(self) -> None:
        """One that was given away has been closed."""
        self.nr_conns -= 1

    def _more(self, conn: Any) -> bool:
        """Wait for the next request of a connection. Gives whether it is there, all of it (or the connection has ended, which reading it tells)."""
        if conn.parser.unreader.buf.getvalue():  # it was read together with the one before
            return bool(self.alive) and self.is_there(conn)
        if not self.alive or self.may_stay <= 0:
            return False
        self.may_stay -= 1  # one too many, where two threads are as quick as each other, does no harm
        try:
            readable = select.poll()
            readable.register(conn.sock, select.POLLIN)
            return bool(readable.poll(STAY)) and self.is_there(conn)
        finally:
            self.may_stay += 1
