"""The sandbox's own pages, for people."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from sandbox.box import Box


def make_pages(box: Box) -> WSGIApplication:
    """The pages of this community and this checkout."""

    def pages(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "0")])
        return [b""]

    del box
    return pages
