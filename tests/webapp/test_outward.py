"""Requests to addresses that people type in: to the internet alone, to the very address that was checked, and nowhere else."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests.adapters
import trustme

from webapp import outward
from webapp.outward import MOST_BYTES, NotDone, check, is_public, post

NOT_PUBLIC = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::", "2001:0:4136:e378::", "2001:db8::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "localhost", "",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "34.117.59.81", "2606:4700::6810:84e5", "2a00:1450:4001:830::200e"])
def test_what_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.shop.test/x", "ftp://hooks.shop.test", "https://user:hush@hooks.shop.test", "https://", "hooks.shop.test",
        "https://127.0.0.1/x", "https://[::1]/x", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest", "https://hooks.shop.test:0",
        "https://hooks.shop.test:99999", "https://hooks.shop.test/ x", "https://höoks.shop.test/",
    ],
)  # fmt: skip
def test_an_address_that_is_refused_before_any_look_up(url: str) -> None:
    with pytest.raises(NotDone) as refused:
        check(url)
    assert refused.value.for_good
    assert "hush" not in str(refused.value)


def test_an_address_that_may_be_asked() -> None:
    assert check("https://hooks.shop.test/services/T0/B0/x?y=1") == "hooks.shop.test"
    assert check("https://8.8.8.8:8443/x") == "8.8.8.8"


def resolves(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names lead to these addresses: the first list the first time, and so on. Gives the names that were looked up."""
    asked: list[str] = []
    given = iter(answers)

    def look_up(host: str, port: int, *_: object, flags: int = 0, **__: object) -> list[Any]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        asked.append(host)
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in next(given)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def connects(monkeypatch: pytest.MonkeyPatch, connect: Callable[[socket.socket, Any], None]) -> None:
    """Have this thread connect so; others may go on as they did."""
    mine, really = threading.get_ident(), socket.socket.connect

    def connected(sock: socket.socket, address: Any) -> None:
        (connect if threading.get_ident() == mine else really)(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connected)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"])
def test_a_name_that_leads_inside_is_not_followed(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolves(monkeypatch, [address])
    connects(monkeypatch, lambda *_: pytest.fail("connected"))
    with pytest.raises(NotDone, match=r"hooks\.shop\.test leads to no public address") as refused:
        post("https://hooks.shop.test/x", {})
    assert refused.value.for_good


def test_the_very_address_that_was_checked_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolves(monkeypatch, ["10.0.0.1", "8.8.4.4"], ["127.0.0.1"])
    connected: list[tuple[str, int]] = []

    def connect(_: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    connects(monkeypatch, connect)
    with pytest.raises(NotDone, match="no connection to"):
        post("https://hooks.shop.test/x", {})
    assert (asked, connected) == (["hooks.shop.test"], [("8.8.4.4", 443)])


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def _trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "ca.pem"))


@contextmanager
def chat(authority: trustme.CA, answer: Answer, name: str = "localhost") -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """A chat over TLS: its address, and what it was told."""
    told: list[tuple[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            answer(self)

        def log_message(self, *_: object) -> None: ...

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that has hung up
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answers(status: int, location: str = "", body: bytes = b"ok") -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if location:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.usefixtures("_trusted")
def test_what_is_posted_arrives(authority: trustme.CA) -> None:
    with chat(authority, answers(200)) as (url, told):
        post(f"{url}/services/x", {"text": "Hello."}, allowed=lambda _: True)
    assert told == [("/services/x", {"text": "Hello."})]


@pytest.mark.usefixtures("_trusted")
def test_a_redirect_is_not_followed(authority: trustme.CA) -> None:
    with (
        chat(authority, answers(200)) as (inside, told),
        chat(authority, answers(307, f"{inside}/secret")) as (url, _),
        pytest.raises(NotDone, match="localhost answered 307"),
    ):
        post(url, {}, allowed=lambda _: True)
    assert told == []


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(("status", "for_good"), [(404, True), (410, True), (429, False), (500, False)])
def test_a_refusal_says_whether_it_is_worth_another_try(authority: trustme.CA, status: int, for_good: bool) -> None:
    with chat(authority, answers(status)) as (url, _), pytest.raises(NotDone) as refused:
        post(f"{url}/hush", {}, allowed=lambda _: True)
    assert refused.value.for_good is for_good
    assert "hush" not in str(refused.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(authority: trustme.CA) -> None:
    with chat(authority, answers(200)) as (url, told), pytest.raises(NotDone, match="no certificate that can be trusted"):
        post(url, {}, allowed=lambda _: True)
    assert told == []


@pytest.mark.usefixtures("_trusted")
def test_a_certificate_of_another_name_is_refused(authority: trustme.CA) -> None:
    with (
        chat(authority, answers(200), "hooks.shop.test") as (url, told),
        pytest.raises(NotDone, match="no certificate that can be trusted"),
    ):
        post(url, {}, allowed=lambda _: True)
    assert told == []


@pytest.mark.usefixtures("_trusted")
def test_little_of_an_answer_is_read_and_it_has_a_deadline(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat(authority, answers(200, body=b"x" * 20 * MOST_BYTES)) as (url, _):
        post(url, {}, allowed=lambda _: True)
    monkeypatch.setattr(outward, "DEADLINE", 0.2)
    waits = threading.Event()
    with chat(authority, lambda _: waits.wait(5) and None) as (url, _):
        with pytest.raises(NotDone, match=r"did not answer within 0\.2 seconds"):
            post(url, {}, allowed=lambda _: True)
        waits.set()
