"""The web process's threads stay for a moment with the connection that they have answered."""

from __future__ import annotations

import select
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

from webapp.reception import Reception

STAY = 250
"""Milliseconds for which a thread waits for its connection's next request before it gives the connection back to the main thread."""


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

    def handle(self, conn: Any) -> Any:
        """Answer the connection's request, and those that follow it at once. Gives what gunicorn's own gives: whether the connection is kept."""
        kept = super().handle(conn)
        while kept is True and self._more(conn):
            kept = super().handle(conn)
        return kept

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
