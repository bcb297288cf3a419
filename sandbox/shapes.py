"""How each call of Circle's Admin API v2 has to be written, and what is wrong with one that is written otherwise.

Source: Circle's published OpenAPI description of the Admin API v2 (edition of March 2026). No call is carried out here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Checks = Mapping[str, object]
"""Field name → type: str, int, bool, dict, [int] for a list of numbers, or a tuple of the allowed words."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one call may and must carry."""

    query: Checks = field(default_factory=dict)
    body: Checks | None = None
    required: tuple[str, ...] = ()


MAX_PER_PAGE = 100
PAGES: Checks = {"page": int, "per_page": int}
_BY_STATUS: Checks = {**PAGES, "status": ("active", "inactive", "all")}
_SPACE: Checks = {"email": str, "space_id": int}
_GROUP: Checks = {"email": str, "space_group_id": int}
_EVENT: Checks = {"event_id": str, "member_email": str}
_TAG: Checks = {"user_email": str, "member_tag_id": int}
_INVITE: Checks = {
    "email": str,
    "name": str,
    "password": str,
    "skip_invitation": bool,
    "avatar": str,
    "headline": str,
    "is_flagged": bool,
    "preferences": dict,
    "space_ids": [int],
    "space_group_ids": [int],
    "member_tag_ids": [int],
    "community_member_profile_fields": dict,
}
_SPACE_ORDER = (
    "active",
    "oldest",
    "alphabetical",
    "likes",
    "latest_updated",
    "oldest_updated",
    "latest_profile_confirmed",
)
_EVENT_DATES: Checks = {"filter_date[start_date]": str, "filter_date[end_date]": str}
_TAG_ORDER = ("oldest", "newest", "alphabetical", "alphabetical_desc")

SHAPES: Mapping[tuple[str, str], Shape] = {
    ("GET", "/community"): Shape(),
    ("POST", "/community_members"): Shape(body=_INVITE, required=("email",)),
    ("GET", "/community_members"): Shape({**PAGES, "status": ("all", "inactive")}),
    ("GET", "/community_members/search"): Shape({"email": str}, required=("email",)),
    ("GET", "/community_members/{id}"): Shape(),
    ("DELETE", "/community_members/{id}"): Shape(),
    ("GET", "/community_member_spaces"): Shape({**PAGES, "user_email": str, "community_member_id": int}),
    ("GET", "/spaces"): Shape({**PAGES, "sort": _SPACE_ORDER}),
    ("GET", "/spaces/{id}"): Shape(),
    ("GET", "/space_groups"): Shape({**PAGES, "name": str}),
    ("GET", "/space_groups/{id}"): Shape(),
    ("GET", "/events"): Shape({**PAGES, **_EVENT_DATES, "space_id": int, "sort": ("oldest", "start_date", "start_date_desc")}),
    ("GET", "/events/{id}"): Shape(),
    ("GET", "/member_tags"): Shape({**PAGES, "name": str, "is_public": bool, "sort": _TAG_ORDER}),
    ("GET", "/member_tags/{id}"): Shape(),
    ("POST", "/space_members"): Shape(body=_SPACE, required=tuple(_SPACE)),
    ("DELETE", "/space_members"): Shape(_SPACE, required=tuple(_SPACE)),
    ("GET", "/space_members"): Shape({**_BY_STATUS, "space_id": int}, required=("space_id",)),
    ("GET", "/space_member"): Shape(_SPACE, required=tuple(_SPACE)),
    ("POST", "/space_group_members"): Shape(body=_GROUP, required=tuple(_GROUP)),
    ("DELETE", "/space_group_members"): Shape(_GROUP, required=tuple(_GROUP)),
    ("GET", "/space_group_members"): Shape({**_BY_STATUS, "space_group_id": int}, required=("space_group_id",)),
    ("GET", "/space_group_member"): Shape(_GROUP, required=tuple(_GROUP)),
    ("POST", "/event_attendees"): Shape(body=_EVENT, required=tuple(_EVENT)),
    ("DELETE", "/event_attendees"): Shape(body=_EVENT, required=tuple(_EVENT)),
    ("GET", "/event_attendees"): Shape({**PAGES, "event_id": str}, required=("event_id",)),
    ("POST", "/tagged_members"): Shape(body=_TAG, required=tuple(_TAG)),
    ("DELETE", "/tagged_members"): Shape(_TAG, required=tuple(_TAG)),
    ("GET", "/tagged_members"): Shape(PAGES),
    ("GET", "/tagged_members/{id}"): Shape(),
}


def route(method: str, path: str) -> tuple[tuple[str, str], int] | None:
    """The call that a method and path mean, with the id in the path (-1 for none). None: there is no such call."""
    if (method, path) in SHAPES and "{" not in path:
        return (method, path), -1
    head, _, tail = path.rpartition("/")
    pattern = (method, f"{head}/{{id}}")
    if pattern in SHAPES and tail.isascii() and tail.isdigit():
        return pattern, int(tail)
    return None


def readable(body: bytes) -> Any:
    """A body as the value that its JSON stands for: None where there is no body, its text where it is not JSON."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def faults(shape: Shape, query: Mapping[str, str], headers: Mapping[str, str], sent: Any) -> tuple[list[str], dict[str, Any]]:
    """What is wrong with a request, in sentences, and its fields. `sent` is what `readable` makes of the body."""
    wrong = list(_query_faults(shape, query))
    if "application/json" not in header(headers, "Accept"):
        wrong.append("Accept must be application/json")
    if shape.body is None:
        return wrong if sent is None else [*wrong, "this call takes no body"], {}
    if header(headers, "Content-Type").partition(";")[0].strip().lower() != "application/json":
        wrong.append("Content-Type must be application/json")
    if not isinstance(sent, dict):
        return [*wrong, "the body must be a JSON object"], {}
    return [*wrong, *_body_faults(shape.body, shape.required, sent)], sent


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value, whatever the case of its name; empty where it is absent."""
    value = headers.get(name)
    if value is not None:
        return value
    return next((text for key, text in headers.items() if key.lower() == name.lower()), "")


def _query_faults(shape: Shape, query: Mapping[str, str]) -> Iterator[str]:
    for name, value in query.items():
        check = shape.query.get(name)
        if check is None:
            yield f"unknown query parameter {name!r}"
        elif not _query_fits(check, value):
            yield f"query parameter {name!r} has a wrong value"
    if shape.body is None:
        yield from (f"query parameter {name!r} is required" for name in shape.required if not query.get(name))
    if query.get("page", "1") == "0" or not 1 <= _count(query.get("per_page", "10")) <= MAX_PER_PAGE:
        yield f"page begins at 1 and per_page is 1 to {MAX_PER_PAGE}"


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _query_fits(check: object, value: str) -> bool:
    if check is int:
        return value.isascii() and value.isdigit()
    if check is bool:
        return value in ("true", "false")
    return value in check if isinstance(check, tuple) else True


def _body_faults(checks: Checks, required: tuple[str, ...], fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        check = checks.get(name)
        if check is None:
            yield f"unknown field {name!r}"
        elif not _fits(check, value):
            yield f"field {name!r} has the wrong JSON type"
    yield from (f"field {name!r} is required" for name in required if name not in fields)


def _fits(check: object, value: object) -> bool:
    if check == [int]:
        return isinstance(value, list) and all(type(one) is int for one in value)
    return isinstance(check, type) and type(value) is check
