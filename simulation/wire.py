"""The way to a community of the sandbox, in this process: what the client of a real one would make of its replies."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from sandbox.community import Community
from sandbox.replies import Reply
from webapp.apps import Answer, Call, Client

DEADLINE = 20.0
"""Seconds that a client waits for an answer."""


@dataclass
class Wire:
    """All clients of one community. `cut`: the next call finds nobody to connect to."""

    community: Community
    cut: bool = False

    def client(self, key: str) -> Client:
        """A client with this key."""
        return _Client(self, key)


@dataclass
class _Client:
    wire: Wire
    key: str = field(repr=False)

    def send(self, call: Call) -> Answer:
        """Make the call."""
        if self.wire.cut:
            self.wire.cut = False
            return Answer(0, error="Circle could not be reached: no connection.", sent=False)
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json", "Content-Type": "application/json"}
        query = dict(parse_qsl(urlencode(call.query)))
        body = json.dumps(call.body).encode() if call.body is not None else b""
        return answered(self.wire.community.handle(call.method, call.path, query, headers, body))


def answered(reply: Reply) -> Answer:
    """What the client makes of a reply."""
    if reply.cut:
        return Answer(0, error="The connection to Circle broke off before its answer.")
    if reply.delay >= DEADLINE:
        return Answer(0, error="Circle did not answer within 20 seconds.")
    text = reply.body.decode()
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    retry = reply.headers.get("Retry-After")
    return Answer(reply.status, data, text[:2000], retry_after=float(retry) if retry else None)
