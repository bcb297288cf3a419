"""What there is in a community: whose key it is, and all pages of its spaces, space groups, events and tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webapp.apps import Answer, Call, Client, Community, Item, Refused
from webapp.apps.circle import texts
from webapp.apps.circle.actions import EVENT, GROUP, SPACE, TAG, TROUBLES

LISTS = ((GROUP, "/space_groups"), (SPACE, "/spaces"), (EVENT, "/events"), (TAG, "/member_tags"))
PER_PAGE = 100
MOST_PAGES = 1000
"""A list that says of so many pages that another follows does not end at all."""

KEY = "api_key"
TOKENS = "Look in Circle under Developers → Tokens for one of the type Admin V2."

Page = tuple[str, int, int | None, list[Item]]


def connect(client: Client) -> Community:
    """Whose key this is. Raises Refused with a sentence for the field."""
    answer = client.send(Call("GET", "/community", "community", (), "check the key"))
    data = answer.data
    if answer.status == 200 and isinstance(data, dict) and data.get("id") is not None:
        return Community(str(data["id"]), str(data.get("name") or ""))
    raise _refused(answer)


def load(client: Client) -> Iterator[Page]:
    """All pages of all lists. Raises Refused where the key or plan is the reason, LookupError with a sentence for anything else."""
    for kind, path in LISTS:
        so_far = 0
        for answer in _pages(client, path):
            items = [_item(kind, record) for record in answer["records"] if isinstance(record, dict) and record.get("id") is not None]
            so_far += len(items)
            count = answer.get("count")
            yield kind, so_far, count if isinstance(count, int) else None, items


def _pages(client: Client, path: str) -> Iterator[dict[str, Any]]:
    for page in range(1, MOST_PAGES + 1):
        query = (("page", str(page)), ("per_page", str(PER_PAGE)))
        answer = client.send(Call("GET", path, "list", (), f"list {path[1:]}", query=query))
        data = answer.data
        if answer.status != 200 or not isinstance(data, dict) or not isinstance(data.get("records"), list):
            raise _stopped(answer)
        yield data
        if not data.get("has_next_page"):
            return
    raise LookupError(f"Circle's list of {path[1:]} does not come to an end.")


def _item(kind: str, record: dict[str, Any]) -> Item:
    group = record.get("space_group_id") if kind == SPACE else None
    if group is None and kind == SPACE and isinstance(record.get("space_group"), dict):
        group = record["space_group"].get("id")
    return Item(kind, str(record["id"]), str(record.get("name") or f"Without a name ({record['id']})"), str(group) if group else None)


def _refused(answer: Answer) -> Refused:
    """Why a connection does not work, for the person who has just pasted the key."""
    words = texts.said(answer)
    if answer.status == 0:
        return Refused(KEY, answer.error or "Circle could not be reached.", "Try again in a moment. What you typed is still here.")
    if answer.status == 403 and "not eligible" in words:
        return Refused(KEY, "The plan of this community does not include Circle's API.", TROUBLES["no_api_plan"].todo, "no_api_plan")
    if answer.status == 401 and answer.data is not None:
        sentence = "Circle does not accept this key: it is wrong or was revoked, or it is a token of another type than Admin V2."
        return Refused(KEY, sentence, TOKENS, "dead_key")
    if answer.status == 404 and answer.data is not None:
        return Refused(KEY, "This token is not for Circle's Admin API V2.", TOKENS, "dead_key")
    if answer.status == 429:
        return Refused(
            KEY, "Circle asks for a pause: too many calls in a short time.", "Try again in a minute. What you typed is still here."
        )
    sentence = f"Circle answered with something that Cartwheel does not understand (status {answer.status})."
    return Refused(KEY, sentence, "Try again in a moment. If it stays so, look at Circle's status page.")


def _stopped(answer: Answer) -> Exception:
    refused = _refused(answer)
    if refused.cause:
        return refused
    return LookupError(refused.sentence)
