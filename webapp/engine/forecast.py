"""What a rule would change for those who did before what it is about. Reads only.

The database counts over all purchases; only where a removal is on record already the whole record is looked at, as the lanes do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import CTE, ColumnElement, Select, Subquery, and_, case, false, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.apps import MEMBERSHIP, App
from webapp.engine import past, records, timing, usage
from webapp.engine.access import Mark, Op, Record, desired
from webapp.engine.rules import Draft, default_removal, membership
from webapp.engine.triggers import TRIGGERS
from webapp.models import Grant, Happening, Holding, Lane, Purchase

MOST_EXACT = 500
"""The whole record is looked at for so many; where more have a removal on theirs, these stand for all of them."""

OVER, MIXED = (literal(datetime(year, 1, 1, tzinfo=UTC), Grant.at.type) for year in (1970, 2970))
"""What stands for the time of an opening where there is none that holds, and where there is more than openings."""

Change = Literal["gain", "lose", "keep", "unsure", "same"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many `people` did it before; how many of them would `gain` or `lose` the target, or `keep` it though the rule would take it, since
    another purchase grants it; of how many nothing is on record, so that the app is asked to be sure (`unsure`); and the metered calls."""

    people: int = 0
    gain: int = 0
    lose: int = 0
    keep: int = 0
    unsure: int = 0
    calls: int = 0

    @property
    def changes(self) -> int:
        """For how many people access would change."""
        return self.gain + self.lose

    @property
    def sentence(self) -> str:
        """The rest of "It would …": what it would change, for whom, and at what price."""
        parts = [f"{number:,} {word}" for number, word in ((self.gain, "gain"), (self.lose, "lose")) if number]
        said = [f"change access for {_people(self.changes)}: {', '.join(parts)}" if parts else "change nothing for them"]
        if self.keep:
            said.append(f"{self.keep:,} {'keeps' if self.keep == 1 else 'keep'} it because of another purchase")
        if self.unsure:
            said.append(f"of {self.unsure:,} nothing is on record, and they are removed to be sure")
        return "; ".join([*said, usage.calls_words(self.calls)]) + "."


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


class _Known(NamedTuple):
    """What is believed of one customer: that they have the target, that they have it not, and whether they are known as a member."""

    held: bool
    gone: bool
    member: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    """A draft as the record sees it: what its marks say, of which target, beside which membership. `event`: an invite can't carry it."""

    draft: Draft
    op: Op
    target: int
    membership: int
    event: bool

    @property
    def adds(self) -> bool:
        """Whether it gives."""
        return self.op == "open"

    @property
    def leaves(self) -> bool:
        """Whether it is about the membership itself."""
        return self.target == self.membership


def forecast(session: Session, app: App, marketplace_id: int, draft: Draft, now: datetime, trust: timedelta) -> Forecast:
    """What a draft that has been checked would change. `trust`: how long a belief saves a call."""
    rule = _rule(session, app, draft)
    if rule is None:
        return Forecast()
    count: Counter[str] = Counter()
    mixed: list[int] = []
    for row in session.execute(_counted(marketplace_id, rule, now, trust)):
        if row.mixed is not None:
            mixed.append(row.mixed)
            continue
        change = _change(rule, bare=row.bare, before=row.alive, after=rule.adds or row.stays, held=row.held)
        _add(count, rule, change, _Known(row.held, row.gone, row.member), row.number)
    _add_mixed(session, count, marketplace_id, rule, mixed, now, trust)
    return Forecast(**{name: round(count[name]) for name in ("people", "gain", "lose", "keep", "unsure", "calls")})


def _rule(session: Session, app: App, draft: Draft) -> _Rule | None:
    action, member = app.actions[draft.action], membership(session, draft.integration_id)
    target = member if action.kind == MEMBERSHIP else draft.target_id
    if member is None or target is None:
        return None
    removal = draft.removal or default_removal(TRIGGERS[draft.trigger], action)
    op: Op = "open" if action.adds else "close" if removal == "spare" else "clear"
    return _Rule(draft, op, target, member, action.kind == "event")


def _change(rule: _Rule, *, bare: bool, before: bool, after: bool, held: bool) -> Change:
    """What becomes of somebody. `bare`: nothing is on record of them."""
    if rule.adds:
        return "gain" if after and not before else "same"
    if before:
        return "keep" if after else "lose"
    if bare:
        return "lose" if held else "unsure"
    return "same"


def _add(count: Counter[str], rule: _Rule, change: Change, known: _Known, number: float = 1) -> None:
    count.update({"people": number, change: number, "calls": number * _calls(rule, change, known)})


def _calls(rule: _Rule, change: Change, known: _Known) -> int:
    """The metered calls that it takes for one. An invite carries everything but an event; who is removed must be known by their id."""
    if change == "gain":
        return 0 if known.held else 2 if rule.event and not known.member else 1
    if change in ("lose", "unsure"):
        return 0 if known.gone else 2 if rule.leaves and not known.member and change == "lose" else 1
    return 0


def _counted(marketplace_id: int, rule: _Rule, now: datetime, trust: timedelta) -> Select[Any]:
    """The people who did it, counted by everything that decides about them: whether nothing is on record (`bare`), whether they are granted
    the target (`alive`), also after this rule (`stays`), and what is believed. Where more than openings is on record, by lane (`mixed`)."""
    each = _each(marketplace_id, rule, now, trust)
    mark, mixed = each.c.mark, each.c.mark == MIXED
    flags = (
        case((mixed, each.c.lane)).label("mixed"), mark.is_(None).label("bare"), _yes(mark > OVER).label("alive"),
        _yes(each.c.spared if rule.op == "close" else mark >= each.c.at).label("stays"), each.c.held, each.c.gone, each.c.member,
    )  # fmt: skip
    return select(*flags, func.count().label("number")).group_by(*flags)


def _each(marketplace_id: int, rule: _Rule, now: datetime, trust: timedelta) -> CTE:
    """Each person who did it, with their lane, what is on record of the target (`mark`), and what is believed."""
    did = _did(marketplace_id, rule, now)
    people = select(did.c.customer_id, func.max(did.c.at).label("at")).group_by(did.c.customer_id).subquery("people")
    about, member = aliased(Holding), aliased(Holding)
    marks = _marks(did, rule, now)
    return (
        select(people.c.at, Lane.id.label("lane"), marks.c.mark, _yes(marks.c.spared == 1).label("spared"), *_beliefs(about, member, now - trust))
        .select_from(people)
        .outerjoin(Lane, and_(Lane.customer_id == people.c.customer_id, Lane.integration_id == rule.draft.integration_id))
        .outerjoin(marks, marks.c.lane_id == Lane.id)
        .outerjoin(about, and_(about.lane_id == Lane.id, about.target_id == rule.target))
        .outerjoin(member, and_(member.lane_id == Lane.id, member.target_id == rule.membership))
        .cte("each")
        .prefix_with("MATERIALIZED")
    )  # fmt: skip


def _did(marketplace_id: int, rule: _Rule, now: datetime) -> CTE:
    """Who did it, by which purchase, and when; more than once where they did it again."""
    return (
        select(Happening.customer_id, Happening.purchase_id, Happening.at)
        .join(Purchase, Purchase.id == Happening.purchase_id)
        .where(*past.counting(marketplace_id, rule.draft, rule.adds, now))
        .cte("did")
    )


def _marks(did: CTE, rule: _Rule, now: datetime) -> Subquery:
    """By lane, in one look at all marks that decide about the target. `mark`: when the newest opening that holds was; OVER where all have run
    out; MIXED where there are others. `spared`: 1 where one holds that this rule's closings would not be meant for, or come too early for."""
    says = case((or_(Grant.op != "open", Grant.at > now), MIXED), (_holds(rule, now), Grant.at), else_=OVER)
    here = (Lane.integration_id == rule.draft.integration_id, *_about(rule))
    found = select(Grant.lane_id, func.max(says).label("mark")).select_from(Lane).join(Grant, Grant.lane_id == Lane.id)
    if rule.op != "close":
        return found.add_columns(literal(0).label("spared")).where(*here).group_by(Grant.lane_id).subquery("marks")
    closes = select(did.c.purchase_id, func.max(did.c.at).label("at")).group_by(did.c.purchase_id).subquery("closes")
    spared = and_(_holds(rule, now), or_(closes.c.at.is_(None), closes.c.at <= Grant.at))
    return (
        found.add_columns(func.max(case((spared, 1), else_=0)).label("spared"))
        .outerjoin(closes, closes.c.purchase_id == Grant.purchase_id)
        .where(*here)
        .group_by(Grant.lane_id)
        .subquery("marks")
    )


def _holds(rule: _Rule, now: datetime) -> ColumnElement[bool]:
    lasts = or_(Grant.until.is_(None), Grant.until > now, Grant.target_id != rule.target)
    return and_(Grant.op == "open", Grant.void.is_(False), Grant.at <= now, lasts)


def _about(rule: _Rule) -> list[ColumnElement[bool]]:
    """Of a lane's marks, those that decide about the target. Whatever opens something opens the membership, too."""
    if rule.leaves:
        return []
    return [or_(Grant.target_id == rule.target, and_(Grant.target_id == rule.membership, Grant.op != "open"))]


def _yes(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition, false where nothing is known: a group for null would be one more."""
    return func.coalesce(condition, false())


def _add_mixed(
    session: Session, count: Counter[str], marketplace_id: int, rule: _Rule, mixed: Sequence[int], now: datetime, trust: timedelta
) -> None:
    """Those with removals on record, by the rules that decide over the lanes."""
    lanes = sorted(mixed)[:: max(1, len(mixed) // MOST_EXACT)]
    known = _believed(session, lanes, rule, now - trust)
    for lane, before, after in _decided(session, lanes, marketplace_id, rule, now):
        change = _change(rule, bare=False, before=before, after=after, held=known[lane].held)
        _add(count, rule, change, known[lane], len(mixed) / len(lanes))


def _decided(session: Session, lanes: Collection[int], marketplace_id: int, rule: _Rule, now: datetime) -> Iterator[tuple[int, bool, bool]]:
    """By lane, whether the target is granted without the rule's marks, and with them."""
    on_record = records.load(session, lanes, dict.fromkeys(lanes, rule.membership))
    lane_of = dict(session.execute(select(Lane.customer_id, Lane.id).where(Lane.id.in_(lanes))).all())
    counting = past.counting(marketplace_id, rule.draft, rule.adds, now, list(lane_of))
    did = select(Happening.customer_id, Happening.purchase_id, Happening.at).join(Purchase, Purchase.id == Happening.purchase_id)
    added: dict[int, list[Mark]] = defaultdict(list)
    for customer, purchase, at in session.execute(did.where(*counting)):
        added[lane_of[customer]].append(_mark(rule, purchase, at))
    for lane, record in on_record.items():
        then = Record(record.membership, [*record.marks, *added[lane]], record.grounds)
        yield lane, _granted(record, rule, now), _granted(then, rule, now)


def _granted(record: Record, rule: _Rule, now: datetime) -> bool:
    verdict = desired(record, now).get(rule.target)
    return verdict is not None and verdict.held


def _mark(rule: _Rule, purchase: int, at: datetime) -> Mark:
    """What the rule would put on record. A removal that waits is taken as done: it will be."""
    until = timing.opening(at, rule.draft.for_days).until if rule.adds else None
    return Mark(0, rule.target, purchase, rule.op, at, until=until)


def _believed(session: Session, lanes: Sequence[int], rule: _Rule, since: datetime) -> dict[int, _Known]:
    about, member = aliased(Holding), aliased(Holding)
    rows = session.execute(
        select(Lane.id, *_beliefs(about, member, since))
        .outerjoin(about, and_(about.lane_id == Lane.id, about.target_id == rule.target))
        .outerjoin(member, and_(member.lane_id == Lane.id, member.target_id == rule.membership))
        .where(Lane.id.in_(lanes))
    )
    return {lane: _Known(held, gone, known) for lane, held, gone, known in rows}


def _beliefs(about: Any, member: Any, since: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool], ColumnElement[bool]]:
    """`_Known`, as columns: of the target's holding and the membership's."""
    fresh = about.heard_at > since
    return (
        _yes(and_(about.held == "held", fresh)).label("held"),
        _yes(or_(and_(about.held == "not_held", fresh), member.held == "not_held")).label("gone"),
        _yes(or_(Lane.member_id.is_not(None), member.held == "held")).label("member"),
    )
