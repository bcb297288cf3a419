"""The sink of the benchmarks: what it answers, what it counts, and how it reads a connection."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.sink import ROOM

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def sink(latency: float = 0.0) -> Iterator[str]:
    command = [sys.executable, "-m", "sandbox.sink", "--port", "0", "--latency", str(latency)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with process.stdout as lines:
            yield lines.readline().strip()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_it_answers_calls_counts_them_and_remembers_who_they_were_about() -> None:
    with sink(0.001) as url, requests.Session() as session:
        api = f"{url}/api/admin/v2"
        first = session.post(f"{api}/community_members", json={"email": "ana@example.com", "name": "Ana"}, timeout=10)
        second = session.post(f"{api}/community_members", json={"name": "Ben", "email": "ben@example.com"}, timeout=10)
        assert [one.status_code for one in (first, second)] == [201, 201]
        members = [one.json()["community_member"] for one in (first, second)]
        assert [one["email"] for one in members] == ["ana@example.com", "ben@example.com"]
        assert members[0]["id"] != members[1]["id"]
        assert (
            session.post(f"{api}/tagged_members", json={"user_email": "ana@example.com", "member_tag_id": 1}, timeout=10).status_code == 201
        )
        assert session.post(f"{api}/space_members", json={"email": "ana@example.com", "space_id": 1}, timeout=10).status_code == 200
        assert session.get(f"{api}/community?x=1", timeout=10).json()["name"] == "Sink"
        assert session.get(f"{api}/spaces?page=1", timeout=10).json()["has_next_page"] is False
        assert session.get(f"{url}/count", timeout=10).json() == {"count": 4}
        calls = session.get(f"{url}/calls", timeout=10).json()
        assert [one["email"] for one in calls] == ["ana@example.com", "ben@example.com", "ana@example.com", "ana@example.com"]
        assert calls[0]["at"] <= calls[1]["at"]


def connected(url: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def invite(email: str) -> bytes:
    body = json.dumps({"email": email}).encode()
    head = f"POST /api/admin/v2/community_members HTTP/1.1\r\nHost: sink\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_requests_in_pieces_and_several_at_once_are_answered_in_order(size: int) -> None:
    emails = [f"m{number}@example.com" for number in range(5)]
    sent = b"".join(map(invite, emails))
    with sink(0.001) as url, connected(url) as connection:
        for place in range(0, len(sent), size):
            connection.sendall(sent[place : place + size])
        raw = b""
        while raw.count(b'"member_tags":[]}}') < 5:
            raw += connection.recv(65536)
    assert raw.count(b"HTTP/1.1 201 Created\r\n") == 5
    assert [email.decode() for email in re.findall(rb'"email":"([^"]+)"', raw)] == emails


def test_a_request_without_an_end_is_cut_off() -> None:
    with sink() as url:
        with connected(url) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(b"x" * (ROOM * 2))
            assert connection.recv(10) == b""
        assert requests.get(f"{url}/count", timeout=10).json() == {"count": 0}
