"""Where checkouts post to (`/webhooks/<address>`), and the schema of Cartwheel's own format. What is received is decided at the desk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError, TimeoutError  # noqa: A004  its name there
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from webapp.desk import Answered, NoAddress, desk
from webapp.journal import about
from webapp.pages import headers
from webapp.parts import parts
from webapp.sources import Request
from webapp.sources.cartwheel import schema
from webapp.vault import Sealed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PLACE = re.compile(r"/+webhooks/+([^/]+)", re.DOTALL)
"""Where an address stands; anything else is no checkout's way. A slash too many is soon written into a checkout."""

READS = ("GET", "HEAD")
ALLOW = {"Allow": "GET, HEAD, OPTIONS, POST"}
MOST_BYTES = 256 * 1024
UNREACHABLE = Answered(503, {"error": "the database is unreachable; send it again"}, {"Retry-After": "10"})
SEALED = Answered(503, {"error": "the address can't be read at the moment; send it again"}, {"Retry-After": "60"})
NOBODY = Answered(404, {"error": "no such address"})
NOT_POSTED = Answered(405, {"error": "events are posted here"}, ALLOW)
WAYS = Answered(200, {"post": "events go here"}, ALLOW)
BROKEN = Answered(500, {"error": "Cartwheel made a mistake and has written it down; send it again"})

pages = Blueprint("webhooks", __name__)


@pages.get("/webhooks/schema.json")
def describe() -> ResponseReturnValue:
    """The JSON Schema of Cartwheel's own format, with examples."""
    return Response(json.dumps(schema(), indent=2, ensure_ascii=False), mimetype="application/schema+json")


@pages.get("/webhooks/<address>")
def show(address: str) -> ResponseReturnValue:
    """200 for an address that exists: some checkouts ask before they post."""
    try:
        desk().address(address, parts().now())
    except NoAddress:
        return dict(NOBODY.body), NOBODY.status
    except (DBAPIError, TimeoutError):
        return dict(UNREACHABLE.body), UNREACHABLE.status, dict(UNREACHABLE.headers)
    return {"status": "ok", "post": "events go here"}


class Door:
    """What is posted to `/webhooks/<address>` goes to the desk at once; everything else to the pages.

    A checkout's message has no session, form or cookie, and hardly any choice of ways: a page's way there and back took the process longer than all
    that the desk does with it until it is written.
    """

    def __init__(self, app: Flask) -> None:
        self._app, self._pages = app, app.wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """As WSGI has it. The answers are those of docs/webhook.md; 2xx only after the commit."""
        method, place = environ["REQUEST_METHOD"], PLACE.fullmatch(environ.get("PATH_INFO", ""))
        if method in READS or not place:
            return self._pages(environ, start_response)
        if method == "POST":
            with self._app.app_context(), about():
                answered = self._receive(place[1], environ)
        else:
            answered = WAYS if method == "OPTIONS" else NOT_POSTED
        body = json.dumps(answered.body).encode()
        own = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *answered.headers.items()]
        start_response(_status(answered.status), [*own, *headers.kept(environ["wsgi.url_scheme"] == "https")])
        return [body]

    def _receive(self, address: str, environ: WSGIEnvironment) -> Answered:
        log = self._app.logger
        try:
            body = get_input_stream(environ, max_content_length=MOST_BYTES).read()
            return desk().receive(
                address, Request(body, _headers(environ), MultiDict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)))
            )
        except NoAddress:
            return NOBODY
        except (DBAPIError, TimeoutError) as gone:
            log.warning("An event was not taken, the database is unreachable: %s", type(gone).__name__)
            return UNREACHABLE
        except Sealed:
            log.warning("An event was not taken: none of ENCRYPTION_KEYS opens the secret of its address")
            return SEALED
        except RequestEntityTooLarge:
            return Answered(413, {"error": "larger than 256 KiB"})
        except BadRequest:
            return Answered(400, {"error": "the message ended before its end"})
        except Exception:
            log.exception("A message to a webhook address broke")
            return BROKEN


def register(app: Flask) -> None:
    """Put the door before the app's pages."""
    app.wsgi_app = Door(app)  # type: ignore[method-assign]


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    return found | {"content-type": environ.get("CONTENT_TYPE", "")}


@cache
def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"
