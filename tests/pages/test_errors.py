"""What is said when a page can't be shown: in words, to people, to htmx and to machines; never how it is built."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Blueprint, Flask, abort, redirect
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests

from webapp.pages.errors import WORDS

pages = Blueprint("failing", __name__)


@pages.get("/fails/<int:code>")
def fails(code: int) -> ResponseReturnValue:
    abort(code)


@pages.get("/says/<int:code>")
def says(code: int) -> ResponseReturnValue:
    abort(code, "The <b>reason</b> & nothing else.")


@pages.get("/breaks")
def breaks() -> ResponseReturnValue:
    raise LookupError("a secret of ours")


@pages.get("/waits")
def waits() -> ResponseReturnValue:
    raise TooManyRequests(retry_after=7)


@pages.get("/moves")
def moves() -> ResponseReturnValue:
    abort(redirect("/elsewhere"))


@pytest.fixture
def app(app: Flask) -> Iterator[Flask]:
    app.register_blueprint(pages)
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    return app


HTML = {"Accept": "text/html"}


@pytest.mark.parametrize("code", [code for code in WORDS if code not in (405, 413)])
def test_every_error_has_its_words(client: FlaskClient, code: int) -> None:
    answer = client.get(f"/fails/{code}", headers=HTML)
    words = WORDS[code]
    assert answer.status_code == code
    assert f"<h1>{words.title}</h1>" in answer.text
    assert words.remedy in answer.text


def test_an_address_that_is_not_there(client: FlaskClient) -> None:
    answer = client.get("/no-such-page", headers=HTML)
    assert (answer.status_code, "Nothing is here" in answer.text) == (404, True)


def test_a_code_without_words_borrows_some(client: FlaskClient) -> None:
    assert WORDS[400].title in client.get("/fails/418", headers=HTML).text
    assert WORDS[500].title in client.get("/fails/501", headers=HTML).text


def test_what_breaks_tells_nothing_of_ours(client: FlaskClient) -> None:
    answer = client.get("/breaks", headers=HTML)
    assert (answer.status_code, WORDS[500].title in answer.text) == (500, True)
    assert "secret" not in answer.text
    assert "LookupError" not in answer.text


def test_a_view_can_say_it_in_its_own_words_but_for_our_mistakes(client: FlaskClient) -> None:
    assert "The &lt;b&gt;reason&lt;/b&gt; &amp; nothing else." in client.get("/says/403", headers=HTML).text
    assert "reason" not in client.get("/says/500", headers=HTML).text


def test_the_wrong_method_says_which_is_right(client: FlaskClient) -> None:
    answer = client.post("/breaks", headers=HTML)
    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (405, True)


def test_who_is_too_quick_is_told_when_to_come_back(client: FlaskClient) -> None:
    answer = client.get("/waits", headers=HTML)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_a_redirect_is_no_error(client: FlaskClient) -> None:
    assert client.get("/moves").location == "/elsewhere"


def test_a_machine_gets_a_line_of_json(client: FlaskClient) -> None:
    answer = client.get("/fails/404", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json) == (404, {"error": f"{WORDS[404].title}. {WORDS[404].happened}"})


def test_htmx_gets_a_message_to_put_where_the_reader_is(client: FlaskClient) -> None:
    answer = client.get("/fails/404", headers={**HTML, "HX-Request": "true"})
    assert answer.status_code == 404
    assert "<html" not in answer.text
    assert WORDS[404].title in answer.text


def test_the_page_needs_neither_database_nor_session(client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, object]:
        raise ConnectionError

    app.template_context_processors[None].append(broken)
    assert WORDS[503].title in client.get("/fails/503", headers=HTML).text
