"""The way from the checkout to Cartwheel: signed, kept while nobody answers, sent again with the same id."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from standardwebhooks import Webhook as Verifier

from sandbox.box import Box
from sandbox.community import Community
from sandbox.courier import NO_ADDRESS, Courier, http_post
from sandbox.messages import Webhook, from_file
from sandbox.people import Buyer
from sandbox.server import Server, serve
from sandbox.shop import Shop, utc_now
from tests.sandbox.conftest import Clock

INES = Buyer("ines@example.com", "Ines")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HERE = Webhook("http://cartwheel.test/webhooks/a", SECRET)


class Cartwheel:
    """Stands for Cartwheel's webhook: answers in turn with what is in `answers`, and remembers what came."""

    def __init__(self) -> None:
        self.answers: list[int | Exception] = []
        self.came: list[tuple[str, dict[str, str], bytes]] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        self.came.append((url, dict(headers), body))
        answer = self.answers.pop(0) if self.answers else 202
        if isinstance(answer, Exception):
            raise answer
        return answer, '{"event":"e1","entries":1}'


@pytest.fixture
def cartwheel() -> Cartwheel:
    return Cartwheel()


@pytest.fixture
def box(clock: Clock) -> Box:
    return Box(Community(clock), Shop(clock, lambda: HERE))


def test_it_arrives_signed_with_its_body_as_it_was_said(box: Box, cartwheel: Cartwheel) -> None:
    box.shop.now = utc_now
    message = box.shop.buy(INES, "ads-101")
    attempt = Courier(box, cartwheel).send(message.id)
    ((url, headers, body),) = cartwheel.came
    assert (url, headers["Content-Type"], headers["webhook-id"]) == (HERE.url, "application/json", message.id)
    assert Verifier(SECRET).verify(body, headers) == json.loads(message.body)
    assert attempt is not None
    assert attempt.arrived
    assert (message.due_at, message.attempts) == (None, [attempt])


def test_it_is_kept_and_sent_again_with_the_same_id_and_a_new_signature(box: Box, cartwheel: Cartwheel, clock: Clock) -> None:
    cartwheel.answers = [ConnectionRefusedError("refused"), TimeoutError(), 503]
    message, courier = box.shop.buy(INES, "ads-101"), Courier(box, cartwheel)
    arrived = []
    for _ in range(4):
        arrived.append(courier.send_due())
        assert courier.send_due() == 0, "nothing is due before its time"
        clock.move(seconds=60)
    assert arrived == [0, 0, 0, 1]
    assert [one.status for one in message.attempts] == [0, 0, 503, 202]
    assert [one.said for one in message.attempts[:2]] == ["refused", "TimeoutError"]
    assert {headers["webhook-id"] for _, headers, _ in cartwheel.came} == {message.id}
    assert {body for _, _, body in cartwheel.came} == {message.body.encode()}
    assert len({headers["webhook-timestamp"] for _, headers, _ in cartwheel.came}) == 4
    assert courier.send_due() == 0


def test_without_an_address_it_waits_for_one(box: Box, cartwheel: Cartwheel, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    box.shop.where = lambda: from_file(path)
    message, courier = box.shop.buy(INES, "ads-101"), Courier(box, cartwheel)
    assert courier.send_due() == 0
    assert message.attempts[0].said == NO_ADDRESS
    path.write_text(json.dumps({"webhook_url": HERE.url, "secret": SECRET}))
    clock.move(seconds=2)
    assert courier.send_due() == 1


def test_a_secret_that_is_none_is_told_and_the_message_kept(box: Box, cartwheel: Cartwheel) -> None:
    box.shop.where = lambda: Webhook(HERE.url, "whsec_???")
    message = box.shop.buy(INES, "ads-101")
    Courier(box, cartwheel).send(message.id)
    assert cartwheel.came == []
    assert message.due_at is not None


def test_a_message_is_carried_by_one_at_a_time_and_the_box_is_open_meanwhile(box: Box) -> None:
    begun, go_on = threading.Event(), threading.Event()
    came: list[str] = []

    def slow(_url: str, headers: Mapping[str, str], _body: bytes) -> tuple[int, str]:
        came.append(headers["webhook-id"])
        begun.set()
        assert go_on.wait(30)
        return 202, ""

    message, courier = box.shop.buy(INES, "ads-101"), Courier(box, slow)
    carrying = threading.Thread(target=courier.send, args=(message.id,))
    carrying.start()
    assert begun.wait(30)
    with box.open():
        assert courier.send(message.id) is None
    go_on.set()
    carrying.join(30)
    assert came == [message.id]
    assert message.due_at is None


def test_the_thread_sends_by_itself_until_it_is_stopped(box: Box) -> None:
    box.shop.now = utc_now
    came, statuses = threading.Event(), iter([503, 202])

    def post(_url: str, _headers: Mapping[str, str], _body: bytes) -> tuple[int, str]:
        status = next(statuses)
        if status == 202:
            came.set()
        return status, ""

    courier = Courier(box, post)
    courier.start()
    with box.open():
        box.shop.buy(INES, "ads-101")
    assert came.wait(30)
    courier.stop()


App = Callable[[WSGIEnvironment, StartResponse], Any]


@pytest.fixture
def listening() -> Iterator[Callable[[App], Server]]:
    """`listening(app)`: a server for it, until the test ends."""
    servers: list[Server] = []

    def listen(app: App) -> Server:
        servers.append(serve(app))
        return servers[-1]

    yield listen
    for one in servers:
        one.stop()


def test_over_http_no_redirect_is_followed_and_the_answer_is_read(listening: Callable[[App], Server]) -> None:
    came: list[tuple[str, str, bytes]] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        came.append((environ["PATH_INFO"], environ["QUERY_STRING"], environ["wsgi.input"].read()))
        start_response("302 Found", [("Location", "/elsewhere")])
        return ["ä".encode() * 5000]

    server = listening(app)
    status, said = http_post(f"{server.url}/webhooks/a?b=c", {"Content-Type": "application/json"}, b"{}")
    assert (status, set(said.rstrip("�")), len(said) <= 1200) == (302, {"ä"}, True)
    assert came == [("/webhooks/a", "b=c", b"{}")]


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/", "/webhooks/a", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        http_post(url, {}, b"{}")
