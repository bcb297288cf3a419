"""The calls about the community itself and what there is in it: spaces, space groups, events, tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.records import community, event, paged, space, space_group, tag
from sandbox.replies import Reply, bluntly_missing, missing, said
from sandbox.state import Kind, State, Target
from sandbox.world import Ask, Handler, World

WRITERS: Mapping[Kind, Callable[[State, Target], dict[str, Any]]] = {
    "space": space,
    "group": space_group,
    "event": lambda _, target: event(target),
    "tag": tag,
}
RECORDS: Mapping[Kind, str] = {"space": "space", "group": "space group", "event": "posts/event", "tag": "member tag"}


def show_community(world: World, _: Ask) -> Reply:
    """`GET /community`."""
    return said(200, community(world))


def listing(kind: Kind) -> Handler:
    """`GET /spaces`, `/space_groups`, `/events` or `/member_tags`."""

    def answer(world: World, ask: Ask) -> Reply:
        return paged(ask, _sorted(world, ask, kind), lambda target: WRITERS[kind](world.state, target))

    return answer


def showing(kind: Kind) -> Handler:
    """`GET /spaces/{id}` and its like. Spaces and groups are missing in other words than events and tags."""
    complain = bluntly_missing if kind in ("space", "group") else missing

    def answer(world: World, ask: Ask) -> Reply:
        target = world.state.target(kind, ask.id)
        if target is None:
            return complain(world.answers, RECORDS[kind])
        return said(200, WRITERS[kind](world.state, target))

    return answer


def _sorted(world: World, ask: Ask, kind: Kind) -> list[Target]:
    """The targets in the order that was asked for. Events have no space and no date here: those filters pass all."""
    wanted, order = ask.query.get("name"), ask.query.get("sort", "")
    rows = [one for one in world.state.of_kind(kind) if wanted is None or wanted.lower() in one.name.lower()]
    if order.startswith("alphabetical"):
        rows.sort(key=lambda one: one.name.lower())
    newest_first = order in ("newest", "alphabetical_desc") or (kind == "event" and order != "oldest")
    return rows[::-1] if newest_first else rows
