"""What every simulation begins with: who buys, what is sold, what there is in the community. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

START = datetime(2026, 11, 24, 8, tzinfo=UTC)

PEOPLE: Mapping[str, str] = {"mina@shop.test": "Mina Berg", "noor@shop.test": "Noor"}
"""Names of the customers by e-mail."""

PRODUCTS = ("ads", "pro")

MEMBER = "member"
"""The name of the membership, beside those of the places."""

CLUB = "Club"


ANNEX = "annex member"
"""The membership of the second community."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something in a community: its kind in Cartwheel's words, its name, and whether it lies in the space group."""

    kind: str
    name: str
    in_club: bool = False


PLACES = (
    Place("space_group", CLUB),
    Place("space", "VIP Room", in_club=True),
    Place("space", "Basics", in_club=True),
    Place("space", "Lounge"),
    Place("event", "Launch Party"),
    Place("tag", "Fan"),
    Place("tag", "Abandoned"),
)
COMMUNITIES: Mapping[str, tuple[Place, ...]] = {MEMBER: PLACES, ANNEX: (Place("space", "Hall"), Place("tag", "Guest"))}
"""What there is in each community, by the name of its membership. No name is there twice."""

HOME: Mapping[str, str] = {name: member for member, places in COMMUNITIES.items() for name in (member, *(place.name for place in places))}
"""The membership that each place needs, by name."""

KINDS: Mapping[str, str] = {
    **dict.fromkeys(COMMUNITIES, "membership"), **{place.name: place.kind for places in COMMUNITIES.values() for place in places},
}  # fmt: skip
"""The kinds of all that can be held, by name."""

ADDS: Mapping[str, str] = {
    "membership": "invite_member", "space": "add_to_space", "space_group": "add_to_space_group", "event": "rsvp_to_event", "tag": "add_tag",
}  # fmt: skip
REMOVES: Mapping[str, str] = {
    "membership": "remove_member", "space": "remove_from_space", "space_group": "remove_from_space_group", "event": "un_rsvp_from_event",
    "tag": "remove_tag",
}  # fmt: skip
"""The actions by the kind of what they are about."""
