"""What a merchant does in Cartwheel: rules, entries, customers, integrations, each by the function that its page calls. Rules are kept as told."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from simulation.house import CIRCLE, House, seal
from simulation.reference import PAID_PERIOD, ByHand, Canceled, Decided, Rule, Word
from simulation.scene import ADDS, HOME, KINDS, PRODUCTS, REMOVES
from webapp.apps import Refused
from webapp.apps.registry import APPS
from webapp.engine import aliases, entries, granting, integrations, rules
from webapp.engine.hand import HAND
from webapp.engine.rules import Draft
from webapp.engine.triggers import TRIGGERS
from webapp.models import Customer, Grant, Integration, LogEntry, Product, Target
from webapp.models import Rule as RuleRow

LIKELY = (
    ("product_purchased", True), ("product_purchased", True), ("product_purchased", True), ("product_purchased", False),
    ("product_refunded", False), ("product_refunded", False), ("product_partially_refunded", False), ("prospect_created", True),
    ("prospect_created", False), ("subscription_charged", True), ("subscription_charge_failed", True), ("subscription_charge_failed", False),
    ("subscription_canceled", False), ("subscription_canceled", False), ("subscription_delinquent", False), ("subscription_delinquent", True),
    ("subscription_recovered", False), ("subscription_recovered", True), ("subscription_restarted", True), ("subscription_completed", True),
    ("subscription_completed", False),
)  # fmt: skip
"""Triggers with what merchants do on them, the likelier ones more often."""

LIKED = (*KINDS, "VIP Room", "VIP Room", "Fan", "Fan")
"""What rules are about, the likelier ones more often."""


@dataclass
class Merchant:
    """The merchant of a house. `rules`: those that are on; `off`: those that are not; `by_hand`: what was decided by hand, by customer."""

    house: House
    targets: Mapping[str, int]
    rules: dict[int, Rule] = field(default_factory=dict)
    off: dict[int, Rule] = field(default_factory=dict)
    by_hand: dict[str, ByHand] = field(default_factory=lambda: defaultdict(ByHand))
    products: dict[str, int] = field(default_factory=dict)
    keys: int = 1

    def standing(self) -> tuple[Rule, ...]:
        """The rules that are on now."""
        return tuple(self.rules.values())

    def begin(self, dice: Random) -> None:
        """The first rules."""
        with self.house.write() as session:
            self.products = {product.external_id: product.id for product in session.scalars(select(Product))}
            for rule in {_identity(rule): rule for rule in (drawn(dice) for _ in range(dice.randint(6, 12)))}.values():
                self._put(session, rule)

    def make(self, dice: Random) -> None:
        """A new rule."""
        with self.house.write() as session:
            self._make(session, drawn(dice))

    def change(self, dice: Random) -> None:
        """A rule becomes another one, or is switched, or deleted."""
        known = {**self.rules, **self.off}
        if not known:
            return
        rule = known[dice.choice(list(known))]
        act = dice.choice((self._change, self._switch, self._delete))
        with self.house.write() as session:
            act(session, rule, dice)

    def _put(self, session: Session, rule: Rule) -> None:
        """One of the first rules: a row, since making it as a page does would cost more than all the rest."""
        draft, made = self._draft(rule), self.house.new_id(self.house.now)
        session.add(
            RuleRow(
                id=made, marketplace_id=self.house.marketplace, product_id=draft.product_id, trigger=draft.trigger,
                integration_id=draft.integration_id, action=draft.action, target_id=self.targets[rule.target], removal=draft.removal,
                for_days=draft.for_days, after_days=draft.after_days, created_at=self.house.now,
                identity=f"{draft.product_id or 'all'}:{draft.trigger}:{draft.action}:{self.targets[rule.target]}",
            )
        )  # fmt: skip
        self.rules[made] = replace(rule, id=made)

    def _make(self, session: Session, rule: Rule) -> None:
        with contextlib.suppress(rules.Duplicate, rules.Wrong):
            made = rules.create(session, APPS, self.house.marketplace, self._draft(rule), now=self.house.now, new_id=self.house.new_id)
            self.rules[made.id] = replace(rule, id=made.id)

    def _change(self, session: Session, rule: Rule, dice: Random) -> None:
        new = replace(drawn(dice), id=rule.id)
        with contextlib.suppress(rules.Duplicate, rules.Wrong):
            rules.change(session, APPS, self.house.marketplace, rule.id, self._draft(new))
            (self.rules if rule.id in self.rules else self.off)[rule.id] = new

    def _switch(self, session: Session, rule: Rule, dice: Random) -> None:
        on = rule.id in self.off
        rules.switch(session, self.house.marketplace, rule.id, on=on, now=self.house.now)
        before, after = (self.off, self.rules) if on else (self.rules, self.off)
        after[rule.id] = before.pop(rule.id)

    def _delete(self, session: Session, rule: Rule, dice: Random) -> None:
        rules.delete(session, self.house.marketplace, rule.id, now=self.house.now)
        self.rules.pop(rule.id, None)
        self.off.pop(rule.id, None)

    def _draft(self, rule: Rule) -> Draft:
        kind = KINDS[rule.target]
        return Draft(
            self.products[rule.product] if rule.product else None, rule.trigger, self.house.integrations[HOME[rule.target]],
            (ADDS if rule.adds else REMOVES)[kind], None if HOME[rule.target] == rule.target else self.targets[rule.target],
            None if rule.adds else "always" if rule.always else "spare", rule.for_days, rule.after_days,
        )  # fmt: skip

    def replay(self, entry: int) -> bool:
        """Replay an entry. False where that is refused; nor is anything replayed of which the target is gone (docs/simulation.md)."""
        try:
            with self.house.write() as session:
                target = session.get_one(LogEntry, entry).target_id
                if target is None or session.get_one(Target, target).gone_at is not None:
                    return False
                entries.replay(session, self.house.marketplace, entry, self.house.now, self.house.new_id)
        except entries.Refused:
            return False
        return True

    def skip(self, entry: int) -> bool:
        """Skip an entry. False where that is refused."""
        try:
            with self.house.write() as session:
                entries.skip(session, self.house.marketplace, entry, "Mo", self.house.now)
        except entries.Refused:
            return False
        return True

    def remove_anyway(self, entry: int) -> bool:
        """Remove what was kept. False where that is refused."""
        try:
            with self.house.write() as session:
                made = entries.remove_anyway(session, self.house.marketplace, entry, self.house.now, self.house.new_id)
                row = session.get_one(LogEntry, made)
                email, target = session.get_one(Customer, row.customer_id).email, row.target_id
        except entries.Refused:
            return False
        name = next(name for name, known in self.targets.items() if known == target)
        self._decided(email, Decided("remove", name, (self.house.now, f"{HAND}{made}", False)))
        return True

    def cancel(self, entry: int) -> tuple[str, Canceled, Grant] | None:
        """Call off what an entry waits for. Gives whose it is, what was canceled and the mark that waited; None where it is refused."""
        try:
            with self.house.write() as session:
                email, trigger, product, mark = session.execute(
                    select(Customer.email, LogEntry.trigger, Product.external_id, Grant)
                    .join(Customer, Customer.id == LogEntry.customer_id)
                    .join(Product, Product.id == LogEntry.product_id)
                    .join(Grant, Grant.entry_id == LogEntry.id)
                    .where(LogEntry.id == entry)
                ).one()
                about = Canceled(mark.tie, trigger or "", product, frozenset())
                entries.cancel(session, self.house.marketplace, entry, "Mo", self.house.now)
        except entries.Refused:
            return None
        return email, about, mark

    def decide(self, dice: Random, email: str, place: str) -> str:
        """Grant a place by hand, take it away or leave it to purchases again. Gives what was done, "" where it is refused."""
        words: tuple[Word, ...] = ("grant", "take", "leave")
        house, word = self.house, dice.choice(words)
        days = dice.choice((None, None, 1, 30)) if word == "grant" else None
        try:
            with house.write() as session:
                customer, target = _customer(session, email), session.get_one(Target, self.targets[place])
                if customer is None:
                    return ""
                if word == "grant":
                    made = granting.grant(session, customer, target, days, "Mo", house.now, house.new_id)
                else:
                    act = granting.take_away if word == "take" else granting.leave_to_purchases
                    made = act(session, customer, target, "Mo", house.now, house.new_id)
        except entries.Refused:
            return ""
        until = house.now + timedelta(days=days) if days else None
        self._decided(email, Decided(word, place, (house.now, f"{HAND}{made}", word == "grant"), until))
        return word

    def _decided(self, email: str, one: Decided) -> None:
        self.by_hand[email].decided.append(one)

    def move(self, integration: int, email: str, address: str) -> bool:
        """Say that a customer is in a community under this address. False where that is refused."""
        try:
            with self.house.write() as session:
                customer = _customer(session, email)
                if customer is None:
                    return False
                aliases.put(session, customer, session.get_one(Integration, integration), address, self.house.now, self.house.new_id)
        except entries.Refused:
            return False
        return True

    def pause(self, integration: int, paused: bool) -> None:
        """Pause an integration, or resume it."""
        with self.house.write() as session:
            (integrations.pause if paused else integrations.resume)(session, session.get_one(Integration, integration), self.house.now)

    def watch(self, integration: int, only: bool) -> None:
        """Only watch, or let it call."""
        with self.house.write() as session:
            integrations.watch(session, session.get_one(Integration, integration), only)

    def replace_key(self, integration: int, tokens: list[str]) -> None:
        """Make another key in the community, delete the old one there, and paste it. Nothing where Circle refuses it."""
        self.keys += 1
        key = f"token-{self.keys}"
        tokens[:] = [key]
        try:
            community = CIRCLE.connect(self.house.wires[integration].client(key))
        except Refused:
            return
        with self.house.write() as session:
            connection = integrations.Connection("circle", community, {"api_key": key})
            integrations.replace_key(session, session.get_one(Integration, integration), connection, seal, self.house.now)


def _customer(session: Session, email: str) -> Customer | None:
    return session.scalars(select(Customer).where(Customer.email == email)).one_or_none()


def _identity(rule: Rule) -> tuple[object, ...]:
    return rule.product, rule.trigger, rule.adds, rule.target


def drawn(dice: Random) -> Rule:
    """A rule such as a merchant makes: mostly likely ones, now and then any."""
    trigger, adds = dice.choice(LIKELY) if dice.random() < 0.85 else (dice.choice(list(TRIGGERS)), dice.random() < 0.5)
    target = dice.choice(LIKED)
    product = dice.choice((None, None, None, *PRODUCTS))
    if adds:
        return Rule(0, product, trigger, adds, target, for_days=dice.choice((None, None, None, 1, 30)))
    usual = not TRIGGERS[trigger].takes_back
    always = usual if dice.random() < 0.8 else not usual
    return Rule(0, product, trigger, adds, target, always, after_days=dice.choice((0, 0, 0, 3, 30, PAID_PERIOD)))
