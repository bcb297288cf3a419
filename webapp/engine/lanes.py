"""Claim due lanes: many at once, going round the integrations. What their work needs is read in briefing.py, what comes of it is in recording.py."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import compress

from sqlalchemy import BindParameter, Executable, Select, bindparam, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from webapp.engine import briefing, circuit, ranks, takeover
from webapp.engine.book import NewId
from webapp.engine.ready import among, ask, change
from webapp.engine.work import Work
from webapp.models import Customer, Integration, Lane

CLAIM_FOR = timedelta(seconds=25)
"""How long a claim holds. A call ends within 20 s and the claim is renewed before each, so a taker never overlaps a holder."""

BACKLOG = 50
"""An integration with more live lanes due than this has a backlog: who has work now and then does not wait behind it."""


@dataclass(frozen=True, slots=True)
class Due:
    """An integration that may be called and has lanes that are due: their ranks, the most urgent first."""

    integration: int
    ranks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """How many lanes may be claimed. `backlog`: how many of them from integrations with a backlog, and from batches."""

    all: int
    backlog: int


def callable_now(now: datetime | BindParameter[datetime]) -> Select[int]:
    """The integrations that may be called: not deleted, paused, in need of a person, or asked to wait."""
    return select(Integration.id).where(
        Integration.deleted_at.is_(None),
        Integration.attention.is_(None),
        Integration.paused_at.is_(None),
        or_(Integration.hold_until.is_(None), Integration.hold_until <= now),
    )


def waiting(session: Session, now: datetime) -> list[Due]:
    """The integrations with lanes that are due and may be called, each once, in the order of their ids."""
    rows = ask(session, _waiting(), now=now)
    return [Due(one, tuple(compress(ranks.ALL, due))) for one, *due in rows if any(due)]


def take(session: Session, due: Sequence[Due], room: Room, token: str, now: datetime) -> dict[int, bool]:
    """Claim due lanes, as many as there is room for, as evenly as it goes from these integrations, in their order. The caller commits, and
    reads then what their work needs (`brief`): to read it meanwhile would keep every other writer waiting.

    Gives the lanes, and of each whether it is of a backlog. Whoever claims renews within CLAIM_FOR or loses the lane.
    """
    chosen = _choose(session, due, room, now) if due and room.all > 0 else {}
    if not chosen:
        return {}
    ids = list(chosen)
    abandoned = [lane for (lane,) in ask(session, _ABANDONED, lanes=ids)]
    change(session, _CLAIM, lanes=ids, token=token, until=now + CLAIM_FOR)
    if abandoned:
        takeover.doubt(session, abandoned, now)
    return chosen


def brief(session: Session, taken: Mapping[int, bool], token: str, now: datetime, trust: timedelta) -> list[Work]:
    """The work of lanes that were taken with this token; nothing is changed. `trust`: how long a belief is trusted without a call.

    What is not as desired in a lane, though nobody asks for it, has no entry yet: `corrections` sees to that before anything is called.
    """
    works = briefing.load(session, taken, token, now, trust)
    for work in works:
        work.backlog = taken[work.lane_id]
    return works


def own(session: Session, customer: Customer, integration_id: int, now: datetime, new_id: NewId) -> Lane:
    """The lane of a customer at an integration, locked; made where there is none, with nothing due."""
    row = {"id": new_id(now), "marketplace_id": customer.marketplace_id, "customer_id": customer.id, "integration_id": integration_id}
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    session.execute(insert(Lane).values(row).on_conflict_do_nothing(index_elements=["customer_id", "integration_id"]))
    mine = select(Lane).where(Lane.customer_id == customer.id, Lane.integration_id == integration_id)
    return session.scalars(mine.with_for_update(key_share=True).execution_options(populate_existing=True)).one()


def renew(session: Session, lanes: Collection[int], token: str, now: datetime) -> set[int]:
    """Hold on to these lanes for another CLAIM_FOR. Gives those that are still ours."""
    if not lanes:
        return set()
    until = now + CLAIM_FOR
    held = update(Lane).where(Lane.id.in_(lanes), Lane.claim == token).values(claimed_until=until, due_at=until).returning(Lane.id)
    return set(session.scalars(held.execution_options(synchronize_session=False)))


def others(session: Session, integrations: Collection[int], now: datetime) -> bool:
    """Whether there are integrations that may be called beside these."""
    return session.scalar(callable_now(now).where(Integration.id.not_in(integrations)).limit(1)) is not None


@cache
def _waiting() -> Executable:
    """One step in the index for each integration that has lanes which wait for anything, however many, and one for each rank: the ids of
    those that may be called, and of each rank whether lanes of it are due."""
    first = select(Lane.integration_id).where(Lane.due_at.is_not(None)).order_by(Lane.integration_id).limit(1)
    wait = select(first.scalar_subquery().label("integration")).cte("wait", recursive=True)
    after = first.where(Lane.integration_id > wait.c.integration).correlate(wait).scalar_subquery()
    wait = wait.union_all(select(after).select_from(wait).where(wait.c.integration.is_not(None)))
    moment = bindparam("now", type_=Lane.due_at.type)
    due = (
        exists().where(Lane.integration_id == wait.c.integration, Lane.rank == rank, Lane.due_at <= moment).correlate(wait)
        for rank in ranks.ALL
    )
    return (
        select(Integration.id, *due)
        .select_from(wait)
        .join(Integration, Integration.id == wait.c.integration)
        .where(Integration.deleted_at.is_(None), Integration.attention.is_(None), Integration.paused_at.is_(None))
        .where(or_(Integration.hold_until.is_(None), Integration.hold_until <= moment))
        .order_by(Integration.id)
    )


def _choose(session: Session, due: Sequence[Due], room: Room, now: datetime) -> dict[int, bool]:
    """The lanes to claim, one from each integration in turn, and of each whether it is of a backlog."""
    asked = [one.integration for one in due[: room.all]]
    failures: dict[int, int] = dict(ask(session, _FAILURES, asked=asked, now=now))
    queues = [_queue(session, one, failures[one.integration], room, now) for one in due[: room.all] if one.integration in failures]
    chosen: dict[int, bool] = {}
    backlog = room.backlog
    while queues and len(chosen) < room.all:
        for queue in list(queues):
            if not queue or len(chosen) >= room.all or (queue[0][1] and backlog <= 0):
                queues.remove(queue)
                continue
            lane, patient = queue.popleft()
            chosen[lane] = patient
            backlog -= patient
    return chosen


def _queue(session: Session, due: Due, failures: int, room: Room, now: datetime) -> deque[tuple[int, bool]]:
    """The lanes of one integration that may be claimed, the most urgent first, and of each whether it is of a backlog."""
    probing = circuit.is_open(failures)
    live: list[int] = []
    for rank in due.ranks:
        if rank < ranks.BATCH_JOINS and len(live) < room.all:
            live += _find(session, due.integration, rank, max(room.all, BACKLOG) + 1, now)
    queue = deque((lane, len(live) > BACKLOG) for lane in live)
    for rank in due.ranks:
        if rank >= ranks.BATCH_JOINS and len(queue) < room.all:
            queue += [(lane, True) for lane in _find(session, due.integration, rank, room.all, now)]
    if probing and not (queue and circuit.probe(session, due.integration, now, now + CLAIM_FOR)):
        return deque()
    return deque([queue[0]]) if probing else queue


def _find(session: Session, integration: int, rank: int, most: int, now: datetime) -> list[int]:
    return [lane for (lane,) in ask(session, _FIND, integration=integration, rank=rank, now=now, most=most)]


_FIND = (
    select(Lane.id)
    .where(Lane.integration_id == bindparam("integration"), Lane.rank == bindparam("rank"), Lane.due_at <= bindparam("now"))
    .order_by(Lane.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, key_share=True)
)
_FAILURES = select(Integration.id, Integration.failures).where(
    among(Integration.id, "asked"),
    Integration.id.in_(callable_now(bindparam("now", type_=Lane.due_at.type))),
)
_ABANDONED = select(Lane.id).where(among(Lane.id, "lanes"), Lane.claim.is_not(None))
_CLAIM = (
    update(Lane)
    .where(among(Lane.id, "lanes"))
    .values(claim=bindparam("token"), claimed_until=bindparam("until"), due_at=bindparam("until"), look_at=None)
)
