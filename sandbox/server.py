"""An HTTP server for the sandbox: threads, kept connections, and what a flawed network does to an answer.

It serves any WSGI app; where the app leaves a Reply under `sandbox.reply`, the hang, the cut or the drip in it is acted out.
"""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote
from wsgiref.types import WSGIApplication, WSGIEnvironment

from sandbox.box import Box
from sandbox.circle import BASE, REPLY, make_app
from sandbox.community import Community
from sandbox.courier import Courier
from sandbox.replies import Reply
from sandbox.shop import Shop

MAX_BODY = 1_048_576
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Handler(BaseHTTPRequestHandler):
    """One connection. Requests on it are answered one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def answer(self) -> None:
        """Answer one request through the WSGI app."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self.send_error(411 if "Transfer-Encoding" in self.headers else 413)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):  # its sender is gone in the middle: half a request asks for nothing
            self.close_connection = True
            return
        environ = self._environ(body)
        status, headers, body = _called(self.server.app, environ)
        reply = environ.get(REPLY)
        if isinstance(reply, Reply) and self._flawed(reply):
            return
        self._send(status, headers, body, reply.drip if isinstance(reply, Reply) else 0.0)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  the base class calls them so

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Nothing: the community records its calls itself."""

    def _flawed(self, reply: Reply) -> bool:
        """Let pass the silence before the answer. True where no answer follows it."""
        stopped = reply.delay > 0 and self.server.stopping.wait(reply.delay)
        if reply.cut or stopped:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.close_connection = True
            return True
        return False

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes, drip: float) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response_only(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for piece in _pieces(b"" if self.command == "HEAD" else body, drip):
            self.wfile.write(piece)
            if drip:
                self.wfile.flush()
                self.server.stopping.wait(drip)
        self.wfile.flush()

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": str(self.server.server_address[0]),
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        return environ | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}


class Server(ThreadingHTTPServer):
    """A running server. `stop` ends it at once, with every connection that is open."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, app: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> None:
        """Take the address (OSError where it is taken); `port` 0 takes a free one."""
        super().__init__((host, port), Handler)
        self.app = app
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    @property
    def api_url(self) -> str:
        """The base of Circle's API here."""
        return self.url + BASE

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """End it. Connections are cut, hanging ones too."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take the next connection, and remember it for `stop`."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """A connection has ended."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away; anything else is a fault of ours, and is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class CommunityServer(Server):
    """A server for one community with its checkout: what `running` gives to a test.

    The courier sends what the checkout's page asks it to; what has to be sent again waits for `courier.send_due()`
    or `courier.start()`.
    """

    def __init__(self, box: Box, port: int = 0, cartwheel: str = "") -> None:
        """OSError where the port is taken; 0 takes a free one. `cartwheel` is the address of Cartwheel's pages, for links."""
        self.box = box
        self.community = box.community
        self.shop = box.shop
        self.courier = Courier(box)
        super().__init__(make_app(box, self.courier, cartwheel), port=port)

    def stop(self) -> None:
        """End it, and send nothing more."""
        self.courier.stop()
        super().stop()


def serve(app: WSGIApplication, port: int = 0) -> Server:
    """Serve an app on this machine, in a thread of its own."""
    server = Server(app, port=port)
    server.start()
    return server


@contextlib.contextmanager
def running(
    community: Community | None = None, *, shop: Shop | None = None, port: int = 0, cartwheel: str = ""
) -> Iterator[CommunityServer]:
    """A community at an address, for as long as the block lasts. `cartwheel` is the address of Cartwheel's pages, for links."""
    box = Box(community or Community(lambda: datetime.now(UTC)), shop or Shop())
    server = CommunityServer(box, port, cartwheel)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _called(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        begun.append((status, headers))

    answer = app(environ, start_response)
    try:
        body = b"".join(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    return *begun[-1], body


def _pieces(body: bytes, drip: float) -> Iterator[bytes]:
    if drip:
        yield from (body[place : place + 1] for place in range(len(body)))
    elif body:
        yield body
