"""Clients of integrations, one each as long as its key stays the same. Keys are opened here and go no further."""

from __future__ import annotations

import json

from webapp.apps import Client
from webapp.apps.registry import APPS
from webapp.engine.work import Seat
from webapp.parts import Parts

MOST = 2000
"""Clients that are kept; beyond that all are made anew."""


class Clients:
    """The clients of one worker process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._kept: dict[int, tuple[bytes, Client]] = {}

    def of(self, seat: Seat) -> Client:
        """The client of an integration. Raises `vault.Sealed` where none of the deployment's keys opens its own."""
        kept = self._kept.get(seat.id)
        if kept is None or kept[0] != seat.sealed:
            if len(self._kept) >= MOST:
                self._kept.clear()
            credentials = {**json.loads(self._parts.vault.open(seat.sealed)), **seat.public}
            kept = (seat.sealed, APPS[seat.app].client(self._parts.settings.circle_api_url, credentials))
            self._kept[seat.id] = kept
        return kept[1]
