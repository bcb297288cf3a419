"""Grant by hand, take away, and let purchases decide again: what a person wants for one customer and target. Each makes a log entry of its own.

What is granted stays whatever rules do, until a clearing, its time or a person ends it; what is taken away stays away until a person
ends that. Nothing is called here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.engine import audit, lanes, records, sentences
from webapp.engine.access import Mark, Record, Verdict, desired, taken_away
from webapp.engine.book import NewId
from webapp.engine.entries import Refused, make_due
from webapp.engine.hand import decide
from webapp.models import Customer, Integration, LogEntry, Target

MOST_DAYS = 3650


def grant(session: Session, customer: Customer, target: Target, days: int | None, by: str, now: datetime, new_id: NewId) -> int:
    """Give it to the customer, whatever they bought: for good, or for so many days. Returns the id of the entry. Raises Refused."""
    entry = _entry(session, customer, target, True, now, new_id)
    _note(session, "granted_by_hand", customer, entry, {"days": days} if days else None)
    until = now + timedelta(days=days) if days else None
    _say(entry, "Granted by hand" + (f" for {days} day{'s' if days > 1 else ''}" if days else ""), by)
    record = _record(session, entry)
    if _taken(record, target.id):
        decide(session, entry, "lift", now, new_id)
    decide(session, entry, "open", now, new_id, until=until)
    make_due(session, entry.lane_id or 0, now)
    return entry.id


def take_away(session: Session, customer: Customer, target: Target, by: str, now: datetime, new_id: NewId) -> int:
    """Take it from the customer, whatever they bought or will buy. Returns the id of the entry. Raises Refused."""
    entry = _entry(session, customer, target, False, now, new_id)
    _note(session, "taken_by_hand", customer, entry)
    _say(entry, "Taken away by hand", by)
    _end_grants(session, entry, now, new_id)
    decide(session, entry, "veto", now, new_id)
    make_due(session, entry.lane_id or 0, now)
    return entry.id


def leave_to_purchases(session: Session, customer: Customer, target: Target, by: str, now: datetime, new_id: NewId) -> int:
    """End what persons decided about it: from now on only purchases say whether the customer should have it.

    Returns the id of the entry. Raises Refused.
    """
    entry = _entry(session, customer, target, True, now, new_id)
    record = _record(session, entry)
    taken = _taken(record, target.id)
    if not taken and not _granted(_verdict(record, target.id, now), record, target.id):
        raise Refused("Nobody has decided this by hand, or it has ended already.")
    _end_grants(session, entry, now, new_id)
    if taken:
        decide(session, entry, "lift", now, new_id)
    session.flush()
    if not _verdict(_record(session, entry), target.id, now).held:
        _ask(session, entry, target, False)
    _note(session, "left_to_purchases", customer, entry)
    _say(entry, "Left to purchases again", by)
    make_due(session, entry.lane_id or 0, now)
    return entry.id


def by_hand(verdict: Verdict, record: Record, target: int) -> bool:
    """Whether a person's word on this target stands: they have granted it or taken it away."""
    taken = _taken(record, target)
    return (taken is not None and taken.target == target) or bool(_granted(verdict, record, target))


def _taken(record: Record, target: int) -> Mark | None:
    """The word of a person that has taken this target away. A membership that came back with a place is still taken from the others."""
    if target != record.membership:
        return taken_away(target, record.marks, record.membership)
    words = [m for m in record.marks if m.op in ("veto", "lift") and m.target == target]
    newest = max(words, key=lambda m: m.order, default=None)
    return newest if newest and newest.op == "veto" else None


def _granted(verdict: Verdict, record: Record, target: int) -> list[Mark]:
    """The openings by hand that grant this target, each on its own ground. (What they imply of the membership is none of it.)"""
    return [m for m in verdict.because if m.target == target and m.purchase in record.grounds and record.grounds[m.purchase].person]


def _entry(session: Session, customer: Customer, target: Target, adds: bool, now: datetime, new_id: NewId) -> LogEntry:
    """The entry that carries it out."""
    integration = session.get_one(Integration, target.integration_id)
    if integration.deleted_at is not None:
        raise Refused("The integration was deleted.")
    if target.gone_at is not None:
        raise Refused(f"{target.name} no longer exists in {integration.name}.")
    lane = lanes.own(session, customer, integration.id, now, new_id)
    made = LogEntry(
        id=new_id(now), marketplace_id=customer.marketplace_id, customer_id=customer.id, integration_id=integration.id, target_id=target.id,
        lane_id=lane.id, open_lane_id=lane.id, status="queued", sentence="", at=now, changed_at=now,
    )  # fmt: skip
    _ask(session, made, target, adds)
    session.add(made)
    session.flush()
    return made


def _ask(session: Session, entry: LogEntry, target: Target, adds: bool) -> None:
    """Have the entry ask for this of the target."""
    integration = session.get_one(Integration, target.integration_id)
    actions = APPS[integration.app].actions.values()
    entry.action = next(action.key for action in actions if action.kind == target.kind and action.adds == adds)
    entry.sentence = f"{sentences.asked(target.kind, target.name, integration.name, adds)}."


def _note(session: Session, what: str, customer: Customer, entry: LogEntry, after: Mapping[str, Any] | None = None) -> None:
    """A line in the audit, beside that in the log: of all decisions of persons, whoever they are about."""
    audit.note(session, customer.marketplace_id, what, f"{customer.email}: {entry.sentence.rstrip('.')}", after=after)


def _say(entry: LogEntry, words: str, by: str) -> None:
    """Whose decision it is: in the sentence while it waits, and for good in the details."""
    entry.details = {"by": f"{words} by {by}"}
    entry.sentence = f"{entry.sentence} {words} by {by}."


def _end_grants(session: Session, entry: LogEntry, now: datetime, new_id: NewId) -> None:
    """Each grant by hand has a ground of its own. Those that count for nothing just now are ended, too: a membership that was taken away
    may be given back."""
    record, target = _record(session, entry), entry.target_id or 0
    mine = [m for m in record.marks if m.target == target and record.grounds[m.purchase].person]
    opened, ended = ({m.purchase for m in mine if m.op == op} for op in ("open", "close"))
    for ground in sorted(opened - ended):
        decide(session, entry, "close", now, new_id, ground=ground)


def _record(session: Session, entry: LogEntry) -> Record:
    return records.load(session, [entry.lane_id or 0], grounds=True)[entry.lane_id or 0]


def _verdict(record: Record, target: int, now: datetime) -> Verdict:
    return desired(record, now).get(target, Verdict(False))
