"""An integration whose app does not answer: after a run of failures its circuit is open. Then one call now and then asks whether the app is
back; nothing else is called, no attempt is counted, and when it is back all goes on at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from webapp.engine import sentences
from webapp.models import Integration, Lane, LogEntry

OPENS_AT = 5
"""So many customers' calls that failed in a row, without an answer in between, open it. A customer's further failures don't count: what is
wrong with one of them alone holds back nobody else."""

ASKS_AFTER = (timedelta(seconds=10), timedelta(minutes=10))
"""How long after a failure the next call asks, at least and at most; in between a tenth of the time for which there has been no answer."""

GIVES_UP = timedelta(days=3)
"""How long an entry waits for an answer before it has failed."""

GIVEN_UP_AT_ONCE = 1000
"""How many entries are given up at most after one call that failed."""

NO_ANSWER = "no_answer"
"""`Integration.hold_reason` while the circuit is open."""

KEEPS_TRYING = "Nothing. Cartwheel keeps trying for three days and tells you should it give up."


@dataclass(frozen=True, slots=True)
class Heard:
    """What a call told of its app: at that time it answered, or did not. `first`: it was its customer's first failure in a row."""

    at: datetime
    answered: bool
    first: bool = False


def is_open(failures: int) -> bool:
    """Whether the circuit of an integration with so many failures in a row is open."""
    return failures >= OPENS_AT


def asks_after(silent: timedelta) -> timedelta:
    """How long to wait for the next call that asks, after so long without an answer."""
    least, most = ASKS_AFTER
    return min(most, max(least, silent / 10))


def silence(app: str, since: datetime, zone: str, now: datetime) -> str:
    """`Circle has not answered since 14:02.`"""
    return f"{app} has not answered since {sentences.moment(since, zone, now)}."


def hear(integration: Integration, heard: Iterable[Heard], now: datetime) -> None:
    """Take what calls told into account, in their order. The integration is locked."""
    for one in heard:
        if one.answered:
            _answers(integration)
        elif one.first or is_open(integration.failures):
            integration.failures += 1
            integration.failing_since = integration.failing_since or one.at
    if is_open(integration.failures) and integration.failing_since:
        integration.hold_until, integration.hold_reason = now + asks_after(now - integration.failing_since), NO_ANSWER


def _answers(integration: Integration) -> None:
    integration.failures, integration.failing_since = 0, None
    if integration.hold_reason == NO_ANSWER:
        integration.hold_until, integration.hold_reason = None, ""


def probe(session: Session, integration: int, now: datetime, until: datetime) -> bool:
    """Be the one that asks: nobody else does until then. False where somebody else does already."""
    free = or_(Integration.hold_until.is_(None), Integration.hold_until <= now)
    asking = update(Integration).where(Integration.id == integration, free).values(hold_until=until, hold_reason=NO_ANSWER)
    taken = session.execute(asking.returning(Integration.id).execution_options(synchronize_session=False))
    return taken.scalar() is not None


def give_up(session: Session, integration: Integration, app: str, zone: str, now: datetime) -> None:
    """End the entries that have waited for an answer for so long. Their lanes are free: nothing but one call is under way."""
    since = integration.failing_since
    if since is None or not is_open(integration.failures) or now - since < GIVES_UP:
        return
    waited = select(LogEntry.id, LogEntry.open_lane_id).where(
        LogEntry.marketplace_id == integration.marketplace_id,
        LogEntry.status.in_(("queued", "retrying")),
        LogEntry.integration_id == integration.id,
        LogEntry.open_lane_id.is_not(None),
        func.coalesce(LogEntry.due_at, LogEntry.at) <= now - GIVES_UP,
    )
    found = session.execute(waited.order_by(LogEntry.id).limit(GIVEN_UP_AT_ONCE)).all()
    if not found:
        return
    said = f"{silence(app, since, zone, now)} Cartwheel tried for three days and gave up."
    failed = {
        "status": "failed", "sentence": said, "todo": f"Replay the entry when {app} answers again.", "cause": NO_ANSWER,
        "open_lane_id": None, "due_at": None, "changed_at": now, "finished_at": now,
    }  # fmt: skip
    _update(session, update(LogEntry).where(LogEntry.id.in_([row.id for row in found])).values(failed))
    waits = select(LogEntry.id).where(LogEntry.open_lane_id == Lane.id).correlate(Lane).exists()
    idle = update(Lane).where(Lane.id.in_({row.open_lane_id for row in found}), Lane.claim.is_(None), Lane.look_at.is_(None), ~waits)
    _update(session, idle.values(due_at=None, retry_at=None, attempts=0))


def _update(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
