"""What a merchant does about a log entry: replay, skip, cancel, remove anyway. Each makes its own entry or ends one; nothing is called here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP
from webapp.apps.registry import APPS
from webapp.engine import sentences
from webapp.engine.book import NewId
from webapp.engine.hand import decide
from webapp.engine.ranks import BATCH_JOINS, JOINS
from webapp.engine.work import OURS
from webapp.models import Grant, Holding, Integration, Lane, LogEntry, Rule, Target

COPIED = (
    "marketplace_id", "event_id", "happening_id", "customer_id", "product_id", "rule_id", "integration_id", "lane_id", "trigger", "action",
    "test",
)  # fmt: skip
"""What a new entry takes over from the one it replays."""


class NoEntry(LookupError):
    """No entry of this marketplace has that id."""


class Refused(Exception):
    """It can't be done: `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def replay(session: Session, marketplace_id: int, entry_id: int, now: datetime, new_id: NewId, batch_id: int | None = None) -> int:
    """Do again what an entry asked for, with nothing believed about its target. Where that is gone, and its rule has another one by now, that.

    Returns the id of the new entry, which is of the batch if there is one. What is superseded stays superseded: the new entry will say so.
    Raises NoEntry, Refused.
    """
    entry = _get(session, marketplace_id, entry_id)
    integration = _integration(session, entry)
    if entry.open_lane_id is not None:
        raise Refused("It has not ended yet.")
    waiting = select(LogEntry.id).where(
        LogEntry.replays_id == entry.id, LogEntry.open_lane_id.is_not(None), LogEntry.customer_id == entry.customer_id
    )
    if session.scalar(waiting) is not None:
        raise Refused("A replay of it is waiting already.")
    target = _target_now(session, entry)
    if target.gone_at is not None:
        raise Refused("What it is about no longer exists there. Choose another target for its rule first.")
    made = _copy(session, entry, integration, target, now, new_id)
    made.batch_id = batch_id
    if target.id != entry.target_id:
        _take_over_marks(session, entry, made, target.id, now, new_id)
    _doubt(session, made.lane_id or 0, target.id, now)
    make_due(session, made.lane_id or 0, now, JOINS if batch_id is None else BATCH_JOINS)
    entry.todo, entry.changed_at = "Nothing here: it was replayed, and what became of that is in its newer entry.", now
    return made.id


def skip(session: Session, marketplace_id: int, entry_id: int, by: str, now: datetime) -> None:
    """End an entry that waits, or put a failed one aside. `by`: who says so. Raises NoEntry, Refused."""
    entry, lane = _with_lane(session, marketplace_id, entry_id)
    if lane is not None and lane.claimed_until is not None and lane.claimed_until > now:
        raise Refused("A call for it is under way. Try again in a moment.")
    if lane is None and entry.status != "failed":
        raise Refused("It has ended: there is nothing to skip.")
    entry.status, entry.sentence, entry.todo = "skipped", f"Skipped by {by}. {entry.sentence}", ""
    entry.open_lane_id = entry.due_at = None
    entry.changed_at = entry.finished_at = now
    if lane is not None:
        lane.due_at, lane.retry_at, lane.attempts = now, None, 0  # what comes after it has waited long enough


def cancel(session: Session, marketplace_id: int, entry_id: int, by: str, now: datetime) -> None:
    """Call off what an entry waits to do at its time, and with it what other rules ask for on the same target for the same reason at the same
    time: the marks are taken off the record, as if no rule had asked. `by`: who says so. Raises NoEntry, Refused."""
    entry, lane = _with_lane(session, marketplace_id, entry_id)
    if lane is None:
        raise Refused("It has ended: there is nothing to cancel.")
    if entry.due_at is None or entry.due_at <= now or not (marks := _alike(session, entry, now)):
        raise Refused("It does not wait for its time any longer: there is nothing to cancel.")
    if lane.claimed_until is not None and lane.claimed_until > now:
        raise Refused("A call for this customer is under way. Try again in a moment.")
    for one in session.scalars(select(LogEntry).where(LogEntry.id.in_({mark.entry_id for mark in marks}))):
        given = any(mark.op == "open" for mark in marks if mark.entry_id == one.id)
        one.status, one.sentence, one.todo = "skipped", f"Canceled by {by}: nothing is {'given' if given else 'taken'}.", ""
        one.open_lane_id = one.due_at = None
        one.changed_at = one.finished_at = now
    for mark in marks:
        session.delete(mark)


def _alike(session: Session, entry: LogEntry, now: datetime) -> list[Grant]:
    """The marks that wait for the same time as an entry's, of the same happening on the same target, with entries that still wait."""
    mine = select(Grant).where(Grant.entry_id == entry.id, Grant.lane_id == entry.lane_id, Grant.at > now, Grant.asked_at.is_not(None))
    mark = session.scalars(mine).first()
    if mark is None:
        return []
    waits = select(LogEntry.id).where(LogEntry.open_lane_id == entry.lane_id)
    same = (
        Grant.lane_id == mark.lane_id, Grant.target_id == mark.target_id, Grant.happening_id == mark.happening_id, Grant.at == mark.at,
        Grant.entry_id.in_(waits),
    )  # fmt: skip
    return list(session.scalars(select(Grant).where(*same)))


def remove_anyway(session: Session, marketplace_id: int, entry_id: int, now: datetime, new_id: NewId) -> int:
    """A removal that another purchase's grant overruled is done in any case: a clearing, by a person, now.

    Returns the id of the new entry. Raises NoEntry, Refused.
    """
    entry = _get(session, marketplace_id, entry_id)
    integration = _integration(session, entry)
    if entry.status != "unchanged" or not (entry.details or {}).get("kept"):
        raise Refused("Nothing was kept here.")
    target = session.get_one(Target, entry.target_id)
    made = _copy(session, entry, integration, target, now, new_id)
    decide(session, made, "clear", now, new_id)
    entry.details = None
    entry.changed_at = now
    make_due(session, made.lane_id or 0, now)
    return made.id


def _get(session: Session, marketplace_id: int, entry_id: int) -> LogEntry:
    entry = session.get(LogEntry, entry_id, with_for_update=True)
    if entry is None or entry.marketplace_id != marketplace_id:
        raise NoEntry(entry_id)
    return entry


def _with_lane(session: Session, marketplace_id: int, entry_id: int) -> tuple[LogEntry, Lane | None]:
    """An entry and the lane in which it waits, None where it has ended. The lane is locked first, as workers do it."""
    waits_in = session.scalar(select(LogEntry.open_lane_id).where(LogEntry.id == entry_id, LogEntry.marketplace_id == marketplace_id))
    lane = session.get(Lane, waits_in, with_for_update=True) if waits_in is not None else None
    entry = _get(session, marketplace_id, entry_id)
    return entry, lane if entry.open_lane_id is not None else None


def _integration(session: Session, entry: LogEntry) -> Integration:
    if entry.lane_id is None and entry.action is not None:
        raise Refused("The customer was erased: there is nothing to do again.")
    if entry.lane_id is None or entry.action is None or entry.integration_id is None:
        raise Refused("No rule asked for anything here: there is nothing to do again.")
    integration = session.get_one(Integration, entry.integration_id)
    if integration.deleted_at is not None:
        raise Refused("The integration was deleted.")
    return integration


def _target_now(session: Session, entry: LogEntry) -> Target:
    """The target that the entry asked for; where it is gone and its rule was repaired, the one that the rule has today."""
    asked = session.get_one(Target, entry.target_id)
    if asked.gone_at is None:
        return asked
    rule = session.get(Rule, entry.rule_id) if entry.rule_id is not None else None
    same = rule is not None and rule.deleted_at is None and rule.action == entry.action and rule.integration_id == entry.integration_id
    return session.get_one(Target, rule.target_id) if rule is not None and same else asked


def _copy(session: Session, entry: LogEntry, integration: Integration, target: Target, now: datetime, new_id: NewId) -> LogEntry:
    action = APPS[integration.app].actions[entry.action or ""]
    asked = sentences.asked(MEMBERSHIP if target.kind == MEMBERSHIP else target.kind, target.name, integration.name, action.adds)
    taken: dict[str, Any] = {column: getattr(entry, column) for column in COPIED}
    made = LogEntry(
        id=new_id(now), **taken, target_id=target.id, open_lane_id=entry.lane_id, status="queued", sentence=f"{asked}.", at=now,
        changed_at=now, replays_id=entry.id, details=None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _take_over_marks(session: Session, entry: LogEntry, made: LogEntry, target: int, now: datetime, new_id: NewId) -> None:
    """The rule was repaired: what the entry had put on record about the target that is gone, it says of the new one, at its own time."""
    for mark in session.scalars(select(Grant).where(Grant.entry_id == entry.id, Grant.lane_id == entry.lane_id)).all():
        session.add(
            Grant(
                id=new_id(now), lane_id=mark.lane_id, target_id=target, purchase_id=mark.purchase_id, happening_id=mark.happening_id,
                entry_id=made.id, rule_id=mark.rule_id, op=mark.op, at=mark.at, tie=mark.tie, until=mark.until, asked_at=mark.asked_at,
                recoverable=mark.recoverable, paid_period=mark.paid_period, void=mark.void,
            )
        )  # fmt: skip


def _doubt(session: Session, lane: int, target: int, now: datetime) -> None:
    """Nothing is believed of this target any longer; but whose doing it is, if it is so, stays known."""
    upsert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    doubt = {"held": "unknown", "since": now, "heard_at": now}
    row = upsert(Holding).values({"lane_id": lane, "target_id": target, "word": "replay", **doubt})
    word = case((Holding.word == OURS, OURS), else_="replay")
    session.execute(row.on_conflict_do_update(index_elements=["lane_id", "target_id"], set_={**doubt, "word": word}))


def make_due(session: Session, lane: int, now: datetime, rank: int = JOINS) -> None:
    """The lane is due at once, also where it backs off: the merchant has said so. One that is claimed sees to it by itself.

    `rank`: how urgent; somebody waits for it before the page, unless it is a batch's.
    """
    session.execute(
        update(Lane)
        .where(Lane.id == lane, Lane.claim.is_(None))
        .values(due_at=now, retry_at=None, rank=rank)
        .execution_options(synchronize_session=False)
    )
