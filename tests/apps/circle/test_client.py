"""What the client sends, and what it makes of what comes back: nothing followed, nothing raised, no key in any text."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sandbox.community import Community, Fault
from sandbox.server import CommunityServer, running
from tests.apps.circle.wire import INVITE, KEY, OK, SEARCH, SHORT, asked, says, serving
from webapp.apps import Call
from webapp.apps.circle.client import KEPT, CircleClient

# ---- what is sent


def test_a_request_is_what_circle_wants() -> None:
    with serving(says(OK)) as server:
        CircleClient(server.url + "/", f" {KEY}\n").send(INVITE)

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    assert lines[0] == "POST /api/community_members HTTP/1.1"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (headers["accept"], headers["content-type"]) == ("application/json", "application/json")
    assert json.loads(body) == INVITE.body
    assert int(headers["content-length"]) == len(body)


def test_a_query_is_escaped_and_has_no_body() -> None:
    with serving(says(OK)) as server:
        CircleClient(server.url, KEY).send(SEARCH)

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"GET /api/community_members/search?email=zo%C3%AB%2B1%40shop.test HTTP/1.1"
    assert body == b""


def test_calls_do_not_mix_and_connections_are_kept() -> None:
    with serving(says(OK)) as server:
        client = CircleClient(server.url, KEY)
        first = [client.send(call).status for call in (INVITE, SEARCH, INVITE)]

    assert first == [200, 200, 200]
    assert server.connections == 1
    assert [request.split(b" ")[0] for request in server.requests] == [b"POST", b"GET", b"POST"]
    assert server.requests[0] == server.requests[2]


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert asked(says(OK)).status == 200


def test_many_threads_share_a_client() -> None:
    with running(Community(lambda: datetime.now(UTC), tokens=(KEY,))) as server, ThreadPoolExecutor(32) as threads:
        client = CircleClient(server.api_url, KEY, connections=32)
        calls = [Call("POST", "/community_members", "invite", (1,), "", body={"email": f"{n}@shop.test"}) for n in range(200)]
        statuses = list(threads.map(lambda call: client.send(call).status, calls))

    assert statuses == [201] * 200
    assert len(server.community.held()) == 200
    assert server.community.violations == []


# ---- what comes back


def test_an_answer_has_status_data_text_and_duration() -> None:
    answer = asked(says(OK))

    assert (answer.status, answer.data, answer.text, answer.error, answer.sent) == (200, {"message": "Ok"}, '{"message":"Ok"}', "", True)
    assert answer.duration_ms >= 0


def test_the_text_is_cut_and_the_data_is_not() -> None:
    body = json.dumps({"records": ["x" * 90] * 1000}).encode()
    answer = asked(says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body))

    assert len(answer.text) == KEPT
    assert len(answer.data["records"]) == 1000


def test_packed_and_chunked_answers_are_read() -> None:
    packed = gzip.compress(b'{"message":"Ok"}')
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n" + b'{"messag\r\n8\r\ne":"Ok"}' + b"\r\n0\r\n\r\n"

    assert asked(says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)).data == {
        "message": "Ok"
    }
    assert asked(says(chunks)).data == {"message": "Ok"}


@pytest.mark.parametrize("body", [b"", b"<html>Welcome</html>", b'{"half": ', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_has_no_data(body: bytes) -> None:
    answer = asked(says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body))

    assert (answer.status, answer.data) == (200, None)
    assert answer.text == body.decode("utf-8", "replace")[:KEPT]


def test_a_redirect_is_not_followed() -> None:
    with serving(says(OK)) as other:
        answer = asked(says(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % other.url.encode()))

    assert answer.status == 302
    assert other.requests == []


@pytest.mark.parametrize(
    ("header", "seconds"), [(b"17", 17.0), (b" 0 ", 0.0), (b"soon", None), (b"-5", None), (b"", None), (b"9" * 400, None)]
)
def test_retry_after_in_seconds(header: bytes, seconds: float | None) -> None:
    assert asked(says(b"HTTP/1.1 429 Slow\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n" % header)).retry_after == seconds


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True).encode()
    seconds = asked(says(b"HTTP/1.1 429 Slow\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n" % date)).retry_after
    past = asked(says(b"HTTP/1.1 429 Slow\r\nRetry-After: Fri, 01 Jan 2021 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n")).retry_after

    assert seconds is not None
    assert 60 < seconds <= 90
    assert past == 0.0


# ---- the key


def test_the_key_is_in_no_text() -> None:
    body = json.dumps({"message": f"Not {KEY}."}).encode()
    answer = asked(says(b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body))

    assert answer.data == {"message": "Not [API key]."}
    assert KEY not in repr(answer)
    assert KEY not in repr(CircleClient("http://127.0.0.1", KEY))


@pytest.mark.parametrize("key", ["two\r\nlines: here", "schlüssel", "", "ключ", "\x00"])
def test_a_key_that_no_header_can_hold_raises_nothing(key: str) -> None:
    with serving(says(OK)) as server:
        answer = CircleClient(server.url, key).send(INVITE)

    assert key == "" or key not in answer.error
    assert all(b"\r\nlines: here" not in request for request in server.requests)


# ---- the sandbox as it misbehaves


@pytest.fixture
def server() -> Iterator[CommunityServer]:
    with running(Community(lambda: datetime.now(UTC), tokens=(KEY,))) as server:
        yield server


@pytest.mark.parametrize(("fault", "status"), [
    (Fault.error(503), 503), (Fault.error(502, html=True), 502), (Fault.rate_limited(9), 429), (Fault.hang(30), 0), (Fault.cut(applied=True), 0),
    (Fault.page(), 200), (Fault.huge(3), 0), (Fault.drip(0.1), 0), (Fault.empty(), 201),
], ids=lambda value: getattr(value, "kind", value))  # fmt: skip
def test_what_the_sandbox_does_to_a_call(server: CommunityServer, fault: Fault, status: int) -> None:
    server.community.push(fault)
    client = CircleClient(server.api_url, KEY, deadline=SHORT)
    answer = client.send(Call("POST", "/community_members", "invite", (1,), "", body={"email": "mina@shop.test"}))

    assert answer.status == status
    assert answer.data is None or status >= 400
    assert client.send(Call("GET", "/community", "check_key", (), "")).status == 200
