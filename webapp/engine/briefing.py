"""What the work of claimed lanes needs, read for many at once: entries, records, beliefs, targets. Nothing is changed here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Belief, Held, Known, Target, Want
from webapp.apps.registry import APPS
from webapp.engine import explain, records, sentences
from webapp.engine.access import CalledOff, Record, Verdict, called_off, desired, next_change
from webapp.engine.ready import among, ask
from webapp.engine.work import OURS, WATCHED, End, Open, Seat, Work
from webapp.models import Customer, Holding, Integration, Lane, LogEntry, Marketplace
from webapp.models import Target as TargetRow

GIVEN_UP = ("failed", "skipped")
Standing = Literal["waits", "given_up"]


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


@dataclass(slots=True)
class _Believed:
    """What is believed of one lane."""

    beliefs: dict[int, Belief] = field(default_factory=dict)
    ours: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Facts:
    """What is known of a claimed lane: what waits in it, what is desired, what is believed, and what of that is a call of ours' doing.

    `off`: the removals that waited and were called off, by entry.
    """

    entries: list[Open]
    verdicts: Mapping[int, Verdict]
    beliefs: Mapping[int, Belief]
    ours: frozenset[int]
    membership: int
    closed: frozenset[int]
    changes_at: datetime | None
    off: Mapping[int, CalledOff]

    @cached_property
    def asked(self) -> frozenset[int]:
        """The targets of entries whose wish is what is desired; the others have nothing to do."""
        return frozenset(e.target for e in self.entries if self.right(e) and not self.never_given(e))

    def right(self, entry: Open) -> bool:
        """Whether an entry's wish is what is desired. What was called off wishes for nothing."""
        verdict = self.verdicts.get(entry.target)
        return entry.id not in self.off and (verdict is not None and verdict.held) == entry.adds

    def never_given(self, entry: Open) -> bool:
        """Whether a removal takes back only what waits beside it, and was never tried: then there is nothing to take."""
        if entry.adds or entry.id not in self.closed or entry.target in self.beliefs:
            return False
        return any(other.adds and other.target == entry.target for other in self.entries)

    @cached_property
    def wrong(self) -> set[int]:
        """The targets that are not believed to be as desired, though nobody asks for them now. The membership comes and goes with what
        needs it. What nothing was ever heard of, and is not desired, is no wrong."""
        mine = {t for t, v in self.verdicts.items() if t not in self.asked and self._disagrees(t, v)}
        removes = {t for t in mine | self.asked if t not in self.verdicts or not self.verdicts[t].held} if mine else set()
        if self.membership in removes:
            return mine & {self.membership}
        return mine - {self.membership} if (mine | self.asked) - removes - {self.membership} else mine

    def _disagrees(self, target: int, verdict: Verdict) -> bool:
        member, belief = self.beliefs.get(self.membership), self.beliefs.get(target)
        held = "not_held" if member and member.held == "not_held" else belief.held if belief else None
        if verdict.held or held in (None, "not_held"):
            return verdict.held and held != "held"
        # What a rule takes away goes, whoever gave it, and also where it is in doubt. What was given for something that never was goes if it
        # was us who gave it.
        refuted = verdict.ended is not None and verdict.ended.op == "open" and verdict.ended.void
        return target in self.ours or (verdict.ended is not None and not refuted)


def load(session: Session, lanes: Collection[int], token: str, now: datetime, trust: timedelta) -> list[Work]:
    """Everything that the work of these lanes needs. Entries that need no call are ended already, each with its sentence."""
    rows = _rows(session, lanes)
    seats = load_seats(session, {row.integration_id for row in rows})
    rows = [row for row in rows if row.integration_id in seats]
    memberships = {row.id: seats[row.integration_id].membership for row in rows}
    on_record = records.load(session, [row.id for row in rows], memberships)
    off = {row.id: called_off(on_record[row.id]) for row in rows}
    entries = _entries(session, lanes, now, seats, [entry for some in off.values() for entry in some])
    beliefs = _beliefs(session, lanes, now, trust)
    targets = _targets(session, seats.values(), on_record.values(), entries)
    facts = {}
    for row in rows:
        dated = _dated(entries[row.id], on_record[row.id], seats[row.integration_id].zone)
        facts[row.id] = _facts(on_record[row.id], dated, beliefs[row.id], off[row.id], now)
    standing = _standing(session, facts)
    made = [_work(row, seats[row.integration_id], token, facts[row.id], targets, standing) for row in rows]
    _end_without_calls(session, made, facts, now)
    return made


def _facts(record: Record, entries: list[Open], beliefs: _Believed, off: Mapping[int, CalledOff], now: datetime) -> _Facts:
    closed = frozenset(mark.entry for mark in record.marks if mark.op == "close")
    return _Facts(
        entries, desired(record, now), beliefs.beliefs, frozenset(beliefs.ours), record.membership, closed, next_change(record, now), off
    )


def _dated(entries: list[Open], record: Record, zone: str) -> list[Open]:
    """The same, where those that give something for a time say until when."""
    ends = {mark.entry: mark.until for mark in record.marks if mark.op == "open" and mark.until is not None}
    return [replace(one, why=f"Granted {sentences.until(ends[one.id], zone)}.") if one.id in ends else one for one in entries]


def _work(
    row: _Row, seat: Seat, token: str, facts: _Facts, targets: Mapping[int, Target], standing: Mapping[tuple[int, int], Standing]
) -> Work:
    named = {*facts.verdicts, *(entry.target for entry in facts.entries), seat.membership}
    there = {t: targets[t] for t in named if t in targets}
    given_up = {t for t in facts.verdicts if standing.get((row.id, t)) == "given_up"} - {seat.membership}  # nothing goes without that
    wished = {t: verdict.held for t, verdict in facts.verdicts.items() if t not in given_up}
    wrong = frozenset(t for t in facts.wrong if (row.id, t) not in standing and t in there and not there[t].gone and not seat.watch_only)
    want = Want(seat.name, there, seat.membership, wished, facts.asked, send_invitation=seat.send_invitation)
    known = Known(row.alias or row.email, row.name, row.member_id, facts.beliefs)
    return Work(
        row.id, row.customer_id, seat, token, APPS[seat.app], facts.entries, want, known, known, facts.verdicts, failures=row.attempts,
        wrong=wrong, changes_at=facts.changes_at,
    )  # fmt: skip


def _standing(session: Session, facts: Mapping[int, _Facts]) -> dict[tuple[int, int], Standing]:
    """Of what is wrong in these lanes: which targets an entry that is not due yet will see to (`waits`), and which have failed for good or
    were skipped, and stay out of every plan until they are asked for anew (`given_up`). There is hardly ever anything to look up."""
    wrong = {lane: {t: known.verdicts[t].held for t in known.wrong} for lane, known in facts.items()}
    lanes = [lane for lane, targets in wrong.items() if targets]
    if not lanes:
        return {}
    due = {entry.id for lane in lanes for entry in facts[lane].entries}
    rows = session.execute(
        select(
            LogEntry.lane_id, LogEntry.target_id, Integration.app, LogEntry.action, LogEntry.id, LogEntry.open_lane_id, LogEntry.status,
            LogEntry.cause,
        )
        .join(Integration, Integration.id == LogEntry.integration_id)
        .where(LogEntry.customer_id.in_(select(Lane.customer_id).where(Lane.id.in_(lanes))), LogEntry.lane_id.in_(lanes))
        .order_by(LogEntry.id)
    )  # fmt: skip
    found: dict[tuple[int, int], Standing] = {}
    for lane, target, app, action, entry, open_lane, status, cause in rows:
        if lane is None or target is None or action is None:
            continue
        adds = APPS[app].actions[action].adds
        # Every add asks for the membership, too.
        waits, over = open_lane is not None and entry not in due, status in GIVEN_UP or cause == WATCHED
        for about in ({target, facts[lane].membership} if adds else {target}) & wrong[lane].keys():
            _stand(found, (lane, about), adds == wrong[lane][about], waits, over)
    return found


def _stand(found: dict[tuple[int, int], Standing], about: tuple[int, int], right: bool, waits: bool, given_up: bool) -> None:
    """Take one more entry into account, newer than those before. One that waits outlasts those that came after it and have ended."""
    if waits and right:
        found[about] = "waits"
    elif not waits and found.get(about) != "waits":
        found.pop(about, None)
        if given_up and right:
            found[about] = "given_up"


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
                off = known.off.get(entry.id)
                mismatches.append(explain.Mismatch(entry, verdict, target, work.seat.name, work.seat.zone, off))
                owners[entry.id] = work
    if mismatches:
        for entry_id, end in explain.explain(session, mismatches, now).items():
            owners[entry_id].ended[entry_id] = end


NEVER_GIVEN = End("unchanged", "What it would take back had not been given yet: nothing to do.")


_ROWS = (
    select(
        Lane.id, Lane.customer_id, Lane.integration_id, Lane.attempts, Lane.member_id, Lane.alias, Customer.email, Customer.first_name,
        Customer.last_name,
    )
    .join(Customer, Customer.id == Lane.customer_id)
    .where(among(Lane.id, "lanes"))
)  # fmt: skip
_SEATS = (
    select(
        Integration.id, Integration.marketplace_id, Integration.app, Integration.name, Marketplace.time_zone, Integration.credentials,
        Integration.public, Integration.send_invitation, Integration.watch_only, TargetRow.id,
    )
    .join(Marketplace, Marketplace.id == Integration.marketplace_id)
    .join(TargetRow, and_(TargetRow.integration_id == Integration.id, TargetRow.kind == MEMBERSHIP))
    .where(among(Integration.id, "integrations"))
)  # fmt: skip
_ENTRIES = (
    select(
        LogEntry.open_lane_id, LogEntry.integration_id, LogEntry.action, LogEntry.id, LogEntry.target_id, LogEntry.at, LogEntry.trigger,
        LogEntry.product_id, LogEntry.happening_id, LogEntry.rule_id, LogEntry.attempts, LogEntry.event_id,
    )
    .where(
        among(LogEntry.open_lane_id, "lanes"),
        or_(LogEntry.due_at.is_(None), LogEntry.due_at <= bindparam("now"), among(LogEntry.id, "off")),
    )
    .order_by(LogEntry.id)
)  # fmt: skip
_BELIEFS = select(Holding.lane_id, Holding.target_id, Holding.held, Holding.heard_at, Holding.word).where(among(Holding.lane_id, "lanes"))
_TARGETS = select(TargetRow.id, TargetRow.kind, TargetRow.remote_id, TargetRow.name, TargetRow.group, TargetRow.gone_at).where(
    among(TargetRow.id, "targets")
)


def _rows(session: Session, lanes: Collection[int]) -> list[_Row]:
    found = ask(session, _ROWS, lanes=list(lanes))
    return [_Row(*(*rest, f"{first} {last}".strip())) for *rest, first, last in found]


def load_seats(session: Session, integrations: Collection[int]) -> dict[int, Seat]:
    """These integrations as a worker needs them, by id."""
    rows = ask(session, _SEATS, integrations=list(integrations))
    return {row[0]: Seat(*row) for row in rows}


def _entries(
    session: Session, lanes: Collection[int], now: datetime, seats: Mapping[int, Seat], off: Collection[int]
) -> dict[int, list[Open]]:
    """The entries that are due in each lane, in the order of their arrival; and, before their time, those that were called off."""
    rows = ask(session, _ENTRIES, lanes=list(lanes), now=now, off=list(off))
    found: dict[int, list[Open]] = defaultdict(list)
    for lane, integration, action, entry, target, *rest in rows:
        seat = seats.get(integration or 0)
        if seat is not None and lane is not None and target is not None and action is not None:
            found[lane].append(Open(entry, target, APPS[seat.app].actions[action].adds, *rest))
    return found


def _beliefs(session: Session, lanes: Collection[int], now: datetime, trust: timedelta) -> dict[int, _Believed]:
    found: dict[int, _Believed] = defaultdict(_Believed)
    for lane, target, held, heard_at, word in ask(session, _BELIEFS, lanes=list(lanes)):
        found[lane].beliefs[target] = Belief(_as_held(held), heard_at > now - trust)
        if word == OURS:
            found[lane].ours.add(target)
    return found


def _as_held(text: str) -> Held:
    return "held" if text == "held" else "not_held" if text == "not_held" else "unknown"


def _targets(
    session: Session, seats: Collection[Seat], on_record: Collection[Record], entries: Mapping[int, list[Open]]
) -> dict[int, Target]:
    wanted = {seat.membership for seat in seats}
    wanted |= {mark.target for record in on_record for mark in record.marks}
    wanted |= {entry.target for some in entries.values() for entry in some}
    rows = ask(session, _TARGETS, targets=list(wanted))
    return {key: Target(key, kind, remote, name, group, gone is not None) for key, kind, remote, name, group, gone in rows}
