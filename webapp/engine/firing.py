"""Happenings → rules → log entries and marks on the record: what each rule that matches asks for, and why others did not match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webapp.engine import ranks, sentences, timing
from webapp.engine.book import Book, Buyer
from webapp.engine.happenings import New, Told, bought_by
from webapp.engine.snapshots import RuleView, Snapshot
from webapp.engine.timing import Terms
from webapp.engine.triggers import TRIGGERS
from webapp.models import Grant, LogEntry

CLOSE = 5
"""How many of the rules that came close an entry names."""

GONE = "target_gone"
"""The cause of an entry whose rule is about something that the app no longer has."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whom a happening befell, and which event told of it."""

    buyer: Buyer
    event_id: int
    test: bool = False


def fire(book: Book, snapshot: Snapshot, told: Told, new: New, product: str) -> int:
    """Hold the rules against one happening, and write down what they ask for. Returns how many log entries that made."""
    rules = snapshot.firing(new.fired.trigger, new.fired.product_id)
    for rule in rules:
        ask(book, snapshot, _whose(told), new, rule)
    if not rules:
        _no_rule(book, snapshot, told, new, product)
    return len(rules) or 1


def entry(book: Book, marketplace_id: int, status: str, sentence: str, **more: Any) -> dict[str, Any]:
    """A log entry's row, written with the book. `more` are columns; all rows have the same ones, so that one statement writes them."""
    about = {"marketplace_id": marketplace_id, "batch_id": book.batch_id, "status": status, "sentence": sentence}
    row = {**_EMPTY, "id": book.id(), **about, **more}
    row |= {"at": book.now, "changed_at": book.now}
    if row["open_lane_id"] is None:
        row["finished_at"] = book.now
    book.rows[LogEntry].append(row)
    return row


_EMPTY: dict[str, Any] = dict.fromkeys(
    (
        "event_id", "happening_id", "customer_id", "product_id", "rule_id", "integration_id", "target_id", "lane_id", "open_lane_id",
        "trigger", "action", "due_at", "finished_at", "replays_id", "batch_id", "details",
    )
) | {"todo": "", "cause": "", "attempts": 0, "test": False}  # fmt: skip


def _whose(told: Told) -> Whose:
    return Whose(told.buyer, told.event_id, told.message.test)


def _about(whose: Whose, new: New) -> dict[str, Any]:
    return {
        "event_id": whose.event_id, "happening_id": new.fired.id, "customer_id": whose.buyer.id, "product_id": new.fired.product_id,
        "trigger": new.fired.trigger, "test": whose.test,
    }  # fmt: skip


def ask(book: Book, snapshot: Snapshot, whose: Whose, new: New, rule: RuleView) -> None:
    """What one rule asks for: an entry that waits in the customer's lane, and its mark on the record."""
    terms = terms_of(rule, new.fired.at, new.access_until, new.asked_at)
    waits = terms.asked_at is not None and terms.at > book.now
    rank = ranks.rank(rule.adds, book.batch_id is not None)
    lane = book.lane(whose.buyer.marketplace_id, whose.buyer.id, rule.integration_id, terms.at if waits else book.now, rank)
    about = _about(whose, new) | {
        "rule_id": rule.id, "integration_id": rule.integration_id, "target_id": rule.target_id, "lane_id": lane, "action": rule.action,
    }  # fmt: skip
    if new.fired.refuted:
        made = entry(book, snapshot.marketplace_id, "unchanged", _bought_in_time(book, snapshot, whose, new), **about)
    elif rule.broken:
        made = entry(book, snapshot.marketplace_id, "failed", _gone(rule), **about, cause=GONE, todo=REPAIR)
    else:
        sentence = _waiting(rule, terms.at, book.now, snapshot.time_zone) if waits else _asked(rule, terms.until, snapshot.time_zone)
        due = terms.at if waits else None
        made = entry(book, snapshot.marketplace_id, "queued", sentence, **about, open_lane_id=lane, due_at=due)
    _mark(book, new, rule, made, lane, terms)


def _mark(book: Book, new: New, rule: RuleView, made: dict[str, Any], lane: int, terms: Terms) -> None:
    book.rows[Grant].append(
        {
            "id": book.id(), "lane_id": lane, "target_id": rule.target_id, "purchase_id": new.purchase.id, "happening_id": new.fired.id,
            "entry_id": made["id"], "rule_id": rule.id, "op": op_of(rule), "at": terms.at, "tie": new.fired.tie, "until": terms.until,
            "asked_at": terms.asked_at, "recoverable": terms.recoverable, "paid_period": terms.paid_period, "void": new.fired.refuted,
        }
    )  # fmt: skip


def op_of(rule: RuleView) -> str:
    """What a rule's mark says on the record (`models.Grant.op`)."""
    if rule.adds:
        return "open"
    return "close" if rule.removal == "spare" else "clear"


def terms_of(rule: RuleView, at: datetime, access_until: datetime | None, asked_at: datetime | None = None) -> Terms:
    """When what a rule asks for counts, of a happening at that time."""
    if rule.adds:
        return timing.opening(at, rule.for_days, asked_at)
    return timing.removal(at, rule.after_days, access_until, asked_at)


REPAIR = "Choose another target for the rule. The entries that failed can then be replayed together."


def _gone(rule: RuleView) -> str:
    return f"The {sentences.PLACES.get(rule.kind, rule.kind)} {rule.target} no longer exists in {rule.integration}."


UNLESS = {"prospect_created": "they buy it by then", "product_refunded": "they buy it again"}
PAID = "they pay again"
"""What calls off what waits, for the merchant, by its trigger; the second: of all the others."""


def _asked(rule: RuleView, until: datetime | None = None, zone: str = "") -> str:
    end = f" {sentences.until(until, zone)}" if until else ""
    return f"{sentences.asked(rule.kind, rule.target, rule.integration, rule.adds)}{end}."


def _waiting(rule: RuleView, at: datetime, now: datetime, zone: str) -> str:
    """What is to come: `Will be removed from space VIP Room on 5 May 2026 at 14:02, unless they pay again.`"""
    coming = sentences.coming(rule.kind, rule.target, rule.integration, rule.adds)
    return f"{coming} {sentences.when(at, zone, now)}, unless {UNLESS.get(rule.trigger, PAID)}."


def _bought_in_time(book: Book, snapshot: Snapshot, whose: Whose, new: New) -> str:
    bought = bought_by(book, whose.buyer, new.fired.product_id, new.fired.at)
    when = f" {sentences.when(bought.at, snapshot.time_zone, book.now)}" if bought else ""
    return f"Bought{when}, before the 2 hours were over: no abandoned cart."


def _no_rule(book: Book, snapshot: Snapshot, told: Told, new: New, product: str) -> None:
    """Say that nothing happened, and why not: the rules that came close."""
    trigger = TRIGGERS[new.fired.trigger]
    person = told.message.person
    who = (person.first_name if person else "") or told.buyer.email
    close = came_close(snapshot.rules, new.fired.trigger, new.fired.product_id, product)
    entry(
        book, snapshot.marketplace_id, "no_rule", f"{who} {trigger.did.format(product=product)}. No rule is about that.",
        **_about(_whose(told), new), todo=f"Make a rule for {product}, if something should follow.", details={"close": close},
    )  # fmt: skip


def came_close(rules: Sequence[RuleView], trigger: str, product_id: int, product: str) -> list[dict[str, Any]]:
    """Of rules that a happening did not start, those that differ in one thing: switched off; another trigger for this product; this trigger
    for another product."""
    found: list[tuple[int, RuleView, str]] = []
    for rule in rules:
        same_trigger, same_product = rule.trigger == trigger, rule.product_id in (None, product_id)
        if same_trigger and same_product:
            if rule.off:
                found.append((0, rule, "It is switched off."))
        elif same_product:
            found.append((1, rule, f"It is for {TRIGGERS[rule.trigger].label}, not {TRIGGERS[trigger].label}."))
        elif same_trigger:
            found.append((2, rule, f"It is for another product than {product}."))
    found.sort(key=lambda one: (one[0], one[1].id))
    return [{"rule": rule.id, "asks": _asked(rule), "why": why} for _, rule, why in found[:CLOSE]]
