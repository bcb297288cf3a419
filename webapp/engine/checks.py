"""Check with the app: what one customer holds there is asked for, believed, and what was other than believed is kept in the log.

Somebody wants it (`want`); one worker begins it with the customer's lane in its hands, asks call by call, and ends it. Only asked for:
what differs is put right when somebody says so (`put_right`), or with the customer's next event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Call, Held, Setback, Target
from webapp.apps.registry import APPS
from webapp.engine import briefing, lanes, recording, sentences, states
from webapp.engine.book import NewId
from webapp.engine.entries import Refused
from webapp.engine.work import CHECK, Work
from webapp.models import Check, Customer, Integration, Lane, LogEntry
from webapp.models import Target as TargetRow

DEAD_AFTER = timedelta(minutes=2)
"""A check that has told nothing for so long has died with its worker."""

CALLED_FOR = timedelta(seconds=10)
"""For so long a wish is left to the worker that was called; after that the clock calls again."""

WAITS_FOR = timedelta(minutes=2)
"""For so long a page asks by itself how far a check is that nobody has begun."""

MOST_CALLS = 200

SEEN_GONE, SEEN_THERE = "seen_gone", "seen_there"
"""The causes of entries that tell what a check has seen: gone, or there, by nobody's doing that Cartwheel knows of."""


@dataclass(frozen=True, slots=True)
class State:
    """How a check stands: none / waiting (for a worker) / running / done / failed. `at`: since when, or when it ended.

    Of one that is over: what it cost, how much was other than believed, or what went wrong and what to do.
    """

    state: str
    at: datetime | None = None
    metered: int = 0
    found: int = 0
    sentence: str = ""
    todo: str = ""

    def watched(self, now: datetime) -> bool:
        """Whether something is to come of it soon."""
        return self.state in {"waiting", "running"} and self.at is not None and now - self.at < WAITS_FOR


@dataclass(slots=True)
class Checking:
    """A check in a worker's hands: its lane's work, and what was believed before."""

    work: Work
    before: Mapping[int, Held]
    metered: int = 0


def cost(session: Session, customer_id: int, integration: Integration, now: datetime) -> int:
    """How many metered calls a check costs, at least: of long lists every hundred are one more."""
    lane = session.scalar(select(Lane.id).where(Lane.customer_id == customer_id, Lane.integration_id == integration.id))
    work = _work(session, lane, "", now) if lane is not None else None
    return len(work.app.check(work.want, work.known)) if work else 1


def want(session: Session, customer: Customer, integration: Integration, now: datetime, new_id: NewId) -> int:
    """Wish for a check; a second wish while one is on its way joins it. Returns the id of the lane. Raises Refused."""
    why_not = in_the_way(integration, now)
    if why_not:
        raise Refused(why_not)
    lane = lanes.own(session, customer, integration.id, now, new_id)
    row = session.get(Check, lane.id, with_for_update=True)
    if row is None:
        session.add(Check(lane_id=lane.id, wanted_at=now))
    elif row.wanted_at is None or not _alive(row, now):
        row.wanted_at, row.run = now, None
    return lane.id


def in_the_way(integration: Integration, now: datetime) -> str:
    """Why the app can't be asked now; "" where it can."""
    state = states.state(integration, APPS[integration.app])
    if state.key != "connected":
        return state.sentence
    if integration.hold_until is not None and integration.hold_until > now:
        return f"{APPS[integration.app].name} asked for a pause. Try again in some minutes."
    return ""


def wanted(session: Session, now: datetime) -> list[int]:
    """The lanes whose check nobody has begun, or whose worker has died: for the clock, which calls for them again."""
    rows = session.scalars(select(Check).where(Check.wanted_at.is_not(None), Check.wanted_at <= now - CALLED_FOR))
    return [row.lane_id for row in rows if not _alive(row, now)]


def begin(session: Session, lane_id: int, token: str, now: datetime) -> Checking | None:
    """Take the check upon oneself, and the lane with it; None where nobody wants it or somebody has the lane: then the clock calls again."""
    lane = session.get(Lane, lane_id, with_for_update=True)
    row = session.get(Check, lane_id, with_for_update=True)
    if lane is None or row is None or row.wanted_at is None or _alive(row, now) or (lane.claimed_until and lane.claimed_until > now):
        return None
    why_not = in_the_way(session.get_one(Integration, lane.integration_id), now)
    if why_not:
        _over(row, now, error=why_not)
        return None
    row.run, row.told_at = token, now
    lane.claim, lane.claimed_until, lane.due_at = token, now + lanes.CLAIM_FOR, now + lanes.CLAIM_FOR
    session.flush()
    work = _work(session, lane_id, token, now)
    return Checking(work, {t: belief.held for t, belief in work.known.beliefs.items()}) if work else None


def next_call(checking: Checking) -> Call | None:
    """The next call to make; None where everything is known, or a setback stands in the way."""
    work = checking.work
    if work.setback or work.calls >= MOST_CALLS:
        return None
    calls = work.app.check(work.want, work.known)
    return calls[0] if calls else None


def heard(session: Session, checking: Checking, made: recording.Made, now: datetime, new_id: NewId) -> bool:
    """Write down a call and what it taught. False where the lane is no longer ours, and the check must stop."""
    work = checking.work
    recorded = recording.record(session, [made], [work], [], now, new_id, 0.5)
    if recorded.stopped and not work.setback:
        work.setback = Setback("retry", in_the_way(session.get_one(Integration, work.seat.id), now), "stopped")
    told = session.execute(
        update(Check).where(Check.lane_id == work.lane_id, Check.run == work.claim).values(told_at=now).returning(Check.run)
    )
    return told.scalar() is not None and not recorded.lost


def finish(session: Session, checking: Checking, now: datetime, new_id: NewId) -> None:
    """It is over: give the lane back as it was, and tell what was other than believed."""
    work = checking.work
    lane = session.get(Lane, work.lane_id, with_for_update=True)
    row = session.get(Check, work.lane_id, with_for_update=True)
    if lane is None or row is None or lane.claim != work.claim:
        return
    if work.setback:
        recording.stop_integration(session, work, work.setback, now)
        _over(row, now, checking.metered, work.setback.sentence, work.setback.todo or "Try again later.")
    else:
        found = _differences(checking)
        _over(row, now, checking.metered)
        row.found = [{"target": t, "was": was, "now": is_now} for t, was, is_now in found]
        session.add_all(_seen(work, found, now, new_id))
    back = {"lane": lane.id, "tries": lane.attempts, "again": lane.retry_at, "look": lane.look_at}
    session.flush()
    recording.release(session, {lane.id: back}, now)


def put_right(session: Session, customer: Customer, integration: Integration, now: datetime) -> None:
    """Have what is desired held against what is believed at once, and what differs put right."""
    mine = (Lane.customer_id == customer.id, Lane.integration_id == integration.id)
    session.execute(update(Lane).where(*mine).values(look_at=now))
    session.execute(update(Lane).where(*mine, Lane.claim.is_(None)).values(due_at=now, retry_at=None))


def of_customer(session: Session, customer_id: int, now: datetime) -> dict[int, State]:
    """How the checks of a customer stand, by integration."""
    rows = session.execute(select(Lane.integration_id, Check).join(Check, Check.lane_id == Lane.id).where(Lane.customer_id == customer_id))
    return {integration: _state(row, now) for integration, row in rows}


def _state(row: Check, now: datetime) -> State:
    if row.wanted_at is not None:
        return State("running" if _alive(row, now) else "waiting", row.wanted_at)
    if row.error:
        return State("failed", row.ended_at, row.metered, 0, row.error, row.todo)
    return State("done", row.ended_at, row.metered, len(row.found or ()))


def _alive(row: Check, now: datetime) -> bool:
    return row.run is not None and row.told_at is not None and now - row.told_at < DEAD_AFTER


def _over(row: Check, now: datetime, metered: int = 0, error: str = "", todo: str = "") -> None:
    row.wanted_at = row.run = None
    row.ended_at, row.metered, row.error, row.todo, row.found = now, metered, error[:500], todo[:500], []


def _work(session: Session, lane_id: int, token: str, now: datetime) -> Work | None:
    """The lane's work without its entries, about everything that is on record, and in view of the whole catalog."""
    for work in briefing.load(session, [lane_id], token, now, timedelta(0)):
        rows = session.execute(
            select(TargetRow.id, TargetRow.kind, TargetRow.remote_id, TargetRow.name, TargetRow.group).where(
                TargetRow.integration_id == work.seat.id, TargetRow.gone_at.is_(None)
            )
        )
        catalog = {key: Target(key, kind, remote, name, group) for key, kind, remote, name, group in rows}
        wished = {t: verdict.held for t, verdict in work.verdicts.items()}
        work.entries, work.ended, work.word = [], {}, CHECK
        work.want = replace(work.want, targets={**catalog, **work.want.targets}, desired=wished, asked=frozenset())
        return work
    return None


def _differences(checking: Checking) -> list[tuple[int, Held, Held]]:
    """What was other than believed: the target, what was believed, what is so. Who is no member is in nothing: that alone is told."""
    beliefs, membership = checking.work.known.beliefs, checking.work.want.membership
    found = [(t, was, beliefs[t].held) for t, was in checking.before.items() if t in beliefs and was not in ("unknown", beliefs[t].held)]
    left = [one for one in found if one[0] == membership and one[2] == "not_held"]
    return left or sorted(found)


def _seen(work: Work, found: list[tuple[int, Held, Held]], now: datetime, new_id: NewId) -> list[LogEntry]:
    """An entry for each, by which it can be told later why somebody has something or has it not."""
    return [
        LogEntry(
            id=new_id(now), marketplace_id=work.seat.marketplace_id, customer_id=work.customer_id, integration_id=work.seat.id,
            target_id=target, lane_id=work.lane_id, status="unchanged", cause=SEEN_THERE if is_now == "held" else SEEN_GONE,
            sentence=_says(work, target, is_now), at=now, changed_at=now, finished_at=now,
        )
        for target, _, is_now in found
    ]  # fmt: skip


def _says(work: Work, target: int, is_now: Held) -> str:
    thing, app = work.want.targets[target], work.app.name
    if thing.kind == MEMBERSHIP:
        did = "Joined" if is_now == "held" else "Removed"
        return f"{did} by hand in {app}: seen by a check of {work.seat.name}."
    did = "Given" if is_now == "held" else "Removed"
    return f"{did} by hand in {app}: the {sentences.PLACES.get(thing.kind, thing.kind)} {thing.name}, seen by a check."
