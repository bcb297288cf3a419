"""What the answers to the calls about spaces, space groups, events and tags mean, call by call. Pure (docs/circle.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from webapp.apps import Answer, Call, Known, Learned, Want
from webapp.apps.circle import memory, outcomes, requests, texts, words
from webapp.apps.circle.actions import EVENT, GROUP, SPACE, TAG
from webapp.apps.circle.memory import is_here, is_member, wanted
from webapp.apps.circle.plan import within

OWN = {SPACE: "space", GROUP: "space group"}
"""The record that a 404 names where the place itself is missing. For events and tags it never tells."""

DENIED = ("user", "community member")
NO_MEMBER = re.compile(r"not a member|no member")
ABSENT = re.compile(r"cannot be removed|not (?:a |in |attending|tagged|there|found|rsvp)|n't |already|no rsvp")
"""A 422 to a removal in such words says that there is nothing to remove."""

MOST_PAGES = 20
"""Of an event's attendees, at a hundred each."""

FOUND_NOT = "Look the person up in Circle, then replay the entry."


def add(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`POST` of a place, event or tag."""
    key = call.targets[0]
    kind, said, record = want.targets[key].kind, texts.said(answer), texts.record(answer)
    if texts.ok(answer) or (answer.status in (409, 422) and "already" in said):
        now = is_here(want, known.believe("held", key))
        return outcomes.already(want, now, (key,)) if "already" in said else outcomes.done(want, now, (key,))
    if record and record == OWN.get(kind):
        return outcomes.broken(want, known, key)
    if NO_MEMBER.search(said) or (record in DENIED and kind in OWN):
        return _stranger(want, known, key)
    if answer.status == 404:
        return _unproven(want, known, call, answer)
    if kind == SPACE and "not added to space" in said and memory.about(memory.CHECKED, key) not in known.tried:
        return Learned(known.after(memory.about(memory.CHECK, key)))
    return outcomes.refused(want, known, (key,), call.says, answer)


def _stranger(want: Want, known: Known, key: int) -> Learned:
    """No member, says Circle, under this address."""
    asked = _whoever(want, known, key, memory.STRANGER)
    if asked:
        return Learned(asked)
    sentence = f"Circle does not find {known.email} in {want.community}, though it took the invitation."
    return outcomes.failed(want, known, key, sentence, "not_found", FOUND_NOT)


def _unproven(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """A 404 that may mean the person or the target: first who they are, then whether there is such a target."""
    key = call.targets[0]
    asked = _whoever(want, known, key, memory.DOUBT)
    if asked:
        return Learned(asked)
    if want.targets[key].kind == TAG:
        return outcomes.broken(want, known, key)
    if memory.about(memory.SHOWN, key) not in known.tried:
        return Learned(known.after(memory.about(memory.SHOW, key)))
    return outcomes.refused(want, known, (key,), call.says, answer)


def _whoever(want: Want, known: Known, key: int, word: str) -> Known | None:
    """What is to be found out about the person before this refusal is believed; None where it has been.

    Somebody whose id is known may have another e-mail in Circle by now; everybody else is invited, once, where they are to be added.
    """
    here = memory.HERE in known.tried
    if known.member_id and not here and memory.LOOKED not in known.tried and is_member(want, known):
        return known.after(memory.WHO, memory.about(word, key))
    if wanted(want, key) and memory.INVITED not in known.tried and (word == memory.STRANGER or not here):
        return memory.lapsed(want, known)
    return None


def remove(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`DELETE` of a place, event or tag."""
    key = call.targets[0]
    kind, said, record = want.targets[key].kind, texts.said(answer), texts.record(answer)
    if texts.ok(answer):
        return _removed(want, known, call)
    if record and record == OWN.get(kind):
        return outcomes.broken(want, known, key)
    if kind in OWN and (record in DENIED or NO_MEMBER.search(said)):
        return _absent(want, known, key, memory.STRANGER)
    if kind in OWN and record == f"{OWN[kind]} member":
        return outcomes.already(want, is_here(want, known.believe("not_held", key)), (key,))
    if answer.status == 404 or (answer.status in (409, 422) and ABSENT.search(said)):
        return _absent(want, known, key, memory.DOUBT)
    return outcomes.refused(want, known, (key,), call.says, answer)


def _removed(want: Want, known: Known, call: Call) -> Learned:
    """Out. Leaving a group is leaving its spaces: those that are desired are adrift now, and put back by the next plan."""
    group = want.targets[call.targets[0]]
    spaces = [t for t, one in want.targets.items() if within(one, group)]
    now = known.believe("not_held", *call.targets, *spaces)
    now = now.believe("unknown", *(t for t in spaces if wanted(want, t) and t not in want.settled))
    return outcomes.done(want, is_here(want, now), call.targets)


def _absent(want: Want, known: Known, key: int, word: str) -> Learned:
    """Was not there. Somebody who is believed to be, or was before an answer was lost, may be there under another e-mail, which a known id
    tells.

    Where Circle denies the member outright, the id is asked whatever was believed.
    """
    belief = known.beliefs.get(key)
    if word == memory.STRANGER or (belief and belief.held != "not_held"):
        asked = _whoever(want, known, key, word)
        if asked:
            return Learned(asked)
    now = known.believe("not_held", key)
    if word == memory.STRANGER and memory.HERE not in known.tried:
        if memory.joins(want):
            return Learned(memory.lapsed(want, known))
        now = memory.has_left(want, now)
    return outcomes.already(want, now, (key,))


def check_space(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /space_member`, after "User not added to space.": whether they are in it all the same."""
    key = call.targets[0]
    now = memory.without(known, memory.CHECK).after(memory.about(memory.CHECKED, key))
    record = texts.record(answer)
    if texts.ok(answer) and _field(answer, "status") != "inactive":
        return outcomes.already(want, is_here(want, now.believe("held", key)), (key,))
    if record == "space":
        return outcomes.broken(want, now, key)
    if record in DENIED:
        return _stranger(want, now, key)
    asked = _whoever(want, now, key, memory.DOUBT)
    if asked:
        return Learned(asked)
    return _did_not(want, now, key)


def show(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /events/{id}` and its like, after a 404 that may mean the target."""
    key = call.targets[0]
    now = memory.without(known, memory.SHOW).after(memory.about(memory.SHOWN, key))
    if answer.status == 404:
        return outcomes.broken(want, now, key)
    if texts.ok(answer) and want.targets[key].kind == EVENT:
        return Learned(now.after(memory.about(memory.ATTENDS, f"{key}:1")))
    return _did_not(want, now, key)


def attendees(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /event_attendees`: a second RSVP may be refused, so whoever comes already is looked for in the list."""
    key, page = call.targets[0], int(dict(call.query)["page"])
    now = memory.without(known, memory.ATTENDS)
    if answer.status == 404:
        return outcomes.broken(want, now, key)
    records = _field(answer, "records")
    if any(is_attendee(known, one) for one in records if isinstance(one, dict)) if isinstance(records, list) else False:
        return outcomes.already(want, is_here(want, now.believe("held", key)), (key,))
    if _field(answer, "has_next_page") is True and page < MOST_PAGES:
        return Learned(now.after(memory.about(memory.ATTENDS, f"{key}:{page + 1}")))
    return _did_not(want, now, key)


def is_attendee(known: Known, attendee: Mapping[str, Any]) -> bool:
    """Whether this line of a list of attendees is the customer."""
    same = str(attendee.get("member_email") or "").strip().lower() == known.email.strip().lower()
    return same or (known.member_id is not None and str(attendee.get("community_member_id")) == known.member_id)


def _field(answer: Answer, name: str) -> Any:
    return answer.data.get(name) if isinstance(answer.data, dict) else None


def _did_not(want: Want, known: Known, key: int) -> Learned:
    """Both are there, and Circle won't put them together."""
    doing = requests.doing(known, want.targets[key], adds=True)
    todo = f"Look at the settings of the {words.WORDS[want.targets[key].kind]} in Circle, then replay the entry."
    return outcomes.failed(want, known, key, f"Circle did not {doing}, and does not say why.", "not_added", todo)
