"""How each call to Circle's Admin API v2 is written: path, query or body, with the types that Circle wants. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from webapp.apps import Call, Known, Target
from webapp.apps.circle.actions import EVENT, GROUP, SPACE, TAG
from webapp.apps.circle.words import named

PATHS = {SPACE: "/space_members", GROUP: "/space_group_members", EVENT: "/event_attendees", TAG: "/tagged_members"}
IDS = {SPACE: "space_id", GROUP: "space_group_id", EVENT: "event_id", TAG: "member_tag_id"}
EMAILS = {SPACE: "email", GROUP: "email", EVENT: "member_email", TAG: "user_email"}
"""Circle's three names of one thing."""

CARRIED = {SPACE: "space_ids", GROUP: "space_group_ids", TAG: "member_tag_ids"}
"""What an invite can carry, and in which field."""

SHOWN = {SPACE: "/spaces", GROUP: "/space_groups", EVENT: "/events", TAG: "/member_tags"}
PER_PAGE = 100
SEARCH = "/community_members/search"


def invite(known: Known, membership: int, carried: Sequence[Target], community: str, *, mail: bool) -> Call:
    """`POST /community_members`, with all spaces, groups and tags that are to come along."""
    body: dict[str, Any] = {"email": known.email, "skip_invitation": not mail}
    if known.name:
        body["name"] = known.name
    for kind, field in CARRIED.items():
        ids = [int(target.remote_id) for target in carried if target.kind == kind]
        if ids:
            body[field] = ids
    along = " and ".join(f"the {named(target)}" for target in carried)
    says = f"invite {known.email} to {community}" + (f" with {along}" if along else "")
    return Call("POST", "/community_members", "invite", (membership, *(target.key for target in carried)), says, body=body)


def add(known: Known, target: Target) -> Call:
    """`POST` of one place, event or tag."""
    says = doing(known, target, adds=True)
    return Call("POST", PATHS[target.kind], "add", (target.key,), says, body=_fields(known, target))


def remove(known: Known, target: Target, along: Sequence[int] = ()) -> Call:
    """`DELETE` of one place, event or tag; `along`: what goes with it. Only an event has a body, the others a query."""
    says, targets, fields = doing(known, target, adds=False), (target.key, *along), _fields(known, target)
    if target.kind == EVENT:
        return Call("DELETE", PATHS[EVENT], "remove", targets, says, body=fields)
    return Call("DELETE", PATHS[target.kind], "remove", targets, says, query=tuple((name, str(value)) for name, value in fields.items()))


def deactivate(known: Known, targets: tuple[int, ...], community: str) -> Call:
    """`DELETE /community_members/{id}`."""
    return Call("DELETE", f"/community_members/{known.member_id}", "deactivate", targets, f"remove {known.email} from {community}")


def search(known: Known, targets: tuple[int, ...], community: str) -> Call:
    """`GET /community_members/search`: the only way to an id that is not known, and without an id nobody can be removed."""
    says = f"look up {known.email} and remove them from {community}"
    return Call("GET", SEARCH, "search", targets, says, query=(("email", known.email),))


def look_up(known: Known, targets: tuple[int, ...] = ()) -> Call:
    """`GET /community_members/{id}`: who they are now, under which e-mail."""
    return Call("GET", f"/community_members/{known.member_id}", "look_up", targets, f"look up who member {known.member_id} is now")


def show(target: Target) -> Call:
    """`GET /spaces/{id}` and its like: whether there is such a thing."""
    return Call("GET", f"{SHOWN[target.kind]}/{target.remote_id}", "show", (target.key,), f"look up the {named(target)}")


def check_space(known: Known, target: Target) -> Call:
    """`GET /space_member`: whether they are in it."""
    query = (("email", known.email), ("space_id", target.remote_id))
    return Call("GET", "/space_member", "check_space", (target.key,), f"check whether {known.email} is in the {named(target)}", query=query)


def attendees(known: Known, target: Target, page: int) -> Call:
    """`GET /event_attendees`: one page of who comes."""
    query = (("event_id", target.remote_id), ("page", str(page)), ("per_page", str(PER_PAGE)))
    says = f"check whether {known.email} comes to the {named(target)}"
    return Call("GET", "/event_attendees", "attendees", (target.key,), says, query=query)


def ask_who(known: Known, *, by_mail: bool) -> Call:
    """Whether they are a member, with which tags: by the id that is known, else by e-mail."""
    if known.member_id and not by_mail:
        return replace(look_up(known), purpose="ask_who")
    return Call("GET", SEARCH, "ask_who", (), f"look up {known.email}", query=(("email", known.email),))


def ask_spaces(known: Known, page: int) -> Call:
    """`GET /community_member_spaces`: one page of the spaces that they are in."""
    who = ("community_member_id", known.member_id) if known.member_id else ("user_email", known.email)
    query = (who, ("page", str(page)), ("per_page", str(PER_PAGE)))
    return Call("GET", "/community_member_spaces", "ask_spaces", (), f"ask which spaces {known.email} is in", query=query)


def ask_group(known: Known, target: Target) -> Call:
    """`GET /space_group_member`: whether they are in it."""
    query = (("email", known.email), ("space_group_id", target.remote_id))
    says = f"check whether {known.email} is in the {named(target)}"
    return Call("GET", "/space_group_member", "ask_group", (target.key,), says, query=query)


def ask_event(known: Known, target: Target, page: int) -> Call:
    """`GET /event_attendees`: one page of who comes."""
    return replace(attendees(known, target, page), purpose="ask_event")


def check_key() -> Call:
    """`GET /community`: whether the key is good."""
    return Call("GET", "/community", "check_key", (), "check the API key")


def doing(known: Known, target: Target, *, adds: bool) -> str:
    """What adding or removing is, in the infinitive."""
    if target.kind == EVENT:
        return f"{'RSVP' if adds else 'un-RSVP'} {known.email} {'to' if adds else 'from'} the {named(target)}"
    if target.kind == TAG:
        return f"give {known.email} the {named(target)}" if adds else f"take the {named(target)} from {known.email}"
    return f"{'add' if adds else 'remove'} {known.email} {'to' if adds else 'from'} the {named(target)}"


def _fields(known: Known, target: Target) -> dict[str, Any]:
    """The ids are whole numbers but for an event's, which Circle's description calls a string."""
    value: int | str = target.remote_id if target.kind == EVENT else int(target.remote_id)
    return {EMAILS[target.kind]: known.email, IDS[target.kind]: value}
