"""A way to one community's Admin API v2: one deadline over the whole of a call, no redirects, answers capped in size, no exceptions."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from webapp.apps import Answer, Call
from webapp.apps.transport import Adapter, causes, clock

DEADLINE = 20.0
"""Seconds for a call from its beginning to the last byte of its answer."""

CONNECT = 5.0
"""Seconds of them until there is a connection, TLS included."""

MOST_BYTES = 1024 * 1024
"""What is read of an answer at most; a page of a hundred spaces has about a tenth of it."""

KEPT = 2000
"""Characters of an answer that are kept for the log."""

HIDDEN = b"[API key]"

CONNECTIONS = 500
"""As many as a worker may have threads that call. One that is not kept costs the next call a handshake."""


class CircleClient:
    """Sends calls with one community's key. Safe to use from many threads; each has a pooled connection while it calls, and so many are kept."""

    def __init__(
        self, api_url: str, key: str, *, connections: int = CONNECTIONS, deadline: float = DEADLINE, connect: float = CONNECT
    ) -> None:
        self._base, self._deadline, self._connect = api_url.rstrip("/"), deadline, connect
        self._host = _host(self._base)
        self._key = key.strip().encode("utf-8", "replace")
        # The adapter without a session around it: a session looks for proxies and netrc in the environment, keeps cookies, and reads a
        # redirect's body to its end, however large, even where it is told not to follow.
        self._adapter = Adapter(pool_connections=1, pool_maxsize=connections)
        self._prepared: dict[str, requests.PreparedRequest] = {}

    def __repr__(self) -> str:
        return f"CircleClient({self._base!r})"

    def send(self, call: Call) -> Answer:
        """Make the call; never raises for what the network or Circle does."""
        began = time.monotonic()
        clock.start(self._deadline, self._connect)
        try:
            response = self._adapter.send(self._request(call), stream=True, timeout=(self._connect, self._deadline))
            with contextlib.closing(response):  # a connection whose answer was read to its end is in the pool by then
                body = response.raw.read(MOST_BYTES + 1, decode_content=True)
        except Exception as fault:  # of requests, urllib3, http.client, ssl, zlib: whatever a network and a server bring about
            return Answer(0, error=self._sentence(fault), duration_ms=_ms(began), sent=clock.sent)
        if len(body) > MOST_BYTES:
            return Answer(0, text=self._text(body), error="Circle's answer was too large to be one.", duration_ms=_ms(began))
        return self._answer(response, body, began)

    def _request(self, call: Call) -> requests.PreparedRequest:
        """Prepared once for each method, then copied: preparing costs more than all the rest."""
        known = self._prepared.get(call.method)
        if known is None:
            known = self._prepared[call.method] = requests.Request(call.method, self._base, headers=self._headers()).prepare()
        made = known.copy()
        made.url = f"{self._base}{call.path}?{urlencode(call.query)}" if call.query else self._base + call.path
        if call.body is not None:
            made.prepare_body(json.dumps(call.body).encode(), None)
        return made

    def _headers(self) -> dict[str, str | bytes]:
        return {
            "Authorization": b"Bearer " + self._key, "Accept": "application/json", "Content-Type": "application/json",
            "Accept-Encoding": "gzip, deflate", "User-Agent": "Cartwheel", "Connection": "keep-alive",
        }  # fmt: skip

    def _answer(self, response: requests.Response, body: bytes, began: float) -> Answer:
        if self._key and self._key in body:
            body = body.replace(self._key, HIDDEN)
        wait = _retry_after(response.headers)
        return Answer(response.status_code, _json(body), self._text(body), retry_after=wait, duration_ms=_ms(began))

    def _text(self, body: bytes) -> str:
        shown = body[: 4 * KEPT + len(self._key)]
        return (shown.replace(self._key, HIDDEN) if self._key else shown).decode("utf-8", "replace").replace("\0", "\ufffd")[:KEPT]

    def _sentence(self, fault: BaseException) -> str:
        """What went wrong, for the merchant. Never the library's own words, which may quote a header."""
        kinds = tuple(causes(fault))
        late = any(isinstance(one, TimeoutError | requests.Timeout) for one in kinds)
        if any(isinstance(one, requests.exceptions.InvalidHeader) for one in kinds):
            return "The API key has characters that no API key has."
        if clock.sent:
            return (
                f"Circle did not answer within {self._deadline:g} seconds."
                if late
                else "The connection to Circle broke off before its answer."
            )
        if any(isinstance(one, socket.gaierror) for one in kinds):
            return f"Circle could not be reached: nobody knows the name {self._host}."
        if any(isinstance(one, ssl.SSLError) for one in kinds) and not late:
            return f"Circle could not be reached: {self._host} has no certificate that can be trusted."
        return (
            f"Circle could not be reached within {self._connect:g} seconds."
            if late
            else f"Circle could not be reached: no connection to {self._host}."
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _json(body: bytes) -> Any:
    """The JSON of an answer; None for anything else, as a proxy's page."""
    try:
        data = json.loads(body)
        return _storable(data) if b"\\u" in body else data
    except (ValueError, RecursionError):
        return None


def _storable(data: Any) -> Any:
    """The same without the two things that JSON can write and no database takes: a NUL, and half of a character."""
    return json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace").replace(b"\\u0000", b"\\ufffd"))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds: the header has them as a number, or as a date."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
