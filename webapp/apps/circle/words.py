"""How one speaks of targets and of what became of them, each sentence about one target alone. Nothing is decided here."""

from __future__ import annotations

from webapp.apps import MEMBERSHIP, Settled, Target
from webapp.apps.circle.actions import EVENT, KINDS, TAG

WORDS = {kind.key: kind.one for kind in KINDS}
LOOK = "Look at Circle's answer below. When the reason is gone, replay the entry."


def named(target: Target) -> str:
    """`space VIP Room`."""
    return f"{WORDS[target.kind]} {target.name}"


def added(target: Target, community: str) -> str:
    """What a successful add says of its target."""
    if target.kind == MEMBERSHIP:
        return f"Invited to {community}."
    if target.kind == EVENT:
        return f"RSVP made for {named(target)}."
    return f"Added tag {target.name}." if target.kind == TAG else f"Added to {named(target)}."


def removed(target: Target, community: str) -> str:
    """What a successful removal says of its target."""
    if target.kind == MEMBERSHIP:
        return f"Removed from {community}."
    if target.kind == EVENT:
        return f"RSVP taken back from {named(target)}."
    return f"Removed tag {target.name}." if target.kind == TAG else f"Removed from {named(target)}."


def was_there(target: Target, community: str) -> str:
    """What an add says where nothing had to be done."""
    if target.kind == MEMBERSHIP:
        return f"Was already a member of {community}: nothing to do."
    if target.kind == EVENT:
        return f"Had an RSVP for the {named(target)} already: nothing to do."
    return (
        f"Had the tag {target.name} already: nothing to do."
        if target.kind == TAG
        else f"Was already in the {named(target)}: nothing to do."
    )


def was_absent(target: Target, community: str) -> str:
    """What a removal says where nothing had to be done."""
    if target.kind == MEMBERSHIP:
        return f"Was not a member of {community}: nothing to do."
    if target.kind == EVENT:
        return f"Had no RSVP for the {named(target)}: nothing to do."
    return (
        f"Did not have the tag {target.name}: nothing to do." if target.kind == TAG else f"Was not in the {named(target)}: nothing to do."
    )


def done(target: Target, community: str, *, held: bool) -> Settled:
    """Our call did it."""
    return Settled("done", (added if held else removed)(target, community))


def already(target: Target, community: str, *, held: bool) -> Settled:
    """It was so before."""
    return Settled("already", (was_there if held else was_absent)(target, community))


def broken(target: Target, community: str) -> Settled:
    """Circle no longer has the target."""
    todo = f"Choose another {WORDS[target.kind]} for the rule. What failed can then be replayed."
    return Settled("broken", f"The {named(target)} no longer exists in {community}.", "target_gone", todo)


def refused(doing: str, quoted: str) -> Settled:
    """Circle refuses for a reason of its own, and would again. `doing`: "remove mina@shop.test from My community"."""
    return Settled("failed", f"Circle refused to {doing}: {quoted}", "refused", LOOK)
