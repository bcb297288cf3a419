"""What comes from a checkout, from Circle or from a person is shown as the text that it is, on every page."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.pages.conftest import SignIn, Write
from tests.pages.every_route import ANYBODY, World
from tests.pages.test_every_route import addresses

PLANTED = "<img src=x onerror=alert(1)>'\"</script>{{7*7}}&=1+1"
"""Markup, the ends of an attribute and of a script, a template's braces, and what a spreadsheet would reckon with."""

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def planted(write: Write) -> World:
    """A marketplace where everything is called so: products, spaces, people, messages, and what Circle answered."""
    with write() as session:
        return World(session, PLANTED)


@pytest.fixture
def owner(planted: World, sign_in: SignIn) -> FlaskClient:
    return sign_in(planted.people["owner"])


def test_it_is_escaped_on_every_page(app: Flask, planted: World, owner: FlaskClient) -> None:
    shown = set()
    for endpoint, method, address, route in addresses(app, planted.ids):
        if method == "GET" and route.who != ANYBODY and endpoint != "logs.live":
            for asked in ("", *("?" + some.format(**planted.ids) for some in route.asks)):
                for headers in ({}, PARTLY):
                    answer = owner.get(address + asked, headers=headers)
                    if answer.mimetype == "text/csv":
                        is_a_harmless_file(answer)
                        continue
                    text = answer.text
                    assert "<img src=x" not in text, f"{endpoint}{asked}"
                    assert "</script>{{" not in text, f"{endpoint}{asked}"
                    assert "49&amp;=1" not in text, f"{endpoint}{asked}"
                    if "&lt;img src=x" in text:
                        shown.add(endpoint)
    assert {"products.index", "logs.index", "log_entry.entry", "customers.show", "integrations.index", "team.show", "rules.index"} <= shown


def is_a_harmless_file(answer: TestResponse) -> None:
    """No browser shows it as a page, and no spreadsheet takes a cell of it for a formula."""
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_it_is_escaped_where_it_was_typed_wrongly(app: Flask, planted: World, owner: FlaskClient) -> None:
    """What a form gives back to be corrected."""
    for endpoint, method, address, route in addresses(app, planted.ids):
        if method == "POST" and route.who != ANYBODY:
            text = owner.post(
                address, data=dict.fromkeys(("name", "email", "external_id", "api_key", "community_url", "q", "text"), PLANTED)
            ).text
            assert "<img src=x" not in text, endpoint


def test_it_is_escaped_in_errors(client: FlaskClient) -> None:
    for path in (f"/{PLANTED}", f"/products/{PLANTED}", f"/sign-in?next={PLANTED}", f"/webhooks/{PLANTED}"):
        for headers in ({"Accept": "text/html"}, PARTLY, {"Accept": "application/json"}):
            answer = client.get(path, headers=headers)
            assert "<img src=x" not in answer.text or answer.mimetype == "application/json", path
