"""Every route of the app, by the table in every_route.py: strangers, roles, other marketplaces' ids, CSRF, and the lines in the audit.

A route that is not in the table fails here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.pages.conftest import SignIn, Write, statements
from tests.pages.every_route import ANYBODY, CHANGER, MEMBER, OWNER, PERSON, ROUTES, Ids, Route, World
from webapp.apps import Community
from webapp.models import AuditLine, Base

ALLOWED = {"owner": {MEMBER, CHANGER, OWNER}, "admin": {MEMBER, CHANGER}, "viewer": {MEMBER}}
CHANGING = [name for name, route in ROUTES.items() if not route.quiet and route.who in {PERSON, CHANGER, OWNER, ANYBODY}]


@pytest.fixture
def ours(write: Write) -> World:
    with write() as session:
        return World(session, "Ours")


@pytest.fixture
def theirs(write: Write, ours: World) -> World:
    with write() as session:
        return World(session, "Theirs")


@pytest.fixture(autouse=True)
def circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Circle likes every key."""
    monkeypatch.setattr("webapp.pages.connecting._ask", lambda *_: Community("1", "A community"))


def addresses(app: Flask, ids: Ids) -> Iterator[tuple[str, str, str, Route]]:
    """Every endpoint with each of its methods and its address, filled with these ids."""
    for rule in app.url_map.iter_rules():
        route = ROUTES[rule.endpoint]
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule.endpoint, method, _address(app, rule, route, ids), route


def _address(app: Flask, rule: Rule, route: Route, ids: Ids) -> str:
    values = {name: quote(ids[thing], safe="") for name, thing in route.about.items()}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule.rule)


def ask(client: FlaskClient, method: str, address: str, route: Route, ids: Ids) -> TestResponse:
    data = {name: value.format(**ids) for name, value in route.form.items()} if method == "POST" else None
    return client.open(address, method=method, data=data, buffered=False)


def status(answer: TestResponse) -> int:
    """Its status; what streams without an end is closed."""
    code = answer.status_code
    answer.close()
    return code


def rows(write: Write) -> dict[str, list[Any]]:
    """Everything in the database, by table."""
    with write() as session:
        return {table.name: session.execute(select(table)).all() for table in Base.metadata.sorted_tables}


def test_every_route_is_in_the_table(app: Flask) -> None:
    served = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert served == set(ROUTES), "A route was added or taken away: tests/pages/every_route.py has a line for each"
    for rule in app.url_map.iter_rules():
        assert rule.arguments == set(ROUTES[rule.endpoint].about), f"{rule.endpoint}: the table names what its address is about"


def test_a_stranger_is_asked_to_sign_in(app: Flask, client: FlaskClient, ours: World, write: Write) -> None:
    before = rows(write)
    for endpoint, method, address, route in addresses(app, ours.ids):
        if route.who != ANYBODY:
            answer = ask(client, method, address, route, ours.ids)
            code = status(answer)
            assert (code, str(answer.location).partition("?")[0]) == (303, "/sign-in"), f"{method} {endpoint}"
    assert rows(write) == before


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_who_may_not_gets_403_and_changes_nothing(app: Flask, ours: World, sign_in: SignIn, write: Write, role: str) -> None:
    client = sign_in(ours.people[role])
    before = rows(write)
    for endpoint, method, address, route in addresses(app, ours.ids):
        if route.who in {MEMBER, CHANGER, OWNER} - ALLOWED[role]:
            assert status(ask(client, method, address, route, ours.ids)) == 403, f"{method} {endpoint} as {role}"
    assert rows(write) == before


def test_what_one_may_see_answers(app: Flask, ours: World, sign_in: SignIn) -> None:
    """So that a 404 below is for whose it is, and not for what is asked."""
    for role in ("viewer", "owner"):
        client = sign_in(ours.people[role])
        for endpoint, method, address, route in addresses(app, ours.ids):
            if method == "GET" and route.who in ALLOWED[role] and endpoint != "logs.live":
                for asked in ("", *("?" + some.format(**ours.ids) for some in route.asks)):
                    assert status(client.get(address + asked, buffered=False)) in {200, 204, 302, 303}, f"{endpoint}{asked} as {role}"


def test_another_marketplaces_things_are_not_there(app: Flask, ours: World, theirs: World, sign_in: SignIn, write: Write) -> None:
    client = sign_in(ours.people["owner"])
    before = rows(write)
    for endpoint, method, address, route in addresses(app, theirs.ids):
        if route.about and not route.anyones:
            answer = ask(client, method, address, route, theirs.ids)
            assert status(answer) == 404, f"{method} {endpoint}"
            assert not told(answer.text, theirs), f"{method} {endpoint}"
    assert rows(write) == before


def test_looking_for_another_marketplaces_thing_takes_what_looking_for_nothing_takes(
    app: Flask, ours: World, theirs: World, sign_in: SignIn
) -> None:
    """So that not even the time that a 404 takes tells whether somebody else has what was asked for."""
    client = sign_in(ours.people["owner"])
    nobodys = {name: "999999999999" if value.isdigit() else f"nobodys-{value}" for name, value in theirs.ids.items()}
    for theirs_, nobodys_ in zip(addresses(app, theirs.ids), addresses(app, nobodys), strict=True):
        endpoint, method, _, route = theirs_
        if route.about and not route.anyones:
            asked = []
            for (_, _, address, _), ids in ((theirs_, theirs.ids), (nobodys_, nobodys)):
                with statements(app) as said:
                    assert status(ask(client, method, address, route, ids)) == 404, f"{method} {endpoint}"
                asked.append(said)
            assert asked[0] == asked[1], f"{method} {endpoint}"


def test_another_marketplaces_things_are_not_told(app: Flask, ours: World, theirs: World, sign_in: SignIn, write: Write) -> None:
    """No page, search, filter, dialog or part of a page shows a word of theirs, whatever ids it is given."""
    client = sign_in(ours.people["owner"])
    before = rows(write)
    for endpoint, method, address, route in addresses(app, ours.ids):
        if method == "GET" and route.who != ANYBODY and endpoint != "logs.live":
            for asked in ("", *("?" + some.format(**theirs.ids) for some in route.asks)):
                for headers in ({}, {"HX-Request": "true", "HX-Request-Type": "partial"}):
                    answer = client.get(address + asked, headers=headers)
                    assert answer.status_code in {200, 204, 302, 303, 400, 404, 422}, f"{endpoint}{asked}"
                    assert not told(answer.text, theirs, asked), f"{endpoint}{asked}"
    assert rows(write) == before


def test_another_marketplaces_things_are_not_used(app: Flask, ours: World, theirs: World, sign_in: SignIn, write: Write) -> None:
    """A form of ours that names a thing of theirs makes nothing of it."""
    client = sign_in(ours.people["owner"])
    mixed = {**ours.ids, **{name: theirs.ids[name] for name in ("integration", "space", "other_space", "product", "rule")}}
    for endpoint, method, address, route in addresses(app, ours.ids):
        if method == "POST" and any("{integration}" in value or "space}" in value for value in route.form.values()):
            before = rows(write)
            answer = ask(client, method, address, route, mixed)
            assert status(answer) in {303, 404, 422}, endpoint
            assert not told(answer.text, theirs), endpoint
            assert rows(write) == before, endpoint


def told(text: str, world: World, asked: str = "") -> bool:
    """Whether it says something of a marketplace, but for the words that were asked for."""
    looked_for = asked.partition("q=")[2]
    for echoed in filter(None, (looked_for, quote(looked_for))):
        text = text.replace(echoed, "")
    return any(f"{world.name} {word}" in text for word in ("shop", "community", "room", "product", "was", "batch", "archived")) or (
        f"{world.low}-" in text
    )


@pytest.mark.parametrize("endpoint", [name for name in CHANGING if name in ROUTES])
def test_every_change_leaves_a_line(app: Flask, ours: World, sign_in: SignIn, write: Write, endpoint: str) -> None:
    route = ROUTES[endpoint]
    posts = [(address, route) for name, method, address, route in addresses(app, ours.ids) if name == endpoint and method == "POST"]
    if not posts:
        return
    if route.before:
        with write() as session:
            route.before(session, ours)
    client = sign_in(ours.people["owner"])
    answer = ask(client, "POST", posts[0][0], route, ours.ids)
    assert status(answer) in {200, 302, 303}, answer.text
    with write() as session:
        (line, *_) = session.scalars(select(AuditLine)).all() or [None]
        assert line is not None, f"{endpoint} changes something and leaves no line: call audit.note where it is changed, or say why not"
        assert line.who == "ours-owner@shop.test"
        said = str([(one.about, one.before, one.after) for one in session.scalars(select(AuditLine))])
    assert "api-key" not in said
    assert "whsec" not in said


def test_what_leaves_no_line_is_told_why(app: Flask, ours: World, sign_in: SignIn, write: Write) -> None:
    """The reasons hold: none of these changes leaves a line that says otherwise."""
    client = sign_in(ours.people["owner"])
    for endpoint, method, address, route in addresses(app, ours.ids):
        if method == "POST" and route.quiet and endpoint not in {"auth.sign_out", "auth.sign_in"}:
            status(ask(client, method, address, route, ours.ids))
    with write() as session:
        assert session.scalar(select(func.count()).select_from(AuditLine)) == 0


def test_every_form_needs_its_sessions_token(app: Flask, ours: World, sign_in: SignIn, write: Write) -> None:
    client = sign_in(ours.people["owner"])
    app.config["WTF_CSRF_ENABLED"] = True
    before = rows(write)
    for endpoint, method, address, route in addresses(app, ours.ids):
        if method == "POST" and not endpoint.startswith("webhooks."):
            answer = ask(client, method, address, route, ours.ids)
            assert (status(answer), "This form has expired" in answer.text) == (400, True), endpoint
    assert rows(write) == before
