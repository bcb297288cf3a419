"""The client against servers that misbehave: one deadline over everything, nothing followed, nothing raised, no key in any text."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from urllib3.util.ssl_ import create_urllib3_context

from sandbox.community import Community, Fault
from sandbox.server import CommunityServer, running
from webapp.apps import Answer, Call
from webapp.apps.circle import transport
from webapp.apps.circle.client import KEPT, MOST_BYTES, CircleClient
from webapp.apps.circle.transport import clock

KEY = "key-that-nobody-may-see-7f3a"
INVITE = Call("POST", "/community_members", "invite", (1,), "", body={"email": "zoë+1@shop.test", "space_ids": [3]})
SEARCH = Call("GET", "/community_members/search", "search", (1,), "", query=(("email", "zoë+1@shop.test"),))
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"message":"Ok"}'
SHORT = 0.4
"""Seconds: the deadline of calls that must meet it. PATIENT is how long a test waits before it calls that a hang."""

PATIENT = 10.0
Script = Callable[[socket.socket], None]


class Server:
    """A server that does to each connection what a script says, and keeps what it was sent."""

    def __init__(self, script: Script, wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection) -> None:
        self._script, self._wrap, self.requests, self.connections = script, wrap, list[bytes](), 0
        self.ended = threading.Semaphore(0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), self._wrap(connection) as wrapped:
            while request := _request(wrapped):
                self.requests.append(request)
                self._script(wrapped)
        self.ended.release()

    def close(self) -> None:
        self._listener.close()


def _request(connection: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            return b""
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def serving(script: Script, **more: Any) -> Iterator[Server]:
    server = Server(script, **more)
    try:
        yield server
    finally:
        server.close()


def says(*pieces: bytes, every: float = 0.0, close: bool = False) -> Script:
    def script(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            if every:
                time.sleep(every)
        if close:
            connection.close()

    return script


def drips(text: bytes) -> Script:
    return says(*(text[place : place + 1] for place in range(len(text))), every=0.05)


def hang(connection: socket.socket) -> None:
    connection.recv(1)  # until the client gives up


def asked(script: Script, call: Call = INVITE, deadline: float = PATIENT) -> Answer:
    with serving(script) as server:
        return CircleClient(server.url, KEY, deadline=deadline).send(call)


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


# ---- what never comes back


@pytest.mark.parametrize("script", {
    "nothing is said": hang,
    "the head drips": drips(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000),
    "the body drips": drips(OK.replace(b"16", b"600") + b" " * 600),
    "chunks drip": drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200),
    "a packed body drips": drips(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 600\r\n\r\n" + gzip.compress(b"x" * 60)),
    "a body never ends": says(OK.replace(b"16", b"99"), every=PATIENT),
}.items(), ids=lambda script: script[0])  # fmt: skip
def test_one_deadline_ends_the_whole_call(script: tuple[str, Script]) -> None:
    began = time.monotonic()
    answer = asked(script[1], deadline=SHORT)

    assert time.monotonic() - began < PATIENT / 2
    assert (answer.status, answer.sent) == (0, True)
    assert answer.error == "Circle did not answer within 0.4 seconds."
    assert answer.duration_ms >= SHORT * 1000 - 50


def test_a_late_call_does_not_shorten_the_next_one() -> None:
    clock.end = clock.connect_by = 0.0  # as a call of this thread that was late has left it

    assert asked(says(OK)).status == 200


def test_a_huge_answer_is_not_read_to_its_end() -> None:
    answer = asked(says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", b"x" * (2 * MOST_BYTES)))

    assert (answer.status, answer.data, answer.sent) == (0, None, True)
    assert answer.error == "Circle's answer was too large to be one."
    assert answer.text == "x" * KEPT


def test_a_packed_answer_is_measured_unpacked() -> None:
    bomb = gzip.compress(b"x" * (20 * MOST_BYTES))

    assert asked(says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)).status == 0


@pytest.mark.parametrize(
    "sent", [b"", OK[:10], OK[:-5], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabc", b"Hello\r\n\r\n"]
)
def test_a_connection_that_breaks_off_is_a_lost_answer(sent: bytes) -> None:
    answer = asked(says(sent, close=True))

    assert (answer.status, answer.sent) == (0, True)
    assert answer.error == "The connection to Circle broke off before its answer."


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    with serving(says(OK, close=True)) as server:
        client = CircleClient(server.url, KEY)
        statuses = []
        for _ in range(3):
            statuses.append(client.send(INVITE).status)
            assert server.ended.acquire(timeout=PATIENT)

    assert statuses == [200, 200, 200]
    assert server.connections == 3


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = CircleClient(f"http://127.0.0.1:{port}", KEY).send(INVITE)

    assert (answer.status, answer.sent) == (0, False)
    assert answer.error == "Circle could not be reached: no connection to 127.0.0.1."


def test_nobody_knows_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    answer = CircleClient("http://circle.invalid/api", KEY).send(INVITE)

    assert (answer.status, answer.sent) == (0, False)
    assert answer.error == "Circle could not be reached: nobody knows the name circle.invalid."


def test_a_name_that_is_not_found_out_in_time_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    real, hold = socket.getaddrinfo, threading.Event()

    def slow(host: str, *more: object, **named: object) -> object:
        if host == "slow.test" and named.get("flags") is None:
            hold.wait(PATIENT)
        return real(host, *more, **named)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    answer = CircleClient("http://slow.test/api", KEY, connect=0.2).send(INVITE)
    hold.set()

    assert (answer.status, answer.sent) == (0, False)
    assert answer.error == "Circle could not be reached within 0.2 seconds."


# ---- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `localhost`, signed by itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def over_tls(certificate: Path) -> Callable[[socket.socket], socket.socket]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return lambda connection: context.wrap_socket(connection, server_side=True)


@pytest.fixture
def trusting(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that are made now trust the certificate."""
    make = create_urllib3_context

    def trusting() -> ssl.SSLContext:
        context = make()
        context.load_verify_locations(certificate)
        return context

    monkeypatch.setattr(transport, "create_urllib3_context", trusting)


def safely(server: Server) -> str:
    return server.url.replace("http://127.0.0.1", "https://localhost")


@pytest.mark.usefixtures("trusting")
def test_calls_go_over_tls(over_tls: Callable[[socket.socket], socket.socket]) -> None:
    with serving(says(OK), wrap=over_tls) as server:
        client = CircleClient(safely(server), KEY)
        assert [client.send(INVITE).data, client.send(INVITE).data] == [{"message": "Ok"}] * 2

    assert server.connections == 1


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("script", [hang, drips(OK.replace(b"16", b"600") + b" " * 600)], ids=["hang", "drip"])
def test_the_deadline_holds_over_tls(over_tls: Callable[[socket.socket], socket.socket], script: Script) -> None:
    began = time.monotonic()
    with serving(script, wrap=over_tls) as server:
        answer = CircleClient(safely(server), KEY, deadline=SHORT).send(INVITE)

    assert time.monotonic() - began < PATIENT / 2
    assert (answer.status, answer.sent, answer.error) == (0, True, "Circle did not answer within 0.4 seconds.")


def test_a_certificate_that_nobody_signed_is_not_trusted(over_tls: Callable[[socket.socket], socket.socket]) -> None:
    with serving(says(OK), wrap=over_tls) as server:
        answer = CircleClient(safely(server), KEY).send(INVITE)

    assert (answer.status, answer.sent) == (0, False)
    assert answer.error == "Circle could not be reached: localhost has no certificate that can be trusted."
    assert server.requests == []


def test_a_server_that_never_shakes_hands_is_not_waited_for() -> None:
    with serving(says(OK)) as server:
        answer = CircleClient(safely(server), KEY, connect=0.3).send(INVITE)

    assert (answer.status, answer.sent) == (0, False)
    assert answer.error == "Circle could not be reached within 0.3 seconds."


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
