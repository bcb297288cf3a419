"""What Circle might answer where nobody outside Circle knows, one field a question. No behaviour lives here."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, get_args, get_type_hints


@dataclass(frozen=True, slots=True)
class Answers:
    """One plausible Circle. The defaults are the likeliest; `drawn` gives any of the others.

    Every field is a question that Circle's own description leaves open, so a client has to end right under each value.
    """

    existing_invite: Literal["201_message", "201_plain", "422", "422_taken", "409"] = "201_message"
    """Inviting somebody who is a member: 201 that says so, 201 as for a new one, or one of three refusals."""
    existing_invite_applies_ids: bool = False
    """Whether a 201 for an existing member applied the space, group and tag ids that were sent along."""
    invite_deleted_id: Literal["404", "ignored", "422"] = "404"
    """An invite that carries the id of something deleted: refused (nobody is invited), or done without that id."""
    reinvite_restores: bool = False
    """Whether a removed member who is invited again has the spaces and groups of before as well."""
    missing_first: Literal["target", "person"] = "target"
    """Which of two missing things a space or group call complains about."""
    already_in_space: Literal["200", "422"] = "200"
    """Adding to a space somebody who is in it."""
    space_add_removed_member: Literal["404", "422"] = "404"
    """Adding a deactivated member to a space: "user" is missing, or "User not added to space."."""
    group_add_stranger: Literal["422", "404"] = "422"
    """Adding to a space group somebody who is not a member. Both are described."""
    group_remove_stranger: Literal["422", "404"] = "404"
    """Removing from a space group somebody who is not a member. Both are described."""
    already_tagged: Literal["201", "200", "422"] = "201"
    """Tagging somebody who has the tag."""
    absent_untag: Literal["404", "200"] = "404"
    """Taking a tag from somebody who does not have it."""
    second_rsvp: Literal["200", "422", "404"] = "200"
    """RSVP of somebody who attends already."""
    absent_unrsvp: Literal["404", "200", "422"] = "404"
    """Un-RSVP of a member who does not attend."""
    show_removed_member: Literal["404", "200"] = "404"
    """`GET /community_members/{id}` and the search, for a deactivated member; 200 has `active: false`."""
    deactivate_removed_member: Literal["404", "200"] = "404"
    """Deactivating somebody who is deactivated."""
    deactivated: Literal["200", "200_empty", "204"] = "200"
    """What a deactivation that worked is answered with."""
    remove_owner: Literal["401", "403", "422"] = "401"
    """Deactivating the owner of the community; always "You cannot perform this action."."""
    spaces_of_stranger: Literal["empty", "404"] = "empty"
    """`GET /community_member_spaces` for somebody who is not a member."""
    error_details: Literal["object", "string", "array", "null", "absent"] = "object"
    """The form of `error_details`. Where it cannot hold the missing record, `message` names it."""
    says_success: bool = True
    """Whether bodies have the key `success` where Circle's examples have it."""
    dead_key_message: Literal["The API token is invalid.", "API token not found."] = "The API token is invalid."
    """What a key that was deleted is answered with, with status 401."""
    retry_after: Literal[60, 0, 5] = 60
    """Seconds in the Retry-After of a 429; 0 for no such header."""
    rate_limited_body: Literal["json", "empty", "text", "html"] = "json"
    """The body of a 429, which Circle does not describe."""

    @classmethod
    def drawn(cls, rng: random.Random) -> Answers:
        """Any Circle, each question answered by `rng`. The same state of `rng` draws the same."""
        return cls(**{name: rng.choice(values) for name, values in choices().items()})

    def changed(self, fields: Mapping[str, Any]) -> Answers:
        """These answers with some of them changed. ValueError for a question or an answer that does not exist."""
        for name, value in fields.items():
            if value not in choices().get(name, ()) or isinstance(value, bool) != isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}={value!r} is not an answer; there are {choices().get(name, 'no such questions')}")
        return replace(self, **fields)


@cache
def choices() -> dict[str, tuple[Any, ...]]:
    """Every question with its possible answers, the default first."""
    hints = get_type_hints(Answers)
    return {name: (False, True) if hint is bool else get_args(hint) for name, hint in hints.items()}
