"""What can be done in Circle and to what: the kinds of target, the ten actions, what connecting asks for. No call is made here."""

from __future__ import annotations

from types import MappingProxyType

from webapp.apps import MEMBERSHIP, Action, Field, Kind, Trouble

SPACE, GROUP, EVENT, TAG = "space", "space_group", "event", "tag"

KINDS = (
    Kind(SPACE, "space", "spaces", grouped_by=GROUP),
    Kind(GROUP, "space group", "space groups"),
    Kind(EVENT, "event", "events"),
    Kind(TAG, "tag", "tags"),
)

FIELDS = (
    Field("api_key", "API Key", "In Circle: Developers → Tokens, type Admin V2.", secret=True),
    Field("community_url", "Community URL", "For links to people's pages; it is never called.", required=False, link=True),
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
