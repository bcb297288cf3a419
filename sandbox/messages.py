"""A message from the checkout to Cartwheel: what it says, how it is signed, and what became of it each time it was sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

SHOWN = 10
"""Attempts of a message that are remembered."""
LONGEST = 300
"""Characters of an answer that are remembered."""
FINAL = frozenset({400, 413, 415, 422})
"""Answers to the message itself: the same message would be answered the same, so it is not sent again."""
FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where Cartwheel listens, and the secret (`whsec_...`) that a message is signed with."""

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending. `status` is what Cartwheel answered, 0 where it did not; `said` is its answer, or why there was none."""

    at: datetime
    status: int
    said: str

    @property
    def arrived(self) -> bool:
        """Whether Cartwheel has it."""
        return 200 <= self.status < 300


@dataclass(slots=True)
class Message:
    """One message. `at` is when that happened of which it tells. `body` is the JSON that is sent, the same each time.

    `due_at` is when it is sent next, None where that is over; `after` names the message that must have come to its end before.
    """

    id: str
    type: str
    order: str
    body: str
    at: datetime
    due_at: datetime | None
    sent: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    after: str = ""

    def record(self, attempt: Attempt) -> None:
        """It was sent. Unless it has arrived, or can't, it is due again: after 2 seconds, then twice that, up to a minute."""
        self.attempts = [*self.attempts, attempt][-SHOWN:]
        self.sent += 1
        over = attempt.arrived or attempt.status in FINAL
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self.sent - 1, 10))
        self.due_at = None if over else attempt.at + timedelta(seconds=wait)

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it; `message` brings it back."""
        attempts = [{**asdict(one), "at": one.at.isoformat()} for one in self.attempts]
        due_at = self.due_at.isoformat() if self.due_at else None
        return {**asdict(self), "at": self.at.isoformat(), "due_at": due_at, "attempts": attempts}


def message(plain: Mapping[str, Any]) -> Message:
    """A message from what `plain` made of it."""
    attempts = [Attempt(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in plain["attempts"]]
    due_at = datetime.fromisoformat(plain["due_at"]) if plain["due_at"] else None
    return Message(**{**plain, "at": datetime.fromisoformat(plain["at"]), "due_at": due_at, "attempts": attempts})


def signed(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that sign a body as Standard Webhooks says. ValueError where the secret is not `whsec_` and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    seconds = str(int(at.timestamp()))
    digest = hmac.new(key, b".".join((message_id.encode(), seconds.encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def from_file(path: Path) -> Webhook | None:
    """The webhook that a JSON file names (`webhook_url`, `secret`); None while there is no such file, or it is half written."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Webhook(str(found["webhook_url"]), str(found["secret"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
