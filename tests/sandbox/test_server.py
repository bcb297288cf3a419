"""The simulator on the wire: real answers over kept connections, and what a flawed network does to them."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.community import Community, Fault
from sandbox.server import CommunityServer, running
from tests.sandbox.conftest import TOKEN, Clock

HEADERS = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json", "Content-Type": "application/json"}


@pytest.fixture
def server(clock: Clock) -> Iterator[CommunityServer]:
    with running(Community(clock, tokens=(TOKEN,))) as running_server:
        yield running_server


def ask(server: CommunityServer, method: str, path: str, body: Any = None, timeout: float = 10.0) -> requests.Response:
    data = None if body is None else json.dumps(body)
    return requests.request(method, server.api_url + path, data=data, headers=HEADERS, timeout=timeout)


def test_calls_over_one_connection_with_query_and_body(server: CommunityServer) -> None:
    space = server.community.add_space("VIP Room")
    at = urlsplit(server.api_url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=10)
    for method, path, body, status in [
        ("POST", "/community_members", {"email": "ana+1@example.com"}, 201),
        ("POST", "/space_members", {"email": "ana+1@example.com", "space_id": space}, 200),
        ("GET", f"/space_member?email=ana%2B1%40example.com&space_id={space}", None, 200),
        ("DELETE", f"/space_members?email=ana%2B1%40example.com&space_id={space}", None, 200),
    ]:
        connection.request(method, at.path + path, json.dumps(body) if body else None, HEADERS)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Content-Type")) == (status, "application/json; charset=utf-8"), path
        json.loads(answer.read())
    connection.close()
    assert server.community.held() == {"ana+1@example.com": frozenset()}


def test_a_parameter_that_comes_twice_fits_no_shape(server: CommunityServer) -> None:
    assert ask(server, "GET", "/spaces?page=1&page=2").status_code == 400


@pytest.mark.parametrize("sent", [b"", b'{"email": "ana@exam'])
def test_half_a_request_asks_for_nothing(server: CommunityServer, sent: bytes) -> None:
    at = urlsplit(server.api_url)
    head = f"POST {at.path}/community_members HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 40\r\n\r\n"
    with socket.create_connection((at.hostname, at.port), timeout=10) as killed:
        killed.sendall(head.encode() + sent)
        killed.shutdown(socket.SHUT_WR)
        assert killed.recv(1024) == b""
    assert (list(server.community.calls), list(server.community.violations)) == ([], [])


def test_a_cut_connection_has_no_answer(server: CommunityServer) -> None:
    server.community.push(Fault.cut(applied=True))
    with pytest.raises(requests.ConnectionError):
        ask(server, "POST", "/community_members", {"email": "ana@example.com"})
    assert "ana@example.com" in server.community.held()


def test_a_hang_outlasts_a_clients_patience_and_ends_with_the_server(server: CommunityServer) -> None:
    server.community.push(Fault.hang(3600))
    with pytest.raises(requests.ReadTimeout):
        ask(server, "GET", "/community", timeout=0.05)
    assert ask(server, "GET", "/community").status_code == 200


def test_a_drip_comes_byte_by_byte(server: CommunityServer) -> None:
    server.community.push(Fault.drip(0.0001))
    with requests.get(server.api_url + "/community", headers=HEADERS, stream=True, timeout=10) as answer:
        pieces = list(answer.iter_content(chunk_size=None))
    assert json.loads(b"".join(pieces))["name"] == "My community"


def test_a_page_in_html_and_a_429_with_its_header(server: CommunityServer) -> None:
    server.community.push(Fault.error(503, html=True), Fault.rate_limited(7))
    page, limited = ask(server, "GET", "/community"), ask(server, "GET", "/community")
    assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")


def test_an_empty_answer(server: CommunityServer) -> None:
    server.community.answers = server.community.answers.changed({"deactivated": "204"})
    known = server.community.add_member("ana@example.com")
    answer = ask(server, "DELETE", f"/community_members/{known}")
    assert (answer.status_code, answer.content) == (204, b"")
