"""The client's connections: used again, never mixed up, given up in time; and what of an answer no database would take."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.community import Community
from sandbox.server import running
from tests.apps.circle.wire import INVITE, KEY, OK, SEARCH, SHORT, Script, asked, says, serving
from webapp.apps import Call
from webapp.apps.circle.client import KEPT, MOST_BYTES, CircleClient

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
LATE = f"Circle did not answer within {SHORT:g} seconds."
NEXT = b'{"message":"Next"}'


def whole(body: bytes, status: int = 200, *headers: bytes) -> bytes:
    head = [b"HTTP/1.1 %d So" % status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*head, b"", body])


def turns(*scripts: Script) -> Script:
    """Each request is for the next script, the last one for all that follow."""
    waiting, lock = list(scripts), threading.Lock()

    def script(connection: socket.socket) -> None:
        with lock:
            now = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        now(connection)

    return script


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    connection.close()


# ---- used again


def test_a_connection_is_used_again_after_any_whole_answer() -> None:
    packed = gzip.compress(b"{}")
    answers = [
        OK,
        b"HTTP/1.1 204 Gone\r\n\r\n",
        b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        whole(packed, 200, b"Content-Encoding: gzip"),
        whole(b'{"message":"Missing"}', 404),
        whole(b"<html>Oops</html>", 500),
        whole(b"", 302, b"Location: /elsewhere"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    ]
    with serving(turns(*map(says, answers))) as server:
        client = CircleClient(server.url, KEY)
        statuses = [client.send(call).status for call in [INVITE, SEARCH] * 4]

    assert statuses == [200, 204, 200, 200, 404, 500, 302, 200]
    assert server.connections == 1


def pours(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 So\r\n\r\n")
    for _ in range(10_000):  # more than anybody reads, so that it ends when the client hangs up
        connection.sendall(b"x" * 65_536)


@pytest.mark.parametrize("spoilt", [
    says(whole(b"x" * (MOST_BYTES + 1))),
    pours,
    says(whole(gzip.compress(b"x" * (64 * MOST_BYTES)), 200, b"Content-Encoding: gzip")),
    says(b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"),
    says(whole(b"no gzip", 200, b"Content-Encoding: gzip")),
    resets,
], ids=["too large", "endless", "too large unpacked", "bad chunk", "bad gzip", "reset"])  # fmt: skip
def test_what_is_left_of_a_spoilt_answer_is_never_the_next_calls(spoilt: Script) -> None:
    with serving(turns(spoilt, says(whole(NEXT)))) as server:
        client = CircleClient(server.url, KEY)
        lost, after = client.send(INVITE), client.send(INVITE)

    assert (lost.status, lost.sent, lost.data) == (0, True, None)
    assert (after.status, after.data) == (200, {"message": "Next"})


def test_a_late_answer_is_never_the_next_calls() -> None:
    gave_up = threading.Event()

    def late(connection: socket.socket) -> None:
        gave_up.wait(10)
        connection.sendall(whole(b'{"message":"Late"}'))

    with serving(turns(late, says(whole(NEXT)))) as server:
        client = CircleClient(server.url, KEY, deadline=SHORT)
        lost = client.send(INVITE)
        gave_up.set()
        after = client.send(INVITE)

    assert (lost.error, after.data) == (LATE, {"message": "Next"})


def test_a_call_has_nothing_of_the_one_before_it() -> None:
    un_rsvp = Call("DELETE", "/event_attendees", "remove", (1,), "", body={"event_id": "9", "member_email": "zoë@shop.test"})
    remove = Call("DELETE", "/space_members", "remove", (1,), "", query=(("email", "zoë@shop.test"), ("space_id", "3")))
    with serving(says(OK)) as server:
        client = CircleClient(server.url, KEY)
        for call in (un_rsvp, remove, un_rsvp):
            client.send(call)

    first, second, third = (request.partition(b"\r\n\r\n") for request in server.requests)
    assert json.loads(first[2]) == un_rsvp.body
    assert second[0].startswith(b"DELETE /api/space_members?email=zo%C3%AB%40shop.test&space_id=3 HTTP/1.1\r\n")
    assert (b"Content-Length: 0" in second[0], second[2]) == (True, b"")
    assert third == first


def test_64_threads_get_each_the_answer_to_their_own_call() -> None:
    everybody = threading.Barrier(64, timeout=10)
    community = Community(lambda: datetime.now(UTC), tokens=(KEY,))
    members = [community.add_member(f"{number}@shop.test") for number in range(256)]

    with running(community) as server, ThreadPoolExecutor(64, initializer=everybody.wait) as threads:
        client = CircleClient(server.api_url, KEY)
        found = threads.map(lambda one: client.send(Call("GET", f"/community_members/{one}", "look_up", (), "")).data["id"], members)

        assert list(found) == members


# ---- given up in time


@contextlib.contextmanager
def nobody_takes() -> Iterator[tuple[str, int]]:
    """An address that never answers: the queue of its server is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as full:
        for _ in range(4):
            waiting = full.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


def names(addresses: Sequence[tuple[str, int]]) -> Callable[..., list[Any]]:
    """A system's look-up that finds these for every name."""

    def look_up(*args: Any, **more: Any) -> list[Any]:
        if more.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "Not an address")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]

    return look_up


def test_a_connection_that_nobody_takes_is_not_waited_for() -> None:
    with nobody_takes() as (host, port):
        answer = CircleClient(f"http://{host}:{port}", KEY, connect=SHORT).send(INVITE)

    assert (answer.status, answer.sent) == (0, False)
    assert answer.error == f"Circle could not be reached within {SHORT:g} seconds."


def test_an_address_that_is_silent_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody_takes() as silent, serving(says(OK)) as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        monkeypatch.setattr(socket, "getaddrinfo", names([silent, ("127.0.0.1", port)]))

        assert CircleClient("http://circle.test", KEY, connect=2 * SHORT).send(INVITE).status == 200


def test_a_name_is_looked_up_on_the_side(monkeypatch: pytest.MonkeyPatch) -> None:
    over, ended = threading.Event(), threading.Event()

    def look_up(*args: Any, **more: Any) -> list[Any]:
        if not more.get("flags"):
            over.wait(5)
            ended.set()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    answer = CircleClient("http://circle.test", KEY, connect=SHORT).send(INVITE)

    assert not ended.is_set()
    over.set()
    assert answer.error == f"Circle could not be reached within {SHORT:g} seconds."


@pytest.mark.parametrize("address", ["", "circle", "ftp://circle.test", "http://", "http://a..b", f"http://{'a' * 64}.test", "http://[::1"])
def test_an_address_that_is_none_ends_in_a_sentence(address: str) -> None:
    answer = CircleClient(address, KEY, connect=SHORT).send(INVITE)

    assert (answer.status, answer.sent) == (0, False)
    assert answer.error.startswith("Circle could not be reached: ")


def test_a_server_that_goes_on_saying_that_it_goes_on_is_given_up() -> None:
    answer = asked(says(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 1000, every=0.01), deadline=SHORT)

    assert (answer.status, answer.sent, answer.error) == (0, True, LATE)


@pytest.mark.parametrize("wait", [b"\xb2", b"1.5", b"1e9", b"Mon, 99 Foo 2026", b"Wed, 21 Oct 99999 07:28:00 GMT"])
def test_a_wait_that_nobody_can_read_is_none(wait: bytes) -> None:
    answer = asked(says(whole(b"", 429, b"Retry-After: " + wait)))

    assert (answer.status, answer.retry_after) == (429, None)


# ---- what no database takes, and the key


@pytest.mark.parametrize(("body", "data"), [
    (b'{"message":"a\\u0000b"}', {"message": "a\ufffdb"}),
    (b'{"\\u0000":["\\u0000"]}', {"\ufffd": ["\ufffd"]}),
    (b'{"message":"\\ud800 \\ud83d\\ude00"}', {"message": "? \U0001f600"}),
    (b'{"message":"\\u00e9"}', {"message": "é"}),
])  # fmt: skip
def test_data_can_be_stored(body: bytes, data: object) -> None:
    assert asked(says(whole(body))).data == data


def test_text_can_be_stored() -> None:
    answer = asked(says(whole(b"caf\xe9 a\0b", 500)))

    assert (answer.data, answer.text) == (None, "caf\ufffd a\ufffdb")


def test_the_key_is_not_cut_in_two_and_is_found_in_what_is_packed() -> None:
    echo = json.dumps({"message": KEY}).encode()
    answers = [
        asked(says(whole(b"x" * (KEPT - 5) + KEY.encode(), 500))),
        asked(says(whole(b"x" * (4 * KEPT - 5) + KEY.encode(), 500))),
        asked(says(whole(gzip.compress(echo), 401, b"Content-Encoding: gzip"))),
        asked(says(whole(KEY.encode() * MOST_BYTES))),
    ]

    assert all(KEY[:5] not in repr(answer) for answer in answers)
