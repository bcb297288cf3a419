"""An app for tests of the engine: kinds and actions like a community's, and nothing behind them."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.apps import MEMBERSHIP, Action, Kind, Trouble

SPACE = Kind("space", "space", "spaces", grouped_by="space_group")
SPACE_GROUP = Kind("space_group", "space group", "space groups")
EVENT = Kind("event", "event", "events")
TAG = Kind("tag", "tag", "tags")
KINDS = (SPACE, SPACE_GROUP, EVENT, TAG)

INVITE = Action("invite_member", "Invite member", MEMBERSHIP, True, "invite the customer to {integration}")
REMOVE = Action("remove_member", "Remove member", MEMBERSHIP, False, "remove the customer from {integration}")
ADD = Action("add_to_space", "Add to space", "space", True, "add the customer to the space {target} in {integration}")
LEAVE = Action("remove_from_space", "Remove from space", "space", False, "remove the customer from the space {target} in {integration}")
ADD_TAG = Action("add_tag", "Add tag", "tag", True, "add the tag {target} to the customer in {integration}")


class AnApp:
    """What the engine asks of an app apart from its calls."""

    key = "circle"
    name = "Circle"
    kinds = KINDS
    actions: Mapping[str, Action] = {action.key: action for action in (INVITE, REMOVE, ADD, LEAVE, ADD_TAG)}
    troubles: Mapping[str, Trouble] = {
        "dead_key": Trouble("{integration}: the API key is no longer accepted.", "Paste another one.", "key"),
        "no_api_plan": Trouble("The plan of {integration} does not include the API.", "Upgrade it.", "refresh"),
    }
