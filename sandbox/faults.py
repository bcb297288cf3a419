"""What can go wrong between a client and Circle: made here, queued by the community, acted out by the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from sandbox.replies import HTML_HEADERS, JSON_HEADERS, Reply, page, rate_limited

FaultKind = Literal["error", "rate_limited", "hang", "cut", "empty", "page", "huge", "drip"]
FAULT_KINDS: tuple[FaultKind, ...] = ("error", "rate_limited", "hang", "cut", "empty", "page", "huge", "drip")
GATEWAY = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with the next `times` calls that match. Made by the functions below, aimed by `on`."""

    kind: FaultKind
    applied: bool = False
    """Whether Circle had done what was asked before it went wrong: the answer is lost, the change is not."""
    status: int = 500
    html: bool = False
    seconds: float = 0.0
    megabytes: float = 0.0
    retry_after: int = 0
    method: str = ""
    path: str = ""
    email: str = ""
    times: int = 1

    @classmethod
    def error(cls, status: int = 500, *, html: bool = False, applied: bool = False) -> Fault:
        """A 5xx, with a body in JSON or the HTML page of a proxy."""
        return cls("error", status=status, html=html, applied=applied)

    @classmethod
    def rate_limited(cls, retry_after: int = 0) -> Fault:
        """429. `retry_after` in seconds; 0 leaves the header out."""
        return cls("rate_limited", status=429, retry_after=retry_after)

    @classmethod
    def hang(cls, seconds: float, *, applied: bool = False) -> Fault:
        """Nothing is said for so many seconds; then the answer if the change was applied, else a 504."""
        return cls("hang", status=504, seconds=seconds, applied=applied)

    @classmethod
    def cut(cls, *, applied: bool = False) -> Fault:
        """The connection is cut, before the change or after it."""
        return cls("cut", applied=applied)

    @classmethod
    def empty(cls, *, applied: bool = True) -> Fault:
        """The right status, and no body."""
        return cls("empty", status=200, applied=applied)

    @classmethod
    def page(cls, *, applied: bool = False) -> Fault:
        """Status 200 and a page in HTML."""
        return cls("page", status=200, applied=applied)

    @classmethod
    def huge(cls, megabytes: float = 16.0, *, applied: bool = True) -> Fault:
        """Status 200 and a body of this size."""
        return cls("huge", status=200, megabytes=megabytes, applied=applied)

    @classmethod
    def drip(cls, seconds: float) -> Fault:
        """The right answer, its body byte by byte with so many seconds in between."""
        return cls("drip", seconds=seconds, applied=True)

    def on(self, method: str = "", path: str = "", *, email: str = "", times: int = 1) -> Fault:
        """This fault for calls with this method, at this path or below it, about this e-mail. Empty matches all."""
        return replace(self, method=method, path=path, email=email, times=times)

    def matches(self, method: str, path: str, emails: set[str]) -> bool:
        """Whether a call is one that this fault is for."""
        below = not self.path or path == self.path or path.startswith(self.path.rstrip("/") + "/")
        return self.method in ("", method) and below and (not self.email or self.email.lower() in emails)

    def answer(self) -> Reply:
        """What is said where Circle itself had no part in it."""
        if self.kind == "rate_limited":
            return rate_limited("json", self.retry_after)
        return self.spoil(self._plain())

    def spoil(self, reply: Reply) -> Reply:
        """What becomes of Circle's own answer."""
        if self.kind == "hang":
            return replace(reply, delay=self.seconds)
        if self.kind == "cut":
            return replace(reply, cut=True)
        if self.kind == "drip":
            return replace(reply, drip=self.seconds)
        if self.kind == "empty":
            return Reply(reply.status, JSON_HEADERS, b"")
        if self.kind == "page":
            return Reply(200, HTML_HEADERS, page("Welcome"))
        if self.kind == "huge":
            return Reply(200, JSON_HEADERS, b'{"message":"' + b"x" * int(self.megabytes * 1_048_576) + b'"}')
        return self._plain()

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    def _plain(self) -> Reply:
        title = GATEWAY.get(self.status, "Error")
        if self.html or self.kind == "hang":
            return Reply(self.status, HTML_HEADERS, page(f"{self.status} {title}"))
        return Reply(self.status, JSON_HEADERS, b'{"status":%d,"error":"%s"}' % (self.status, title.encode()))


def fault(plain: Mapping[str, Any]) -> Fault:
    """A fault from its fields. ValueError for a field or a kind that does not exist, or a value of another type."""
    known = {field.name: getattr(Fault("error"), field.name) for field in fields(Fault)}
    for name, value in plain.items():
        if name not in known or not _like(known[name], value):
            raise ValueError(f"{name}={value!r} is no field of a fault")
    if plain.get("kind") not in FAULT_KINDS:
        raise ValueError(f"kind is one of {', '.join(FAULT_KINDS)}")
    return Fault(**plain)


def _like(example: object, value: object) -> bool:
    if isinstance(example, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(example)
