"""What the answers to the calls about a person mean: invite, search, look up, remove from the community. Pure (docs/circle.md)."""

from __future__ import annotations

from dataclasses import replace

from webapp.apps import Answer, Call, Known, Learned, Setback, Settled, Want
from webapp.apps.circle import memory, outcomes, texts
from webapp.apps.circle.actions import GROUP, SPACE, TAG
from webapp.apps.circle.memory import wanted

RECORDS = (("space group", GROUP), ("member tag", TAG), ("space", SPACE))
"""What Circle calls the things that an invite can carry; the longer names first, since one contains another."""


def invite(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`POST /community_members`."""
    said = _without_names(want, call, texts.said(answer))
    if answer.status == 409 or ("already" in said and answer.status in (200, 201, 422)):
        return _was_member(want, known, call, answer)
    if texts.ok(answer):
        return _was_member(want, known, call, answer) if texts.member(answer) is None else _joined(want, known, call, answer)
    if answer.status == 422 and "invalid email" in said:
        todo = "Correct the address in your checkout and let it send the order again. Then skip this entry."
        return _nobody(want, known, f"Circle refused {known.email} as an e-mail address.", "invalid_email", todo)
    if answer.status == 403 and "daily" in said:
        sentence = f"{want.community} has taken in as many new members as Circle allows in a day."
        return Learned(known, setback=Setback("tomorrow", sentence, "daily_limit"))
    if answer.status == 403 and "maximum limit" in said:
        sentence = f"{want.community} has as many members as its Circle plan allows."
        return _nobody(want, known, sentence, "member_limit", "Make room or upgrade the plan in Circle, then replay the entry.")
    return _lighter(want, known, call, answer) or outcomes.refused(
        want, known, outcomes.all_adds(want), f"invite {known.email} to {want.community}", answer
    )


def _without_names(want: Want, call: Call, said: str) -> str:
    """What was said without the places' names, of which one may be "Already a pro"."""
    for key in call.targets[1:]:
        said = said.replace(want.targets[key].name.lower(), " ")
    return said


def _joined(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """A new member, with what was sent along. What was believed before is of a membership that has ended."""
    person = texts.member(answer)
    applied = _applied(want, call, answer)
    rest = [t for t in want.desired if wanted(want, t) and t not in applied and t in want.targets and t not in want.settled]
    unknown = [t for t in rest if t not in want.asked or t in call.targets]
    now = memory.settled_doubts(known).after(memory.INVITED, memory.HERE)
    now = Known(now.email, now.name, person.id if person else None, {}, now.tried)
    now = with_tags(want, now, person).believe("unknown", *unknown).believe("held", *applied)
    returned = _may_return(want, now) if known.member_id else ()
    return outcomes.done(want, now.after(*(memory.about(memory.RETURNED, t) for t in returned)), applied)


def _may_return(want: Want, known: Known) -> tuple[int, ...]:
    """What was taken from somebody before their membership ended: with a new one Circle may give it back [?]. Tags it tells."""
    taken = (t for t, held in want.desired.items() if not held and t in want.targets)
    tags = {t for t, belief in known.beliefs.items() if belief.held == "held"}
    return tuple(t for t in taken if want.targets[t].kind in (SPACE, GROUP) or (want.targets[t].kind == TAG and t in tags))


def _applied(want: Want, call: Call, answer: Answer) -> tuple[int, ...]:
    """The targets of an invite that was answered with 201 as for a new member, without those that the answer itself shows not to be held.

    Circle lists the places that it added in its message, and the tags in the record [A]. Somebody who has been there before was a member
    all along, for whom what is sent along may not be applied.
    """
    person, said = texts.member(answer), texts.said(answer)
    sent = [want.targets[t] for t in call.targets[1:]]
    listed = person.tags if person else None
    untagged = {one.key for one in sent if one.kind == TAG and listed is not None and one.remote_id not in listed}
    places = [one for one in sent if one.kind != TAG]
    no_tag_came = bool(untagged) and len(untagged) == len(sent) - len(places)
    if "added to following" in said:
        unplaced = {one.key for one in places if one.name.lower() not in said}
    else:
        unplaced = {one.key for one in places} if no_tag_came or (person and person.seen) else set()
    return tuple(t for t in call.targets if t not in untagged | unplaced)


def _was_member(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """They are a member already. What was sent along is not trusted: the adds that are missing follow, each by itself."""
    person = texts.member(answer)
    now = memory.settled_doubts(known).after(memory.INVITED, memory.HERE)
    untrusted = [t for t in call.targets[1:] if t not in want.asked]
    if not memory.is_member(want, known):
        now = now.forget(*(t for t, belief in now.beliefs.items() if belief.held == "not_held"))  # of a membership that has ended
    now = replace(now, member_id=person.id if person else known.member_id).believe("unknown", *untrusted)
    if person and person.tags:
        now = now.believe("held", *(t for t, one in want.targets.items() if one.kind == TAG and one.remote_id in person.tags))
    return outcomes.already(want, now.believe("held", want.membership), (want.membership,))


def _nobody(want: Want, known: Known, sentence: str, cause: str, todo: str) -> Learned:
    """Nobody is invited: nothing that needs a member can be done. That they are none is not said: they may have joined before Cartwheel."""
    settled = Settled("failed", sentence, cause, todo)
    return outcomes.conclude(want, known, dict.fromkeys(outcomes.all_adds(want), settled))


def _lighter(want: Want, known: Known, call: Call, answer: Answer) -> Learned | None:
    """Something that was sent along is missing, so nobody was invited: again without it, and what is left out is added by itself.

    A 404 for the only thing of its kind is proof. Where there are several, the adds show which one it is.
    """
    sent = call.targets[1:]
    if not sent or answer.status not in (400, 404, 422):
        return None
    said = texts.record(answer) if answer.status == 404 else texts.said(answer)
    kind = next((kind for name, kind in RECORDS if name in said), None)
    mine = [t for t in sent if want.targets[t].kind == kind]
    if answer.status == 404 and len(mine) == 1:
        return outcomes.broken(want, known, mine[0])
    if mine:
        return Learned(known.after(memory.about(memory.BARE, str(kind))))
    return Learned(known.after(memory.BARE)) if answer.status == 404 else None


def with_tags(want: Want, known: Known, person: texts.Member | None) -> Known:
    """A record that lists the tags tells of each one whether it is held."""
    if person is None or person.tags is None:
        return known
    tags = {t: one.remote_id in person.tags for t, one in want.targets.items() if one.kind == TAG}
    now = known.believe("held", *(t for t, there in tags.items() if there))
    return now.believe("not_held", *(t for t, there in tags.items() if not there))


def search(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /community_members/search`: for the id of somebody who is to be removed.

    `active` doesn't matter: it is false for who was invited and has not come yet, too.
    """
    person = texts.member(answer) if texts.ok(answer) else None
    if person and person.email in ("", _normal(known)):
        return Learned(replace(known, member_id=person.id).believe("held", want.membership).after(memory.HERE))
    if answer.status == 404 or texts.ok(answer):
        return outcomes.already(want, memory.has_left(want, known), call.targets)
    return outcomes.refused(want, known, (want.membership,), f"look up {known.email}", answer)


def look_up(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /community_members/{id}`: who the member is now. Under another address (an alias), the same one, or gone."""
    now = memory.without(known, memory.WHO).after(memory.LOOKED)
    person = texts.member(answer) if texts.ok(answer) else None
    if person and person.email not in ("", _normal(known)):
        renamed = replace(memory.settled_doubts(now), email=person.email).believe("held", want.membership)
        renamed = renamed if person.active is False else renamed.after(memory.HERE)
        settled = outcomes.already(want, renamed, call.targets)
        return replace(settled, alias=person.email)
    if person and person.active is not False:
        return _same(want, with_tags(want, now, person), call)
    if person:
        return _inactive(want, now)
    if answer.status == 404 or texts.ok(answer):
        return Learned(memory.lapsed(want, now))
    return Learned(now)


def _same(want: Want, known: Known, call: Call) -> Learned:
    """They are a member, under this address: what was refused was refused for another reason, but where Circle denied the member outright."""
    doubted, denied = memory.keys(known, memory.DOUBT), memory.keys(known, memory.STRANGER)
    if any(wanted(want, t) for t in denied):
        return Learned(memory.lapsed(want, known))
    now = memory.settled_doubts(known).after(memory.HERE).believe("held", want.membership)
    absent = {t for t in doubted | denied if not wanted(want, t)}
    untaggable = {t for t in doubted - absent if want.targets[t].kind == TAG}
    now = now.after(*(memory.about(memory.SHOW, t) for t in doubted - absent - untaggable))
    learned = outcomes.already(want, now.believe("not_held", *absent), (*call.targets, *absent))
    for key in untaggable:
        found = outcomes.broken(want, learned.known, key)
        learned = replace(found, settled={**learned.settled, **found.settled})
    return learned


def _inactive(want: Want, known: Known) -> Learned:
    """Removed, or invited and not come yet: who is to be added is invited, which ends right for both; who is to be taken out is out."""
    absent = {t for t in memory.keys(known, memory.DOUBT, memory.STRANGER) if not wanted(want, t)}
    if absent and not memory.joins(want):
        return outcomes.already(want, memory.settled_doubts(known).believe("not_held", *absent), absent)
    return Learned(memory.lapsed(want, known))


def deactivate(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`DELETE /community_members/{id}`."""
    if texts.ok(answer):
        return outcomes.done(want, memory.has_left(want, known), call.targets)
    if answer.status == 404:
        return outcomes.already(want, memory.has_left(want, known), call.targets)
    said, who = texts.said(answer), f"{known.email} from {want.community}"
    if "cancel the subscription" in said:
        sentence = f"Circle could not remove {who}, since it could not cancel what they pay there: {texts.quoted(answer)}"
        todo = "Cancel the paid membership of this person in Circle by hand, then replay the entry."
        return outcomes.failed(want, known, want.membership, sentence, "paid_membership", todo)
    if "cannot perform" in said:
        sentence = f"Circle does not let anybody remove {who}: probably the owner or an admin of the community."
        return outcomes.failed(want, known, want.membership, sentence, "not_allowed", "Remove them in Circle by hand, or skip this entry.")
    return outcomes.refused(want, known, (want.membership,), f"remove {who}", answer)


def _normal(known: Known) -> str:
    return known.email.strip().lower()
