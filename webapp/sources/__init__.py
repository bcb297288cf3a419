"""What a source is: it turns a request into a Message, and says how to answer. One file a source; nothing of one source lives here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as the checkout names them. `email` is trimmed and lower-cased."""

    email: str
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing a message says about one product.

    `kind`: purchased, refunded, partially_refunded, prospect, or a step of a subscription (charged, charge_failed, canceled, delinquent,
    recovered, restarted, completed). `order`, `subscription`, `prospect`: what the checkout knows it by. `ref`: what tells this from another
    of its kind, where the checkout has a name for it (a refund's id). `at_once`: the checkout has waited out the two hours of a prospect itself.
    `named`: the checkout names the trigger itself, and is taken at its word also where what it said before would have it otherwise.
    """

    kind: str
    product: str
    product_name: str = ""
    order: str | None = None
    subscription: str | None = None
    prospect: str | None = None
    ref: str | None = None
    number: int | None = None
    total: int | None = None
    access_until: datetime | None = None
    at_once: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What a request says. `key` is its identity at the source, `at` when it happened. Without lines it says nothing for any rule (`note` why).

    `again`: the checkout gives its messages no identity, and `key` only tells what is said: after so long the same key is another message.
    """

    key: str
    type: str
    at: datetime
    person: Person | None = None
    lines: Sequence[Line] = ()
    note: str = ""
    test: bool = False
    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a message was not understood."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Request:
    """What came to an address. Header names are in lower case; `secrets` are the ones that are good now, the newest first."""

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    secrets: Sequence[str] = ()


class Refusal(Exception):
    """A request that makes no event: the status and body of its answer, and the reason that the page of recent requests shows."""

    def __init__(self, status: int, body: Mapping[str, object], reason: str) -> None:
        super().__init__(reason)
        self.status, self.body, self.reason = status, body, reason


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A message that is the checkout's, and is kept, but says nothing that can be acted on. `again`: as a Message's."""

    key: str
    type: str
    at: datetime
    problems: Sequence[Problem]
    email: str = ""
    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """How a source is answered: the status for a message taken, for a repeat, and for one that was not understood."""

    taken: int = 202
    repeat: int = 200
    not_understood: int = 422


class Source(Protocol):
    """One kind of checkout and its way of speaking. `masked`: the fields of its messages whose values are secret; no page shows them."""

    key: str
    name: str
    signed: bool
    answers: Answers
    masked: frozenset[str]

    def read(self, request: Request, now: datetime) -> Message | NotUnderstood | None:
        """What a request says; None for a ping. Raises Refusal where it proves nothing or is not this source's language."""
