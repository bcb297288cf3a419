"""What can be done in Circle and to what: kinds of target, the ten actions, and how one speaks of them. No call is made here."""

from __future__ import annotations

from types import MappingProxyType

from webapp.apps import MEMBERSHIP, Action, Field, Kind, Target, Trouble

SPACE, GROUP, EVENT, TAG = "space", "space_group", "event", "tag"

KINDS = (
    Kind(SPACE, "space", "spaces", grouped_by=GROUP),
    Kind(GROUP, "space group", "space groups"),
    Kind(EVENT, "event", "events"),
    Kind(TAG, "tag", "tags"),
)

FIELDS = (
    Field("api_key", "API Key", "In Circle: Developers → Tokens, type Admin V2.", secret=True),
    Field("community_url", "Community URL", "For links to people's pages; it is never called.", required=False),
)

ACTIONS = MappingProxyType(
    {
        action.key: action
        for action in (
            Action("invite_member", "Invite member", MEMBERSHIP, True, "invite the customer to {integration}"),
            Action("remove_member", "Remove member", MEMBERSHIP, False, "remove the customer from {integration}"),
            Action("add_to_space", "Add to space", SPACE, True, "add the customer to the space {target} in {integration}"),
            Action("remove_from_space", "Remove from space", SPACE, False, "remove the customer from the space {target} in {integration}"),
            Action("add_to_space_group", "Add to space group", GROUP, True, "add the customer to the space group {target} in {integration}"),
            Action(
                "remove_from_space_group", "Remove from space group", GROUP, False,
                "remove the customer from the space group {target} in {integration}",
            ),
            Action("rsvp_to_event", "RSVP to event", EVENT, True, "RSVP the customer to the event {target} in {integration}"),
            Action("un_rsvp_from_event", "Un-RSVP from event", EVENT, False, "un-RSVP the customer from the event {target} in {integration}"),
            Action("add_tag", "Add tag", TAG, True, "give the customer the tag {target} in {integration}"),
            Action("remove_tag", "Remove tag", TAG, False, "take the tag {target} from the customer in {integration}"),
        )
    }
)  # fmt: skip

TROUBLES = MappingProxyType(
    {
        "dead_key": Trouble(
            "Circle no longer accepts the API key of {integration}.",
            "Make a new token in Circle (Developers → Tokens, type Admin V2) and paste it.",
            "key",
        ),
        "no_api_plan": Trouble(
            "The Circle plan of {integration} does not include the API.",
            "It comes with Circle's Business plan and above. After the upgrade press Refresh; what waits will run.",
            "refresh",
        ),
    }
)

WORDS = {SPACE: "space", GROUP: "space group", EVENT: "event", TAG: "tag"}


def named(target: Target) -> str:
    """`space VIP Room`."""
    return f"{WORDS[target.kind]} {target.name}"


def added(target: Target, community: str) -> str:
    """What a successful add says of its target."""
    match target.kind:
        case "membership":
            return f"Invited to {community}."
        case "event":
            return f"RSVP to the event {target.name}."
        case "tag":
            return f"Added tag {target.name}."
        case _:
            return f"Added to {named(target)}."


def removed(target: Target, community: str) -> str:
    """What a successful removal says of its target."""
    match target.kind:
        case "membership":
            return f"Removed from {community}."
        case "event":
            return f"Took back the RSVP to the event {target.name}."
        case "tag":
            return f"Removed tag {target.name}."
        case _:
            return f"Removed from {named(target)}."


def was_there(target: Target, community: str) -> str:
    """What an add says where nothing had to be done."""
    match target.kind:
        case "membership":
            return f"Was already a member of {community}: nothing to do."
        case "event":
            return f"Had an RSVP to the event {target.name} already: nothing to do."
        case "tag":
            return f"Had the tag {target.name} already: nothing to do."
        case _:
            return f"Was already in the {named(target)}: nothing to do."


def was_not_there(target: Target, community: str) -> str:
    """What a removal says where nothing had to be done."""
    match target.kind:
        case "membership":
            return f"Was not a member of {community}: nothing to do."
        case "event":
            return f"Had no RSVP to the event {target.name}: nothing to do."
        case "tag":
            return f"Did not have the tag {target.name}: nothing to do."
        case _:
            return f"Was not in the {named(target)}: nothing to do."


def gone(target: Target, community: str) -> str:
    """What an add says of a target that Circle no longer has."""
    return f"The {named(target)} no longer exists in {community}."
