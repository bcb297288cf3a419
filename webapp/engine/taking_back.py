"""Taking back what a rule gave, once it is switched off or deleted: counted first, then a batch. What anything else grants is spared.

A grant of the rule is closed by a mark of its own, now: what somebody held before stays on record. The membership that came with a place
stays, as it does whenever a place goes (docs/access.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.apps import MEMBERSHIP
from webapp.apps.registry import APPS
from webapp.engine import firing, opening, ranks, records, sentences, usage
from webapp.engine.access import Record, desired
from webapp.engine.batch_work import Kind, Tools, Worked
from webapp.engine.book import Book
from webapp.engine.forecast import MOST_EXACT
from webapp.models import Batch, BatchItem, Grant, Holding, Integration, Lane, Purchase, Rule, Target

KEY = "take_back"
ON_AGAIN = "The rule was switched on again. What was taken back before stays taken."
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Toll:
    """How many people a rule gave something that they still have (`people`), how many of them would `lose` it, how many `keep` it since
    something else grants it; the metered calls; and the lanes to go through."""

    people: int
    lose: int
    keep: int
    calls: int
    lanes: Sequence[int] = ()

    @property
    def sentence(self) -> str:
        """Without its full stop: "212 people lose what it gave, 41 keep it since something else grants it: about 212 metered calls"."""
        keep = f", {self.keep:,} {'keeps' if self.keep == 1 else 'keep'} it since something else grants it" if self.keep else ""
        lose = f"{self.lose:,} {'person loses' if self.lose == 1 else 'people lose'} what it gave"
        return f"{lose}{keep}: {usage.calls_words(self.calls)}"


@dataclass(frozen=True, slots=True)
class _Given:
    """What a rule gave in one lane: the target, the purchases whose grants are to be closed, and whether it is held all the same then."""

    lane: int
    target: int
    closes: tuple[int, ...]
    kept: bool


def toll(session: Session, rule: Rule, now: datetime, trust: timedelta) -> Toll:
    """What taking it back would come to. `trust`: how long a belief saves a call."""
    rows = session.execute(_given(rule, now, trust)).all()
    lanes = sorted({row.lane_id for row in rows})
    mixed = sorted({row.lane_id for row in rows if row.mixed})
    plain = [row for row in rows if not row.mixed]
    some = mixed[:: max(1, len(mixed) // MOST_EXACT)]
    each = len(mixed) / len(some) if some else 0.0
    found = _by_lane(_decide(session, some, rule.id, now))
    losing = sum(any(not given.kept for given in mine) for mine in found.values())
    lose = len({row.lane_id for row in plain} - set(mixed)) + round(each * losing)
    calls = sum(not row.gone for row in plain) + round(each * sum(not given.kept for mine in found.values() for given in mine))
    return Toll(len(lanes), lose, len(lanes) - lose, calls, lanes)


def given(rule: Rule) -> dict[str, Any]:
    """What the batch is asked with."""
    return {"rule": rule.id, "integrations": [rule.integration_id]}


def _given(rule: Rule, now: datetime, trust: timedelta) -> Any:
    """What this rule gave that is not over: by lane and target, whether there are other marks that have a say, and whether Circle is believed
    to have it not."""
    other, believed, member = aliased(Grant), aliased(Holding), aliased(Target)
    about = or_(
        other.target_id == Grant.target_id,
        Grant.target_id == member.id,
        and_(other.target_id == member.id, other.op != "open"),
    )
    theirs = or_(other.rule_id.is_(None), other.rule_id != rule.id, other.op != "open")
    mixed = select(other.id).where(other.lane_id == Grant.lane_id, about, theirs).exists()
    return (
        select(
            Grant.lane_id, Grant.target_id, mixed.label("mixed"),
            and_(believed.held == "not_held", believed.heard_at > now - trust).label("gone"),
        )
        .select_from(Grant)
        .join(member, and_(member.integration_id == rule.integration_id, member.kind == MEMBERSHIP))
        .outerjoin(believed, and_(believed.lane_id == Grant.lane_id, believed.target_id == Grant.target_id))
        .where(Grant.rule_id == rule.id, Grant.op == "open", Grant.void.is_(False), or_(Grant.until.is_(None), Grant.until > now))
        .distinct()
    )  # fmt: skip


def _decide(session: Session, lanes: Collection[int], rule_id: int, now: datetime) -> Iterator[_Given]:
    """By the rules that decide over the lanes: what these hold because of the rule, and what would be left without it."""
    mine = _marks_of(session, lanes, rule_id)
    for lane, record in records.load(session, lanes).items():
        without = Record(record.membership, [m for m in record.marks if m.id not in mine], record.grounds)
        before, after = desired(record, now), desired(without, now)
        for target in sorted({m.target for m in record.marks if m.id in mine and m.op == "open"}):
            verdict, rest = before.get(target), after.get(target)
            if verdict is None or not verdict.held:
                continue
            still = {m.purchase for m in rest.because} if rest else set()
            closes = {m.purchase for m in verdict.because} - still
            if closes or still:
                yield _Given(lane, target, tuple(sorted(closes)), bool(still))


def _marks_of(session: Session, lanes: Collection[int], rule_id: int) -> set[int]:
    return set(session.scalars(select(Grant.id).where(Grant.rule_id == rule_id, Grant.lane_id.in_(lanes))))


def _by_lane(found: Iterable[_Given]) -> Mapping[int, list[_Given]]:
    by_lane: dict[int, list[_Given]] = defaultdict(list)
    for one in found:
        by_lane[one.lane].append(one)
    return by_lane


def _work(session: Session, batch: Batch, items: Sequence[BatchItem], tools: Tools) -> Worked:
    """Close what the rule granted in these lanes, and have each looked at."""
    rule = session.get_one(Rule, batch.given["rule"])
    if rule.deleted_at is None and rule.off_at is None:
        return Worked(stop=ON_AGAIN)
    integration = session.get_one(Integration, rule.integration_id)
    lanes = [item.number for item in items]
    owners = dict(session.execute(select(Lane.id, Lane.customer_id).where(Lane.id.in_(lanes))).all())
    book = Book(session.connection(), tools.now, tools.new_id, batch.id)
    opening.open_known(book, batch.marketplace_id, set(owners.values()))
    for given in _decide(session, list(owners), rule.id, tools.now):
        if given.closes:
            _close(session, book, rule, integration, given, owners[given.lane])
    return Worked(work=book.flush() if book.rows else False)


def _close(session: Session, book: Book, rule: Rule, integration: Integration, given: _Given, customer: int) -> None:
    """One entry for the target, and a mark for each purchase."""
    target = session.get_one(Target, given.target)
    actions = APPS[integration.app].actions.values()
    action = next(one for one in actions if one.kind == target.kind and not one.adds)
    lane = book.lane(rule.marketplace_id, customer, rule.integration_id, book.now, ranks.rank(False, batch=True))
    asked = sentences.asked(target.kind, target.name, integration.name, adds=False)
    purchase = session.get(Purchase, given.closes[0])
    made = firing.entry(
        book, rule.marketplace_id, "queued", f"{asked}: what a rule gave is taken back.", customer_id=customer,
        product_id=purchase.product_id if purchase else None, rule_id=rule.id, integration_id=rule.integration_id, target_id=target.id,
        lane_id=lane, open_lane_id=lane, action=action.key,
    )  # fmt: skip
    for one in given.closes:
        book.rows[Grant].append(
            {
                "id": book.id(), "lane_id": lane, "target_id": target.id, "purchase_id": one, "happening_id": None, "entry_id": made["id"],
                "rule_id": rule.id, "op": "close", "at": book.now, "tie": f"~batch:{book.batch_id}", "until": None, "asked_at": None,
                "recoverable": False, "paid_period": False, "void": False,
            }
        )  # fmt: skip


TAKE_BACK = Kind(KEY, "person", "people", _work)
