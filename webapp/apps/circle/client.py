"""One connection to Circle's Admin API v2: one deadline over the whole of a call, no redirects, answers capped in size, no exceptions."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter

from webapp.apps import Answer, Call

DEADLINE = 20.0
"""Seconds for a call from its beginning to the last byte of its answer."""

CONNECT = 5.0
"""Seconds to connect."""

MOST_BYTES = 4 * 1024 * 1024
"""What is read of an answer at most; a page of a hundred spaces has far less."""

KEPT = 2000
"""Characters of an answer that are kept for the log."""

PIECE = 64 * 1024


class CircleClient:
    """Sends calls with one community's key. Safe to use from many threads: a pooled connection each."""

    def __init__(self, api_url: str, key: str, *, connections: int = 64, deadline: float = DEADLINE, connect: float = CONNECT) -> None:
        self._base, self._deadline, self._connect = api_url.rstrip("/"), deadline, connect
        self._session = requests.Session()
        self._session.trust_env = False  # no proxies or netrc from the environment, and 0.1 ms less a call
        self._session.headers.clear()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._headers = {
            "Authorization": f"Bearer {key}", "Accept": "application/json", "Content-Type": "application/json", "User-Agent": "Cartwheel",
        }  # fmt: skip
        self._prepared: dict[tuple[str, str], requests.PreparedRequest] = {}

    def __repr__(self) -> str:
        return f"CircleClient({self._base!r})"

    def send(self, call: Call) -> Answer:
        """Make the call; never raises for what the network or Circle does."""
        began = time.monotonic()
        try:
            with self._session.send(
                self._request(call), stream=True, allow_redirects=False, timeout=(self._connect, self._deadline)
            ) as response:
                body, whole = _read(response, began + self._deadline)
        except requests.ConnectTimeout:
            return _nothing("Circle could not be reached in time.", began, sent=False)
        except requests.Timeout:
            return _nothing(f"Circle did not answer within {self._deadline:.0f} seconds.", began)
        except requests.ConnectionError as error:
            sentence, sent = _unconnected(error)
            return _nothing(sentence, began, sent=sent)
        except (requests.RequestException, ValueError, OSError):
            return _nothing("Circle's answer could not be read.", began)
        if not whole:
            return _nothing("Circle's answer did not come to its end in time.", began)
        return _answer(response, body, began)

    def _request(self, call: Call) -> requests.PreparedRequest:
        """Prepared once for each method and path without an id, then copied: preparing costs more than sending."""
        address = (call.method, call.path)
        known = self._prepared.get(address)
        if known is None:
            known = requests.Request(call.method, self._base + call.path, headers=self._headers).prepare()
            if not call.path[-1].isdigit():
                self._prepared[address] = known
        made = known.copy()
        if call.query:
            made.url = f"{made.url}?{urlencode(call.query)}"
        if call.body is not None:
            made.prepare_body(json.dumps(call.body), None)
        return made


def _read(response: requests.Response, end: float) -> tuple[bytes, bool]:
    """The body, and whether it came to its end: not where the deadline passed, or it is larger than MOST_BYTES.

    A timeout of requests is one between two bytes: a server that drips would never meet it, so the clock is looked at here.
    """
    pieces: list[bytes] = []
    size = 0
    raw = response.raw
    while True:
        left = end - time.monotonic()
        if left <= 0:
            return b"", False
        _limit(raw, left)
        piece = raw.read1(PIECE, decode_content=True) if hasattr(raw, "read1") else raw.read(PIECE, decode_content=True)
        if not piece:
            return b"".join(pieces), True
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            return b"".join(pieces), False


def _limit(raw: Any, seconds: float) -> None:
    """No single read may take longer than what is left."""
    connection = getattr(raw, "connection", None) or getattr(raw, "_connection", None)
    sock = getattr(connection, "sock", None)
    if sock is not None:
        sock.settimeout(max(0.01, seconds))


def _answer(response: requests.Response, body: bytes, began: float) -> Answer:
    text = body.decode("utf-8", "replace")
    data = _json(text) if text.strip() else None
    return Answer(response.status_code, data, text[:KEPT], retry_after=_retry_after(response.headers), duration_ms=_ms(began))


def _json(text: str) -> Any:
    """The JSON of an answer; None for anything else, as a proxy's page."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds: the header has them as a number, or as a date."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _unconnected(error: requests.ConnectionError) -> tuple[str, bool]:
    """A sentence, and whether the request may have reached Circle: not where there was no connection at all."""
    words = str(error)
    if "NameResolution" in words or "getaddrinfo" in words or "NewConnectionError" in words:
        return "Circle could not be reached: no connection.", False
    return "The connection to Circle broke before an answer came.", True


def _nothing(sentence: str, began: float, *, sent: bool = True) -> Answer:
    return Answer(0, error=sentence, duration_ms=_ms(began), sent=sent)


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
