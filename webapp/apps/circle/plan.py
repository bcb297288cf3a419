"""What is believed → what is desired, with the fewest metered calls. Pure; what an answer means is in answers.py.

Only the first call of a plan is made; its answer is learned and the rest is planned anew (the words that are kept meanwhile: memory.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from webapp.apps import Call, Known, Settled, Target, Want
from webapp.apps.circle import memory, requests, words
from webapp.apps.circle.actions import EVENT, GROUP, SPACE, TAG
from webapp.apps.circle.memory import adrift, in_doubt, is_member, wanted

ORDER = (GROUP, SPACE, TAG, EVENT)
"""In which kinds come: leaving a group takes its spaces along, so that they come after it."""


def plan(want: Want, known: Known) -> tuple[Call, ...]:
    """The calls, in order; empty where all that is asked for is believed to be so.

    Membership comes first when joining; then removals, then adds; leaving takes everything along.
    """
    question = _question(want, known)
    if question:
        return (question,)
    open_ = todo(want, known)
    removals = [t for t in open_ if not wanted(want, t)]
    if want.membership in removals:
        return (_leave(want, known, removals),)
    adds = [t for t in open_ if wanted(want, t)]
    joins = _join(want, known, adds, removals)
    carried = {t for call in joins for t in call.targets} | {want.membership}
    takes = _removals(want, known, removals)
    back = _taken_along(want, takes) - {*adds, *carried}
    gives = _sorted(want, {*adds, *back} - carried)
    return (*joins, *takes, *(requests.add(known, want.targets[t]) for t in gives))


def rest(want: Want, known: Known) -> Mapping[int, Settled]:
    """For an empty plan: what to say of each asked target that no call has settled."""
    said: dict[int, Settled] = {}
    for key in want.asked - want.settled:
        target, held = want.targets[key], wanted(want, key)
        if memory.about(memory.DID, key) in known.tried:
            said[key] = _not_put_back(want, target) or words.done(target, want.community, held=held)
        elif target.gone:
            said[key] = words.broken(target, want.community)
        else:
            said[key] = words.already(target, want.community, held=held)
    return said


def todo(want: Want, known: Known) -> list[int]:
    """The targets to work on: asked for or adrift, not settled, not gone, and not freshly believed to be as desired."""
    there = [t for t in (want.asked - want.settled) | adrift(want, known) if not want.targets[t].gone]
    return sorted(t for t in there if not _agrees(want, known, t))


def within(space: Target, group: Target) -> bool:
    """Whether the first is a space in the second."""
    return group.kind == GROUP and space.kind == SPACE and space.group == group.remote_id


def _agrees(want: Want, known: Known, target: int) -> bool:
    """Whether a belief that is young enough says what is desired. Who is no member holds nothing."""
    member, belief = known.beliefs.get(want.membership), known.beliefs.get(target)
    if not wanted(want, target) and member and member.fresh and member.held == "not_held":
        return True
    return belief is not None and belief.fresh and belief.held == ("held" if wanted(want, target) else "not_held")


def _question(want: Want, known: Known) -> Call | None:
    """What an answer has left open, and has to be known before anything else is done."""
    if memory.KEY in known.tried:
        return requests.check_key()
    if memory.WHO in known.tried and known.member_id:
        return requests.look_up(known)
    for word in sorted(known.tried):
        name, _, key = word.partition(":")
        target = want.targets.get(int(key.partition(":")[0])) if name in (memory.CHECK, memory.SHOW, memory.ATTENDS) else None
        if target is None or target.key in want.settled:
            continue
        if name == memory.ATTENDS:
            return requests.attendees(known, target, int(key.partition(":")[2]))
        return requests.check_space(known, target) if name == memory.CHECK else requests.show(target)
    return None


def _leave(want: Want, known: Known, removals: Collection[int]) -> Call:
    """Out of the community: by id, which is searched for where it is not known, or that of a membership which has ended. Whatever else was
    to be taken goes with it."""
    targets = (want.membership, *_sorted(want, removals))
    ended = want.membership in known.beliefs and known.beliefs[want.membership].held == "not_held"
    make = requests.search if known.member_id is None or ended else requests.deactivate
    return make(known, targets, want.community)


def _join(want: Want, known: Known, adds: Collection[int], removals: Collection[int]) -> tuple[Call, ...]:
    """How to become a member, or to renew the belief that they are one: for nothing by any other call that names their e-mail."""
    if not adds:
        return ()
    # They may have another e-mail in Circle: to invite the old one would make a second account.
    unseen = known.member_id is not None and memory.LOOKED not in known.tried
    if not is_member(want, known):
        return (_look_up(want, known, adds) if unseen and in_doubt(want, known) else _invite(want, known, want.desired),)
    if want.membership not in adds or len(adds) > 1 or removals:
        return ()
    return (_look_up(want, known, adds) if unseen else _invite(want, known, ()),)


def _look_up(want: Want, known: Known, adds: Collection[int]) -> Call:
    return requests.look_up(known, (want.membership,) if want.membership in adds else ())


def _invite(want: Want, known: Known, desired: Iterable[int]) -> Call:
    """One invite that carries everything desired, asked for or not: nothing of it can be there yet."""
    carried = [want.targets[t] for t in _sorted(want, desired) if t not in want.settled and _carries(want, known, t)]
    return requests.invite(known, want.membership, carried, want.community, mail=want.send_invitation)


def _carries(want: Want, known: Known, key: int) -> bool:
    target = want.targets[key]
    bare = known.tried & {memory.BARE, memory.about(memory.BARE, target.kind)}
    return wanted(want, key) and target.kind in requests.CARRIED and not target.gone and not bare


def _removals(want: Want, known: Known, removals: Collection[int]) -> list[Call]:
    """Leaving a group takes the spaces of the group along, also those that are to be taken anyway."""
    calls: list[Call] = []
    along: set[int] = set()
    for key in _sorted(want, removals):
        if key not in along:
            group = want.targets[key]
            spaces = [t for t in removals if within(want.targets[t], group)]
            along.update(spaces)
            calls.append(requests.remove(known, group, spaces))
    return calls


def _taken_along(want: Want, removals: Iterable[Call]) -> set[int]:
    """The spaces that are desired and go with a group that is left: they are put back."""
    groups = [want.targets[call.targets[0]] for call in removals]
    return {t for t, one in want.targets.items() for group in groups if within(one, group) and _comes_back(want, t)}


def _comes_back(want: Want, key: int) -> bool:
    return wanted(want, key) and key not in want.settled and not want.targets[key].gone


def _not_put_back(want: Want, group: Target) -> Settled | None:
    """A removal from a group that has cost somebody a space which they still pay for: no success."""
    lost = [
        words.named(one) for t, one in want.targets.items() if within(one, group) and wanted(want, t) and t in want.settled - want.asked
    ]
    if wanted(want, group.key) or not lost:
        return None
    sentence = f"Removed from {words.named(group)}; but Circle took the {' and the '.join(lost)} along and did not give it back."
    return Settled("failed", sentence, "not_put_back", "Add the customer there in Circle by hand, or replay what granted it.")


def _sorted(want: Want, targets: Iterable[int]) -> list[int]:
    """Places, tags and events in the order in which their calls are made; the membership is none of them."""
    here = [t for t in targets if t in want.targets and want.targets[t].kind in ORDER]
    return sorted(here, key=lambda t: (ORDER.index(want.targets[t].kind), t))
