"""Ask Circle what a member holds, with the fewest calls: who they are (with their tags), their spaces in one list, then each group and event.

Only looked for, nothing is changed. `ask` gives the calls that are left, `READERS` say what each answer means. Pure (docs/circle.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from webapp.apps import Answer, Call, Known, Learned, Target, Want
from webapp.apps.circle import memory, requests, texts
from webapp.apps.circle.actions import EVENT, GROUP, SPACE, TAG
from webapp.apps.circle.places import DENIED, is_attendee

MOST_PAGES = 20
"""Of a list, at a hundred each."""

WHO, BY_MAIL, ABSENT, PERHAPS, LISTED, ASKED = "who", "by mail", "absent", "perhaps", "listed", "asked"
"""Facts: they were asked for · by their e-mail, as their id is gone · they are no member · Circle does not say whether they are one · so many
pages of their spaces have come, or all of them (`listed:all`) · this target has been asked for, of an event so many pages (`asked:KEY:PAGE`)."""


def ask(want: Want, known: Known) -> tuple[Call, ...]:
    """The calls that are left, as far as can be told before their answers: none when everything is known."""
    if memory.KEY in known.tried:
        return (requests.check_key(),)
    if ABSENT in known.tried:
        return ()
    who = () if WHO in known.tried else (requests.ask_who(known, by_mail=BY_MAIL in known.tried),)
    return (*who, *_spaces(want, known), *_groups(want, known), *_events(want, known))


def _spaces(want: Want, known: Known) -> tuple[Call, ...]:
    mine = [t for t in _there(want, SPACE) if t.key in want.desired or t.key in known.beliefs]
    if not (mine or PERHAPS in known.tried) or f"{LISTED}:all" in known.tried:
        return ()
    return (requests.ask_spaces(known, 1 + _pages(known, LISTED)),)


def _groups(want: Want, known: Known) -> tuple[Call, ...]:
    return tuple(requests.ask_group(known, t) for t in _there(want, GROUP) if _matters(want, known, t))


def _events(want: Want, known: Known) -> tuple[Call, ...]:
    asked = [t for t in _there(want, EVENT) if _matters(want, known, t)]
    return tuple(requests.ask_event(known, t, 1 + _pages(known, memory.about(ASKED, t.key))) for t in asked)


def _matters(want: Want, known: Known, target: Target) -> bool:
    """Whether it is on record or was heard of, and has not been asked for yet."""
    return (target.key in want.desired or target.key in known.beliefs) and memory.about(ASKED, target.key) not in known.tried


def _there(want: Want, kind: str) -> list[Target]:
    return sorted((t for t in want.targets.values() if t.kind == kind and not t.gone), key=lambda t: t.key)


def _pages(known: Known, word: str) -> int:
    """How many pages have come of what this word is about."""
    numbers = (kept.removeprefix(f"{word}:") for kept in known.tried if kept.startswith(f"{word}:"))
    return max((int(n) for n in numbers if n.isdigit()), default=0)


def who(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /community_members/{id}`, or the search by e-mail: whether they are a member, under which e-mail, with which tags."""
    person = texts.member(answer) if texts.ok(answer) else None
    by_id = call.path != requests.SEARCH
    if not texts.ok(answer) and answer.status != 404:
        return Learned(known.after(WHO))
    if person is None or (not by_id and person.email not in ("", known.email.strip().lower())):
        return Learned(known.after(BY_MAIL) if by_id else _absent(want, known))
    alias = person.email if by_id and person.email not in ("", known.email.strip().lower()) else None
    now = replace(known, member_id=person.id, email=alias or known.email).after(WHO)
    if person.active is False:
        if person.seen:
            return Learned(_absent(want, now), alias=alias)
        return Learned(_tagged(want, now.after(PERHAPS), person), alias=alias)
    return Learned(_tagged(want, now.believe("held", want.membership), person), alias=alias)


def _tagged(want: Want, known: Known, person: texts.Member) -> Known:
    """The record lists the tags; where it does not, nothing is known of them."""
    return known if person.tags is None else _seen(want, known, TAG, person.tags)


def _seen(want: Want, known: Known, kind: str, remote: frozenset[str]) -> Known:
    """What of a kind is held, by the ids that were listed. Of what was never on record only what is held is worth a belief."""
    held = [t for t, one in want.targets.items() if one.kind == kind and one.remote_id in remote]
    absent = [t for t in {*want.desired, *known.beliefs} - set(held) if t in want.targets and want.targets[t].kind == kind]
    return known.believe("held", *held).believe("not_held", *absent)


def _absent(want: Want, known: Known) -> Known:
    """They are no member, and so in nothing."""
    heard_of = {t for t in {*want.desired, *known.beliefs} if t in want.targets}
    return known.believe("not_held", want.membership, *heard_of).after(WHO, ABSENT)


def spaces(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /community_member_spaces`, one page. What is held is known at the last one."""
    if not texts.ok(answer):
        return Learned(_absent(want, known) if answer.status == 404 and PERHAPS in known.tried else known.after(f"{LISTED}:all"))
    page = int(dict(call.query)["page"])
    found = frozenset(str(one["id"]) for one in _records(answer) if "id" in one)
    now = known.after(memory.about(LISTED, page), *(f"in:{one}" for one in found))
    if _field(answer, "has_next_page") is True and page < MOST_PAGES:
        return Learned(now)
    ids = frozenset(kept.removeprefix("in:") for kept in now.tried if kept.startswith("in:"))
    return Learned(_here(want, _seen(want, now, SPACE, ids), bool(ids)).after(f"{LISTED}:all"))


def group(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /space_group_member`."""
    key = call.targets[0]
    now = known.after(memory.about(ASKED, key))
    if answer.status == 404:
        stranger = texts.record(answer) in DENIED and PERHAPS in known.tried
        return Learned(_absent(want, now) if stranger else now.believe("not_held", key))
    if not texts.ok(answer):
        return Learned(now)
    there = _field(answer, "status") != "inactive"
    return Learned(_here(want, now.believe("held" if there else "not_held", key), there))


def event(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """`GET /event_attendees`, one page: until they are found, or there is no further one."""
    key, page = call.targets[0], int(dict(call.query)["page"])
    done = memory.about(ASKED, key)
    if not texts.ok(answer):
        return Learned(known.after(done))
    if any(is_attendee(known, one) for one in _records(answer)):
        return Learned(_here(want, known.believe("held", key), True).after(done))
    if _field(answer, "has_next_page") is True and page < MOST_PAGES:
        return Learned(known.after(f"{done}:{page}"))
    return Learned(known.believe("not_held", key).after(done))


def _here(want: Want, known: Known, found: bool) -> Known:
    """Whoever is in anything is a member."""
    return known.believe("held", want.membership) if found and PERHAPS in known.tried else known


def _records(answer: Answer) -> list[Mapping[str, Any]]:
    listed = _field(answer, "records")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _field(answer: Answer, name: str) -> Any:
    return answer.data.get(name) if isinstance(answer.data, dict) else None


READERS: Mapping[str, Callable[[Want, Known, Call, Answer], Learned]] = {
    "ask_who": who,
    "ask_spaces": spaces,
    "ask_group": group,
    "ask_event": event,
}
