"""How each call to Circle's Admin API v2 is written: the path, the query or the body, with the types that Circle wants. Nothing is sent here."""

from __future__ import annotations

from typing import Any

from webapp.apps import Call, Known, Target
from webapp.apps.circle.actions import EVENT, GROUP, SPACE, TAG, named

PATHS = {SPACE: "/space_members", GROUP: "/space_group_members", EVENT: "/event_attendees", TAG: "/tagged_members"}
IDS = {SPACE: "space_id", GROUP: "space_group_id", EVENT: "event_id", TAG: "member_tag_id"}
EMAILS = {SPACE: "email", GROUP: "email", EVENT: "member_email", TAG: "user_email"}
CARRIED = {SPACE: "space_ids", GROUP: "space_group_ids", TAG: "member_tag_ids"}
"""What an invite can carry, and in which field."""


def invite(known: Known, membership: int, carried: list[Target], skip_mail: bool, community: str) -> Call:
    """`POST /community_members`: with all spaces, groups and tags that are to come along."""
    body: dict[str, Any] = {"email": known.email}
    if known.name:
        body["name"] = known.name
    if skip_mail:
        body["skip_invitation"] = True
    for kind, field in CARRIED.items():
        ids = sorted(int(target.remote_id) for target in carried if target.kind == kind)
        if ids:
            body[field] = ids
    along = f" with the {', the '.join(named(target) for target in carried)}" if carried else ""
    targets = (membership, *(target.key for target in carried))
    return Call("POST", "/community_members", "invite", targets, f"invite {known.email} to {community}{along}", body=body)


def add(known: Known, target: Target) -> Call:
    """`POST` of one place, event or tag."""
    return Call(
        "POST", PATHS[target.kind], f"add_{target.kind}", (target.key,), _says(target, known, adds=True), body=_fields(known, target)
    )


def remove(known: Known, target: Target, along: tuple[int, ...] = ()) -> Call:
    """`DELETE` of one place, event or tag; `along`: what else goes with it. Only events have a body, the others a query."""
    says, targets = _says(target, known, adds=False), (target.key, *along)
    fields = _fields(known, target)
    if target.kind == EVENT:
        return Call("DELETE", PATHS[EVENT], "remove_event", targets, says, body=fields)
    query = tuple((name, str(value)) for name, value in fields.items())
    return Call("DELETE", PATHS[target.kind], f"remove_{target.kind}", targets, says, query=query)


def deactivate(known: Known, targets: tuple[int, ...], community: str) -> Call:
    """`DELETE /community_members/{id}`."""
    return Call("DELETE", f"/community_members/{known.member_id}", "deactivate", targets, f"remove {known.email} from {community}")


def search(known: Known) -> Call:
    """`GET /community_members/search`: the only way to an id that is not known."""
    return Call("GET", "/community_members/search", "search", (), f"look up {known.email}", query=(("email", known.email),))


def look_up(known: Known) -> Call:
    """`GET /community_members/{id}`: who they are now, under which e-mail."""
    return Call("GET", f"/community_members/{known.member_id}", "look_up", (), f"look up the member {known.member_id}")


def look_up_event(target: Target) -> Call:
    """`GET /events/{id}`: whether there is such an event."""
    return Call("GET", f"/events/{target.remote_id}", "look_up_event", (target.key,), f"look up the {named(target)}")


def check_space(known: Known, target: Target) -> Call:
    """`GET /space_member`: whether they are in it."""
    query = (("email", known.email), ("space_id", target.remote_id))
    return Call("GET", "/space_member", "check_space", (target.key,), f"check whether {known.email} is in the {named(target)}", query=query)


def _fields(known: Known, target: Target) -> dict[str, Any]:
    """The ids are whole numbers but for an event's, which Circle's description calls a string."""
    value: int | str = target.remote_id if target.kind == EVENT else int(target.remote_id)
    return {EMAILS[target.kind]: known.email, IDS[target.kind]: value}


def _says(target: Target, known: Known, *, adds: bool) -> str:
    if target.kind == EVENT:
        return f"{'RSVP' if adds else 'un-RSVP'} {known.email} {'to' if adds else 'from'} the {named(target)}"
    if target.kind == TAG:
        return f"{'give' if adds else 'take from'} {known.email} the {named(target)}"
    return f"{'add' if adds else 'remove'} {known.email} {'to' if adds else 'from'} the {named(target)}"
