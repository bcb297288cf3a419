"""What an answer of Circle's means: first what is the same for every call, then which reader knows the call. Pure (docs/circle.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from webapp.apps import Answer, Call, Known, Learned, Setback, Want
from webapp.apps.circle import check, members, memory, places, texts
from webapp.apps.circle.actions import TROUBLES
from webapp.apps.circle.plan import within

RATE_WAIT = 60.0
"""Seconds to wait after a 429 that does not say how long."""

LONGEST_WAIT = 3600.0
PAUSED = "Circle asked for a pause: many calls in a short time."
OF_THE_KEY = re.compile(r"token|api key|unauthori[sz]ed|unauthenticated|authenticat|credential|revoked|expired")
"""A 401 is judged by its message, never by its number: one in such words is about the key, another may be about the action."""

Reader = Callable[[Want, Known, Call, Answer], Learned]


def learn(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """What this answer to this call means."""
    setback = _passing(want, known, call, answer) or _trouble(want, call, answer)
    if setback:
        return Learned(_doubted(want, known, call) if setback.lost else known, setback=setback)
    if _may_be_the_key(known, answer):
        return Learned(known.after(memory.KEY))
    return READERS[call.purpose](want, known, call, answer)


def _passing(want: Want, known: Known, call: Call, answer: Answer) -> Setback | None:
    """What may be gone when it is tried again. `lost`: Circle may have done what was asked."""
    status = answer.status
    if status == 0:
        return Setback("retry", answer.error or "Circle did not answer.", "no_answer", lost=answer.sent)
    if status == 429:
        seconds = RATE_WAIT if answer.retry_after is None else min(max(1.0, answer.retry_after), LONGEST_WAIT)
        return Setback("pause", PAUSED, "rate_limited", seconds=seconds)
    if status >= 500 or status in (408, 425):
        return Setback("retry", f"Circle answered with an error ({status}).", "circle_error", lost=True)
    if status < 200 or 300 <= status < 400:
        return Setback("retry", f"Circle's address answered with a redirect ({status}), which is not followed.", "redirect", lost=True)
    if texts.is_page(answer):
        return Setback("retry", f"Something in front of Circle answered with a web page ({status}).", "web_page", lost=True)
    if _is_mute(call, answer) if status >= 300 else not _readable(want, known, call, answer):
        return Setback("retry", "Circle's answer could not be read.", "unreadable", lost=True)
    return None


def _readable(want: Want, known: Known, call: Call, answer: Answer) -> bool:
    """Whether a 2xx says something. Silence is an answer where Circle is known for it, and where it has been silent before."""
    if call.method == "GET":
        return isinstance(answer.data, dict)
    if answer.data is not None or answer.status == 204:
        return True
    before = known.beliefs.get(call.targets[0])
    return not answer.text.strip() and (call.purpose == "deactivate" or (before is not None and before.held == "unknown"))


def _is_mute(call: Call, answer: Answer) -> bool:
    """Whether a refusal has lost its words, without which it can't be told from another one. Some mean the same without."""
    says_it_all = answer.status in (401, 409) or (answer.status == 404 and (call.method == "GET" or call.purpose == "deactivate"))
    return not texts.said(answer).strip() and not says_it_all


def _trouble(want: Want, call: Call, answer: Answer) -> Setback | None:
    """What keeps the whole integration from working."""
    said = texts.said(answer)
    dead = answer.status == 401 and (call.purpose == "check_key" or (OF_THE_KEY.search(said) and "cannot perform" not in said))
    cause = "dead_key" if dead else "no_api_plan" if answer.status == 403 and "not eligible" in said else None
    if cause is None:
        return None
    known = TROUBLES[cause]
    return Setback("attention", known.sentence.replace("{integration}", want.community), cause, known.todo)


def _may_be_the_key(known: Known, answer: Answer) -> bool:
    """A 401 in words that nobody knows: one look at the community tells whether the key is dead or the action not allowed."""
    return answer.status == 401 and memory.KEY_GOOD not in known.tried and "cannot perform" not in texts.said(answer)


def _check_key(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """Any answer but a 401: the key is good, and what was refused was refused for another reason."""
    return Learned(memory.without(known, memory.KEY).after(memory.KEY_GOOD))


def _doubted(want: Want, known: Known, call: Call) -> Known:
    """The answer is lost: what the call was about is unknown. A look-up changes nothing; a group takes its spaces along."""
    if call.method == "GET":
        return known
    group = want.targets[call.targets[0]]
    spaces = (t for t, one in want.targets.items() if call.purpose == "remove" and within(one, group))
    return known.believe("unknown", *call.targets, *spaces)


READERS: Mapping[str, Reader] = {
    "invite": members.invite,
    "search": members.search,
    "look_up": members.look_up,
    "deactivate": members.deactivate,
    "add": places.add,
    "remove": places.remove,
    "check_space": places.check_space,
    "show": places.show,
    "attendees": places.attendees,
    "check_key": _check_key,
    **check.READERS,
}
