"""What an answer of Circle's says, in whichever of its forms: words, the record that is missing, the member. Nothing is decided here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webapp.apps import Answer

MISSING = re.compile(r"missing record:\s*([a-z/ ]+)", re.IGNORECASE)
LONGEST = 300
"""Characters of a refusal that are quoted."""

DEEPEST = 4
FIELDS = ("message", "errors", "error", "error_details")
"""Where Circle puts its words. `error_details` may be an object, a string, a list or null; bodies may lack any of them."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member's record. `active` is false for who was removed, and for who was invited and has not come yet; None: not said.

    `tags`: the remote ids of their tags, None where the record has no list of them. `seen`: they have been there before now.
    """

    id: str
    email: str
    active: bool | None
    tags: frozenset[str] | None
    seen: bool


def ok(answer: Answer) -> bool:
    """Whether Circle did what was asked. A 2xx that says `success: false` is a refusal."""
    refused = isinstance(answer.data, dict) and answer.data.get("success") is False
    return 200 <= answer.status < 300 and not refused


def said(answer: Answer) -> str:
    """Everything that an answer says, in one line and lower case."""
    return " ".join(_words(answer)).lower()


def record(answer: Answer) -> str:
    """Which record a 404 says is missing: `user`, `space`, `member tag` ...; "" where it doesn't say.

    Its `message` is the same for all of them: the truth is in `error_details`, or, for some calls, in `message` itself.
    """
    found = MISSING.search(" ".join(_words(answer)))
    return found[1].strip().lower() if found else ""


def quoted(answer: Answer) -> str:
    """The words of a refusal for the merchant, in quotation marks; the status where it has none."""
    missing = record(answer)
    words = f"Missing record: {missing}" if missing else next(_words(answer), "").strip()
    if not words:
        return f"status {answer.status}."
    return f"“{words if len(words) <= LONGEST else f'{words[:LONGEST]}…'}”"


def is_page(answer: Answer) -> bool:
    """Whether it is a web page: something in front of Circle has answered."""
    return answer.data is None and answer.text.lstrip().startswith("<")


def member(answer: Answer) -> Member | None:
    """The member whom an answer shows: wrapped in `community_member` after an invite, bare elsewhere."""
    if not isinstance(answer.data, dict):
        return None
    found = answer.data.get("community_member", answer.data)
    if not isinstance(found, dict) or not isinstance(found.get("id"), int | str) or isinstance(found["id"], bool):
        return None
    active = found.get("active")
    seen = any(found.get(field) for field in ("accepted_invitation", "last_seen_at", "posts_count", "comments_count"))
    email = str(found.get("email") or "").strip().lower()
    return Member(str(found["id"]), email, active if isinstance(active, bool) else None, _tags(found.get("member_tags")), seen)


def _tags(listed: object) -> frozenset[str] | None:
    if not isinstance(listed, list):
        return None
    return frozenset(str(tag["id"]) for tag in listed if isinstance(tag, dict) and "id" in tag)


def _words(answer: Answer) -> Iterator[str]:
    if answer.data is None and not is_page(answer) and answer.text.strip():
        yield answer.text.strip()
    yield from _strings(answer.data)


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < DEEPEST:
        for one in value:
            yield from _strings(one, depth + 1)
    elif isinstance(value, dict) and depth < DEEPEST:
        known = [field for field in FIELDS if field in value]
        for field in known or (value if depth else ()):
            yield from _strings(value[field], depth + 1)
