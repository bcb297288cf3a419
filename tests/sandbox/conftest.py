"""A community that is asked in the process, at a time that a test sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.community import Community, Reply

TOKEN = "sandbox-token"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass(frozen=True)
class Answer:
    """What Circle said: `said` is the JSON of the body, None where there is none."""

    status: int
    said: Any
    reply: Reply

    @property
    def missing(self) -> str:
        """The record that a 404 calls missing, wherever it says so."""
        details = self.said.get("error_details")
        truth = details["message"] if isinstance(details, dict) and details else self.said["message"]
        assert truth.startswith("Missing record: "), self.said
        return str(truth.removeprefix("Missing record: "))


class Circle:
    """A community with a client that writes its calls as Circle wants them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.community = Community(clock, tokens=(TOKEN,))

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: object) -> Answer:
        own = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json", "Content-Type": "application/json"}
        sent = b"" if body is None else json.dumps(body).encode()
        texts = {name: str(value) for name, value in query.items()}
        reply = self.community.handle(method, path, texts, own if headers is None else headers, sent)
        is_json = reply.headers.get("Content-Type", "").startswith("application/json") and reply.body
        return Answer(reply.status, json.loads(reply.body) if is_json else None, reply)

    def get(self, path: str, **query: object) -> Answer:
        return self.call("GET", path, **query)

    def post(self, path: str, **body: object) -> Answer:
        return self.call("POST", path, body)

    def delete(self, path: str, **query: object) -> Answer:
        return self.call("DELETE", path, **query)

    def answers(self, **fields: object) -> None:
        self.community.answers = self.community.answers.changed(fields)

    def modes(self, **fields: object) -> None:
        self.community.modes = self.community.modes.changed(fields)

    def held(self, email: str) -> frozenset[int]:
        return self.community.held()[email]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circle(clock: Clock) -> Circle:
    return Circle(clock)
