"""The webhook's settings: the address, a secret that is shown once, two good ones while it changes, a test event, and what came lately."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import factories
from tests.pages.conftest import Clock, SignIn, Write
from webapp.database import db
from webapp.engine.accounts import OWN_FORMAT
from webapp.models import Event, LogEntry, Marketplace, Product, Source, User
from webapp.pages.trial_events import NOTHING_TO_SIGN_WITH
from webapp.sources.cartwheel import new_secret, signed

PAGE = "/settings/webhook"
MEMORY = timedelta(seconds=3)
"""Longer than a process takes secrets from its memory."""

Post = Callable[..., int]


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, "Acme Courses", time_zone="Europe/Berlin")


@pytest.fixture
def owner(write: Write, shop: Marketplace) -> User:
    with write() as session:
        return factories.make_user(session, shop, email="o'wner@shop.test")


@pytest.fixture
def client_in(owner: User, sign_in: SignIn) -> FlaskClient:
    return sign_in(owner)


@pytest.fixture
def source(write: Write, shop: Marketplace) -> Source:
    """The address as a new marketplace has it: without a secret."""
    with write() as session:
        made = Source(id=factories.new_id(), marketplace_id=shop.id, kind=OWN_FORMAT, address="here", created_at=factories.NOW)
        session.add(made)
    return made


@pytest.fixture
def post(client: FlaskClient, clock: Clock) -> Post:
    """`post(secret, key=…, body=…)` sends a signed request to the address and gives the answer's status."""

    def sent(secret: str, key: str = "m1", body: str = '{"type": "ping"}', mimetype: str = "application/json") -> int:
        headers = signed(secret, key, clock(), body.encode())
        return client.post("/webhooks/here", data=body, headers=headers, content_type=mimetype).status_code

    return sent


def order(product: str = "ads-101", order_id: str = "1") -> str:
    data = {"order_id": order_id, "customer": {"email": "mina@shop.test"}, "items": [{"product_id": product, "kind": "primary"}]}
    return json.dumps({"type": "order.created", "timestamp": "2026-11-24T14:00:00Z", "data": data})


def boxes(page: str) -> dict[str, str]:
    """The code boxes of a page, by their titles."""
    found = re.findall(r'<pre[^>]*aria-label="([^"]+)"[^>]*>(.*?)</pre>', page, re.DOTALL)
    return {title: html.unescape(text) for title, text in found}


def make(client: FlaskClient, address: str = f"{PAGE}/secret") -> str:
    """Make or rotate the secret, and read it off the page that shows it."""
    assert client.post(address).location == PAGE
    return boxes(client.get(PAGE).text)["Your secret"]


def kept(app: Flask) -> Source:
    with app.app_context():
        return db.session.scalars(select(Source)).one()


def test_the_address_is_there_and_nothing_is_taken_without_a_secret(client_in: FlaskClient, source: Source, post: Post) -> None:
    page = client_in.get(PAGE).text
    assert boxes(page)["POST"] == "http://localhost/webhooks/here"
    assert "nothing that comes can be proven" in page
    assert "/webhooks/schema.json" in page
    assert f"{PAGE}/test" not in page
    assert post(new_secret()) == 401


def test_a_secret_is_shown_once(app: Flask, client_in: FlaskClient, source: Source, post: Post) -> None:
    answer = client_in.post(f"{PAGE}/secret")
    carried = client_in.get_cookie("cartwheel")
    assert carried
    assert answer.location == PAGE
    page = client_in.get(PAGE)
    secret = boxes(page.text)["Your secret"]
    assert page.headers["Cache-Control"] == "no-store"
    assert secret in boxes(page.text)["With curl"]
    assert secret not in carried.decoded_value
    assert post(secret) == 202
    later = client_in.get(PAGE).text
    assert secret not in later
    assert "Your secret" not in boxes(later)
    assert secret.encode() not in (kept(app).secret or b"")


def test_a_secret_that_is_there_is_not_replaced_by_making_one(client_in: FlaskClient, source: Source, post: Post) -> None:
    secret = make(client_in)
    client_in.post(f"{PAGE}/secret")
    assert "Your secret" not in boxes(client_in.get(PAGE).text)
    assert post(secret) == 202


def test_a_marketplace_without_an_address_gets_one(app: Flask, client_in: FlaskClient, shop: Marketplace) -> None:
    assert "There is no address yet." in client_in.get(PAGE).text
    with app.app_context():
        assert db.session.scalars(select(Source)).all() == []
    assert make(client_in).startswith("whsec_")
    assert (kept(app).marketplace_id, kept(app).kind) == (shop.id, OWN_FORMAT)
    assert len(kept(app).address) == 32


def test_both_secrets_are_good_while_it_changes(client_in: FlaskClient, source: Source, post: Post, clock: Clock) -> None:
    old = make(client_in)
    asked = client_in.get(f"{PAGE}/rotate").text
    assert "stays good for 24 hours" in asked
    new = make(client_in, f"{PAGE}/rotate")
    assert new != old
    assert "Two secrets are good until" in client_in.get(PAGE).text
    assert [post(old), post(new)] == [202, 202]
    clock.time += timedelta(hours=24, seconds=1)
    assert [post(old), post(new)] == [401, 202]
    assert "Two secrets" not in client_in.get(PAGE).text


def test_the_old_one_can_be_ended_early(client_in: FlaskClient, source: Source, post: Post, clock: Clock) -> None:
    old = make(client_in)
    new = make(client_in, f"{PAGE}/rotate")
    assert client_in.post(f"{PAGE}/end-previous").location == PAGE
    clock.time += MEMORY
    assert [post(old), post(new)] == [401, 202]
    assert "Only the new secret is good now." in client_in.get(PAGE).text


def test_a_second_rotation_ends_the_first(client_in: FlaskClient, source: Source, post: Post, clock: Clock) -> None:
    first = make(client_in)
    second = make(client_in, f"{PAGE}/rotate")
    assert "ends at once" in client_in.get(f"{PAGE}/rotate").text
    third = make(client_in, f"{PAGE}/rotate")
    clock.time += MEMORY
    assert [post(first), post(second), post(third)] == [401, 202, 202]


def test_a_secret_that_cannot_be_read_any_longer_is_rotated_away(
    write: Write, client_in: FlaskClient, source: Source, post: Post, clock: Clock
) -> None:
    with write() as session:
        session.get_one(Source, source.id).secret = b"written with another key"
    sent = client_in.post(f"{PAGE}/test", data={"product": "ads-101", "email": "me@shop.test"})
    assert (sent.status_code, "can no longer read the secret" in sent.text) == (422, True)
    new = make(client_in, f"{PAGE}/rotate")
    clock.time += MEMORY
    assert post(new) == 202


def test_a_test_event_goes_the_whole_way(app: Flask, write: Write, client_in: FlaskClient, shop: Marketplace, source: Source) -> None:
    with write() as session:
        factories.make_product(session, shop, "Ads 101", external_id="ads-101")
    make(client_in)
    form = client_in.get(f"{PAGE}/test").text
    assert 'value="ads-101"' in form
    assert "o&#39;wner@shop.test" in form
    answer = client_in.post(f"{PAGE}/test", data={"product": "ads-101", "email": "Me@Shop.test"})
    assert answer.location == "/logs"
    with app.app_context():
        event, entry = db.session.scalars(select(Event)).one(), db.session.scalars(select(LogEntry)).one()
        assert (event.test, event.type, entry.test, entry.status) == (True, "order.created", True, "no_rule")
        assert db.session.scalars(select(Product)).one().external_id == "ads-101"
    assert "me@shop.test" in client_in.get("/logs").text
    client_in.post(f"{PAGE}/test", data={"product": "ads-101", "email": "me@shop.test"})
    with app.app_context():
        assert len(db.session.scalars(select(LogEntry)).all()) == 2


@pytest.mark.parametrize(("product", "email"), [("", "me@shop.test"), ("ads-101", "nobody"), ("ads-101", "")])
def test_a_test_event_needs_a_product_and_an_address(app: Flask, client_in: FlaskClient, source: Source, product: str, email: str) -> None:
    make(client_in)
    answer = client_in.post(f"{PAGE}/test", data={"product": product, "email": email})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    with app.app_context():
        assert db.session.scalars(select(Event)).all() == []


def test_without_a_secret_there_is_no_test_event(client_in: FlaskClient, source: Source) -> None:
    answer = client_in.post(f"{PAGE}/test", data={"product": "ads-101", "email": "me@shop.test"})
    assert (answer.status_code, NOTHING_TO_SIGN_WITH in answer.text) == (422, True)


def rows(page: str) -> list[str]:
    """The last requests, as a reader sees them."""
    body = page[page.index('id="came"') :].partition("<tbody")[2].partition("</tbody>")[0]
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)]


def test_the_last_requests_say_what_each_was_answered_and_why(
    write: Write, client_in: FlaskClient, source: Source, post: Post, clock: Clock
) -> None:
    secret = make(client_in)
    assert "Nothing has come yet" in client_in.get(PAGE).text
    for key, by, body, mimetype in (
        ("m1", secret, order(), "application/json"),
        ("m1", secret, order(), "application/json"),
        ("m2", new_secret(), order(), "application/json"),
        ("m3", secret, '{"type": "order.made"}', "application/json"),
        ("m4", secret, order(), "text/plain"),
        ("m5", secret, '{"type": "ping"}', "application/json"),
    ):
        post(by, key, body, mimetype)
        clock.time += timedelta(seconds=1)
    page = client_in.get(PAGE).text
    found = rows(page)
    starts = ["202 A ping", "415 The Content-Type", "422 order.made type: ", "401 The signature", "200 A repeat of m1"]
    starts.append("202 order.created 1 entry m1")
    assert [row.startswith(start) for row, start in zip(found, starts, strict=True)] == [True] * 6, found
    with write() as session:
        first = session.scalars(select(LogEntry.id).order_by(LogEntry.id)).first()
    assert f'href="/logs/{first}"' in page


def test_only_the_last_twenty_and_only_ones_own(
    write: Write, client_in: FlaskClient, sign_in: SignIn, source: Source, post: Post, clock: Clock
) -> None:
    secret = make(client_in)
    for number in range(13):
        post(secret, f"m{number}", order(order_id=str(number)))
        post(secret, f"p{number}")
        clock.time += timedelta(seconds=1)
    found = rows(client_in.get(PAGE).text)
    assert len(found) == 20
    assert any("m12" in row for row in found[:2])
    with write() as session:
        other = factories.make_user(session, factories.make_marketplace(session))
    theirs = sign_in(other).get(PAGE).text
    assert "There is no address yet." in theirs
    assert "m12" not in theirs


def test_a_viewer_sees_the_address_and_changes_nothing(
    app: Flask, write: Write, sign_in: SignIn, shop: Marketplace, source: Source
) -> None:
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
    client = sign_in(viewer)
    page = client.get(PAGE).text
    assert "/webhooks/here" in page
    assert "<form method" not in page[page.index("<main") : page.index("</main>")]
    for address in ("secret", "rotate", "end-previous", "test"):
        assert client.post(f"{PAGE}/{address}").status_code == 403
    assert kept(app).secret is None


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None: ...


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The app behind an address of this machine."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def awkward(write: Write, shop: Marketplace) -> str:
    """The id of a product, with everything in it that ends somebody's quotation."""
    with write() as session:
        return factories.make_product(session, shop, external_id='it\'s "A" $HOME').external_id


@pytest.mark.parametrize(("title", "command"), [("With curl", ("sh", "-c")), ("With Python", (sys.executable, "-c"))])
def test_the_examples_run_as_they_stand(
    app: Flask, client_in: FlaskClient, source: Source, served: str, clock: Clock, awkward: str, title: str, command: tuple[str, str]
) -> None:
    clock.time = datetime.now(UTC)
    client_in.post(f"{PAGE}/secret")
    example = boxes(client_in.get(PAGE).text)[title].replace("http://localhost", served)
    ran = subprocess.run([*command, example], capture_output=True, text=True, timeout=60, check=False)
    assert "202" in ran.stdout, ran
    with app.app_context():
        event = db.session.scalars(select(Event)).one()
    said = json.loads(event.body)["data"]
    assert said["items"][0]["product_id"] == awkward
    assert said["customer"]["email"] == "o'wner@shop.test"
    assert event.test
