"""The calls about members: invite, show, search, deactivate, list."""

from __future__ import annotations

import re
from datetime import UTC

from sandbox.records import full_member, paged, space
from sandbox.replies import Reply, done, limited, missing, refused, said, silent
from sandbox.state import Kind, Member, State, normal
from sandbox.world import Ask, World

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
CARRIED: tuple[tuple[str, Kind, str], ...] = (
    ("space_group_ids", "group", "space group"),
    ("space_ids", "space", "space"),
    ("member_tag_ids", "tag", "member tag"),
)
"""What an invite can carry: the field, what it is about, and what Circle calls it where it is missing."""
ALREADY = "This user is already a member of this community."


def invite(world: World, ask: Ask) -> Reply:
    """`POST /community_members`."""
    email = normal(ask.body["email"])
    if not ADDRESS.fullmatch(email) or email.rpartition("@")[2] in world.modes.blocked_domains:
        return refused(world.answers, 422, "Invalid email address.")
    member = world.state.by_email(email)
    if member is not None and member.active:
        return _invite_again(world, ask, member)
    return _full(world) or _deleted(world, ask) or _admit(world, ask)


def show(world: World, ask: Ask) -> Reply:
    """`GET /community_members/{id}`."""
    return _shown(world, world.state.members.get(ask.id))


def search(world: World, ask: Ask) -> Reply:
    """`GET /community_members/search`."""
    return _shown(world, world.state.by_email(ask.text("email")))


def deactivate(world: World, ask: Ask) -> Reply:
    """`DELETE /community_members/{id}`."""
    member = world.state.members.get(ask.id)
    if member is None or (not member.active and world.answers.deactivate_removed_member == "404"):
        return missing(world.answers, "community member")
    if member.owner:
        return refused(world.answers, int(world.answers.remove_owner), "You cannot perform this action.")
    if member.billed:
        return refused(world.answers, 422, UNCANCELABLE)
    if member.active:
        world.state.deactivate(member)
    if world.answers.deactivated != "200":
        return silent(int(world.answers.deactivated[:3]))
    return done(world.answers, 200, "The community member has been removed from the community.")


UNCANCELABLE = (
    "An error occurred trying to cancel the subscription(s) so the account couldn't be deactivated. Please contact us at support@circle.so"
)


def members(world: World, ask: Ask) -> Reply:
    """`GET /community_members`: the active ones unless `status` says otherwise."""
    status = ask.query.get("status", "active")
    rows = [one for one in world.state.members.values() if status == "all" or one.active == (status == "active")]
    return paged(ask, rows, lambda one: full_member(world.state, one))


def spaces_of(world: World, ask: Ask) -> Reply:
    """`GET /community_member_spaces`: the spaces that one member is in."""
    state = world.state
    known = state.members.get(ask.number("community_member_id"))
    member = state.by_email(ask.text("user_email")) if "user_email" in ask.query else known
    if (member is None or not member.active) and world.answers.spaces_of_stranger == "404":
        return missing(world.answers, "community member")
    held = sorted(member.held["space"]) if member is not None else []
    return paged(ask, [state.targets[one] for one in held], lambda one: space(state, one))


def _shown(world: World, member: Member | None) -> Reply:
    if member is None or (not member.active and world.answers.show_removed_member == "404"):
        return missing(world.answers, "community member")
    return said(200, full_member(world.state, member))


def _invite_again(world: World, ask: Ask, member: Member) -> Reply:
    form = world.answers.existing_invite
    if form == "409":
        return refused(world.answers, 409, ALREADY)
    if form == "422":
        return refused(world.answers, 422, ALREADY)
    if form == "422_taken":
        return refused(world.answers, 422, "Validation failed: Email has already been taken")
    if world.answers.existing_invite_applies_ids:
        refusal = _deleted(world, ask)
        if refusal is not None:
            return refusal
        _apply(world.state, ask, member)
    return _invited(world, member, ALREADY if form == "201_message" else "This user has been invited to the community.")


def _full(world: World) -> Reply | None:
    modes = world.modes
    if modes.member_limit is not None and sum(1 for _ in world.state.all_active()) >= modes.member_limit:
        return limited(403, "Your community has reached the maximum limit of members supported by your plan.")
    if modes.daily_limit is not None and world.joined_on[_today(world)] >= modes.daily_limit:
        return limited(403, "Daily member limit exceeded.")
    return None


def _deleted(world: World, ask: Ask) -> Reply | None:
    if world.answers.invite_deleted_id == "ignored":
        return None
    for name, kind, record in CARRIED:
        if any(world.state.target(kind, one) is None for one in ask.body.get(name, ())):
            if world.answers.invite_deleted_id == "422":
                return refused(world.answers, 422, f"Validation failed: {record.capitalize()} must exist")
            return missing(world.answers, record)
    return None


def _admit(world: World, ask: Ask) -> Reply:
    state = world.state
    member = state.admit(ask.body["email"], ask.body.get("name", ""), world.now())
    world.joined_on[_today(world)] += 1
    if not ask.body.get("skip_invitation") and "password" not in ask.body:
        member.mails += 1
    for kind, ids in member.earlier.items() if world.answers.reinvite_restores else ():
        state.put(member, kind, ids)
    added = _apply(state, ask, member)
    more = f" and has been added to following {added}" if added else ""
    return _invited(world, member, f"This user has been invited to the community{more}.")


def _apply(state: State, ask: Ask, member: Member) -> str:
    said_of: list[str] = []
    for name, kind, _ in CARRIED:
        there = [one for one in ask.body.get(name, ()) if state.target(kind, one)]
        state.put(member, kind, there)
        if there and kind != "tag":
            names = ", ".join(state.targets[one].name for one in there)
            said_of.append(f"{'spaces' if kind == 'space' else 'space groups'}: {names}")
    return " ".join(said_of)


def _invited(world: World, member: Member, message: str) -> Reply:
    return said(201, {"message": message, "community_member": full_member(world.state, member)})


def _today(world: World) -> str:
    return world.now().astimezone(UTC).date().isoformat()
