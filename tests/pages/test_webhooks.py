"""Every answer that a checkout can get at its address (docs/webhook.md)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import factories
from tests.conftest import Lines
from tests.pages.conftest import Clock, Write
from webapp import desk
from webapp.database import db
from webapp.models import Event, LogEntry, Receipt, Source
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret, signed

Post = Callable[..., TestResponse]
ORDER = {
    "type": "order.created",
    "timestamp": "2026-11-24T14:00:00Z",
    "data": {"order_id": 9001, "customer": {"email": " Mina@Shop.test "}, "items": [{"product_id": "ads-101", "kind": "primary"}]},
}


@pytest.fixture
def secret() -> str:
    return new_secret()


@pytest.fixture
def source(app: Flask, write: Write, secret: str) -> int:
    """An address `here` whose secret is `secret`."""
    with write() as session:
        shop = factories.make_marketplace(session)
        made = factories.new_id()
        sealed = parts().vault.seal(secret)
        session.add(Source(id=made, marketplace_id=shop.id, kind="cartwheel", address="here", secret=sealed, created_at=factories.NOW))
    return made


@pytest.fixture
def post(client: FlaskClient, clock: Clock, secret: str, source: int) -> Post:
    """`post(body, key=…, secret=…, at=…)` sends a signed request."""

    def sent(body: Any = ORDER, key: str = "m1", by: str = secret, at: Any = None, to: str = "here", **headers: str) -> TestResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = signed(by, key, at or clock(), raw) if raw.isascii() else {}
        return client.post(f"/webhooks/{to}", data=raw, headers={"Content-Type": "application/json", **signature, **headers})

    return sent


def rows(app: Flask, model: Any) -> list[Any]:
    with app.app_context():
        return list(db.session.scalars(select(model)))


def test_202_once_it_is_committed(app: Flask, post: Post) -> None:
    answer = post()
    (event,) = rows(app, Event)
    assert answer.status_code == 202
    assert answer.json == {"event": str(event.id), "entries": 1}
    assert json.loads(event.body) == ORDER
    assert event.key == "m1"


def test_the_log_names_the_event_and_nothing_secret(app: Flask, post: Post, source: int, secret: str, lines: Lines) -> None:
    post()
    post()
    (event,) = rows(app, Event)
    told = [line for line in lines() if "event" in line]
    assert [line["message"] for line in told] == ["An event was taken in.", "An event came again."]
    for line in told:
        assert (line["event"], line["source"], line["marketplace"], line["key"]) == (
            str(event.id),
            str(source),
            str(event.marketplace_id),
            "m1",
        )
    said = json.dumps(lines())
    assert [word for word in (secret, "mina@shop.test", "/webhooks/here") if word in said] == []


def test_what_breaks_unforeseen_names_whose_it_is_and_not_the_address(
    app: Flask, post: Post, source: int, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that needs no signature is a secret."""
    app.config["PROPAGATE_EXCEPTIONS"] = app.testing = False
    monkeypatch.setattr(desk, "told_apart", lambda *_: 1 / 0)
    assert post().status_code == 500
    (line,) = [one for one in lines() if one["level"] == "ERROR"]
    assert (line["source"], line["key"], "ZeroDivisionError" in line["error"]) == (str(source), "m1", True)
    assert "/webhooks/here" not in json.dumps(lines())


def test_200_for_a_repeat_and_nothing_happens_twice(app: Flask, post: Post) -> None:
    first = post().json
    answer = post()
    assert answer.status_code == 200
    assert answer.json == {"event": first["event"], "duplicate": True}  # type: ignore[index]
    assert len(rows(app, LogEntry)) == 1
    assert [receipt.status for receipt in rows(app, Receipt)] == [200]


def test_a_request_that_was_captured_is_worth_nothing(app: Flask, client: FlaskClient, clock: Clock, source: int, secret: str) -> None:
    """Sent again within five minutes it is a repeat, later it is too old, and under another id it is not signed."""
    body = json.dumps(ORDER).encode()
    captured = {"Content-Type": "application/json", **signed(secret, "m1", clock(), body)}
    renewed = {"webhook-timestamp": str(int(clock().timestamp()) + 301)}
    tries: list[tuple[int, dict[str, str]]] = [(0, {}), (299, {}), (299, {"webhook-id": "m2"}), (301, {}), (301, renewed)]
    came = []
    for later, changed in tries:
        clock.time = factories.NOW + timedelta(seconds=later)
        answer = client.post("/webhooks/here", data=body, headers=captured | changed)
        came.append((answer.status_code, answer.json.get("error")))  # type: ignore[union-attr]
    assert came == [(202, None), (200, None), (401, "signature"), (401, "timestamp"), (401, "signature")]
    assert len(rows(app, Event)) == len(rows(app, LogEntry)) == 1


def test_a_ping_answers_202_and_does_nothing(app: Flask, post: Post) -> None:
    answer = post({"type": "ping", "timestamp": "2026-11-24T14:00:00Z", "data": {}})
    assert answer.status_code == 202
    assert rows(app, Event) == []
    assert [receipt.reason for receipt in rows(app, Receipt)] == ["A ping: the address works."]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"by": new_secret()}, "signature"),
        ({"at": factories.NOW - timedelta(minutes=6)}, "timestamp"),
        ({"at": factories.NOW + timedelta(minutes=6)}, "timestamp"),
        ({"webhook-id": ""}, "headers"),
        ({"webhook-signature": "v1,AAAA"}, "signature"),
    ],
)
def test_401_says_which_proof_failed_and_so_do_the_receipts(app: Flask, post: Post, changed: dict[str, Any], error: str) -> None:
    answer = post(**changed)
    assert answer.status_code == 401
    assert answer.json == {"error": error}
    assert [receipt.status for receipt in rows(app, Receipt)] == [401]
    assert rows(app, Event) == []


def test_400_413_415(post: Post) -> None:
    assert post(b"{").status_code == 400
    assert post(b'"' + b"x" * 256 * 1024 + b'"').status_code == 413
    assert post(**{"Content-Type": "text/plain"}).status_code == 415


def test_404_for_an_address_that_nobody_has(post: Post) -> None:
    answer = post(to="elsewhere")
    assert answer.status_code == 404
    assert answer.json == {"error": "no such address"}


def test_422_is_kept_and_shown(app: Flask, post: Post) -> None:
    answer = post({**ORDER, "data": {**ORDER["data"], "items": [{"kind": "primary"}]}})  # type: ignore[dict-item]
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["data.items.0.product_id"]  # type: ignore[index]
    assert [entry.status for entry in rows(app, LogEntry)] == ["not_understood"]


def test_429_beyond_the_allowance(app: Flask, post: Post, write: Write) -> None:
    with write() as session:
        (shop,) = session.scalars(select(factories.Marketplace))
        shop.allowance = 2
    forged = [post(key=f"f{number}", by=new_secret()).status_code for number in range(3)]
    assert forged == [401] * 3  # who knows the address can't use the allowance up
    answers = [post(key=f"m{number}") for number in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].headers["Retry-After"] == "1"


def test_503_with_the_database_gone_and_never_2xx(app: Flask, post: Post, tmp_path: Path) -> None:
    assert post().status_code == 202
    with app.app_context():
        db.engine.dispose()
    database = tmp_path / "cartwheel.db"
    database.rename(tmp_path / "away.db")
    database.mkdir()
    answer = post(key="m2")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    database.rmdir()
    (tmp_path / "away.db").rename(database)
    assert post(key="m2").status_code == 202


def test_503_where_no_key_opens_the_secret_until_one_does(app: Flask, post: Post, write: Write, source: int) -> None:
    with write() as session:
        row = session.get_one(Source, source)
        kept, row.secret = row.secret, b"sealed by a key that is lost"
    assert post().status_code == 503
    assert rows(app, Event) == []
    with write() as session:
        session.get_one(Source, source).secret = kept
    assert post().status_code == 202


def test_get_and_head_answer_200(client: FlaskClient, source: int) -> None:
    assert client.get("/webhooks/here").status_code == 200
    assert client.head("/webhooks/here").status_code == 200
    assert client.get("/webhooks/elsewhere").status_code == 404


def test_the_schema_is_published(client: FlaskClient) -> None:
    answer = client.get("/webhooks/schema.json")
    assert answer.status_code == 200
    assert "order.created" in answer.text


def test_a_new_secret_is_good_at_once_and_the_old_one_until_its_time(
    post: Post, write: Write, source: int, secret: str, clock: Clock
) -> None:
    assert post().status_code == 202
    newer = new_secret()
    with write() as session:
        row = session.get_one(Source, source)
        row.secret, row.previous_secret = parts().vault.seal(newer), row.secret
        row.previous_until = clock() + timedelta(hours=24)
    assert post(key="m2", by=newer).status_code == 202
    assert post(key="m3").status_code == 202
    clock.time += timedelta(hours=25)
    assert post(key="m4").status_code == 401
    assert post(key="m5", by=newer).status_code == 202


def test_only_the_newest_receipts_are_kept(app: Flask, post: Post, clock: Clock) -> None:
    for number in range(25):
        clock.time += timedelta(seconds=1)
        post(key=f"m{number}", by=new_secret())
    assert len(rows(app, Receipt)) == 20


def test_without_redis_the_answer_is_the_same(post: Post) -> None:
    """The settings of these tests name a Redis that nobody answers as."""
    assert post().status_code == 202


def test_a_flood_of_forged_requests_asks_the_database_no_more_than_needed(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = desk._read_address
    monkeypatch.setattr(desk, "_read_address", lambda text, now: read.append(text) or real(text, now))
    for number in range(desk.READ_ANEW + 30):
        assert post(key=f"m{number}", by=new_secret()).status_code == 401
    assert len(read) == desk.READ_ANEW + 1
    assert post().status_code == 202


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_events_are_posted(client: FlaskClient, source: int, method: str) -> None:
    answer = client.open("/webhooks/here", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_options_name_every_way(client: FlaskClient, source: int) -> None:
    answer = client.options("/webhooks/here")
    assert (answer.status_code, answer.headers["Allow"]) == (200, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("path", ["//webhooks/here", "/webhooks//here"])
def test_a_slash_too_many_does_no_harm(client: FlaskClient, post: Post, path: str) -> None:
    client.environ_base["PATH_INFO"] = path
    assert post().status_code == 202


@pytest.mark.parametrize("address", ["", "here/", "here/there", "%00", "h%20ere", "%C3%A9", "schema.json", "x" * 3000])
def test_what_can_be_no_address_is_nobodys(app: Flask, post: Post, address: str) -> None:
    assert post(to=address).status_code == 404
    assert rows(app, Event) == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_has_the_headers_of_a_page(client: FlaskClient, source: int, scheme: str) -> None:
    posted, shown = (
        client.post("/webhooks/here", base_url=f"{scheme}://shop.test"),
        client.get("/webhooks/here", base_url=f"{scheme}://shop.test"),
    )
    kept = (
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Cache-Control",
        "Strict-Transport-Security",
        "Referrer-Policy",
        "Set-Cookie",
    )
    assert [posted.headers.get(name) for name in kept] == [shown.headers.get(name) for name in kept]
    assert posted.content_type == "application/json"
    assert ("Strict-Transport-Security" in posted.headers) is (scheme == "https")


class Silent(BytesIO):
    """A body that does not come."""

    def read(self, *_: Any) -> bytes:
        raise TimeoutError


def test_a_body_that_does_not_come_is_400(client: FlaskClient, source: int) -> None:
    answer = client.post("/webhooks/here", input_stream=Silent(), environ_overrides={"CONTENT_LENGTH": "300"})
    assert answer.status_code == 400
