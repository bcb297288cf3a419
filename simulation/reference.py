"""What everybody should hold, computed in the simplest way from all that the checkout has ever said, in its own time.

It is written from the words of docs/access.md alone and shares nothing with the engine: it knows no arrival, no repeat, no crash, no
call and no belief. Given the whole history it says, for every customer and place, whether it should be held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from simulation.scene import HOME, MEMBER

PAID_PERIOD = -1
LATER = timedelta(hours=2)
RECOVERIES = ("subscription_charged", "subscription_recovered", "subscription_restarted")
BAD_NEWS = (
    "product_refunded", "product_partially_refunded", "subscription_canceled", "subscription_charge_failed", "subscription_delinquent",
)  # fmt: skip
STEPS = ("charged", "charge_failed", "canceled", "restarted", "delinquent", "recovered", "completed")
"""The words of what can be said about a subscription."""

MAKES = ("order.created", "charged", "restarted", "recovered", "completed")
"""The words that put a purchase on record; a refund or a cancellation alone does not."""

Word = Literal["grant", "take", "leave", "remove"]

Moment = tuple[datetime, str, bool]
"""When something counts: its time, the message's id for equal times, and adds after removals of the same message."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it stood when a message arrived. `always`: the removal spares nobody's grants."""

    id: int
    product: str | None
    trigger: str
    adds: bool
    target: str
    always: bool = False
    for_days: int | None = None
    after_days: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """One thing about one product that the checkout said, with the rules that stood when it first arrived, as the `turn`th. `word`: its type."""

    key: str
    at: datetime
    email: str
    word: str
    product: str
    order: str | None = None
    subscription: str | None = None
    prospect: str | None = None
    refund: str | None = None
    full: bool = True
    number: int | None = None
    total: int | None = None
    access_until: datetime | None = None
    turn: int = 0
    rules: tuple[Rule, ...] = ()

    @property
    def is_bare(self) -> bool:
        """Whether it names nothing but a product."""
        return self.order is None and self.subscription is None and self.prospect is None


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person decided about one place: to grant it (`until` a time), to take it, to leave it to purchases again, or to remove what a
    purchase kept. `order`: when."""

    word: Word
    target: str
    order: Moment
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Canceled:
    """A person called off what waited for its time: what these rules ask for on account of what a message told of a product."""

    key: str
    trigger: str
    product: str
    rules: frozenset[int]


@dataclass
class ByHand:
    """All that persons decided for one customer, in its order."""

    decided: list[Decided] = field(default_factory=list)
    canceled: list[Canceled] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fact:
    """A trigger that fired. `keys`: the messages that told of it; `strange`: it names an order or subscription that nobody ever bought."""

    trigger: str
    said: Said
    purchase: str
    at: datetime
    keys: frozenset[str] = frozenset()
    strange: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """What a fact means for one place: `open`, `close` (the purchase's), `clear` (everybody's), or a person's `veto` and `lift`.

    `until`: how long an opening lasts, where it does not last for good.
    """

    op: str
    target: str
    purchase: str
    order: Moment
    until: datetime | None = None


@dataclass
class Wishes:
    """What a customer should hold, and what was ever opened to or taken from them."""

    held: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)


def wishes(told: Sequence[Said], by_hand: ByHand, now: datetime, gone: Collection[str] = ()) -> Wishes:
    """What one customer should hold. `told`: all that was ever said of them, in any order; `gone`: places that are to be left out of it."""
    happened = facts(told)
    by_rules = (m for fact in happened for m in _marks(fact, happened, by_hand.canceled, now))
    marks = [m for m in (*_of_persons(by_hand.decided), *by_rules) if m.target not in gone]
    places = {m.target for m in marks} | {HOME[m.target] for m in marks} | {MEMBER}
    opened, taken = ({m.target for m in marks if m.op in ops} for ops in (("open",), ("close", "clear", "veto")))
    return Wishes({place for place in places if _is_held(place, marks, now)}, opened, taken)


def _is_held(place: str, marks: Sequence[Mark], now: datetime) -> bool:
    """Whether no person keeps it from them, and some purchase's newest opening is newer than every removal that was meant for it, and has
    not run out."""
    reach = (place, HOME[place])
    if _is_banned(place, marks):
        return False
    ends = [m for m in marks if m.op in ("close", "clear") and m.target in reach]
    for purchase in {m.purchase for m in marks if m.op == "open"}:
        over = max((m.order for m in ends if m.op == "clear" or m.purchase == purchase), default=None)
        mine = [m for m in marks if m.op == "open" and m.purchase == purchase and (over is None or m.order > over)]
        if any(HOME[m.target] == place != m.target for m in mine):  # a membership that came with a place has no end of its own
            return True
        own = [m for m in mine if m.target == place]
        newest = max((m.order for m in own), default=None)
        if any(m.until is None or m.until > now for m in own if m.order == newest):
            return True
    return False


def _is_banned(place: str, marks: Sequence[Mark]) -> bool:
    """Whether the last word of a person takes it, or takes the membership. To give a place takes the membership back out of that, for what was
    given; to give the membership gives no place that was taken for itself."""
    words = [m for m in marks if m.op in ("veto", "lift")]
    if HOME[place] == place:
        return _ends_in_a_ban([m for m in words if m.target == place or (m.op == "lift" and HOME[m.target] == place)])
    own = [m for m in words if m.target == place]
    return _ends_in_a_ban(own) or _ends_in_a_ban([m for m in words if m.target == HOME[place] or (m in own and m.op == "lift")])


def _ends_in_a_ban(words: Sequence[Mark]) -> bool:
    return bool(words) and max(words, key=lambda m: m.order).op == "veto"


def _of_persons(decided: Sequence[Decided]) -> Iterator[Mark]:
    """Each grant by hand is a ground of its own, which lasts until a person, its time or a clearing ends it."""
    for place, one in enumerate(decided):
        if one.word == "grant":
            yield Mark("open", one.target, f"hand {place}", one.order, one.until)
        elif one.word == "remove":
            yield Mark("clear", one.target, "", one.order)
        else:
            before = (number for number, grant in enumerate(decided[:place]) if (grant.word, grant.target) == ("grant", one.target))
            yield from (Mark("close", one.target, f"hand {number}", one.order) for number in before)
        if one.word != "remove":
            yield Mark("veto" if one.word == "take" else "lift", one.target, "", (*one.order[:2], one.word != "take"))


def _marks(fact: Fact, happened: Sequence[Fact], canceled: Sequence[Canceled], now: datetime) -> Iterator[Mark]:
    """What the rules made of it that stood when it was told, but for what a person called off."""
    for rule in asked(fact):
        if any(rule.id in one.rules and _is_about(one, fact) for one in canceled):
            continue
        due = _due(fact, rule)
        if rule.adds:
            until = fact.at + timedelta(days=rule.for_days) if rule.for_days else None
            yield Mark("open", rule.target, fact.purchase, (fact.at, fact.said.key, True), until)
        elif due == fact.at or (due <= now and not _recovered(fact, due, happened)):
            order = (due, fact.said.key, False)
            yield Mark("clear" if rule.always else "close", rule.target, fact.purchase, order)
            if fact.strange and not rule.always:
                yield Mark("close", rule.target, _alone(fact.said.product), order)


def _due(fact: Fact, rule: Rule) -> datetime:
    """When what a rule asks for counts."""
    if rule.adds:
        return fact.at
    paid_until = fact.said.access_until if fact.said.word == "canceled" else None
    return max(fact.at, paid_until or fact.at) if rule.after_days == PAID_PERIOD else fact.at + timedelta(days=rule.after_days)


def _recovered(fact: Fact, due: datetime, happened: Sequence[Fact]) -> bool:
    """Whether a removal that waits was undone meanwhile: paid, restarted, or something new was added for that purchase. What a rule adds for
    bad news (a tag, say) is none of that."""
    mine = [f for f in happened if f.purchase == fact.purchase]
    good = [f for f in mine if f.trigger in RECOVERIES or (f.trigger not in BAD_NEWS and any(rule.adds for rule in asked(f)))]
    return any((fact.at, fact.said.key) < (f.at, f.said.key) and f.at <= due for f in good)


def waiting(told: Sequence[Said], about: Canceled, target: str, due: datetime) -> frozenset[int]:
    """The rules that have something wait until this time on account of what is canceled."""
    found = [fact for fact in facts(told) if _is_about(about, fact)]
    return frozenset(rule.id for fact in found for rule in asked(fact) if rule.target == target and _due(fact, rule) == due)


def _is_about(canceled: Canceled, fact: Fact) -> bool:
    return canceled.key in fact.keys and (canceled.trigger, canceled.product) == (fact.trigger, fact.said.product)


def asked(fact: Fact) -> list[Rule]:
    """The rules that a fact starts."""
    return [r for r in fact.said.rules if r.trigger == fact.trigger and r.product in (None, fact.said.product)]


def facts(told: Sequence[Said]) -> list[Fact]:
    """Everything that happened to one customer, each thing once, at the earliest time that was told of it."""
    named = _purchases(told)
    found = [fact for purchase, said in named.items() for fact in _of_purchase(purchase, said)]
    bought = [(f.said.product, f.at) for f in found if f.trigger == "product_purchased"]
    return [f for f in found if f.trigger != "prospect_created" or not any(p == f.said.product and at <= f.at for p, at in bought)]


def _purchases(told: Sequence[Said]) -> dict[str, list[Said]]:
    """What was said, by purchase: what names the same order or the same subscription of a product is about the same one; what names nothing
    is about the product alone."""
    found: list[tuple[set[str], list[Said]]] = []
    for said in told:
        refs = ("order", said.order), ("subscription", said.subscription), ("prospect", said.prospect)
        names = {f"{said.product} {kind} {ref}" for kind, ref in refs if ref is not None} or {_alone(said.product)}
        same = [one for one in found if one[0] & names]
        found = [one for one in found if not one[0] & names]
        found.append((names.union(*(n for n, _ in same)), [said, *(s for _, some in same for s in some)]))
    return {min(names): said for names, said in found}


def _alone(product: str) -> str:
    """The purchase of which nothing is known but the product."""
    return f"{product} alone"


def _of_purchase(purchase: str, told: Sequence[Said]) -> Iterator[Fact]:
    once: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for said in told:
        if said.word == "order.created":
            once["product_purchased", said.order or said.key].append(said)
        elif said.word == "order.refunded":
            name = said.refund or ((said.order or said.key) if said.full else said.key)
            once["product_refunded" if said.full else "product_partially_refunded", name].append(said)
        elif said.word == "prospect.created":
            once["prospect_created", ""].append(said)
    strange = purchase != _alone(told[0].product) and not any(said.word in MAKES for said in told)
    for (trigger, _), some in once.items():
        first = min(some, key=lambda s: (s.at, s.key))
        heard = min(some, key=lambda s: s.turn)  # told in other words again: the rules are those that stood when it was heard of first
        at = first.at + LATER if trigger == "prospect_created" else first.at
        yield Fact(trigger, replace(first, rules=heard.rules), purchase, at, frozenset(s.key for s in some), strange)
    steps = [s for s in told if s.word in STEPS]
    for trigger, said in _of_subscription(sorted(steps, key=lambda s: (s.at, s.key))):
        yield Fact(trigger, said, purchase, said.at, frozenset((said.key,)), strange)


def _of_subscription(told: Sequence[Said]) -> Iterator[tuple[str, Said]]:
    """The history of a subscription, told in order: checkout events → triggers, one state after the other."""
    status, failures, told_recovered, charges = "active", 0, False, set()
    for said in told:
        fired: list[str] = []
        if said.word == "charged" and (said.number is None or said.number not in charges):
            charges.add(said.number)
            recovers = failures > 0 or status == "delinquent"
            last = said.number is not None and said.total is not None and said.number >= said.total
            fired = ["subscription_charged"] + ["subscription_recovered"] * recovers
            fired += ["subscription_completed"] * (last and status != "completed")
            status = "completed" if last or status == "completed" else "active"
            failures, told_recovered = 0, told_recovered or recovers
        elif said.word == "recovered":
            fired = [] if told_recovered else ["subscription_recovered"]
            status, failures, told_recovered = "completed" if status == "completed" else "active", 0, True
        elif said.word == "restarted" and status in ("canceled", "delinquent"):
            fired, status, failures = ["subscription_restarted"], "active", 0
        elif said.word == "completed" and status != "completed":
            fired, status = ["subscription_completed"], "completed"
        elif said.word == "canceled":
            told_recovered = False
            if status not in ("canceled", "delinquent"):
                fired, status = ["subscription_canceled"], "canceled"
        elif said.word in ("charge_failed", "delinquent"):
            told_recovered = False
            failures += said.word == "charge_failed"
            fired = ["subscription_charge_failed"] if said.word == "charge_failed" and failures == 1 else []
            if status != "delinquent" and (said.word == "delinquent" or failures == 4):
                fired += ["subscription_delinquent"] + ["subscription_canceled"] * (status != "canceled")
                status = "delinquent"
        yield from ((trigger, said) for trigger in fired)
