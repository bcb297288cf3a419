"""The calls that put members into spaces and space groups, take them out, and ask who is in."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.records import membership, paged
from sandbox.replies import Reply, done, missing, refused, said
from sandbox.state import Kind, Member, Target
from sandbox.world import Ask, World


@dataclass(frozen=True, slots=True)
class Place:
    """How the calls about one kind of place name it."""

    kind: Kind
    key: str
    record: str


SPACE = Place("space", "space_id", "space")
GROUP = Place("group", "space_group_id", "space group")
NOT_ADDED = "User not added to space."
NOT_REMOVED = "User cannot be removed from this space group"


def space_add(world: World, ask: Ask) -> Reply:
    """`POST /space_members`."""
    was_member = world.state.by_email(ask.text("email")) is not None
    stranger = NOT_ADDED if was_member and world.answers.space_add_removed_member == "422" else ""
    found = _both(world, ask, SPACE, stranger)
    if isinstance(found, Reply):
        return found
    space, member = found
    if space.id in member.held["space"] and world.answers.already_in_space == "422":
        return refused(world.answers, 422, NOT_ADDED)
    world.state.put(member, "space", [space.id])
    return done(world.answers, 200, "User added to space")


def space_remove(world: World, ask: Ask) -> Reply:
    """`DELETE /space_members`."""
    found = _inside(world, ask, SPACE)
    if isinstance(found, Reply):
        return found
    space, member = found
    world.state.take(member, "space", [space.id])
    return done(world.answers, 200, "Member removed from space")


def group_add(world: World, ask: Ask) -> Reply:
    """`POST /space_group_members`."""
    stranger = "User is not a member of community" if world.answers.group_add_stranger == "422" else ""
    found = _both(world, ask, GROUP, stranger)
    if isinstance(found, Reply):
        return found
    group, member = found
    if group.id in member.held["group"]:
        return done(world.answers, 200, "User is already added to the space group.", success=True)
    world.state.put(member, "group", [group.id])
    return done(world.answers, 200, "User has been added to the space group.", success=True)


def group_remove(world: World, ask: Ask) -> Reply:
    """`DELETE /space_group_members`. Takes them out of the group's spaces as well."""
    found = _both(world, ask, GROUP, NOT_REMOVED if world.answers.group_remove_stranger == "422" else "")
    if isinstance(found, Reply):
        return found
    group, member = found
    if group.id not in member.held["group"]:
        return refused(world.answers, 422, NOT_REMOVED, "Member is not in the space group")
    world.state.take(member, "group", [group.id])
    return done(world.answers, 200, "User removed from the space group and its spaces", success=True)


def space_check(world: World, ask: Ask) -> Reply:
    """`GET /space_member`."""
    return _check(world, ask, SPACE)


def group_check(world: World, ask: Ask) -> Reply:
    """`GET /space_group_member`."""
    return _check(world, ask, GROUP)


def space_list(world: World, ask: Ask) -> Reply:
    """`GET /space_members`."""
    return _list(world, ask, SPACE)


def group_list(world: World, ask: Ask) -> Reply:
    """`GET /space_group_members`."""
    return _list(world, ask, GROUP)


def _both(world: World, ask: Ask, place: Place, stranger: str = "") -> tuple[Target, Member] | Reply:
    """The place and the member that a call names, else what Circle says of the one that is not there.

    A deactivated member is not there. `stranger`: the 422 that is said of them; 404 "user" where it is empty.
    """
    target = world.state.target(place.kind, ask.number(place.key))
    member = world.state.active(ask.text("email"))
    if target is not None and member is not None:
        return target, member
    if target is None and (member is not None or world.answers.missing_first == "target"):
        return missing(world.answers, place.record)
    return refused(world.answers, 422, stranger) if stranger else missing(world.answers, "user")


def _inside(world: World, ask: Ask, place: Place) -> tuple[Target, Member] | Reply:
    """The same, where the member has to be in the place."""
    found = _both(world, ask, place)
    if isinstance(found, Reply) or found[0].id in found[1].held[place.kind]:
        return found
    return missing(world.answers, f"{place.record} member")


def _check(world: World, ask: Ask, place: Place) -> Reply:
    found = _inside(world, ask, place)
    if isinstance(found, Reply):
        return found
    return said(200, membership(place.key, found[0].id, found[1]))


def _list(world: World, ask: Ask, place: Place) -> Reply:
    target_id = ask.number(place.key)
    if world.state.target(place.kind, target_id) is None:
        return missing(world.answers, place.record)
    rows = [] if ask.query.get("status") == "inactive" else world.state.within(place.kind, target_id)
    return paged(ask, rows, lambda member: membership(place.key, target_id, member))
