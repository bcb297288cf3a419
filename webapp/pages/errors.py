"""What a page says when it can't be shown: 400, 403, 404, 413, 429, 500, 503, in the product's voice. No other page lives here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, make_response, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from webapp.pages.render import is_fragment


@dataclass(frozen=True)
class Words:
    """What happened, and what to do."""

    title: str
    happened: str
    remedy: str


WORDS = {
    400: Words("This could not be read", "Something in the request is not as Cartwheel expects it.", "Go back and try it again."),
    403: Words(
        "This is not yours to change",
        "Your role in this marketplace does not allow it.",
        "Ask an owner of the marketplace, or for another role.",
    ),
    404: Words(
        "Nothing is here", "The page was moved or deleted, or it belongs to another marketplace.", "Look for it in Products or in Logs."
    ),
    405: Words("This does not work that way", "The address takes another kind of request.", "Go back and use the button on the page."),
    413: Words("This is too large", "What was sent is larger than Cartwheel takes in at once.", "Send it in smaller parts."),
    429: Words("Too many tries", "There were many requests in a short time.", "Wait a minute, then try again."),
    500: Words(
        "Something broke on our side",
        "Cartwheel made a mistake and has written it down. What was saved before is safe.",
        "Try again in a moment.",
    ),
    503: Words("Back in a moment", "Cartwheel is starting or its database does not answer. Nothing is lost.", "Try again in a minute."),
}
EXPIRED = Words(
    "This form has expired",
    "It was open for long, or you have signed out meanwhile. Nothing was changed.",
    "Load the page again and send it once more.",
)


def register(app: Flask) -> None:
    """Answer every HTTP error of the app with its page. What broke unforeseen is logged by Flask and answered as 500."""
    app.register_error_handler(HTTPException, _answer)
    app.log_exception = _write_down  # type: ignore[method-assign,assignment]  # Flask's own names the path, in which tokens and secret addresses stand


def _write_down(error: Any) -> None:
    """What broke unforeseen, and in which view."""
    current_app.logger.error("A request (%s %s) broke", request.method, request.endpoint, exc_info=error)


def _answer(error: HTTPException) -> ResponseReturnValue:
    """Redirects pass; whoever asked for JSON, or is a machine, gets a line of it; htmx gets a message to put where one is."""
    code = error.code or 500
    if error.response is not None or code < 400:
        return error.get_response()
    words = EXPIRED if isinstance(error, CSRFError) else _words(code, error)
    answer = _page(code, words)
    answer.headers.extend((name, value) for name, value in error.get_headers() if name in {"Retry-After", "Allow"})
    return answer


def _words(code: int, error: HTTPException) -> Words:
    """The words of the code; a view that gave a sentence of its own (`abort(403, "…")`) has it said in their place."""
    words = WORDS.get(code, WORDS[400 if code < 500 else 500])
    given = error.description if error.description != type(error).description else None
    return Words(words.title, given, words.remedy) if given and code < 500 else words


def _page(code: int, words: Words) -> Response:
    if not request.accept_mimetypes.accept_html:
        return make_response({"error": f"{words.title}. {words.happened}"}, code)
    template = "errors/_error.html" if is_fragment() else "errors/error.html"
    # Without the context processors: what they ask may be what is broken.
    return make_response(current_app.jinja_env.get_template(template).render(code=code, words=words), code)
