"""What an entry's page says first: whether the customer got in. One sentence without its full stop. Pure."""

from __future__ import annotations

from webapp.apps import MEMBERSHIP
from webapp.engine.sentences import PLACES
from webapp.engine.story import Story

SAYS = {
    "no_rule": "No rule is about this",
    "nothing": "Nothing new in this message",
    "not_understood": "This message was not understood",
}
"""For entries that no rule made."""

VERBS = {True: ("invited to", "added to"), False: ("removed from", "removed from")}
"""What is done to a customer, by whether it gives: about the membership, and about a place in it."""


def headline(story: Story) -> str:
    """“Maya was added to the space VIP Room”, “Lucia could not be added to …”, “Tom is to be invited to …”."""
    status = story.row.status
    if status in SAYS:
        return SAYS[status]
    if story.action is None or story.target is None or story.integration is None or not story.who:
        return story.row.sentence.rstrip(".")
    said = _said(story.action.kind, story.target.name, story.integration.name, story.action.adds)
    match status:
        case "succeeded":
            return f"{story.who} was {said}"
        case "failed":
            return f"{story.who} could not be {said}"
        case "unchanged":
            return f"Nothing had to be done for {story.who}"
        case "skipped":
            return f"Skipped: {story.who} was not {said}"
        case _:
            return f"{story.who} is to be {said}"


def _said(kind: str, target: str, integration: str, adds: bool) -> str:
    match kind:
        case "event":
            return f"{'signed up for' if adds else 'signed off from'} the event {target}"
        case "tag":
            return f"given the tag {target}" if adds else f"freed of the tag {target}"
    verb = VERBS[adds][kind != MEMBERSHIP]
    return f"{verb} {integration if kind == MEMBERSHIP else f'the {PLACES.get(kind, kind)} {target}'}"
