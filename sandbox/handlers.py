"""Which function carries out which call. The calls and their shapes are in shapes.py, one line each here and there."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox import catalog_calls, label_calls, member_calls, place_calls
from sandbox.world import Handler

HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("GET", "/community"): catalog_calls.show_community,
    ("POST", "/community_members"): member_calls.invite,
    ("GET", "/community_members"): member_calls.members,
    ("GET", "/community_members/search"): member_calls.search,
    ("GET", "/community_members/{id}"): member_calls.show,
    ("DELETE", "/community_members/{id}"): member_calls.deactivate,
    ("GET", "/community_member_spaces"): member_calls.spaces_of,
    ("GET", "/spaces"): catalog_calls.listing("space"),
    ("GET", "/spaces/{id}"): catalog_calls.showing("space"),
    ("GET", "/space_groups"): catalog_calls.listing("group"),
    ("GET", "/space_groups/{id}"): catalog_calls.showing("group"),
    ("GET", "/events"): catalog_calls.listing("event"),
    ("GET", "/events/{id}"): catalog_calls.showing("event"),
    ("GET", "/member_tags"): catalog_calls.listing("tag"),
    ("GET", "/member_tags/{id}"): catalog_calls.showing("tag"),
    ("POST", "/space_members"): place_calls.space_add,
    ("DELETE", "/space_members"): place_calls.space_remove,
    ("GET", "/space_members"): place_calls.space_list,
    ("GET", "/space_member"): place_calls.space_check,
    ("POST", "/space_group_members"): place_calls.group_add,
    ("DELETE", "/space_group_members"): place_calls.group_remove,
    ("GET", "/space_group_members"): place_calls.group_list,
    ("GET", "/space_group_member"): place_calls.group_check,
    ("POST", "/event_attendees"): label_calls.rsvp,
    ("DELETE", "/event_attendees"): label_calls.un_rsvp,
    ("GET", "/event_attendees"): label_calls.attendees,
    ("POST", "/tagged_members"): label_calls.tag_add,
    ("DELETE", "/tagged_members"): label_calls.tag_remove,
    ("GET", "/tagged_members"): label_calls.tagged,
    ("GET", "/tagged_members/{id}"): label_calls.tagged_one,
}
