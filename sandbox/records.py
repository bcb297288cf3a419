"""How Circle writes its records: members, spaces, groups, events, tags, and pages of them. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sandbox.replies import Reply, said
from sandbox.state import Member, State, Target
from sandbox.world import Ask, World

COMMUNITY_ID = 1
T = TypeVar("T")


def moment(at: datetime) -> str:
    """A time as Circle writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def slug(name: str) -> str:
    """A name as it stands in an address."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


def paged(ask: Ask, rows: Sequence[T], record: Callable[[T], dict[str, Any]]) -> Reply:
    """One page of rows. `page_count` counts the records on the page, as in Circle's examples: no one can loop on it."""
    page, size = int(ask.query.get("page", "1")), int(ask.query.get("per_page", "10"))
    shown = rows[(page - 1) * size : page * size]
    body = {
        "page": page,
        "per_page": size,
        "has_next_page": page * size < len(rows),
        "count": len(rows),
        "page_count": len(shown),
    }
    return said(200, {**body, "records": [record(row) for row in shown]})


def community(world: World) -> dict[str, Any]:
    """The community itself."""
    return {
        "id": COMMUNITY_ID,
        "name": world.name,
        "slug": slug(world.name),
        "locale": "en",
        "is_private": True,
        "prefs": {"has_posts": True, "has_spaces": True, "has_invited_member": True},
    }


def person(member: Member) -> dict[str, Any]:
    """What every record about a member says of them."""
    first, _, last = member.name.partition(" ")
    return {
        "name": member.name,
        "first_name": first,
        "last_name": last,
        "headline": None,
        "community_id": COMMUNITY_ID,
        "public_uid": f"{member.id:08x}",
        "avatar_url": None,
        "email": member.email,
    }


def full_member(state: State, member: Member) -> dict[str, Any]:
    """A member with their tags, not wrapped."""
    at = moment(member.joined_at)
    return {
        **person(member),
        "id": member.id,
        "user_id": member.id + 500_000,
        "active": member.active,
        "accepted_invitation": "",
        "created_at": at,
        "updated_at": at,
        "last_seen_at": None,
        "sso_provider_user_id": None,
        "profile_fields": [],
        "flattened_profile_fields": {},
        "member_tags": [{"name": state.targets[tag].name, "id": tag} for tag in sorted(member.held["tag"])],
        "posts_count": 0,
        "comments_count": 0,
    }


def membership(key: str, target_id: int, member: Member) -> dict[str, Any]:
    """A member in a space (`key` space_id) or a space group (`key` space_group_id)."""
    at = moment(member.joined_at)
    return {
        "id": target_id * 1_000_000 + member.id,
        "user_id": member.id + 500_000,
        key: target_id,
        "community_member_id": member.id,
        "moderator": False,
        "access_type": "invite",
        "status": "active",
        "created_at": at,
        "updated_at": at,
        "community_member": person(member),
    }


def space(state: State, target: Target) -> dict[str, Any]:
    """A space with the group it is in."""
    group = None if target.group is None else {"id": target.group, "name": state.targets[target.group].name}
    return {
        "id": target.id,
        "name": target.name,
        "slug": slug(target.name),
        "community_id": COMMUNITY_ID,
        "is_private": True,
        "space_type": "basic",
        "display_view": "posts",
        "emoji": None,
        "url": f"https://community.example.com/c/{slug(target.name)}",
        "space_group": group,
        "topics": [],
    }


def space_group(state: State, target: Target) -> dict[str, Any]:
    """A space group."""
    return {
        "id": target.id,
        "name": target.name,
        "slug": slug(target.name),
        "community_id": COMMUNITY_ID,
        "is_hidden_from_non_members": True,
        "automatically_add_members_to_new_spaces": False,
        "add_members_to_space_group_on_space_join": False,
        "space_group_members_count": len(state.within("group", target.id)),
        "spaces_count": len(state.spaces_in(target.id)),
    }


def event(target: Target) -> dict[str, Any]:
    """An event. Its id is a number here, and a string in the calls about its attendees."""
    return {
        "id": target.id,
        "name": target.name,
        "slug": slug(target.name),
        "location_type": "virtual",
        "rsvp_disabled": False,
        "url": f"https://community.example.com/c/events/{slug(target.name)}",
        "topics": [],
    }


def tag(state: State, target: Target) -> dict[str, Any]:
    """A member tag."""
    return {
        "id": target.id,
        "name": target.name,
        "is_public": True,
        "is_background_enabled": True,
        "color": "#0ce806",
        "display_format": "label",
        "tagged_members_count": len(state.within("tag", target.id)),
        "emoji": None,
        "custom_emoji_url": None,
        "custom_emoji_dark_url": None,
    }


def tagging(target: Target, member: Member) -> dict[str, Any]:
    """One tag of one member."""
    return {
        "id": tagging_id(target, member),
        "member_tag_id": target.id,
        "member_tag_name": target.name,
        "member_tag_emoji": None,
        "user_id": member.id + 500_000,
        "user_email": member.email,
        "lead_id": None,
        "lead_email": None,
        "community_member_id": member.id,
        "contact_id": member.id,
        "created_at": moment(member.joined_at),
        "updated_at": moment(member.joined_at),
    }


def tagging_id(target: Target, member: Member) -> int:
    """The id of one tag of one member."""
    return target.id * 1_000_000 + member.id


def attendee(target: Target, member: Member) -> dict[str, Any]:
    """One member at one event."""
    return {
        "id": target.id * 1_000_000 + member.id,
        "event_id": target.id,
        "community_member_id": member.id,
        "contact_id": member.id,
        "contact_type": "CommunityMember",
        "rsvp_status": "yes",
        "event_name": target.name,
        "member_name": member.name,
        "member_email": member.email,
        "member_avatar_url": None,
        "headline": "",
        "rsvp_date": moment(member.joined_at),
    }
