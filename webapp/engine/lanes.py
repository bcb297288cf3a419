"""Claim due lanes: many at once, going round the integrations, each with all that its work needs. What comes of it is in recording.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Belief, Held, Known, Target, Want
from webapp.apps.registry import APPS
from webapp.engine import explain, records
from webapp.engine.access import Record, Verdict, desired
from webapp.engine.work import Open, Work
from webapp.models import Customer, Holding, Integration, Lane, LogEntry, Marketplace
from webapp.models import Target as TargetRow

CLAIM_FOR = timedelta(seconds=25)
"""How long a claim holds. A call ends within 20 s and the claim is renewed before each, so a taker never overlaps a holder."""


@dataclass(frozen=True, slots=True)
class Seat:
    """An integration as a worker needs it: `sealed` is opened by the worker alone."""

    id: int
    marketplace_id: int
    app: str
    name: str
    zone: str
    sealed: bytes
    public: Mapping[str, str]
    send_invitation: bool
    watch_only: bool
    membership: int


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


def callable_now(now: datetime) -> Select[int]:
    """The integrations that may be called: not deleted, paused, in need of a person, or asked to wait."""
    return select(Integration.id).where(
        Integration.deleted_at.is_(None),
        Integration.attention.is_(None),
        Integration.paused_at.is_(None),
        or_(Integration.hold_until.is_(None), Integration.hold_until <= now),
    )


def waiting(session: Session, now: datetime) -> list[int]:
    """The integrations with lanes that are due and may be called, each once."""
    due = select(Lane.integration_id).where(Lane.due_at <= now, Lane.integration_id.in_(callable_now(now)))
    return sorted(session.scalars(due.distinct()))


def claim(session: Session, integrations: Sequence[int], most: int, token: str, now: datetime, trust: timedelta) -> list[Work]:
    """Take up to `most` due lanes, as evenly as it goes from these integrations, in their order. The caller commits.

    `trust`: how long a belief is trusted without a call. Whoever claims renews within CLAIM_FOR or loses the lane.
    """
    ids: list[int] = []
    for number, integration in enumerate(integrations):
        share = -(-(most - len(ids)) // (len(integrations) - number))
        if share > 0:
            ids += _take(session, integration, share, now)
    if not ids:
        return []
    until = now + CLAIM_FOR
    session.execute(
        update(Lane)
        .where(Lane.id.in_(ids))
        .values(claim=token, claimed_until=until, due_at=until)
        .execution_options(synchronize_session=False)
    )
    return load(session, ids, token, now, trust)


def renew(session: Session, lanes: Collection[int], token: str, now: datetime) -> set[int]:
    """Hold on to these lanes for another CLAIM_FOR. Gives those that are still ours."""
    if not lanes:
        return set()
    until = now + CLAIM_FOR
    held = update(Lane).where(Lane.id.in_(lanes), Lane.claim == token).values(claimed_until=until, due_at=until).returning(Lane.id)
    return set(session.scalars(held.execution_options(synchronize_session=False)))


def _take(session: Session, integration: int, most: int, now: datetime) -> list[int]:
    query = (
        select(Lane.id)
        .where(
            Lane.integration_id == integration,
            Lane.due_at <= now,
            Lane.integration_id.in_(callable_now(now)),
        )
        .order_by(Lane.due_at)
        .limit(most)
    )
    return list(session.scalars(query.with_for_update(skip_locked=True, of=Lane)))


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
    made = [_work(row, seats[row.integration_id], token, entries[row.id], on_record[row.id], beliefs[row.id], targets, now) for row in rows]
    _end_without_calls(session, made, seats, now)
    return made


def _work(
    row: _Row, seat: Seat, token: str, entries: list[Open], record: Record, beliefs: Mapping[int, Belief],
    targets: Mapping[int, Target], now: datetime,
) -> Work:  # fmt: skip
    verdicts = desired(record, now)
    named = {*verdicts, *(entry.target for entry in entries), seat.membership}
    asked = frozenset(e.target for e in entries if _held(verdicts, e.target) == e.adds)
    want = Want(
        seat.name, {t: targets[t] for t in named if t in targets}, seat.membership,
        {target: verdict.held for target, verdict in verdicts.items()}, asked, send_invitation=seat.send_invitation,
    )  # fmt: skip
    known = Known(row.alias or row.email, row.name, row.member_id, beliefs)
    return Work(
        row.id, seat.marketplace_id, row.customer_id, seat.id, token, APPS[seat.app], seat.zone, entries, want, known, verdicts,
        failures=row.attempts, watch_only=seat.watch_only, stored=known,
    )  # fmt: skip


def _held(verdicts: Mapping[int, Verdict], target: int) -> bool:
    return target in verdicts and verdicts[target].held


def _end_without_calls(session: Session, works: Sequence[Work], seats: Mapping[int, Seat], now: datetime) -> None:
    mismatches, owners = [], {}
    for work in works:
        for entry in work.entries:
            if entry.target not in work.want.asked and entry.target in work.want.targets:
                verdict = work.verdicts.get(entry.target, Verdict(False))
                target = work.want.targets[entry.target]
                mismatches.append(explain.Mismatch(entry, verdict, target, seats[work.integration_id].name, work.zone))
                owners[entry.id] = work
    if mismatches:
        for entry_id, end in explain.explain(session, mismatches, now).items():
            owners[entry_id].ended[entry_id] = end


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
        if seat is not None and lane is not None and target is not None:
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
