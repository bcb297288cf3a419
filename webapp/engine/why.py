"""Why somebody has something, or has it not: one true sentence, and the entries that prove it. Pure over what is read in why_facts.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.apps import MEMBERSHIP
from webapp.engine import explain, sentences
from webapp.engine.access import Mark, Verdict
from webapp.engine.checks import SEEN_GONE
from webapp.engine.explain import Cause
from webapp.engine.integrations import PAUSED
from webapp.engine.triggers import TRIGGERS
from webapp.engine.work import CHECK, WATCHED

LATE = timedelta(minutes=10)
"""What was done so long after it was asked for was done late."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An entry about the target: what it asked for (`adds`; None where it only tells something), and what became of it.

    `due_at`: not before. `kept`: another purchase kept what it was to take. `attempts`: how often it failed in passing.
    """

    id: int
    status: str
    adds: bool | None
    cause: str
    sentence: str
    at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    open: bool
    kept: bool = False
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A rule that gives the target: for which product (None: every one), from when to when it stood, and since when it is switched off."""

    trigger: str
    product_id: int | None
    created_at: datetime
    off_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to the customer, and when that became known."""

    trigger: str
    product_id: int
    product: str
    at: datetime
    known_at: datetime
    entry_id: int | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    """A time in which nothing was called: the reason (`paused`, else what needed a person), from when until when (None: it lasts)."""

    reason: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Believed:
    """What the app is believed to say of the target (`held`, `not_held`, `unknown`), since when, on whose word; None: never heard of."""

    held: str | None = None
    since: datetime | None = None
    word: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one customer and one target. `asked`: the entries about it, the newest first. `way`: why the integration does
    nothing now, "" where it works; `way_sentence` says so."""

    who: str
    kind: str
    name: str
    gone_at: datetime | None
    integration: str
    app: str
    zone: str
    now: datetime
    verdict: Verdict
    causes: Mapping[int, Cause]
    believed: Believed
    asked: Sequence[Asked]
    offers: Sequence[Offer]
    happened: Sequence[Happened]
    halts: Sequence[Halt]
    running: bool = False
    way: str = ""
    way_sentence: str = ""

    @property
    def thing(self) -> str:
        """`the space VIP Room`, `the membership in My community`."""
        if self.kind == MEMBERSHIP:
            return f"the membership in {self.integration}"
        return f"the {sentences.PLACES.get(self.kind, self.kind)} {self.name}"

    def when(self, at: datetime) -> str:
        """`at 14:32`, `on 12 May 2026 at 14:32`."""
        return sentences.when(at, self.zone, self.now)

    def day(self, at: datetime) -> str:
        """`12 May`."""
        there = sentences.local(at, self.zone)
        return f"{there.day} {there:%B}"


@dataclass(frozen=True, slots=True)
class Why:
    """The answer: `cause` in a word for tests and pages, the sentence, and the entries that prove it (perhaps none)."""

    cause: str
    sentence: str
    entries: tuple[int, ...] = ()


def why(f: Facts) -> Why:
    """Why the customer has the target, or has it not."""
    has, wanted = f.believed.held == "held", f.verdict.held
    if wanted:
        return _has(f) if has else _missing(f)
    return _lingers(f) if has else _has_not(f)


def _has(f: Facts) -> Why:
    """They should have it, and have it."""
    opened = f.verdict.because[-1]
    grants = _grants(f, opened)
    done = next((one for one in f.asked if one.id == opened.entry), None)
    proof = (opened.entry,)
    removal = next((one for one in f.asked if one.adds is False and one.open and one.due_at and one.due_at > f.now), None)
    if removal is not None and removal.due_at:
        return Why(
            "ends_later", f"{f.who} still has {f.thing}: the removal waits and is done {f.when(removal.due_at)}.", (removal.id, *proof)
        )
    newest = next((one for one in f.asked if one.adds is not None), None)
    if newest is not None and newest.kept:
        return Why("kept", f"{f.who} keeps {f.thing} for another purchase: {grants}", (newest.id, *proof))
    halt = _held_up(f, done)
    if halt and done and done.finished_at:
        return Why("late", f"{f.who} has {f.thing}: {_was(halt)} {_span(f, halt)}, so it was done {f.when(done.finished_at)}.", proof)
    if done is not None and done.attempts > 0 and done.finished_at:
        sentence = f"{f.who} has {f.thing}: {f.app} did not do it at first, it was done {f.when(done.finished_at)}. {_capital(grants)}"
        return Why("retried", sentence, proof)
    if f.causes[opened.id].by_hand:
        return Why("by_hand", f"{f.who} has {f.thing}: {grants}", proof)
    if f.believed.word in ("found", CHECK):
        return Why("was_there", f"{f.who} has {f.thing}: it was there already when Cartwheel came to it, and {grants}", proof)
    return Why("granted", f"{f.who} has {f.thing}: {grants}", proof)


def _grants(f: Facts, opened: Mark) -> str:
    """Which purchase grants it, since when, and until when."""
    cause = f.causes[opened.id]
    ends = f", until {sentences.moment(opened.until, f.zone, f.now)}" if opened.until else ""
    if cause.by_hand:
        return f"granted by hand {f.when(opened.at)}{ends}."
    return f"{explain.named(cause, f.zone, f.now)} grants it{ends}."


def _held_up(f: Facts, done: Asked | None) -> Halt | None:
    """What held up an entry for a good while before it was done."""
    if done is None or done.finished_at is None or done.finished_at - done.at < LATE:
        return None
    over = [halt for halt in f.halts if halt.until and halt.since < done.finished_at and halt.until > done.at]
    return max(over, key=lambda halt: halt.until or halt.since, default=None)


def _was(halt: Halt) -> str:
    words = {"dead_key": "the key was dead", "no_api_plan": "the plan did not include the API", PAUSED: "the integration was paused"}
    return words.get(halt.reason, "the integration needed attention")


def _span(f: Facts, halt: Halt) -> str:
    """`from 3 May to 5 May`, `at 14:02 for some time`."""
    since, until = halt.since, halt.until or f.now
    if sentences.local(since, f.zone).date() == sentences.local(until, f.zone).date():
        return f"from {sentences.clock(since, f.zone)} to {sentences.clock(until, f.zone)} on {f.day(since)}"
    return f"from {f.day(since)} to {f.day(until)}"


def _missing(f: Facts) -> Why:
    """They should have it, and have it not, or nobody knows."""
    asked = next((one for one in f.asked if one.adds), None)
    if f.gone_at is not None:
        sentence = f"{f.who} has it not: {f.thing} no longer exists in {f.integration}, since {f.day(f.gone_at)}."
        return Why("gone", sentence, _ids(asked))
    if asked is not None and asked.open:
        return _waits(f, asked, f"{f.who} has {f.thing} not yet")
    seen = f.believed.since
    if f.believed.word == CHECK and seen and (asked is None or asked.at <= seen):
        told = next((one for one in f.asked if one.cause == SEEN_GONE), None)
        return Why("seen_gone", f"{f.who} has {f.thing} not: removed by hand in {f.app}, seen {f.when(seen)}.", _ids(told, asked))
    if asked is None:
        return Why("not_yet", f"{f.who} should have {f.thing}, and nothing is known of it yet: a check tells.")
    if asked.cause == WATCHED:
        return Why("watch_only", f"{f.who} has {f.thing} not: {f.integration} only watches, so nothing was called.", (asked.id,))
    if asked.cause == "invalid_email":
        return Why("refused_address", f"{f.who} has {f.thing} not: {asked.sentence}", (asked.id,))
    if asked.status == "skipped":
        return Why("skipped", f"{f.who} has {f.thing} not: {_lower(asked.sentence)}", (asked.id,))
    if asked.status == "failed":
        return Why("failed", f"{f.who} has {f.thing} not, though it was tried: {asked.sentence}", (asked.id,))
    return Why("not_yet", f"{f.who} should have {f.thing}, and is not known to have it: a check tells.", (asked.id,))


def _waits(f: Facts, asked: Asked, begins: str) -> Why:
    """What an open entry waits for."""
    proof = (asked.id,)
    if f.running:
        return Why("running", f"{begins}: a call is under way.", proof)
    if f.way == PAUSED:
        return Why("waits_paused", f"{begins}: it waits, since {f.integration} is paused.", proof)
    if f.way:
        return Why("waits_attention", f"{begins}: it waits for you. {f.way_sentence}", proof)
    if asked.due_at and asked.due_at > f.now:
        cause = "waits_tomorrow" if asked.status == "parked" else "waits_time"
        reason = asked.sentence if asked.status == "parked" else ""
        return Why(cause, f"{begins}: it waits until {sentences.moment(asked.due_at, f.zone, f.now)}. {reason}".strip(), proof)
    if asked.status == "retrying":
        return Why("waits_retry", f"{begins}: {asked.sentence}", proof)
    return Why("waits_turn", f"{begins}: it waits for its turn.", proof)


def _lingers(f: Facts) -> Why:
    """They should not have it, and have it."""
    asked = next((one for one in f.asked if one.adds is False), None)
    ended = f.verdict.ended
    if asked is not None and asked.open:
        return _waits(f, asked, f"{f.who} still has {f.thing}")
    if asked is not None and asked.cause == WATCHED:
        return Why("watch_only", f"{f.who} still has {f.thing}: {f.integration} only watches, so nothing was called.", (asked.id,))
    if asked is not None and asked.status == "failed":
        return Why("removal_failed", f"{f.who} still has {f.thing}, though it was to be taken: {asked.sentence}", (asked.id,))
    if asked is not None and asked.status == "skipped":
        return Why("removal_skipped", f"{f.who} still has {f.thing}: {_lower(asked.sentence)}", (asked.id,))
    if ended is None or (ended.op == "open" and ended.void):
        seen = f" (seen {f.when(f.believed.since)})" if f.believed.since else ""
        return Why("given_there", f"{f.who} has {f.thing} by no rule: it was given in {f.app}{seen}.")
    return Why(
        "still_there",
        f"{f.who} still has {f.thing}: {_ended(f, ended)}. It is taken with the next event, or with Put right.",
        (ended.entry,),
    )


def _has_not(f: Facts) -> Why:
    """They should not have it, and have it not."""
    ended, gap = f.verdict.ended, _gap(f)
    if gap and (ended is None or gap[1].at > ended.at):
        cause, happened = gap
        proof = (happened.entry_id,) if happened.entry_id else ()
        return Why(cause, f"{f.who} has {f.thing} not: {_gap_words(f, cause, happened)}", proof)
    if ended is None:
        return Why("never", f"{f.who} was never in a rule that fired for {f.thing}.")
    return Why(_ended_by(f, ended), f"{f.who} has {f.thing} no longer: {_ended(f, ended)}.", (ended.entry,))


def _gap(f: Facts) -> tuple[str, Happened] | None:
    """The newest happening for which a rule would have given it, had it been on, had it been there."""
    for happened in sorted(f.happened, key=lambda one: one.at, reverse=True):
        found = {cause for offer in f.offers if _about(offer, happened) for cause in _why_silent(offer, happened)}
        for cause in ("rule_off", "rule_later", "rule_deleted"):
            if cause in found:
                return cause, happened
    return None


def _about(offer: Offer, happened: Happened) -> bool:
    return offer.trigger == happened.trigger and offer.product_id in (None, happened.product_id)


def _why_silent(offer: Offer, happened: Happened) -> Iterator[str]:
    """Why the rule did not fire then."""
    if offer.deleted_at is not None:
        if offer.created_at <= happened.known_at and offer.deleted_at <= happened.known_at:
            yield "rule_deleted"
    elif offer.created_at > happened.known_at:
        yield "rule_later"
    elif offer.off_at is not None and offer.off_at <= happened.known_at:
        yield "rule_off"


def _gap_words(f: Facts, cause: str, happened: Happened) -> str:
    did = f"{TRIGGERS[happened.trigger].did.format(product=happened.product)} {f.when(happened.at)}"
    reason = {
        "rule_off": "the rule that gives it is switched off",
        "rule_later": "the rule that gives it was made later",
        "rule_deleted": "the rule that gave it had been deleted",
    }[cause]
    return f"they {did}, but {reason}."


def _ended_by(f: Facts, ended: Mark) -> str:
    """What took the last grant away, in a word."""
    cause = f.causes.get(ended.id)
    if f.verdict.expired:
        return "expired"
    if ended.op == "open":
        return "cart_bought" if cause and cause.trigger == "prospect_created" else "refuted"
    if cause is None or cause.by_hand:
        return {"veto": "taken_away", "clear": "removed_anyway"}.get(ended.op, "hand_ended")
    return f"after_{cause.trigger}"


def _ended(f: Facts, ended: Mark) -> str:
    """The same in words."""
    cause = f.causes.get(ended.id)
    if f.verdict.expired and ended.until:
        of = f" of {cause.product}" if cause and cause.product else ""
        return f"timed access{of} ran out {f.when(ended.until)}"
    if ended.op == "open":
        bought = cause is not None and cause.trigger == "prospect_created"
        return (
            "they bought before the 2 hours of the cart were over"
            if bought
            else "what it was given for did not happen, as a later message told"
        )
    said = explain.said(ended, cause, f.zone, f.now)
    return f"{cause.product} was {said}" if cause and cause.product and cause.trigger and said.startswith(_PASSIVE) else _of(cause, said)


_PASSIVE = ("refunded", "partly refunded", "canceled", "bought", "restarted", "paid in full", "left in the cart")


def _of(cause: Cause | None, said: str) -> str:
    return f"{cause.product}: {said}" if cause and cause.product and cause.trigger else said


def _ids(*entries: Asked | None) -> tuple[int, ...]:
    return tuple(one.id for one in entries if one is not None)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
