"""Who did in the past what a rule is about, and the batch that does for them what the rule asks for.

Event times decide, as they do for what arrives late: a rule means a happening of the past as if it had been there then. What has been
taken back since counts for no trigger that gives, and what has been paid again since for none that takes back (docs/access.md).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, not_, select
from sqlalchemy.orm import Session, aliased

from webapp.apps import App
from webapp.engine import firing, opening
from webapp.engine.batch_work import Kind, Tools, Worked
from webapp.engine.book import Book, Fired
from webapp.engine.firing import Whose
from webapp.engine.happenings import New
from webapp.engine.rules import Draft
from webapp.engine.snapshots import RuleView
from webapp.engine.triggers import ON_RECORD, TRIGGERS
from webapp.models import Batch, BatchItem, Customer, Grant, Happening, Purchase, Rule

KEY = "past"
ENDS = ("product_refunded", "subscription_canceled", "subscription_delinquent")
"""What ends a purchase, until something on it is paid or restarted again."""

GIVES = tuple(sorted(ON_RECORD))
GONE = "The rule was deleted, switched off or changed meanwhile. What was done before stays."
BROKEN = "What the rule is about no longer exists there. Choose another target for it, then begin anew."


def counting(
    marketplace_id: int, draft: Draft, adds: bool, now: datetime, customers: Collection[int] | None = None
) -> list[ColumnElement[bool]]:
    """What a happening of the past must be to count for a rule that does not exist yet, of these customers alone where they are given.

    To be joined with its Purchase; tests never count.
    """
    # A customer is of one marketplace: named beside them, SQLite would go through all of the marketplace's happenings.
    whose = Happening.marketplace_id == marketplace_id if customers is None else Happening.customer_id.in_(customers)
    conditions = [
        whose, Happening.trigger == draft.trigger, Happening.refuted.is_(False), Happening.at <= now, Purchase.test.is_(False),
        _stands(draft.trigger, marketplace_id if customers is None else None),
    ]  # fmt: skip
    if customers is None:  # who was erased did nothing that counts
        erased = select(Customer.id).where(Customer.marketplace_id == marketplace_id, Customer.erased_as.is_not(None))
        conditions.append(Happening.customer_id.not_in(erased))
    if draft.product_id is not None:
        conditions.append(Happening.product_id == draft.product_id)
    if adds and draft.for_days is not None:
        conditions.append(Happening.at > now - timedelta(days=draft.for_days))
    return conditions


def _stands(trigger: str, marketplace_id: int | None) -> ColumnElement[bool]:
    """That nothing that happened since speaks against it. With a marketplace, asked of all of its purchases at once."""
    after = aliased(Happening)
    if trigger == "prospect_created":
        bought = (
            after.customer_id == Happening.customer_id,
            after.product_id == Happening.product_id,
            after.trigger == "product_purchased",
        )
        return not_(select(after.id).where(*bought, after.refuted.is_(False), after.at > Happening.at).exists())
    given = (after.trigger.in_(GIVES), after.refuted.is_(False))
    if TRIGGERS[trigger].takes_back:
        return not_(select(after.id).where(after.purchase_id == Happening.purchase_id, *given, after.at > Happening.at).exists())
    end = aliased(Happening)
    again = select(after.id).where(after.purchase_id == end.purchase_id, *given, after.at > end.at).exists()
    over = select(end.purchase_id).where(end.trigger.in_(ENDS), end.refuted.is_(False), not_(again))
    if marketplace_id is None:
        return not_(over.where(end.purchase_id == Happening.purchase_id).exists())
    return Happening.purchase_id.not_in(over.where(end.marketplace_id == marketplace_id))


def people(session: Session, marketplace_id: int, draft: Draft, app: App, now: datetime) -> list[int]:
    """The customers who did before what the rule is about, by their ids."""
    adds = app.actions[draft.action].adds
    query = select(Happening.customer_id).join(Purchase, Purchase.id == Happening.purchase_id)
    return sorted(session.scalars(query.where(*counting(marketplace_id, draft, adds, now)).distinct()))


def given(rule: Rule) -> dict[str, Any]:
    """What the batch is asked with: the rule, and what it was when somebody said yes."""
    return {"rule": rule.id, "was": _is(rule), "integrations": [rule.integration_id]}


def _is(rule: Rule | RuleView) -> list[Any]:
    return [
        rule.product_id, rule.trigger, rule.integration_id, rule.action, rule.target_id, rule.removal, rule.for_days, rule.after_days
    ]  # fmt: skip


def _work(session: Session, batch: Batch, items: Sequence[BatchItem], tools: Tools) -> Worked:
    """Do for these customers what the rule asks for, unless it has been done."""
    snapshot = tools.snapshots.get(session, {batch.marketplace_id})[batch.marketplace_id]
    rule = next((one for one in snapshot.rules if one.id == batch.given["rule"]), None)
    if rule is None or rule.off or _is(rule) != batch.given["was"]:
        return Worked(stop=GONE)
    if rule.broken:
        return Worked(stop=BROKEN)
    book = Book(session.connection(), tools.now, tools.new_id, batch.id)
    buyers = opening.open_known(book, batch.marketplace_id, [item.number for item in items])
    found = _happened(session, batch.marketplace_id, rule, buyers, tools.now)
    done = _done(session, rule, [fired.id for fired, _, _ in found])
    bought = {purchase.id: purchase for some in book.bought.values() for purchase in some}
    for fired, purchase_id, event_id in found:
        terms = firing.terms_of(rule, fired.at, fired.access_until)
        if (fired.id, terms.at, terms.until) not in done:
            purchase = bought[purchase_id]
            firing.ask(book, snapshot, Whose(buyers[purchase.customer_id], event_id), New(fired, purchase, None, fired.access_until), rule)
    return Worked(work=book.flush() if book.rows else False)


def _happened(
    session: Session, marketplace_id: int, rule: RuleView, customers: Collection[int], now: datetime
) -> list[tuple[Fired, int, int]]:
    """The happenings that count, of each purchase the newest, in their order: with the purchase, and the event that told of it."""
    draft = Draft(rule.product_id, rule.trigger, rule.integration_id, rule.action, rule.target_id, None, rule.for_days, rule.after_days)
    rows = session.execute(
        select(Happening)
        .join(Purchase, Purchase.id == Happening.purchase_id)
        .where(*counting(marketplace_id, draft, rule.adds, now, customers))
        .order_by(Happening.at, Happening.tie)
    ).scalars()
    newest = {row.purchase_id: row for row in rows}
    return [
        (Fired(h.id, h.trigger, h.step_id, h.at, h.tie, h.key, False, h.product_id, h.access_until), h.purchase_id, h.event_id)
        for h in newest.values()
    ]


def _done(session: Session, rule: RuleView, happened: Collection[int]) -> set[tuple[int, datetime, datetime | None]]:
    """What is on record already of these happenings, by a rule like this one: when it counts, and until when."""
    rows = session.execute(
        select(Grant.happening_id, Grant.at, Grant.until).where(
            Grant.happening_id.in_(happened), Grant.target_id == rule.target_id, Grant.op == firing.op_of(rule)
        )
    )
    return {(happening, at, until) for happening, at, until in rows if happening is not None}


PAST = Kind(KEY, "person", "people", _work)
