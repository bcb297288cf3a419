"""The sandbox as a WSGI app: Circle's Admin API v2 at `/api/admin/v2`, and the pages and controls beside it."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from sandbox.box import Box
from sandbox.courier import Courier
from sandbox.pages import make_pages
from sandbox.replies import Reply

BASE = "/api/admin/v2"
REPLY = "sandbox.reply"
"""Where the server finds the Reply, to act out what a WSGI app cannot: a hang, a cut, a drip."""


def make_app(box: Box, courier: Courier, cartwheel: str = "") -> WSGIApplication:
    """Everything: the API, the community's pages and the checkout. `cartwheel` is the address of Cartwheel's pages, for links."""
    pages = make_pages(box, courier, cartwheel)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/api/"):
            return _api(box, environ, start_response)
        return pages(environ, start_response)

    return app


def _api(box: Box, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    path = environ["PATH_INFO"].removeprefix(BASE)
    with box.open():
        reply = box.community.handle(environ["REQUEST_METHOD"], path, _query(environ), _headers(environ), body)
    environ[REPLY] = reply
    start_response(status_line(reply), [*reply.headers.items(), ("Content-Length", str(len(reply.body)))])
    return [reply.body]


def status_line(reply: Reply) -> str:
    """The status with its phrase, as WSGI wants it."""
    return f"{reply.status} {HTTPStatus(reply.status).phrase}"


def _query(environ: WSGIEnvironment) -> dict[str, str]:
    """The query by name. A name that comes twice has both values, so that no shape fits it."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    wanted: dict[str, Any] = {
        "Authorization": environ.get("HTTP_AUTHORIZATION"),
        "Accept": environ.get("HTTP_ACCEPT"),
        "Content-Type": environ.get("CONTENT_TYPE"),
    }
    return {name: value for name, value in wanted.items() if value}
