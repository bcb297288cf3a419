"""What the work of claimed lanes needs, read for many at once: entries, records, beliefs, targets. Nothing is changed here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Belief, Held, Known, Target, Want
from webapp.apps.registry import APPS
from webapp.engine import explain, records
from webapp.engine.access import Record, Verdict, desired
from webapp.engine.work import End, Open, Seat, Work
from webapp.models import Customer, Holding, Integration, Lane, LogEntry, Marketplace
from webapp.models import Target as TargetRow


@dataclass(frozen=True, slots=True)
class _Row:
    """A claimed lane with its customer."""

    id: int
    customer_id: int
    integration_id: int
    attempts: int
    member_id: str | None
    alias: str | None
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of a claimed lane: what waits in it, what is desired, what is believed."""

    entries: list[Open]
    verdicts: Mapping[int, Verdict]
    beliefs: Mapping[int, Belief]
    membership: int
    closed: frozenset[int]

    @property
    def asked(self) -> frozenset[int]:
        """The targets of entries whose wish is what is desired; the others have nothing to do."""
        return frozenset(e.target for e in self.entries if self.right(e) and not self.never_given(e))

    def right(self, entry: Open) -> bool:
        """Whether an entry's wish is what is desired."""
        verdict = self.verdicts.get(entry.target)
        return (verdict is not None and verdict.held) == entry.adds

    def never_given(self, entry: Open) -> bool:
        """Whether a removal takes back only what waits beside it, and was never tried: then there is nothing to take."""
        if entry.adds or entry.id not in self.closed or entry.target in self.beliefs:
            return False
        return any(other.adds and other.target == entry.target for other in self.entries)

    @property
    def left_out(self) -> set[int]:
        """What is desired, not believed to be held, and asked for by nobody now; the membership aside, without which nothing goes."""
        held = {target for target, belief in self.beliefs.items() if belief.held == "held"}
        return {target for target, verdict in self.verdicts.items() if verdict.held} - self.asked - held - {self.membership}


def load(session: Session, lanes: Collection[int], token: str, now: datetime, trust: timedelta) -> list[Work]:
    """Everything that the work of these lanes needs. Entries that need no call are ended already, each with its sentence."""
    rows = _rows(session, lanes)
    seats = load_seats(session, {row.integration_id for row in rows})
    rows = [row for row in rows if row.integration_id in seats]
    memberships = {row.id: seats[row.integration_id].membership for row in rows}
    entries = _entries(session, lanes, now, seats)
    on_record = records.load(session, [row.id for row in rows], memberships)
    beliefs = _beliefs(session, lanes, now, trust)
    targets = _targets(session, seats.values(), on_record.values(), entries)
    facts = {
        row.id: _Facts(entries[row.id], desired(on_record[row.id], now), beliefs[row.id], memberships[row.id], _closings(on_record[row.id]))
        for row in rows
    }
    given_up = _given_up(session, facts)
    made = [_work(row, seats[row.integration_id], token, facts[row.id], targets, given_up) for row in rows]
    _end_without_calls(session, made, facts, now)
    return made


def _work(row: _Row, seat: Seat, token: str, facts: _Facts, targets: Mapping[int, Target], given_up: Collection[tuple[int, int]]) -> Work:
    named = {*facts.verdicts, *(entry.target for entry in facts.entries), seat.membership}
    wished = {target: verdict.held for target, verdict in facts.verdicts.items() if (row.id, target) not in given_up}
    there = {t: targets[t] for t in named if t in targets}
    want = Want(seat.name, there, seat.membership, wished, facts.asked, send_invitation=seat.send_invitation)
    known = Known(row.alias or row.email, row.name, row.member_id, facts.beliefs)
    return Work(
        row.id, row.customer_id, seat, token, APPS[seat.app], facts.entries, want, known, known, facts.verdicts, failures=row.attempts
    )


def _given_up(session: Session, facts: Mapping[int, _Facts]) -> set[tuple[int, int]]:
    """The lanes' targets that are wished for, and whose newest entry has failed for good or was skipped: out of every plan until they are
    asked for anew. Rarely anything is looked up: what is wished for is nearly always asked for now, or held."""
    lanes = [lane for lane, known in facts.items() if known.left_out]
    if not lanes:
        return set()
    rows = session.execute(
        select(LogEntry.lane_id, LogEntry.target_id, LogEntry.status)
        .where(LogEntry.customer_id.in_(select(Lane.customer_id).where(Lane.id.in_(lanes))), LogEntry.lane_id.in_(lanes))
        .order_by(LogEntry.id)
    )
    newest = {(lane, target): status for lane, target, status in rows if lane is not None and target is not None}
    return {pair for pair, status in newest.items() if status in ("failed", "skipped") and pair[1] in facts[pair[0]].left_out}


def _closings(record: Record) -> frozenset[int]:
    """The entries that close one purchase's grants, and nobody else's."""
    return frozenset(mark.entry for mark in record.marks if mark.op == "close")


def _end_without_calls(session: Session, works: Sequence[Work], facts: Mapping[int, _Facts], now: datetime) -> None:
    """Entries whose wish is not what is desired, and removals of what was never given."""
    mismatches, owners = [], {}
    for work in works:
        known = facts[work.lane_id]
        for entry in work.entries:
            if known.right(entry) and known.never_given(entry):
                work.ended[entry.id] = NEVER_GIVEN
            elif not known.right(entry) and entry.target in work.want.targets:
                verdict = work.verdicts.get(entry.target, Verdict(False))
                target = work.want.targets[entry.target]
                mismatches.append(explain.Mismatch(entry, verdict, target, work.seat.name, work.seat.zone))
                owners[entry.id] = work
    if mismatches:
        for entry_id, end in explain.explain(session, mismatches, now).items():
            owners[entry_id].ended[entry_id] = end


NEVER_GIVEN = End("unchanged", "What it would take back had not been given yet: nothing to do.")


def _rows(session: Session, lanes: Collection[int]) -> list[_Row]:
    found = session.execute(
        select(
            Lane.id, Lane.customer_id, Lane.integration_id, Lane.attempts, Lane.member_id, Lane.alias, Customer.email, Customer.first_name,
            Customer.last_name,
        )
        .join(Customer, Customer.id == Lane.customer_id)
        .where(Lane.id.in_(lanes))
    )  # fmt: skip
    return [_Row(*row[:7], name=f"{row.first_name} {row.last_name}".strip()) for row in found]


def load_seats(session: Session, integrations: Collection[int]) -> dict[int, Seat]:
    """These integrations as a worker needs them, by id."""
    rows = session.execute(
        select(
            Integration.id, Integration.marketplace_id, Integration.app, Integration.name, Marketplace.time_zone, Integration.credentials,
            Integration.public, Integration.send_invitation, Integration.watch_only, TargetRow.id,
        )
        .join(Marketplace, Marketplace.id == Integration.marketplace_id)
        .join(TargetRow, and_(TargetRow.integration_id == Integration.id, TargetRow.kind == MEMBERSHIP))
        .where(Integration.id.in_(integrations))
    )  # fmt: skip
    return {row[0]: Seat(*row) for row in rows}


def _entries(session: Session, lanes: Collection[int], now: datetime, seats: Mapping[int, Seat]) -> dict[int, list[Open]]:
    """The entries that are due in each lane, in the order of their arrival."""
    rows = session.execute(
        select(
            LogEntry.open_lane_id, LogEntry.integration_id, LogEntry.action, LogEntry.id, LogEntry.target_id, LogEntry.at, LogEntry.trigger,
            LogEntry.product_id, LogEntry.happening_id, LogEntry.rule_id, LogEntry.attempts,
        )
        .where(LogEntry.open_lane_id.in_(lanes), or_(LogEntry.due_at.is_(None), LogEntry.due_at <= now))
        .order_by(LogEntry.id)
    )  # fmt: skip
    found: dict[int, list[Open]] = defaultdict(list)
    for lane, integration, action, entry, target, *rest in rows:
        seat = seats.get(integration or 0)
        if seat is not None and lane is not None and target is not None and action is not None:
            found[lane].append(Open(entry, target, APPS[seat.app].actions[action].adds, *rest))
    return found


def _beliefs(session: Session, lanes: Collection[int], now: datetime, trust: timedelta) -> dict[int, dict[int, Belief]]:
    found: dict[int, dict[int, Belief]] = defaultdict(dict)
    rows = session.execute(select(Holding.lane_id, Holding.target_id, Holding.held, Holding.heard_at).where(Holding.lane_id.in_(lanes)))
    for lane, target, held, heard_at in rows:
        found[lane][target] = Belief(_as_held(held), heard_at > now - trust)
    return found


def _as_held(text: str) -> Held:
    return "held" if text == "held" else "not_held" if text == "not_held" else "unknown"


def _targets(
    session: Session, seats: Collection[Seat], on_record: Collection[Record], entries: Mapping[int, list[Open]]
) -> dict[int, Target]:
    wanted = {seat.membership for seat in seats}
    wanted |= {mark.target for record in on_record for mark in record.marks}
    wanted |= {entry.target for some in entries.values() for entry in some}
    rows = session.execute(
        select(TargetRow.id, TargetRow.kind, TargetRow.remote_id, TargetRow.name, TargetRow.group, TargetRow.gone_at).where(
            TargetRow.id.in_(wanted)
        )
    )
    return {key: Target(key, kind, remote, name, group, gone is not None) for key, kind, remote, name, group, gone in rows}
