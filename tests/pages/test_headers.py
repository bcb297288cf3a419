"""The headers that every answer carries, the static files, and whether the process is alive."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from tests.factories import make_marketplace, make_user
from tests.pages.conftest import Write
from webapp.pages import assets


@pytest.mark.parametrize("path", ["/sign-in", "/no-such-page", "/healthz"])
def test_nothing_inline_is_run_and_nobody_frames_a_page(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "camera=()" in headers["Permissions-Policy"]
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "same-origin")


def test_pages_are_not_kept_without_asking(client: FlaskClient) -> None:
    assert "no-" in client.get("/sign-in").headers["Cache-Control"]


def test_https_is_insisted_on_only_where_it_was_used(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/healthz").headers
    assert "max-age=31536000" in client.get("/healthz", base_url="https://shop.test").headers["Strict-Transport-Security"]


def test_alive(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}


@pytest.fixture
def served(tmp_path: Path) -> Flask:
    """An app with a stylesheet and a picture."""
    folder = tmp_path / "static"
    (folder / "vendor").mkdir(parents=True)
    (folder / "app.css").write_text("a{}" * 100)
    (folder / "vendor" / "dot.png").write_bytes(b"\x89PNG")
    app = Flask(__name__, static_folder=None)
    assets.register(app, folder)
    return app


def address(app: Flask, name: str) -> str:
    with app.app_context():
        return render_template_string("{{ asset(name) }}", name=name)


def test_a_file_is_kept_for_a_year_under_a_name_that_changes_with_it(served: Flask, tmp_path: Path) -> None:
    before = address(served, "app.css")
    answer = served.test_client().get(before)
    assert (answer.text, answer.mimetype) == ("a{}" * 100, "text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    (tmp_path / "static" / "app.css").write_text("b{}")
    again = Flask(__name__, static_folder=None)
    assets.register(again, tmp_path / "static")
    assert address(again, "app.css") != before
    assert again.test_client().get(before).status_code == 404


def test_text_is_squeezed_for_those_who_can_read_it(served: Flask) -> None:
    path = address(served, "app.css")
    squeezed = served.test_client().get(path, headers={"Accept-Encoding": "gzip"})
    assert (squeezed.headers["Content-Encoding"], gzip.decompress(squeezed.data)) == ("gzip", b"a{}" * 100)
    assert served.test_client().get(path).headers["Vary"] == "Accept-Encoding"
    picture = served.test_client().get(address(served, "vendor/dot.png"), headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in picture.headers
    assert picture.data == b"\x89PNG"


def test_nothing_but_the_files_is_served(served: Flask) -> None:
    for path in ("/static/app.css", "/static/", "/static/../conftest.py", "/static/vendor/%2e%2e/app.css"):
        assert served.test_client().get(path).status_code == 404


def test_a_wrong_name_in_a_template_does_not_go_unnoticed(served: Flask) -> None:
    with pytest.raises(KeyError):
        address(served, "app.scss")


def test_every_page_finds_its_files(client: FlaskClient, write: Write) -> None:
    with write() as session:
        make_user(session, make_marketplace(session))
    text = client.get("/sign-in").text
    addresses = {part.split('"')[0] for part in text.split('="')[1:] if part.startswith("/static/")}
    assert addresses
    assert {client.get(path).status_code for path in addresses} == {200}
