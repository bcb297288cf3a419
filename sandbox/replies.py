"""How Circle writes its answers: the reply itself and the bodies of refusals. What is answered is decided elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.answers import Answers

OOPS = "Oops! Missing record. Please try again later."
JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}
HTML_HEADERS: Mapping[str, str] = {"Content-Type": "text/html; charset=utf-8"}
TEXT_HEADERS: Mapping[str, str] = {"Content-Type": "text/plain; charset=utf-8"}
compact = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True)
class Reply:
    """One answer as it goes over the wire. A caller in the same process acts out what the wire would do with it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    """Seconds of silence before the first byte."""
    cut: bool = False
    """The connection ends without an answer; `status` and `body` are what Circle would have said."""
    drip: float = 0.0
    """Seconds between two bytes of the body."""


def said(status: int, body: object) -> Reply:
    """An answer in JSON."""
    return Reply(status, JSON_HEADERS, compact(body).encode())


def silent(status: int) -> Reply:
    """An answer without a body."""
    return Reply(status, {}, b"")


def done(answers: Answers, status: int, message: str, *, success: bool = False) -> Reply:
    """Something was done. `success`: Circle's example of this answer has that key."""
    return said(status, {"success": True, "message": message} if success and answers.says_success else {"message": message})


def refused(answers: Answers, status: int, message: str, detail: str = "") -> Reply:
    """A refusal with `message`; `detail` goes into `error_details` in the form that `answers` have for it."""
    body: dict[str, Any] = {"success": False} if answers.says_success else {}
    body["message"] = message
    if answers.error_details != "absent":
        body["error_details"] = _details(answers.error_details, detail)
    return said(status, body)


def limited(status: int, errors: str) -> Reply:
    """A refusal of the kind that has `errors` where others have `message`."""
    return said(status, {"success": False, "errors": errors})


def missing(answers: Answers, record: str) -> Reply:
    """404 for a record that is not there, worded as Circle words it for most calls."""
    truth = f"Missing record: {record}"
    if answers.error_details in ("null", "absent"):
        return refused(answers, 404, truth)
    return refused(answers, 404, OOPS, truth)


def bluntly_missing(answers: Answers, record: str) -> Reply:
    """404 as `GET /spaces/{id}` and `/space_groups/{id}` word it: the truth is in `message`."""
    return refused(answers, 404, f"Missing record: {record}")


def rate_limited(form: str, retry_after: int) -> Reply:
    """429. `retry_after` is in seconds; 0 leaves the header out. `form` is one of `Answers.rate_limited_body`."""
    headers, body = {
        "json": (JSON_HEADERS, b'{"success":false,"message":"Too many requests"}'),
        "empty": ({}, b""),
        "text": (TEXT_HEADERS, b"Retry later\n"),
        "html": (HTML_HEADERS, page("429 Too Many Requests")),
    }[form]
    return Reply(429, {**headers, "Retry-After": str(retry_after)} if retry_after else headers, body)


def page(title: str) -> bytes:
    """What a proxy says when there is nothing else to say."""
    return f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>\n".encode()


def _details(form: str, detail: str) -> object:
    if form == "null":
        return None
    if form == "string":
        return detail
    if form == "array":
        return [detail] if detail else []
    return {"message": detail} if detail else {}
