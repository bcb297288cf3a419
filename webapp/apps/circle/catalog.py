"""What there is in a community: whose key it is, and all pages of its spaces, space groups, events and tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webapp.apps import Answer, Call, Client, Community, Item, Refused
from webapp.apps.circle import requests, texts
from webapp.apps.circle.actions import KINDS, SPACE, TROUBLES
from webapp.apps.circle.answers import OF_THE_KEY

MOST_PAGES = 1000
"""A list that goes on after so many pages does not end at all."""

TRIES = 3
"""How often a page is asked for before its passing failure is one of the whole load. Asking is safe to repeat."""

KEY = "api_key"
LATER = "Try again in a moment."
MAKE = "Make a new token in Circle (Developers → Tokens, type Admin V2) and paste all of it."

Page = tuple[str, int, int | None, list[Item]]


def connect(client: Client) -> Community:
    """Whose key this is. Raises Refused with a sentence for the field."""
    answer = client.send(requests.check_key())
    data = answer.data
    if texts.ok(answer) and isinstance(data, dict) and data.get("id") is not None:
        return Community(str(data["id"]), str(data.get("name") or ""))
    raise refusal(answer)


def load(client: Client) -> Iterator[Page]:
    """All pages of all lists. Raises Refused where the key or the plan is the reason, LookupError with a sentence for anything else."""
    for kind in KINDS:
        seen: dict[str, Item] = {}
        for page in _pages(client, requests.SHOWN[kind.key], kind.many):
            items = [item for item in _items(kind.key, page["records"]) if item.remote_id not in seen]
            if page.get("has_next_page") and not items:
                raise LookupError(f"Circle's list of {kind.many} goes round in a circle.")
            seen |= {item.remote_id: item for item in items}
            count = page.get("count")
            yield kind.key, len(seen), count if isinstance(count, int) else None, items


def _pages(client: Client, path: str, things: str) -> Iterator[dict[str, Any]]:
    """Page after page while one follows (`has_next_page`; `page_count` is something else)."""
    for number in range(1, MOST_PAGES + 1):
        query = (("page", str(number)), ("per_page", str(requests.PER_PAGE)))
        answer = _asked(client, Call("GET", path, "list", (), f"list the {things}", query=query))
        data = answer.data
        if not texts.ok(answer) or not isinstance(data, dict) or not isinstance(data.get("records"), list):
            raise _stopped(answer)
        yield data
        if not data.get("has_next_page"):
            return
    raise LookupError(f"Circle's list of {things} does not come to an end.")


def _asked(client: Client, call: Call) -> Answer:
    for _ in range(TRIES - 1):
        answer = client.send(call)
        if 0 < answer.status < 500 and not texts.is_page(answer):
            return answer
    return client.send(call)


def _items(kind: str, records: list[Any]) -> Iterator[Item]:
    for record in records:
        if isinstance(record, dict) and record.get("id") is not None:
            name = str(record.get("name") or "").strip() or f"Without a name ({record['id']})"
            yield Item(kind, str(record["id"]), name, _group(record) if kind == SPACE else None)


def _group(space: dict[str, Any]) -> str | None:
    group = space.get("space_group")
    found = group.get("id") if isinstance(group, dict) else space.get("space_group_id")
    return str(found) if found is not None else None


def refusal(answer: Answer) -> Refused:
    """Why a connection does not work, for the person who has just pasted the key."""
    said = texts.said(answer)
    if answer.status == 0:
        return Refused(KEY, answer.error or "Circle could not be reached.", LATER)
    if texts.is_page(answer):
        return Refused(KEY, f"A web page came instead of an answer of Circle's API (status {answer.status}).", LATER)
    if answer.status == 403 and "not eligible" in said:
        return Refused(KEY, "The Circle plan of this community does not include the API.", _plan_todo(), "no_api_plan")
    if answer.status == 401 and "not found" in said:
        sentence = "Circle knows no such token of type Admin V2: a part of it is missing, or it is a token of another type."
        return Refused(KEY, sentence, MAKE, "dead_key")
    if answer.status == 401 and OF_THE_KEY.search(said):
        return Refused(KEY, "Circle does not accept this API key: it was deleted, or it is a token of another type.", MAKE, "dead_key")
    if answer.status in (401, 404):
        sentence = f"Circle does not take this token for its Admin API V2: {texts.quoted(answer)}"
        return Refused(KEY, sentence, MAKE, "dead_key" if answer.status == 401 else "")
    return _elsewhere(answer)


def _elsewhere(answer: Answer) -> Refused:
    """What the key has no part in."""
    if answer.status == 429:
        return Refused(KEY, "Circle asked for a pause: many calls in a short time.", "Try again in a minute.")
    if answer.status >= 500:
        return Refused(KEY, f"Circle answered with an error of its own ({answer.status}).", LATER)
    if 300 <= answer.status < 400:
        return Refused(KEY, f"Circle's address answered with a redirect ({answer.status}), which is not followed.", LATER)
    if texts.ok(answer):
        return Refused(KEY, "Circle's answer says nothing of a community.", LATER)
    return Refused(KEY, f"Circle refused: {texts.quoted(answer)}", LATER)


def _plan_todo() -> str:
    return TROUBLES["no_api_plan"].todo


def _stopped(answer: Answer) -> Exception:
    refused = refusal(answer)
    return refused if refused.cause else LookupError(refused.sentence)
