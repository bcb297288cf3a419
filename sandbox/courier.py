"""Carries the checkout's messages to Cartwheel: once at once, then again and again until they have arrived, as a real checkout does."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from sandbox.box import Box
from sandbox.messages import LONGEST, Attempt, Message, Webhook, signed

PATIENCE = 5.0
"""Seconds that Cartwheel has for its answer."""
LOOK_EVERY = 0.5
"""Seconds between two looks at what is due."""
NO_ADDRESS = "There is no webhook address yet: `flask demo` writes it."

Post = Callable[[str, Mapping[str, str], bytes], tuple[int, str]]
"""Posts a body to an address: status and answer. OSError or HTTPException where there is no answer."""


class Courier:
    """The way from the checkout in `box` to its webhook. A message is carried by one thread at a time."""

    def __init__(self, box: Box, post: Post | None = None) -> None:
        self._box = box
        self._post = post or http_post
        self._carried: set[str] = set()
        self._stopping = threading.Event()

    def send(self, message_id: str) -> Attempt | None:
        """Send a message now, and record what came of it. None where there is no such message, or it is on its way already.

        Call it without holding the box: Cartwheel may take its time.
        """
        with self._box.open():
            message = self._box.shop.messages.get(message_id)
            if message is None or message_id in self._carried:
                return None
            self._carried.add(message_id)
            webhook = self._box.shop.where()
        status, said = self._carried_to(webhook, message)
        with self._box.open():
            self._carried.discard(message_id)
            attempt = Attempt(self._box.shop.now(), status, said[:LONGEST])
            self._box.shop.record(message_id, attempt)
        return attempt

    def send_due(self) -> int:
        """Send everything whose time has come, in its order. Gives how many arrived."""
        with self._box.open():
            due = self._box.shop.due()
        attempts = [self.send(one) for one in due if not self._stopping.is_set()]
        return sum(one is not None and one.arrived for one in attempts)

    def start(self) -> None:
        """Send what is due, in a thread of its own, until `stop`."""
        threading.Thread(target=self._go_on, daemon=True).start()

    def stop(self) -> None:
        """Send nothing that was not begun."""
        self._stopping.set()

    def _go_on(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            self.send_due()

    def _carried_to(self, webhook: Webhook | None, message: Message) -> tuple[int, str]:
        if webhook is None:
            return 0, NO_ADDRESS
        body = message.body.encode()
        try:
            headers = signed(webhook.secret, message.id, self._box.shop.now(), body)
            return self._post(webhook.url, {"Content-Type": "application/json", **headers}, body)
        except (OSError, http.client.HTTPException, ValueError) as e:
            return 0, f"{e}" or type(e).__name__


def http_post(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    """Post over a connection of its own. No redirect is followed. ValueError for an address that is none."""
    at = urlsplit(url)
    if at.scheme not in ("http", "https") or not at.hostname:
        raise ValueError(f"{url} is no address to post to")
    kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
    connection = kind(at.hostname, at.port, timeout=PATIENCE)
    try:
        connection.request("POST", f"{at.path}?{at.query}" if at.query else at.path or "/", body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(LONGEST * 4).decode("utf-8", "replace")
    finally:
        connection.close()
