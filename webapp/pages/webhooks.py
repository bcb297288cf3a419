"""Where checkouts post to (`/webhooks/<address>`), and the schema of Cartwheel's own format. What is received is decided at the desk."""

from __future__ import annotations

import json

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError, TimeoutError  # noqa: A004  its name there
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.desk import Answered, NoAddress, desk
from webapp.journal import about
from webapp.parts import parts
from webapp.sources import Request
from webapp.sources.cartwheel import schema
from webapp.vault import Sealed

MOST_BYTES = 256 * 1024
UNREACHABLE = Answered(503, {"error": "the database is unreachable; send it again"}, {"Retry-After": "10"})
SEALED = Answered(503, {"error": "the address can't be read at the moment; send it again"}, {"Retry-After": "60"})
NOBODY = Answered(404, {"error": "no such address"})

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
        return _respond(NOBODY)
    except (DBAPIError, TimeoutError):
        return _respond(UNREACHABLE)
    return {"status": "ok", "post": "events go here"}


@pages.post("/webhooks/<address>")
def receive(address: str) -> ResponseReturnValue:
    """Take an event in. The answers are those of docs/webhook.md; 2xx only after the commit."""
    request.max_content_length = MOST_BYTES
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return _respond(Answered(413, {"error": "larger than 256 KiB"}))
    with about():
        return _receive(address, body)


def _receive(address: str, body: bytes) -> Response:
    headers = {name.lower(): value for name, value in request.headers}
    try:
        return _respond(desk().receive(address, Request(body, headers, request.args)))
    except NoAddress:
        return _respond(NOBODY)
    except (DBAPIError, TimeoutError) as gone:
        current_app.logger.warning("An event was not taken, the database is unreachable: %s", type(gone).__name__)
        return _respond(UNREACHABLE)
    except Sealed:
        current_app.logger.warning("An event was not taken: none of ENCRYPTION_KEYS opens the secret of its address")
        return _respond(SEALED)


def _respond(answered: Answered) -> Response:
    answer = Response(json.dumps(answered.body), answered.status, mimetype="application/json")
    answer.headers.update(answered.headers)
    return answer
