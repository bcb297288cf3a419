"""The words that Circle's plan leaves itself in `Known.tried`, for one piece of work, so that nothing is asked or tried in a circle; and what
is done to a `Known` as a whole. Pure.

A word is either a fact of this work or a question that the next plan asks; about one target it is `word:KEY`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from webapp.apps import Known, Want

INVITED = "invited"
"""Fact: an invite was answered with a yes or an "already". There is one in a piece of work."""

HERE = "here"
"""Fact: Circle has shown that this address is a member's."""

LOOKED = "looked"
"""Fact: who the member with the known id is has been asked."""

BARE = "bare"
"""Fact: an invite was refused for what it carried; `bare:KIND`: it carries no such kind any more, `bare`: nothing at all."""

DID = "did"
"""Fact, of a target: our call did it, though it is not said before the rest of the work is done."""

RETURNED = "returned"
"""Fact, of a target: not desired, and may have come back together with a membership that had ended."""

WHO, CHECK, SHOW, ATTENDS, KEY = "who?", "check?", "show?", "attends?", "key?"
"""Questions: who is the member with this id · is the customer in this space · does the target exist · who comes to it · is the key good."""

DOUBT, STRANGER = "doubt", "stranger"
"""Facts, of a target: its call was refused in words that may mean, or that do mean, that this address is no member's."""

CHECKED, SHOWN, KEY_GOOD = "checked", "shown", "key good"
"""The facts that those questions end in."""


def about(word: str, key: int | str) -> str:
    """The word, of one target."""
    return f"{word}:{key}"


def keys(known: Known, *words: str) -> set[int]:
    """The targets of which one of these words is kept."""
    pairs = (kept.rpartition(":") for kept in known.tried)
    return {int(key) for word, _, key in pairs if word in words and key.isdigit()}


def without(known: Known, *words: str) -> Known:
    """The same, with these words forgotten, of whatever target."""
    left = frozenset(kept for kept in known.tried if kept.partition(":")[0] not in words)
    return replace(known, tried=left) if left != known.tried else known


def settled_doubts(known: Known) -> Known:
    """Who they are is clear now: every refusal that may have come of it is tried again, and counts then."""
    return without(known, WHO, CHECK, SHOW, ATTENDS, DOUBT, STRANGER, CHECKED, SHOWN)


def wanted(want: Want, target: int) -> bool:
    """Whether it should be held."""
    return want.desired.get(target, False)


def open_(want: Want, targets: Iterable[int]) -> tuple[int, ...]:
    """Those that are asked for and not settled."""
    return tuple(t for t in targets if t in want.asked and t not in want.settled)


def in_doubt(want: Want, known: Known) -> bool:
    """Whether they may or may not be one: a call of ours that would have told has not been heard of."""
    belief = known.beliefs.get(want.membership)
    return belief is not None and belief.held == "unknown"


def is_member(want: Want, known: Known) -> bool:
    """Whether they are believed to be one, however old the belief: acting by e-mail renews it for nothing.

    Where nothing is believed, a known id says that they were one.
    """
    belief = known.beliefs.get(want.membership)
    return belief.held == "held" if belief else known.member_id is not None


def is_here(want: Want, known: Known) -> Known:
    """A call by e-mail has succeeded: the address is a member's."""
    belief = known.beliefs.get(want.membership)
    now = known if HERE in known.tried else known.after(HERE)
    return now if belief and belief.fresh and belief.held == "held" else now.believe("held", want.membership)


def joins(want: Want) -> bool:
    """Whether anything that is asked for needs a member. Nobody is invited for the sake of a removal."""
    return any(wanted(want, t) for t in want.asked - want.settled)


def lapsed(want: Want, known: Known) -> Known:
    """They are no member, or not the one that was known: nothing that was believed holds. When they are invited now, all that is desired is
    unknown, and so seen to."""
    unknown = [t for t, held in want.desired.items() if held and t != want.membership and joins(want)]
    return replace(settled_doubts(known), beliefs={}).believe("unknown", *unknown).believe("not_held", want.membership)


def has_left(want: Want, known: Known) -> Known:
    """They are no member any more, and so in nothing. The id is kept: it says that they were one once."""
    return replace(known, beliefs={}).believe("not_held", want.membership, *want.targets)


def adrift(want: Want, known: Known) -> set[int]:
    """What nobody asks for now and a call of ours has disturbed: seen to as well.

    Desired and unknown, since a group took it along, a membership ended, or an answer was lost; or not desired and perhaps returned.
    """
    if not is_member(want, known) and not joins(want):
        return set()
    unknown = {t for t, belief in known.beliefs.items() if belief.held == "unknown" and t != want.membership and wanted(want, t)}
    returned = {t for t in keys(known, RETURNED) if t not in known.beliefs or known.beliefs[t].held != "not_held"}
    return {t for t in unknown | returned if t in want.targets and not want.targets[t].gone} - want.asked - want.settled
