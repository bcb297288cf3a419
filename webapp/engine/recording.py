"""Write down what came of calls and of whole pieces of work: many lanes in one transaction. What was done is never asked again here."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Boolean, and_, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from webapp.apps import Answer, Call, Setback, metered
from webapp.engine import circuit, integrations, ranks, retries, usage, versions
from webapp.engine.aliases import LEARNED
from webapp.engine.book import NewId
from webapp.engine.circuit import Heard
from webapp.engine.lanes import callable_now, renew
from webapp.engine.ready import among, ask, write
from webapp.engine.work import OURS, End, Hold, Work
from webapp.models import Call as CallRow
from webapp.models import CallEntry, Customer, Holding, Integration, Lane, LogEntry, Target


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, with its answer, and when it ended."""

    work: Work
    call: Call
    answer: Answer
    at: datetime


@dataclass(slots=True)
class Recorded:
    """`lost`: what is no longer ours; `stopped`: the integrations among those touched that must not be called now;
    `marketplaces`: whose log has news."""

    lost: set[Hold]
    stopped: set[int]
    marketplaces: set[int]


def hold(session: Session, works: Sequence[Work]) -> None:
    """Before anything is written of these: lock all their lanes at once, in the order of their ids, as intake does. Of two who lock some now
    and some later each may wait for the other. SQLite has one writer at a time.

    Rows that refer to a lane may be added all the while (`key_share`): intake adds them before it comes to the lanes.
    """
    if len(works) > 1 and session.get_bind().dialect.name == "postgresql":
        _lock(session, works)


def record(
    session: Session, made: Sequence[Made], going_on: Sequence[Work], finished: Sequence[Work], now: datetime, new_id: NewId, dice: float
) -> Recorded:
    """Write down calls that were made; hold on to the lanes that go on; end and give back those that are finished.

    The caller commits, and tells each Work then that it is stored; after a rollback the same can be recorded again.

    `dice`, from 0 to 1, spreads the retries of what failed together.
    """
    _calls(session, made, new_id)
    _hear(session, made, now)
    touched = {id(one.work): one.work for one in made} | {id(work): work for work in finished}
    _beliefs(session, touched.values(), now)
    lost = {work.hold for work in going_on} - _renewed(session, going_on, now)
    ours = _lock(session, finished)
    lost |= {work.hold for work in finished if work.hold not in ours}
    _forget_others(session, [work for work in touched.values() if work.hold in lost], now)
    kept = [work for work in finished if work.hold in ours]
    _finish(session, kept, ours, now, dice)
    stopped = _stopped(session, [*going_on, *(work for work in kept if work.setback)], now)
    return Recorded(lost, stopped, {work.seat.marketplace_id for work in [*(one.work for one in made), *kept]})


def give_back(session: Session, works: Sequence[Work], now: datetime) -> None:
    """Let go of lanes whose work was not done, because the worker ends: they are due at once, for whoever comes."""
    ours = _lock(session, works)
    again = {w.lane_id: {"lane": w.lane_id, "tries": w.failures, "again": None, "look": now} for w in works if w.hold in ours}
    if again:
        release(session, again, now)


def _calls(session: Session, made: Sequence[Made], new_id: NewId) -> None:
    if not made:
        return
    rows, served = [], []
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for one in made:
        row = _call(one, new_id(one.at))
        rows.append(row)
        served += [{"entry_id": entry, "call_id": row["id"]} for entry in _served(one)]
        counts[one.work.seat.id].update(calls=1, metered=int(metered(one.answer.status)))
    write(session, _CALLS, rows)
    if served:
        write(session, _CALL_ENTRIES, served)
    for integration, count in sorted(counts.items()):
        usage.count(session, integration, made[0].at, count["calls"], count["metered"])


def _hear(session: Session, made: Sequence[Made], now: datetime) -> None:
    """What the calls told of whether their apps answer. Where no call fails, and none did before, that is no news."""
    if not made:
        return
    failed = {one.work.seat.id for one in made if one.work.unanswered}
    news = failed | {one for (one,) in ask(session, _FAILING, asked=[*{one.work.seat.id for one in made}])}
    heard: dict[int, list[Heard]] = defaultdict(list)
    for one in sorted((m for m in made if m.work.seat.id in news), key=lambda m: m.at):
        heard[one.work.seat.id].append(Heard(one.at, not one.work.unanswered, one.work.failures == 0))
    for integration in sorted(heard):
        circuit.hear(_locked(session, integration), heard[integration], now)
    session.flush()


def _locked(session: Session, integration: int) -> Integration:
    return session.get_one(Integration, integration, with_for_update={"key_share": True}, populate_existing=True)


def _stopped(session: Session, works: Sequence[Work], now: datetime) -> set[int]:
    asked = {work.seat.id for work in works}
    if not asked:
        return set()
    return asked - {one for (one,) in ask(session, _CALLABLE, asked=list(asked), now=now)}


def _call(made: Made, call_id: int) -> dict[str, Any]:
    call, answer = made.call, made.answer
    path = f"{call.path}?{urlencode(call.query)}" if call.query else call.path
    return {
        "id": call_id, "lane_id": made.work.lane_id, "integration_id": made.work.seat.id, "at": made.at, "method": call.method,
        "path": path[:500], "body": json.dumps(call.body, ensure_ascii=False) if call.body is not None else "", "says": call.says,
        "status": answer.status, "answer": answer.text or answer.error, "duration_ms": answer.duration_ms,
    }  # fmt: skip


def _served(made: Made) -> Iterable[int]:
    """The entries that a call was for; one that settles none of them by itself (a look-up, an invitation before an RSVP) was for all that
    still wait."""
    work, targets = made.work, set(made.call.targets)
    waiting = [e for e in work.entries if e.id not in work.ended]
    return [e.id for e in waiting if e.target in targets] or [e.id for e in waiting]


def _beliefs(session: Session, works: Iterable[Work], now: datetime) -> None:
    """What has been learned about the customers: what they hold, who they are in the app."""
    lapsed, lanes = [], []
    changed: dict[tuple[int, int], dict[str, Any]] = {}  # a lane may be in hand twice, and no row may be in one statement twice
    for work in works:
        stored, known = work.stored, work.known
        for target, belief in known.beliefs.items():
            if belief is not stored.beliefs.get(target):
                word = OURS if belief.ours or belief.held == "unknown" else work.word
                said = {"held": belief.held, "since": now, "heard_at": now, "word": word}
                changed[work.lane_id, target] = {"lane_id": work.lane_id, "target_id": target, **said}
        lapsed += [(work.lane_id, target) for target in stored.beliefs if target not in known.beliefs]
        if known.member_id != stored.member_id or work.alias:
            lanes.append({"lane": work.lane_id, "token": work.claim, "member": known.member_id, "address": work.alias, "moment": now})
    if changed:
        write(session, _upsert_holdings(session.get_bind().dialect.name), [*changed.values()])
    for lane, target in lapsed:
        session.execute(delete(Holding).where(Holding.lane_id == lane, Holding.target_id == target))
    if lanes:
        write(session, _KNOW, lanes)


def _forget_others(session: Session, lost: Sequence[Work], now: datetime) -> None:
    """What a worker learned that was overtaken by another address of the customer's is of another account: nothing is believed then."""
    if not lost:
        return
    at = select(Lane.id, func.coalesce(Lane.alias, Customer.email)).join(Customer, Customer.id == Lane.customer_id)
    addresses = dict(session.execute(at.where(Lane.id.in_({work.lane_id for work in lost}))).all())
    moved = {work.lane_id for work in lost if addresses.get(work.lane_id) != work.stored.email}
    if moved:
        session.execute(delete(Holding).where(Holding.lane_id.in_(moved)))
        session.execute(update(Lane).where(Lane.id.in_(moved)).values(look_at=now))
        session.execute(update(Lane).where(Lane.id.in_(moved), Lane.claim.is_(None)).values(due_at=now))


def _renewed(session: Session, works: Sequence[Work], now: datetime) -> set[Hold]:
    by_claim: dict[str, list[int]] = defaultdict(list)
    for work in works:
        by_claim[work.claim].append(work.lane_id)
    return {(lane, claim) for claim, lanes in by_claim.items() for lane in renew(session, lanes, claim, now)}


def _lock(session: Session, works: Sequence[Work]) -> dict[Hold, datetime | None]:
    """Which of these are still held by the claim they were taken with, and when their lanes must be looked at since then. Locked, so that
    intake's wake-up waits for us."""
    if not works:
        return {}
    held = {work.hold for work in works}
    rows = ask(session, _LOCK, lanes=[*{work.lane_id for work in works}])
    return {(lane, claim): look_at for lane, claim, look_at in rows if (lane, claim) in held}


def _finish(session: Session, works: Sequence[Work], looks: Mapping[Hold, datetime | None], now: datetime, dice: float) -> None:
    if not works:
        return
    entries: list[dict[str, Any]] = []
    lanes: dict[int, dict[str, Any]] = {}
    for work in works:
        ends = work.finish()
        entries += [_ended(entry, ends[entry], now) for entry in ends]
        left = [e.id for e in work.entries if e.id not in ends]
        lanes[work.lane_id] = {"lane": work.lane_id, "tries": 0, "again": None, "look": _first(looks[work.hold], work.changes_at)}
        if work.setback and left:
            entries += _set_back(session, work, work.setback, left, lanes[work.lane_id], now, dice)
    _break_targets(session, works, now)
    _update_entries(session, entries)
    release(session, lanes, now)
    for work in {work.seat.id: work for work in works if work.unanswered}.values():
        circuit.give_up(session, _locked(session, work.seat.id), work.app.name, work.seat.zone, now)


def _ended(entry: int, end: End, now: datetime) -> dict[str, Any]:
    return {
        "entry": entry, "to": end.status, "says": end.sentence, "do": end.todo, "why": end.cause, "waits_until": None, "over": True,
        "moment": now, "finished": now, "more": dict(end.details) if end.details else None, "tries": None,
    }  # fmt: skip


def _set_back(
    session: Session, work: Work, setback: Setback, left: Sequence[int], lane: dict[str, Any], now: datetime, dice: float
) -> list[dict[str, Any]]:
    """What a setback means for the entries that still wait, and for their lane."""
    if setback.kind == "retry":
        silent = _locked(session, work.seat.id) if work.unanswered else None
        if silent is None or not circuit.is_open(silent.failures):
            return _retry(work, setback, left, lane, now, dice)
        lane["tries"] = work.failures
        _hold(session, work, silent.failing_since or now, left, now)
        return []
    end = End("queued", setback.sentence, setback.cause, setback.todo)
    lane["tries"] = work.failures
    if setback.kind == "tomorrow":
        lane["tries"] = 0
        until = retries.tomorrow(now, work.seat.zone)
        return [_ended(e, End("parked", setback.sentence, setback.cause, setback.todo), now) | _open(until) for e in left]
    stop_integration(session, work, setback, now)
    return [_ended(e, end, now) | _open(None) for e in left]


def stop_integration(session: Session, work: Work, setback: Setback, now: datetime) -> None:
    """What a setback means for the whole integration, where it means that it must wait for a person or for some time."""
    if setback.kind not in ("attention", "pause"):
        return
    integration = _locked(session, work.seat.id)
    if setback.kind == "attention":
        if integration.credentials == work.seat.sealed:  # else the key has been replaced meanwhile
            integrations.needs_attention(session, integration, setback.cause, now)
    else:
        hold = now + timedelta(seconds=setback.seconds)
        integration.hold_until = max(hold, integration.hold_until or hold)
        integration.hold_reason = setback.cause


def _hold(session: Session, work: Work, since: datetime, left: Sequence[int], now: datetime) -> None:
    """While the circuit is open no attempt is counted. When an entry was due stays known: its three days count from then."""
    said = circuit.silence(work.app.name, since, work.seat.zone, now)
    waits = {"status": "retrying", "sentence": said, "todo": circuit.KEEPS_TRYING, "cause": circuit.NO_ANSWER, "changed_at": now}
    held = update(LogEntry).where(LogEntry.id.in_(left), _waits).values(waits)
    session.execute(held.execution_options(synchronize_session=False))


def _retry(work: Work, setback: Setback, left: Sequence[int], lane: dict[str, Any], now: datetime, dice: float) -> list[dict[str, Any]]:
    failures = work.failures + 1
    at = retries.again_at(failures, now, (dice + work.lane_id % 97 / 97) % 1)
    if at is None:
        sentence = f"{setback.sentence} Cartwheel tried {failures} times over three days and gave up."
        todo = setback.todo or "Replay the entry when the cause is gone."
        return [_ended(e, End("failed", sentence, setback.cause, todo), now) | {"tries": failures} for e in left]
    lane |= {"tries": failures, "again": at}
    end = End("retrying", retries.waiting(setback.sentence, failures, at, work.seat.zone, now), setback.cause, setback.todo)
    return [_ended(e, end, now) | _open(None) | {"tries": failures} for e in left]


def _open(waits_until: datetime | None) -> dict[str, Any]:
    return {"over": False, "finished": None, "waits_until": waits_until}


def _break_targets(session: Session, works: Sequence[Work], now: datetime) -> None:
    """A call has found out that a target no longer exists: rules about it are broken from now on."""
    broken = {t: work.seat.marketplace_id for work in works for t, settled in work.settled.items() if settled.outcome == "broken"}
    if not broken:
        return
    session.execute(update(Target).where(Target.id.in_(broken), Target.gone_at.is_(None)).values(gone_at=now))
    for marketplace in sorted(set(broken.values())):
        versions.bump(session, marketplace)


def _update_entries(session: Session, entries: list[dict[str, Any]]) -> None:
    if entries:
        plain = [row for row in entries if row["more"] is None]
        for rows, statement in ((plain, _END), ([row for row in entries if row["more"] is not None], _END_WITH_DETAILS)):
            if rows:
                write(session, statement, rows)


def release(session: Session, lanes: dict[int, dict[str, Any]], now: datetime) -> None:
    """Give lanes back, due again where they must be looked at or entries wait: those that came meanwhile, those that wait for a time, those
    that were set back."""
    waits = _next_due(session, lanes, now)
    due = {lane: _first(waits[lane][0] if lane in waits else None, row["look"]) for lane, row in lanes.items()}
    rows = [
        row | {"due": max(at, row["again"] or at) if (at := due[lane]) else None, "urgency": waits.get(lane, (None, ranks.LEAVES))[1]}
        for lane, row in sorted(lanes.items())
    ]
    write(session, _RELEASE, rows)


def _first(*times: datetime | None) -> datetime | None:
    return min((at for at in times if at is not None), default=None)


def _next_due(session: Session, lanes: Collection[int], now: datetime) -> dict[int, tuple[datetime, int]]:
    """When what waits in these lanes is due, and how urgent it is."""
    return {lane: (due, rank) for lane, due, rank in ask(session, _NEXT_DUE, lanes=list(lanes), now=now) if lane is not None}


_moment = LogEntry.changed_at.type
_CALLS, _CALL_ENTRIES = insert(CallRow), insert(CallEntry)
_FAILING = select(Integration.id).where(among(Integration.id, "asked"), Integration.failures > 0)
_CALLABLE = callable_now(bindparam("now", type_=_moment)).where(among(Integration.id, "asked"))
_LOCK = select(Lane.id, Lane.claim, Lane.look_at).where(among(Lane.id, "lanes")).order_by(Lane.id).with_for_update(key_share=True)
_NEXT_DUE = (
    select(LogEntry.open_lane_id, func.min(func.coalesce(LogEntry.due_at, bindparam("now", type_=_moment))), ranks.of_entries())
    .where(among(LogEntry.open_lane_id, "lanes"))
    .group_by(LogEntry.open_lane_id)
)
_ENTRY: dict[str, Any] = {
    "status": bindparam("to"), "sentence": bindparam("says"), "todo": bindparam("do"), "cause": bindparam("why"),
    "open_lane_id": case((bindparam("over", type_=Boolean), None), else_=LogEntry.open_lane_id), "due_at": bindparam("waits_until", type_=_moment),
    "changed_at": bindparam("moment", type_=_moment), "finished_at": bindparam("finished", type_=_moment),
    "attempts": func.coalesce(bindparam("tries", type_=LogEntry.attempts.type), LogEntry.attempts),
}  # fmt: skip
_waits = LogEntry.open_lane_id.is_not(None)
_END = update(LogEntry).where(LogEntry.id == bindparam("entry"), _waits).values(_ENTRY)
_END_WITH_DETAILS = (
    update(LogEntry)
    .where(LogEntry.id == bindparam("entry"), _waits)
    .values(_ENTRY | {"details": bindparam("more", type_=LogEntry.details.type)})
)
_KNOW = (
    update(Lane)
    .where(Lane.id == bindparam("lane"), Lane.claim == bindparam("token"))
    .values(
        member_id=bindparam("member"),
        alias=func.coalesce(bindparam("address", type_=Lane.alias.type), Lane.alias),
        alias_by=case((bindparam("address", type_=Lane.alias.type).is_not(None), LEARNED), else_=Lane.alias_by),
        alias_at=case((bindparam("address", type_=Lane.alias.type).is_not(None), bindparam("moment", type_=_moment)), else_=Lane.alias_at),
    )
)
_RELEASE = (
    update(Lane)
    .where(Lane.id == bindparam("lane"))
    .values(
        claim=None, claimed_until=None, attempts=bindparam("tries"), retry_at=bindparam("again", type_=_moment),
        due_at=bindparam("due", type_=_moment), look_at=bindparam("look", type_=_moment), rank=bindparam("urgency", type_=Lane.rank.type),
    )
)  # fmt: skip


@cache
def _upsert_holdings(dialect: str) -> Any:
    statement = (postgresql_insert if dialect == "postgresql" else sqlite_insert)(Holding)
    new = statement.excluded
    stays_ours = and_(Holding.word == OURS, Holding.held.in_(("unknown", new.held)))
    return statement.on_conflict_do_update(
        index_elements=["lane_id", "target_id"],
        set_={
            "since": case((Holding.held == new.held, Holding.since), else_=new.since),
            "held": new.held, "heard_at": new.heard_at, "word": case((stays_ours, OURS), else_=new.word),
        },
    )  # fmt: skip
