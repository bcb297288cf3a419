"""What is believed → what is desired, with the fewest metered calls. Pure; what an answer means is in answers.py.

Only the first call of a plan is made; its answer is learned, and the rest is planned anew. `Known.tried` keeps that from going in circles:
`invited`, `looked` (who they are was asked), `searched`, `bare:KIND` (an invite does not carry this kind), `check:KEY`, `event:KEY`,
`disturbed:KEY` (a group's removal took this space along).
"""

from __future__ import annotations

from collections.abc import Mapping

from webapp.apps import Call, Known, Settled, Target, Want
from webapp.apps.circle import requests
from webapp.apps.circle.actions import EVENT, GROUP, SPACE, TAG, gone, was_not_there, was_there

ORDER = (GROUP, SPACE, TAG, EVENT)
"""In which kinds come: a group's removal takes its spaces along, so it goes before they are put back; RSVPs need a member."""


def plan(want: Want, known: Known) -> tuple[Call, ...]:
    """The calls, in order; empty where all that is asked for is believed to be so."""
    probe = _probe(want, known)
    if probe:
        return (probe,)
    if want.membership in todo(want, known) and not wanted(want, want.membership):
        return (_leave(want, known),)
    adds = [t for t in todo(want, known) if wanted(want, t)]
    removals = [t for t in todo(want, known) if not wanted(want, t)]
    joins: tuple[Call, ...] = ()
    if adds and (not is_member(want, known) or adds == [want.membership]):  # an add that succeeds renews the membership's belief, too
        joins = (_invite(want, known),)
        carried = set(joins[0].targets)
        adds = [t for t in adds if t not in carried]
    return (*joins, *_removals(want, known, removals), *(requests.add(known, want.targets[t]) for t in _sorted(want, adds)))


def rest(want: Want, known: Known) -> Mapping[int, Settled]:
    """What to say of each asked target that no call settled: it was so already, or it is gone."""
    said = {}
    for key in want.asked - want.settled:
        target = want.targets[key]
        if not wanted(want, key):
            said[key] = Settled("already", was_not_there(target, want.community))
        elif target.gone:
            said[key] = broken(want, target)
        else:
            said[key] = Settled("already", was_there(target, want.community))
    return said


def broken(want: Want, target: Target) -> Settled:
    """The target is no longer there."""
    todo_ = "Choose another target for the rule. The entries that failed can then be replayed together."
    return Settled("broken", gone(target, want.community), "target_gone", todo_)


def todo(want: Want, known: Known) -> list[int]:
    """The targets to work on: asked for, or disturbed on the way; not settled, not gone, and not believed to be so already."""
    disturbed = {t for t in want.targets if f"disturbed:{t}" in known.tried and wanted(want, t)}
    open_ = {t for t in (want.asked | disturbed) - want.settled if not want.targets[t].gone}
    return sorted(t for t in open_ if not agrees(want, known, t))


def wanted(want: Want, target: int) -> bool:
    """Whether it should be held."""
    return want.desired.get(target, False)


def agrees(want: Want, known: Known, target: int) -> bool:
    """Whether a belief that is young enough says what is desired. Who is no member holds nothing."""
    member, belief = known.beliefs.get(want.membership), known.beliefs.get(target)
    if not wanted(want, target) and member is not None and member.fresh and member.held == "not_held":
        return True
    return belief is not None and belief.fresh and belief.held == ("held" if wanted(want, target) else "not_held")


def is_member(want: Want, known: Known) -> bool:
    """Whether they are believed to be a member, however old the belief: acting by e-mail renews it for nothing."""
    belief = known.beliefs.get(want.membership)
    return belief is not None and belief.held == "held"


def _probe(want: Want, known: Known) -> Call | None:
    """A question that an answer has left open (`ask:...` in `tried`)."""
    if "ask:look_up" in known.tried and "looked" not in known.tried:
        return requests.look_up(known)
    for key, target in want.targets.items():
        if key in want.settled:
            continue
        if f"ask:space:{key}" in known.tried and f"check:{key}" not in known.tried:
            return requests.check_space(known, target)
        if f"ask:event:{key}" in known.tried and f"event:{key}" not in known.tried:
            return requests.look_up_event(target)
    return None


def _leave(want: Want, known: Known) -> Call:
    """Out of the community: by id, which is searched for where it is not known. Whatever else was to be taken goes with it."""
    if known.member_id is None:
        return requests.search(known)
    along = tuple(t for t in todo(want, known) if t != want.membership)
    return requests.deactivate(known, (want.membership, *along), want.community)


def _invite(want: Want, known: Known) -> Call:
    """One invite that carries everything desired: nothing of it can be there yet. For somebody who is a member it carries what is asked."""
    keys = todo(want, known) if is_member(want, known) else [t for t in want.desired if t in want.targets and t not in want.settled]
    carried = [want.targets[t] for t in _sorted(want, keys) if wanted(want, t) and _carries(want.targets[t], known)]
    return requests.invite(known, want.membership, carried, not want.send_invitation, want.community)


def _carries(target: Target, known: Known) -> bool:
    return target.kind in requests.CARRIED and not target.gone and not known.tried & {f"bare:{target.kind}", "bare"}


def _removals(want: Want, known: Known, keys: list[int]) -> list[Call]:
    """A group's removal takes the spaces of the group along, also those that are to be removed anyway."""
    calls, taken = [], set[int]()
    for key in _sorted(want, keys):
        target = want.targets[key]
        if key in taken:
            continue
        along = tuple(t for t in keys if _within(want.targets[t], target))
        taken |= set(along)
        calls.append(requests.remove(known, target, along))
    return calls


def _within(space: Target, group: Target) -> bool:
    return group.kind == GROUP and space.kind == SPACE and space.group == group.remote_id


def disturbed_by(want: Want, group: Target) -> tuple[int, ...]:
    """The spaces of a group that are desired: its removal takes them along, so they are put back."""
    return tuple(key for key, target in want.targets.items() if _within(target, group) and wanted(want, key) and not target.gone)


def _sorted(want: Want, keys: list[int]) -> list[int]:
    return sorted((t for t in keys if want.targets[t].kind in ORDER), key=lambda t: (ORDER.index(want.targets[t].kind), t))
