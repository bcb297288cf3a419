"""What an answer of Circle means: the table. First what is the same for every call, then call by call. Pure (docs/circle.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from webapp.apps import Answer, Call, Known, Learned, Setback, Settled, Want
from webapp.apps.circle import texts
from webapp.apps.circle.actions import EVENT, GROUP, SPACE, TAG, added, named, removed, was_not_there, was_there
from webapp.apps.circle.plan import broken, disturbed_by, wanted

RATE_WAIT = 60.0
"""Seconds to wait after a 429 that does not say how long."""

LONGEST_WAIT = 3600.0

Learn = Callable[[Want, Known, Call, Answer], Learned]


def learn(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """What this answer to this call means."""
    setback = _setback(call, answer)
    if setback is not None:
        return Learned(_doubted(want, known, call) if setback.lost else known, setback=setback)
    return _CALLS[call.purpose](want, known, call, answer)


# ---- the same for every call


def _setback(call: Call, answer: Answer) -> Setback | None:
    """What stands in the way of going on at all; None where the answer is about this call."""
    status = answer.status
    if status == 0:
        return Setback("retry", answer.error or "Circle did not answer.", "no_answer", lost=answer.sent)
    if status == 429:
        seconds = min(answer.retry_after if answer.retry_after is not None else RATE_WAIT, LONGEST_WAIT)
        return Setback("pause", "Circle asked for a pause: many calls in a short time.", "rate_limited", seconds=max(1.0, seconds))
    if status >= 500 or status in (408, 425):
        return Setback("retry", f"Circle answered with an error ({status}).", "circle_error", lost=True)
    if 300 <= status < 400:
        return Setback("retry", f"Circle answered with a redirect ({status}), which is not followed.", "circle_error", lost=False)
    if answer.data is None and not (200 <= status < 300 and not answer.text.strip()):
        return Setback("retry", f"Something in front of Circle answered ({status}), not Circle itself.", "circle_error", lost=True)
    return _key_trouble(status, texts.said(answer))


def _key_trouble(status: int, words: str) -> Setback | None:
    """A 401 is judged by its message, never by its number: an action that is not allowed says nothing of the key."""
    if status == 401 and "cannot perform" not in words:
        return Setback("attention", "Circle no longer accepts the API key.", "dead_key")
    if status == 403 and "not eligible" in words:
        return Setback("attention", "The Circle plan does not include the API.", "no_api_plan")
    return None


def _doubted(want: Want, known: Known, call: Call) -> Known:
    """The answer is lost: what the call was about is unknown. A look-up changes nothing."""
    return known if call.method == "GET" else known.believe("unknown", *call.targets)


def _failed(want: Want, known: Known, targets: tuple[int, ...], answer: Answer, cause: str = "refused") -> Learned:
    """Circle refuses, and would again."""
    words = texts.quoted(answer) or f"status {answer.status}"
    settled = Settled("failed", f"Circle refused: {words}", cause, "Look at the answer below. When the reason is gone, replay the entry.")
    return Learned(known, dict.fromkeys(_asked(want, targets), settled))


def _asked(want: Want, targets: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(t for t in targets if t in want.asked and t not in want.settled)


def _ok(answer: Answer) -> bool:
    return 200 <= answer.status < 300


# ---- join


def _invite(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    words = texts.said(answer)
    already = answer.status in (201, 200, 409, 422) and ("already" in words or answer.status == 409)
    if already:
        return _was_member(want, known.after("invited"), answer)
    if _ok(answer):
        return _joined(want, known, call, answer)
    if answer.status == 422 and "invalid email" in words:
        return _bad_address(want, known)
    if answer.status == 403 and "daily" in words:
        sentence = f"{want.community} has taken in as many new members as Circle allows in a day."
        return Learned(known, setback=Setback("tomorrow", sentence, "daily_limit"))
    if answer.status == 403 and "maximum" in words:
        return _full(want, known)
    return _uncarried(want, known, call, answer)


def _joined(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """201: a member, with all that was sent along."""
    now = _identified(known, answer).believe("held", *call.targets).after("invited")
    settled = {t: Settled("done", added(want.targets[t], want.community)) for t in _asked(want, call.targets)}
    return Learned(now, settled)


def _was_member(want: Want, known: Known, answer: Answer) -> Learned:
    """They are a member already. What was sent along is not trusted: the adds that are missing follow by themselves."""
    now = _identified(known, answer).believe("held", want.membership)
    membership = _asked(want, (want.membership,))
    return Learned(now, {t: Settled("already", was_there(want.targets[t], want.community)) for t in membership})


def _identified(known: Known, answer: Answer) -> Known:
    """With the member's id, which an invite's answer has at `community_member.id`, a look-up's at `id`."""
    data = answer.data if isinstance(answer.data, dict) else {}
    member = data.get("community_member", data)
    found = member.get("id") if isinstance(member, dict) else None
    if not isinstance(found, int) or isinstance(found, bool):
        return known
    return Known(known.email, known.name, str(found), known.beliefs, known.tried)


def _bad_address(want: Want, known: Known) -> Learned:
    """Also for a blocked domain. Nothing that needs a member can be done."""
    todo = "Correct the address in your checkout and let it send the order again. Then skip this entry."
    settled = Settled("failed", f"Circle refused {known.email} as an e-mail address.", "invalid_email", todo)
    return Learned(known, {t: settled for t in want.asked - want.settled if wanted(want, t)})


def _full(want: Want, known: Known) -> Learned:
    sentence = f"{want.community} has as many members as its Circle plan allows."
    settled = Settled("failed", sentence, "member_limit", "Make room or upgrade the plan in Circle, then replay the entry.")
    return Learned(known, {t: settled for t in want.asked - want.settled if wanted(want, t)})


def _uncarried(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """Something that was sent along is missing, probably; nobody was invited. Without it, once; then the adds show which one it is."""
    kind = {"space": SPACE, "space group": GROUP, "member tag": TAG}.get(texts.record(answer))
    carries = len(call.targets) > 1
    if carries and answer.status == 404 and kind and f"bare:{kind}" not in known.tried:
        return Learned(known.after(f"bare:{kind}"))
    if carries and answer.status in (400, 404, 422) and "bare" not in known.tried:
        return Learned(known.after("bare"))
    return _failed(want, known, tuple(t for t in want.asked if wanted(want, t)), answer)


# ---- places, events, tags


def _add(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    (key,) = call.targets
    target, record, words = want.targets[key], texts.record(answer), texts.said(answer)
    if _ok(answer) or "already" in words:
        now = known.believe("held", key, want.membership)
        if _ok(answer):
            return Learned(now, {t: Settled("done", added(target, want.community)) for t in _asked(want, (key,))})
        return Learned(now, {t: Settled("already", was_there(target, want.community)) for t in _asked(want, (key,))})
    if record == "user" or "not a member" in words:
        return _stranger(want, known, key, answer)
    if target.kind == EVENT and answer.status == 404:
        return _add_to_event(want, known, key, answer)
    if target.kind == TAG and answer.status == 404:
        return _add_tag(want, known, key, answer)
    if answer.status == 404:
        return _broken(want, known, key)
    if target.kind == SPACE and "not added to space" in words and f"ask:space:{key}" not in known.tried:
        return Learned(known.after(f"ask:space:{key}"))
    return _failed(want, known, (key,), answer)


def _stranger(want: Want, known: Known, key: int, answer: Answer) -> Learned:
    """Not a member under this address: under another one perhaps, which their id tells; else they have left, and are invited once."""
    if known.member_id is not None and "looked" not in known.tried:
        return Learned(known.after("ask:look_up"))
    if "invited" not in known.tried:
        return Learned(_left(known, want))
    sentence = f"Circle says that {known.email} is no member, though it has just taken the invitation."
    settled = Settled("failed", sentence, "not_a_member", "Look the person up in Circle, then replay the entry.")
    return Learned(known, dict.fromkeys(_asked(want, (key,)), settled))


def _left(known: Known, want: Want) -> Known:
    """They are no member (any more): what was believed lapses."""
    return Known(known.email, known.name, None, {}, known.tried).believe("not_held", want.membership)


def _add_to_event(want: Want, known: Known, key: int, answer: Answer) -> Learned:
    """404 "community member" is said for a missing event, too: it proves neither. Who they are is settled first, then the event is looked up."""
    if known.member_id is not None and not known.tried & {"looked", "invited"}:
        return Learned(known.after("ask:look_up"))
    if known.member_id is None and "invited" not in known.tried:
        return Learned(_left(known, want))
    if f"event:{key}" not in known.tried:
        return Learned(known.after(f"ask:event:{key}"))
    return _failed(want, known, (key,), answer)


def _add_tag(want: Want, known: Known, key: int, answer: Answer) -> Learned:
    """404 "member tag" is said for an absent member, too: it proves neither. A second one, when they are known to be a member, does."""
    if known.member_id is not None and not known.tried & {"looked", "invited"}:
        return Learned(known.after("ask:look_up"))
    if "invited" not in known.tried and "looked" not in known.tried:
        return Learned(_left(known, want))
    return _broken(want, known, key)


def _broken(want: Want, known: Known, key: int) -> Learned:
    return Learned(known.forget(key), dict.fromkeys(_asked(want, (key,)), broken(want, want.targets[key])))


def _remove(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    key = call.targets[0]
    target, record = want.targets[key], texts.record(answer)
    if _ok(answer):
        return _removed(want, known, call)
    if target.kind in (SPACE, GROUP) and record == WHOLE[target.kind]:
        now = known.forget(*call.targets)
        return Learned(now, dict.fromkeys(_asked(want, (key,)), _gone_already(want, key)))
    if answer.status == 404 or "cannot be removed" in texts.said(answer) or "not a member" in texts.said(answer):
        return _was_absent(want, known, call, record)
    return _failed(want, known, call.targets, answer)


WHOLE = {SPACE: "space", GROUP: "space group"}
"""The record that a 404 names where the place itself is missing."""


def _gone_already(want: Want, key: int) -> Settled:
    target = want.targets[key]
    todo = "Choose another target for the rule, or delete it."
    return Settled("broken", f"The {named(target)} no longer exists in {want.community}.", "target_gone", todo)


def _removed(want: Want, known: Known, call: Call) -> Learned:
    target = want.targets[call.targets[0]]
    now = known.believe("not_held", *call.targets)
    settled = {t: Settled("done", removed(want.targets[t], want.community)) for t in _asked(want, call.targets)}
    if target.kind == GROUP:
        back = disturbed_by(want, target)
        now = now.believe("not_held", *back).after(*(f"disturbed:{t}" for t in back))
    return Learned(now, settled)


def _was_absent(want: Want, known: Known, call: Call, record: str) -> Learned:
    """Was not there: done. Unless we believe that they are, and know their id: they may be there under another e-mail."""
    key = call.targets[0]
    belief = known.beliefs.get(key)
    if record != "space member" and belief and belief.held == "held" and known.member_id and "looked" not in known.tried:
        return Learned(known.after("ask:look_up"))
    now = known.believe("not_held", *call.targets)
    settled = {t: Settled("already", was_not_there(want.targets[t], want.community)) for t in _asked(want, call.targets)}
    return Learned(now, settled)


# ---- leave, and questions


def _deactivate(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    words = texts.said(answer)
    if _ok(answer) or answer.status == 404:
        return _gone_from(want, known, call, _ok(answer))
    if "cancel the subscription" in words:
        sentence = "Circle could not cancel this person's own paid membership there, so they could not be removed."
        todo = "Cancel it in Circle by hand, then replay the entry."
        return Learned(known, dict.fromkeys(_asked(want, call.targets), Settled("failed", sentence, "paid_membership", todo)))
    if "cannot perform" in words:
        sentence = "Circle does not let this person be removed: an owner or admin of the community, probably."
        todo = "Remove them in Circle by hand, or skip this entry."
        return Learned(known, dict.fromkeys(_asked(want, call.targets), Settled("failed", sentence, "not_allowed", todo)))
    return _failed(want, known, call.targets, answer)


def _gone_from(want: Want, known: Known, call: Call, done: bool) -> Learned:
    """Out of the community, and so out of everything in it."""
    now = _left(known, want).believe("not_held", *call.targets)
    say, outcome = (removed, "done") if done else (was_not_there, "already")
    return Learned(
        now,
        {t: Settled("done" if outcome == "done" else "already", say(want.targets[t], want.community)) for t in _asked(want, call.targets)},
    )


def _search(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """Somebody under exactly this address, and active; whoever else comes back is a stranger."""
    data = answer.data if isinstance(answer.data, dict) else {}
    same = str(data.get("email", known.email)).strip().lower() == known.email
    if _ok(answer) and same and data.get("active", True) is not False:
        found = _identified(known, answer)
        if found.member_id is not None:
            return Learned(found.believe("held", want.membership))
    if _ok(answer) or answer.status == 404:
        now = _left(known, want)
        removals = tuple(t for t in want.asked if not wanted(want, t))
        return Learned(now, {t: Settled("already", was_not_there(want.targets[t], want.community)) for t in _asked(want, removals)})
    return _failed(want, known, tuple(want.asked), answer)


def _look_up(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """Who the member is now: under another address (an alias), the same one, or gone."""
    now = known.after("looked")
    data = answer.data if isinstance(answer.data, dict) else {}
    email = str(data.get("email") or "").strip().lower()
    if _ok(answer) and data.get("active", True) is not False:
        if email and email != known.email:
            renamed = Known(email, now.name, now.member_id, now.beliefs, now.tried).believe("held", want.membership)
            return Learned(renamed, alias=email)
        return Learned(now.believe("held", want.membership))
    if _ok(answer) or answer.status == 404:
        return Learned(_left(now, want))
    return _failed(want, now, tuple(want.asked), answer)


def _check_space(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """After "User not added to space.": whether they are in it all the same."""
    (key,) = call.targets
    now = known.after(f"check:{key}")
    if _ok(answer):
        settled = Settled("already", was_there(want.targets[key], want.community))
        return Learned(now.believe("held", key, want.membership), dict.fromkeys(_asked(want, (key,)), settled))
    sentence = f"Circle did not add {known.email} to the {named(want.targets[key])}, and does not say why."
    todo = "Look at the space's settings in Circle, then replay the entry."
    return Learned(now, dict.fromkeys(_asked(want, (key,)), Settled("failed", sentence, "not_added", todo)))


def _look_up_event(want: Want, known: Known, call: Call, answer: Answer) -> Learned:
    """After a 404 that may mean the event or the member."""
    (key,) = call.targets
    now = known.after(f"event:{key}")
    if answer.status == 404:
        return _broken(want, now, key)
    sentence = f"Circle took no RSVP of {known.email} to the {named(want.targets[key])}, and does not say why."
    todo = "Look at the event's settings in Circle, then replay the entry."
    return Learned(now, dict.fromkeys(_asked(want, (key,)), Settled("failed", sentence, "no_rsvp", todo)))


_CALLS: Mapping[str, Learn] = {
    "invite": _invite, "deactivate": _deactivate, "search": _search, "look_up": _look_up, "check_space": _check_space,
    "look_up_event": _look_up_event,
    **{f"add_{kind}": _add for kind in (SPACE, GROUP, EVENT, TAG)},
    **{f"remove_{kind}": _remove for kind in (SPACE, GROUP, EVENT, TAG)},
}  # fmt: skip
