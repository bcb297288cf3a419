"""One deadline over the whole of a call, in the clear and over TLS, against servers that would rather talk for ever."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from urllib3.util.ssl_ import create_urllib3_context

from tests.apps.circle.wire import INVITE, KEY, OK, PATIENT, SHORT, Script, Server, asked, drips, first, hang, says, serving
from webapp.apps import transport
from webapp.apps.circle.client import KEPT, MOST_BYTES, CircleClient
from webapp.apps.transport import clock

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


def test_a_redirect_is_not_read_to_its_end_either() -> None:
    answer = asked(
        says(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1000000000\r\n\r\n", b"x" * (2 * MOST_BYTES)), deadline=SHORT
    )

    assert answer.error == "Circle's answer was too large to be one."


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
def test_the_deadline_holds_over_tls(
    over_tls: Callable[[socket.socket], socket.socket], script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a call over a connection that stands: shaking hands takes the server's thread as long as the machine likes."""
    with serving(first(says(OK), script), wrap=over_tls) as server:
        client = CircleClient(safely(server), KEY, deadline=PATIENT)
        assert client.send(INVITE).status == 200
        monkeypatch.setattr(client, "_deadline", SHORT)
        began = time.monotonic()
        answer = client.send(INVITE)

    assert time.monotonic() - began < PATIENT / 2
    assert (answer.status, answer.sent, answer.error) == (0, True, "Circle did not answer within 0.4 seconds.")
    assert server.connections == 1


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
