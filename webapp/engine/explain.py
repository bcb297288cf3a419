"""Why an entry that asked for something has nothing to do: something newer has spoken, or another purchase still grants it. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Target
from webapp.engine import sentences
from webapp.engine.access import CalledOff, Mark, Verdict
from webapp.engine.hand import HAND
from webapp.engine.work import End, Open
from webapp.models import Grant, Happening, LogEntry, Product, Purchase

SAID = {
    "product_purchased": "bought", "product_refunded": "refunded", "product_partially_refunded": "partly refunded",
    "prospect_created": "left in the cart", "subscription_canceled": "canceled", "subscription_charge_failed": "a payment failed",
    "subscription_charged": "paid", "subscription_delinquent": "turned delinquent", "subscription_recovered": "paid again",
    "subscription_restarted": "restarted", "subscription_completed": "paid in full",
}  # fmt: skip
"""What a trigger says of a customer in a word or two: "Superseded: refunded at 14:32"."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a mark came from: its trigger (None: a person), its product's name, and when that purchase was made."""

    trigger: str | None
    product: str | None
    bought_at: datetime
    product_id: int | None = None
    event_id: int | None = None
    test: bool = False

    @property
    def by_hand(self) -> bool:
        """Whether a person decided it, and no rule."""
        return self.trigger is None and self.product is None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An entry whose wish is not what is desired, with the verdict on its target; `off`: where a recovery called it off."""

    entry: Open
    verdict: Verdict
    target: Target
    integration: str
    zone: str
    off: CalledOff | None = None


def explain(session: Session, mismatches: Collection[Mismatch], now: datetime) -> dict[int, End]:
    """What to say of each of these entries, by its id."""
    of = causes(session, [mark for m in mismatches for mark in marks(m.verdict)])
    refuted = _refuted(session, {m.entry.happening_id for m in mismatches if m.entry.happening_id})
    return {m.entry.id: _explain(session, m, of, refuted, now) for m in mismatches}


def _explain(session: Session, m: Mismatch, causes: Mapping[int, Cause], refuted: Collection[int], now: datetime) -> End:
    if m.entry.happening_id in refuted:
        return End("unchanged", _never_was(session, m, now))
    if m.off:
        return End("unchanged", _called_off(session, m.off, m.zone, now))
    if m.entry.adds:
        return End("unchanged", _superseded(m.verdict.ended, causes, m.zone, now, m.verdict.expired))
    return _kept(m, causes, now)


def _kept(m: Mismatch, causes: Mapping[int, Cause], now: datetime) -> End:
    """A removal that is overruled: by another purchase, or by something newer on the same one."""
    granting = [mark for mark in m.verdict.because if mark.entry != m.entry.id]
    if not granting:
        return End("unchanged", "Nothing had to be done: it is granted.")
    newest = granting[-1]
    cause = causes[newest.id]
    what = m.integration if m.target.kind == MEMBERSHIP else m.target.name
    if cause.by_hand:
        return End("unchanged", f"Kept: {what} was granted by hand.", details={"kept": True})
    return End("unchanged", f"Kept: {named(cause, m.zone, now)} still grants {what}.", details={"kept": True})


def named(cause: Cause, zone: str, now: datetime) -> str:
    """What grants something: `Course B (bought 12 May)`."""
    return f"{cause.product or 'another purchase'} (bought {_short(cause.bought_at, zone, now)})"


def said(mark: Mark, cause: Cause | None, zone: str, now: datetime) -> str:
    """What took something away, and when: `refunded at 14:32`."""
    by_hand = "ended by hand" if mark.op == "close" else "taken away by hand"
    word = SAID.get(cause.trigger, "changed") if cause and cause.trigger else by_hand
    return f"{word} {sentences.when(mark.asked_at or mark.at, zone, now)}"


def _superseded(ended: Mark | None, causes: Mapping[int, Cause], zone: str, now: datetime, expired: bool) -> str:
    if ended is None:
        return "Superseded by something newer: nothing to do."
    if expired and ended.until:
        return f"Superseded: its time was over {sentences.when(ended.until, zone, now)}."
    return f"Superseded: {said(ended, causes.get(ended.id), zone, now)}."


def _never_was(session: Session, m: Mismatch, now: datetime) -> str:
    """The happening behind the entry has turned out not to have happened."""
    happening = session.get(Happening, m.entry.happening_id)
    if happening is not None and happening.trigger == "prospect_created":
        bought = session.scalar(
            select(Happening.at)
            .where(
                Happening.customer_id == happening.customer_id, Happening.product_id == happening.product_id,
                Happening.trigger == "product_purchased", Happening.at <= happening.at,
            )
            .order_by(Happening.at)
            .limit(1)
        )  # fmt: skip
        when = f" {sentences.when(bought, m.zone, now)}" if bought else ""
        return f"Bought{when}, before the 2 hours were over: no abandoned cart."
    return "A later message told that this did not happen: nothing to do."


def _called_off(session: Session, off: CalledOff, zone: str, now: datetime) -> str:
    """What came before a removal's time: `Called off: paid again at 14:32. Nothing was taken.`"""
    happened = select(Happening.trigger).where(
        Happening.purchase_id == off.mark.purchase, Happening.at == off.at, Happening.tie == off.tie, Happening.refuted.is_(False)
    )
    found = set(session.scalars(happened))
    trigger = next((one for one in _TELLING if one in found), next(iter(found), ""))
    return f"Called off: {SAID.get(trigger, 'granted again')} {sentences.when(off.at, zone, now)}. Nothing was taken."


_TELLING = ("subscription_restarted", "subscription_recovered", "product_purchased", "subscription_charged")
"""Of several things that happened at once, which tells most of a recovery."""


def marks(verdict: Verdict) -> tuple[Mark, ...]:
    """The marks that a verdict stands on, the newest last."""
    return (*verdict.because, *((verdict.ended,) if verdict.ended else ()))


def causes(session: Session, marks: Iterable[Mark]) -> dict[int, Cause]:
    """Where these marks came from, by their ids."""
    ids = {mark.id for mark in marks}
    if not ids:
        return {}
    rows = session.execute(
        select(
            Grant.id,
            func.coalesce(LogEntry.trigger, Happening.trigger),
            Product.name,
            Purchase.bought_at,
            Product.id,
            LogEntry.event_id,
            Purchase.test,
            Purchase.ground,
        )
        .join(Purchase, Purchase.id == Grant.purchase_id)
        .join(Product, Product.id == Purchase.product_id, isouter=True)
        .join(LogEntry, LogEntry.id == Grant.entry_id, isouter=True)
        .join(Happening, Happening.id == Grant.happening_id, isouter=True)  # which outlives the entry
        .where(Grant.id.in_(ids))
    )
    # A removal that a person insisted on has its trigger from the entry it is about; but it is theirs.
    return {
        grant: Cause(None if ground.startswith(HAND) else trigger, name, bought, product, event, test)
        for grant, trigger, name, bought, product, event, test, ground in rows
    }


def _refuted(session: Session, happenings: Collection[int]) -> set[int]:
    if not happenings:
        return set()
    return set(session.scalars(select(Happening.id).where(Happening.id.in_(happenings), Happening.refuted.is_(True))))


def _short(at: datetime, zone: str, now: datetime) -> str:
    """`12 May`, with the year where it is not this one."""
    there = sentences.local(at, zone)
    year = "" if there.year == sentences.local(now, zone).year else f" {there.year}"
    return f"{there.day} {there:%B}{year}"
