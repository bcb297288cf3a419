"""One entry's story: the event as it came, what the rules made of it, each call with its answer, what it waits for. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps import Action, metered
from webapp.apps.registry import APPS
from webapp.engine import log_rows, sentences
from webapp.engine.log_rows import Row
from webapp.models import Call, CallEntry, Customer, Event, Integration, Lane, LogEntry, Rule, Source, Target

OTHERS = 50
"""How many of an event's other entries a story names."""


@dataclass(frozen=True, slots=True)
class Beside:
    """An entry that the same event made; `asked` is what its rule asks for, else its sentence. `ruled`: a rule made it."""

    id: int
    status: str
    asked: str
    ruled: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A call that served the entry; `shared`: how many other entries of the same event it served too."""

    call: Call
    shared: int

    @property
    def done(self) -> bool:
        """Whether the app did what was asked."""
        return 200 <= self.call.status < 300

    @property
    def metered(self) -> bool:
        """Whether the app counts it against the month's quota."""
        return metered(self.call.status)


@dataclass(frozen=True, slots=True)
class Story:
    """All that an entry's page shows. What has been deleted since, or never was, is None; `action` and `target` are None where nothing is
    asked for. `by`: whose decision it is, where it is a person's ("Granted by hand by owner@shop.test"). `coming`: it waits for its time,
    and can be canceled until then."""

    row: Row
    event: Event | None
    source: str
    customer: Customer | None
    rule: Rule | None
    integration: Integration | None
    action: Action | None
    target: Target | None
    lane: Lane | None
    beside: Sequence[Beside]
    requests: Sequence[Request]
    close: Sequence[dict[str, Any]]
    kept: bool
    replays_id: int | None
    by: str = ""
    coming: bool = False

    @property
    def who(self) -> str:
        """The customer's first name, else their address; "" where there is none."""
        return (self.customer.first_name if self.customer else "") or self.row.email

    @property
    def erased(self) -> bool:
        """Whether the customer was erased: then nothing can be done again."""
        return self.customer is not None and self.customer.erased_at is not None

    @property
    def asked(self) -> str:
        """What the rule asks for: "Add to space VIP Room"; "" without a rule."""
        if not (self.action and self.target and self.integration):
            return ""
        return sentences.asked(self.action.kind, self.target.name, self.integration.name, self.action.adds)

    @property
    def broken(self) -> bool:
        """Whether the rule is there still, and about something that the app no longer has."""
        return self.rule is not None and self.target is not None and self.rule.target_id == self.target.id and bool(self.target.gone_at)


def load(session: Session, marketplace_id: int, entry_id: int, now: datetime) -> Story | None:
    """The story of an entry; None where this marketplace has no such entry."""
    rows = log_rows.by_id(session, marketplace_id, [entry_id], now)
    if not rows:
        return None
    row, entry = rows[0], session.get_one(LogEntry, entry_id)
    event = session.get(Event, entry.event_id) if entry.event_id else None
    source = session.get(Source, event.source_id) if event and event.source_id else None
    integration = session.get(Integration, entry.integration_id) if entry.integration_id else None
    rule = session.get(Rule, entry.rule_id) if entry.rule_id else None
    details = entry.details or {}
    beside = _beside(session, entry, now)
    return Story(
        row=row,
        event=event,
        source=source.kind if source else "",
        customer=session.get(Customer, entry.customer_id) if entry.customer_id else None,
        rule=rule if rule and rule.deleted_at is None else None,
        integration=integration,
        action=_action(integration, entry.action),
        target=session.get(Target, entry.target_id) if entry.target_id else None,
        lane=session.get(Lane, entry.open_lane_id) if entry.open_lane_id else None,
        beside=beside,
        requests=_requests(session, entry_id, [other.id for other in beside]),
        close=details.get("close", ()),
        kept=bool(details.get("kept")) and row.status == "unchanged",
        replays_id=entry.replays_id,
        by=details.get("by", ""),
        coming=entry.open_lane_id is not None and entry.status == "queued" and entry.due_at is not None and entry.due_at > now,
    )


def _action(integration: Integration | None, key: str | None) -> Action | None:
    app = APPS.get(integration.app) if integration else None
    return app.actions.get(key or "") if app else None


def _beside(session: Session, entry: LogEntry, now: datetime) -> list[Beside]:
    """The other entries of the event, in the order in which they were made."""
    if entry.event_id is None:
        return []
    same = (LogEntry.event_id == entry.event_id, LogEntry.marketplace_id == entry.marketplace_id, LogEntry.id != entry.id)
    ids = session.scalars(select(LogEntry.id).where(*same).order_by(LogEntry.id).limit(OTHERS)).all()
    rows = log_rows.by_id(session, entry.marketplace_id, ids, now)
    targets = _targets(session, ids)
    return [Beside(row.id, row.status, _asked(row, targets.get(row.id)), row.rule_id is not None) for row in reversed(rows)]


def _targets(session: Session, ids: Sequence[int]) -> dict[int, tuple[str, str, str]]:
    """What the entries are about: the app, and the target's kind and name."""
    wanted = (
        select(LogEntry.id, Integration.app, Target.kind, Target.name)
        .join(Target, Target.id == LogEntry.target_id)
        .join(Integration, Integration.id == LogEntry.integration_id)
        .where(LogEntry.id.in_(ids))
    )
    return {entry: (app, kind, name) for entry, app, kind, name in session.execute(wanted)}


def _asked(row: Row, target: tuple[str, str, str] | None) -> str:
    app = APPS.get(target[0]) if target else None
    action = app.actions.get(row.action or "") if app else None
    if target is None or action is None:
        return row.sentence.rstrip(".")
    return sentences.asked(target[1], target[2], row.integration, action.adds)


def _requests(session: Session, entry_id: int, others: Sequence[int]) -> list[Request]:
    served = select(Call).join(CallEntry, CallEntry.call_id == Call.id).where(CallEntry.entry_id == entry_id)
    calls = session.scalars(served.order_by(Call.id)).all()
    too = select(CallEntry.call_id).where(CallEntry.entry_id.in_(others), CallEntry.call_id.in_([call.id for call in calls]))
    shared = Counter(session.scalars(too))
    return [Request(call, shared[call.id]) for call in calls]
