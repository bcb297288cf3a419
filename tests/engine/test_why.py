"""Why, and why not: situations whose cause is known, since they were made here with the real engine, are told as they are."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import update

from sandbox.faults import Fault
from tests.engine.shop import Shop, Shops
from webapp.apps import Answer
from webapp.engine import aliases, checks, entries, granting, integrations, recording, rules, versions, why_facts
from webapp.engine.holdings import find_customer
from webapp.engine.why import Why
from webapp.models import Customer, Integration, LogEntry, Rule, Target

MINA = "mina@shop.test"
KINDS = {
    "space": ("add_to_space", "remove_from_space"),
    "space_group": ("add_to_space_group", "remove_from_space_group"),
    "event": ("rsvp_to_event", "un_rsvp_from_event"),
    "tag": ("add_tag", "remove_tag"),
}
SITUATIONS = 200
RIGHT = 0.98


@dataclass
class Scene:
    """A shop in which a product gives a place, with whatever else the dice put beside it. What happens to Mina is told by the situations."""

    shop: Shop
    dice: random.Random
    kind: str = ""
    place: int = 0

    def __post_init__(self) -> None:
        self.settle(self.dice.choice(list(KINDS)))
        with self.shop.write() as session:
            for name in ("ads-101", "alumni", "pro"):
                self.shop.product(session, name)
        if self.dice.random() < 0.5:  # something that has nothing to do with it
            lounge = self.shop.place("space", "Lounge")
            gives = ("product_purchased", "add_to_space", lounge, None, {})
            self.make(gives, ("product_refunded", "remove_from_space", lounge, None, {}))
            self.shop.tell("purchased", "tom@shop.test", "pro", order="t1")
        if self.dice.random() < 0.5:
            self.shop.tell("purchased", MINA, "pro", order="p1")
        self.shop.work()
        self.wait()

    def settle(self, kind: str) -> None:
        """What it is all about."""
        self.kind, (self.gives, self.takes) = kind, KINDS[kind]
        self.place = self.shop.place(kind, "VIP Room")

    def wait(self, **length: float) -> None:
        self.shop.pass_time(**(length or {"minutes": self.dice.randint(20, 2000)}))

    def make(self, *made: tuple[str, str, int | None, str | None, dict[str, Any]]) -> None:
        """Rules, which intake hears of."""
        self.shop.rules(*made)
        with self.shop.write() as session:
            versions.bump(session, self.shop.marketplace)

    def rules(self, product: str | None = "ads-101", **more: Any) -> None:
        """The rule that gives the place, and the one by which a refund takes it."""
        gives = ("product_purchased", self.gives, self.place, product, more)
        self.make(gives, ("product_refunded", self.takes, self.place, product, {}))

    def buy(self, order: str = "9001", product: str = "ads-101", *, work: bool = True) -> None:
        self.shop.tell("purchased", MINA, product, order=order)
        if work:
            self.shop.work()

    def refund(self, order: str = "9001", product: str = "ads-101", *, work: bool = True) -> None:
        self.shop.tell("refunded", MINA, product, order=order)
        if work:
            self.shop.work()

    def do(self, act: Callable[[Any, Customer, Target], object], *, work: bool = True) -> None:
        with self.shop.write() as session:
            customer = find_customer(session, self.shop.marketplace, MINA)
            assert customer is not None
            act(session, customer, session.get_one(Target, self.place))
        if work:
            self.shop.work()

    def integration(self, act: Callable[[Any, Integration], object]) -> None:
        with self.shop.write() as session:
            act(session, session.get_one(Integration, self.shop.integration))

    def check(self) -> None:
        shop = self.shop
        with shop.write() as session:
            customer = find_customer(session, shop.marketplace, MINA)
            assert customer is not None
            lane = checks.want(session, customer, session.get_one(Integration, shop.integration), shop.now, shop.new_id)
        with shop.write() as session:
            checking = checks.begin(session, lane, "check", shop.now)
        assert checking is not None
        while call := checks.next_call(checking):
            answer = shop.send(call)
            checking.work.take_answer(call, answer)
            with shop.write() as session:
                checks.heard(session, checking, recording.Made(checking.work, call, answer, shop.now), shop.now, shop.new_id)
            checking.work.is_stored()
        with shop.write() as session:
            checks.finish(session, checking, shop.now, shop.new_id)

    def remote(self, act: str) -> None:
        """Somebody does it in Circle by hand: put or take."""
        state = self.shop.community.state
        member = state.by_email(MINA)
        assert member is not None
        kind = "group" if self.kind == "space_group" else self.kind
        getattr(state, act)(member, kind, [self.shop.places["VIP Room"]])

    def refused(self, sentence: str) -> None:
        """What Circle answers to the next call."""
        self.shop.answers = [Answer(422, {"success": False, "message": sentence}, sentence)]

    def why(self, email: str = MINA) -> Why:
        with self.shop.write() as session:
            customer = find_customer(session, self.shop.marketplace, email)
            assert customer is not None
            return why_facts.ask(session, customer, session.get_one(Target, self.place), self.shop.now)

    def rule_that_gives(self) -> int:
        return next(rule.id for rule in self.shop.rows(Rule) if (rule.action, rule.target_id) == (self.gives, self.place))

    def about(self) -> list[LogEntry]:
        """The entries about the place, the oldest first."""
        return [entry for entry in self.shop.entries() if entry.target_id == self.place]


def granted(s: Scene) -> str:
    s.rules(s.dice.choice(["ads-101", None]))
    s.buy()
    return "grants it"


def never(s: Scene) -> str:
    s.rules("alumni")
    s.buy()
    return "was never in a rule that fired"


def refunded(s: Scene) -> str:
    s.rules()
    s.buy()
    s.wait()
    s.refund()
    return "was refunded"


def refund_came_first(s: Scene) -> str:
    s.rules()
    bought = s.shop.now
    s.wait()
    s.refund()
    s.wait()
    s.shop.tell("purchased", MINA, "ads-101", at=bought, order="9001")
    s.shop.work()
    return "was refunded"


def canceled(s: Scene) -> str:
    s.shop.rule("subscription_charged", s.gives, s.place, "ads-101")
    s.shop.rule("subscription_canceled", s.takes, s.place, "ads-101")
    s.shop.tell("charged", MINA, "ads-101", subscription="77")
    s.shop.work()
    s.wait()
    s.shop.tell("canceled", MINA, "ads-101", subscription="77")
    s.shop.work()
    return "was canceled"


def moved_on(s: Scene) -> str:
    s.rules()
    s.shop.rule("product_purchased", s.takes, s.place, "alumni")
    s.buy()
    s.wait()
    s.buy("9002", "alumni")
    return "Alumni was bought"


def kept(s: Scene) -> str:
    s.rules(None)
    s.buy()
    s.wait()
    s.buy("9002", "alumni")
    s.wait()
    s.refund()
    return "for another purchase: Alumni (bought"


def key_was_dead(s: Scene) -> str:
    s.rules()
    tokens = list(s.shop.community.tokens)
    s.shop.community.tokens.clear()
    s.buy()
    s.wait(days=2)
    s.shop.community.tokens.extend(tokens)
    s.shop.reconnect()
    s.shop.work()
    return "the key was dead from"


def was_paused(s: Scene) -> str:
    s.rules()
    s.integration(lambda session, one: integrations.pause(session, one, s.shop.now))
    s.buy()
    s.wait(days=3)
    s.integration(lambda session, one: integrations.resume(session, one, s.shop.now))
    s.shop.work()
    return "the integration was paused from"


def is_paused(s: Scene) -> str:
    s.rules()
    s.integration(lambda session, one: integrations.pause(session, one, s.shop.now))
    s.buy()
    s.wait()
    return "is paused"


def key_is_dead(s: Scene) -> str:
    s.rules()
    s.shop.community.tokens.clear()
    s.buy()
    s.wait()
    return "no longer accepts the API key"


def circle_is_down(s: Scene) -> str:
    s.rules()
    s.shop.community.push(Fault.error(503).on(times=1))
    s.buy(work=False)
    for work in s.shop.claim():
        s.shop.finish(work)
    return "Next attempt"


def circle_was_down(s: Scene) -> str:
    circle_is_down(s)
    s.wait(minutes=5)
    s.shop.work()
    return "did not do it at first"


def refused_address(s: Scene) -> str:
    s.rules()
    s.shop.community.modes = replace(s.shop.community.modes, blocked_domains=("bad.test",))
    s.buy(work=False)
    s.do(lambda session, customer, _: _put(s, session, customer, "mina@bad.test"))
    return "Circle refused mina@bad.test"


def _put(s: Scene, session: Any, customer: Customer, email: str) -> None:
    aliases.put(session, customer, session.get_one(Integration, s.shop.integration), email, s.shop.now, s.shop.new_id)


def removed_in_circle(s: Scene) -> str:
    s.rules()
    s.buy()
    s.wait()
    s.remote("take")
    s.wait()
    s.check()
    return "removed by hand in Circle, seen"


def left_circle(s: Scene) -> str:
    s.rules()
    s.buy()
    s.wait()
    member = s.shop.community.state.by_email(MINA)
    assert member is not None
    s.shop.community.state.deactivate(member)
    s.check()
    return "removed by hand in Circle, seen"


def given_in_circle(s: Scene) -> str:
    s.settle("tag")  # a check sees all tags; of the rest it asks for what is on record
    s.rules("alumni")
    s.shop.rule("product_purchased", "invite_member", None, "ads-101")
    s.buy()
    s.remote("put")
    s.check()
    return "by no rule: it was given in Circle"


def rule_is_off(s: Scene) -> str:
    s.rules()
    rule = s.rule_that_gives()
    with s.shop.write() as session:
        rules.switch(session, s.shop.marketplace, rule, on=False, now=s.shop.now)
    s.wait()
    s.buy()
    return "is switched off"


def rule_came_later(s: Scene) -> str:
    s.buy()
    s.wait()
    s.rules()
    return "was made later"


def rule_was_deleted(s: Scene) -> str:
    s.rules()
    rule = s.rule_that_gives()
    with s.shop.write() as session:
        rules.delete(session, s.shop.marketplace, rule, now=s.shop.now)
    s.wait()
    s.buy()
    return "had been deleted"


def ran_out(s: Scene) -> str:
    days = s.dice.randint(1, 90)
    s.rules(for_days=days)
    s.buy()
    s.wait(days=days + 1)
    s.shop.work()
    return "timed access of Ads-101 ran out"


def ends_later(s: Scene) -> str:
    s.shop.rule("product_purchased", s.gives, s.place, "ads-101")
    s.shop.rule("product_refunded", s.takes, s.place, "ads-101", after_days=s.dice.randint(4, 30))
    s.buy()
    s.wait()
    s.refund()
    return "the removal waits"


def by_hand(s: Scene) -> str:
    s.shop.tell("purchased", MINA, "pro", order="p2")
    s.shop.work()
    s.do(lambda session, customer, target: granting.grant(session, customer, target, None, "owner", s.shop.now, s.shop.new_id))
    return "granted by hand"


def taken_by_hand(s: Scene) -> str:
    s.rules()
    s.buy()
    s.wait()
    s.do(lambda session, customer, target: granting.take_away(session, customer, target, "owner", s.shop.now, s.shop.new_id))
    s.wait()
    s.buy("9002")
    return "taken away by hand"


def removed_anyway(s: Scene) -> str:
    kept(s)
    s.wait()
    newest = s.about()[-1].id
    with s.shop.write() as session:
        entries.remove_anyway(session, s.shop.marketplace, newest, s.shop.now, s.shop.new_id)
    s.shop.work()
    return "taken away by hand"


def failed(s: Scene) -> str:
    s.rules()
    s.shop.tell("purchased", MINA, "pro", order="p3")
    s.shop.rule("product_purchased", "invite_member", None, "pro")
    s.shop.tell("purchased", MINA, "pro", order="p4")
    s.shop.work()
    s.refused("The moon is in the wrong place.")
    s.buy()
    return "The moon is in the wrong place."


def is_gone(s: Scene) -> str:
    s.rules()
    with s.shop.write() as session:
        session.execute(update(Target).where(Target.id == s.place).values(gone_at=s.shop.now))
    s.shop.community.delete(s.shop.places["VIP Room"])
    s.buy()
    return "no longer exists in My community"


def skipped(s: Scene) -> str:
    s.rules()
    s.integration(lambda session, one: integrations.pause(session, one, s.shop.now))
    s.buy()
    newest = s.about()[-1].id
    with s.shop.write() as session:
        entries.skip(session, s.shop.marketplace, newest, "owner", s.shop.now)
    s.integration(lambda session, one: integrations.resume(session, one, s.shop.now))
    s.shop.work()
    return "skipped by owner"


def watched(s: Scene) -> str:
    s.rules()
    s.integration(lambda session, one: integrations.watch(session, one, only=True))
    s.buy()
    return "only watches"


def cart_was_bought(s: Scene) -> str:
    s.shop.rule("prospect_created", s.gives, s.place, "ads-101")
    s.shop.tell("prospect", MINA, "ads-101", prospect="c1")
    s.wait(minutes=30)
    s.buy()
    s.wait(hours=3)
    s.shop.work()
    return "before the 2 hours"


CASES: Mapping[Callable[[Scene], str], str] = {
    granted: "granted", never: "never", refunded: "after_product_refunded", refund_came_first: "after_product_refunded",
    canceled: "after_subscription_canceled", moved_on: "after_product_purchased", kept: "kept", key_was_dead: "late", was_paused: "late",
    is_paused: "waits_paused", key_is_dead: "waits_attention", circle_is_down: "waits_retry", circle_was_down: "retried",
    refused_address: "refused_address", removed_in_circle: "seen_gone", left_circle: "seen_gone", given_in_circle: "given_there",
    rule_is_off: "rule_off", rule_came_later: "rule_later", rule_was_deleted: "rule_deleted", ran_out: "expired", ends_later: "ends_later",
    by_hand: "by_hand", taken_by_hand: "taken_away", removed_anyway: "removed_anyway", failed: "failed", is_gone: "gone", skipped: "skipped",
    watched: "watch_only", cart_was_bought: "cart_bought",
}  # fmt: skip
"""How each situation comes about, and the cause of it. Each gives words that its sentence must have."""


def test_two_hundred_situations_are_told_as_they_are(shops: Shops) -> None:
    wrong = []
    for number in range(SITUATIONS):
        make, cause = list(CASES.items())[number % len(CASES)]
        with shops.open() as shop:
            scene = Scene(shop, random.Random(number))
            words = make(scene)
            told = scene.why()
            about = {entry.id for entry in shop.entries()}
        if told.cause != cause or words not in told.sentence or not set(told.entries) <= about:
            wrong.append(f"{number} {make.__name__} ({scene.kind}): {told.cause}: {told.sentence}")
    assert len(wrong) <= (1 - RIGHT) * SITUATIONS, "\n".join(wrong)


@pytest.mark.parametrize("make", [refunded, key_was_dead, removed_in_circle, kept], ids=lambda one: one.__name__)
def test_the_entries_prove_it(shop: Shop, make: Callable[[Scene], str]) -> None:
    scene = Scene(shop, random.Random(7))
    make(scene)
    told = scene.why()
    proof = [entry for entry in shop.entries() if entry.id in told.entries]
    assert proof
    assert all(entry.target_id == scene.place for entry in proof)


def test_who_has_no_lane_there_was_never_in_a_rule(shop: Shop) -> None:
    scene = Scene(shop, random.Random(7))
    shop.tell("purchased", "eve@shop.test", "alumni", order="e1")
    shop.work()
    told = scene.why("eve@shop.test")
    assert (told.cause, told.entries) == ("never", ())
    assert told.sentence.startswith("Mina was never in a rule that fired for the ")
