"""How gunicorn runs the web process: one process of many threads (docs/decisions has the reasons)."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
import time
from typing import Any

from webapp import journal
from webapp.config import load
from webapp.environment import ConfigError

try:
    settings = load()
except ConfigError as wrong:
    raise SystemExit(f"Cartwheel can't start: {wrong}") from None

bind = f"0.0.0.0:{settings.port}"
control_socket_disable = True  # nobody steers it but by signals
worker_class = "webapp.serving.Worker"
workers = 1
threads = settings.web_threads
worker_connections = threads + 450  # with all else that it opens fewer than the 1,024 files that a process may have open on most machines
keepalive = 75  # longer than a router keeps its side open, so that it is not we who hang up in the middle
graceful_timeout = 6  # platforms kill 10 s after SIGTERM
loglevel = settings.log_level.lower()
logconfig_dict = journal.layout(settings.log_level, settings.log_format)
logger_class = "webapp.serving.Logger"
accesslog = None  # the routers have one, and ours would hold what people searched for

BODY_SECONDS = 10.0
"""How long a request's body may take to arrive, all of it. A thread waits for it."""


M_ARENA_MAX = -8  # glibc's malloc.h


def pre_fork(server: Any, worker: Any) -> None:
    """What the two processes have in common stays so: the collector of rubbish would write into all of it."""
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Two pools of memory for all threads, where glibc would make one for each: only one of them runs at a time."""
    getattr(ctypes.CDLL(None), "mallopt", lambda *_: None)(M_ARENA_MAX, 2)


def pre_request(worker: Any, req: Any) -> None:
    """Let nobody hold a thread by sending a body drop by drop: after BODY_SECONDS reading fails, which is answered with 400."""
    unreader, ends = req.unreader, time.monotonic() + BODY_SECONDS
    read, sock = unreader.chunk, unreader.sock

    def chunk(*asked: Any) -> bytes:
        sock.settimeout(max(ends - time.monotonic(), 0.001))
        try:
            data: bytes = read(*asked)
        except TimeoutError:
            req.force_close()  # else the rest would be waited for before the next request
            raise
        finally:
            sock.settimeout(None)
        return data

    unreader.chunk = chunk


def post_request(worker: Any, req: Any, environ: Any, resp: Any) -> None:
    """The connection's next request has a deadline of its own."""
    vars(req.unreader).pop("chunk", None)


def post_worker_init(worker: Any) -> None:
    """Threads hand over sooner: an acknowledgement does not wait 5 ms for a page that is being rendered.

    A SIGTERM lets open log pages go at once: they come back to the next process, and do not hold up the end of this one.
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()  # what is there now stays: to look through it for rubbish, again and again, would hold up an acknowledgement for 50 ms
    let_go, end = worker.app.wsgi().extensions["cartwheel_live"].stop, signal.getsignal(signal.SIGTERM)

    def ended(number: int, frame: Any) -> None:
        let_go()
        if callable(end):
            end(number, frame)

    signal.signal(signal.SIGTERM, ended)
    signal.siginterrupt(signal.SIGTERM, False)


def worker_exit(server: Any, worker: Any) -> None:
    """Everything is answered: to clear a process's memory object by object would take it most of a second."""
    gc.freeze()
