"""Why entries failed or wait, in groups: one outage is one line, not a thousand. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, case, cast, distinct, func, null, select
from sqlalchemy.orm import Session

from webapp.engine import log_rows, sentences
from webapp.engine.firing import GONE
from webapp.engine.log_rows import WAITING
from webapp.models import Integration, LogEntry

MOST = 5000
"""How many of the newest entries of a status are told by their causes."""

LABELS: Mapping[str, str] = {
    GONE: "No longer exists", "no_answer": "Did not answer", "circle_error": "Answered with an error", "web_page": "Something stands in front of it",
    "invalid_email": "Refused an e-mail address", "daily_limit": "Daily limit of new members", "rate_limited": "Asked for a pause",
    "attention": "Waits to be connected again", "paused": "Paused by hand",
}  # fmt: skip
"""What a cause is called; the others are called by what their newest entry says."""


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that failed, or wait, for one cause. `people`: of how many customers; `rule_id`: the rule that must be repaired, where one must.

    `status`: `failed`, `retrying` or `parked`, as it shows; `stop`: why the integration does nothing now. `sentence`: what the newest one says.
    """

    status: str
    cause: str
    integration_id: int | None
    integration: str
    rule_id: int | None
    stop: str
    number: int
    people: int
    first: datetime
    last: datetime
    sentence: str

    @property
    def label(self) -> str:
        """What it is called, shortly."""
        said = LABELS.get(self.stop or self.cause)
        return f"{self.integration}: {said[0].lower()}{said[1:]}" if said and self.integration else said or self.sentence

    @property
    def terms(self) -> dict[str, str | None]:
        """The terms of the query that finds its entries."""
        integration = str(self.integration_id) if self.integration_id else None
        rule = str(self.rule_id) if self.rule_id else None
        return {"status": self.status, "cause": None if self.stop else self.cause or None, "integration": integration, "rule": rule}


def groups(session: Session, marketplace_id: int) -> list[Group]:
    """The groups of a marketplace, those of most entries first."""
    found = [_group(row) for status in ("failed", *WAITING) for row in session.execute(_alike(marketplace_id, status))]
    return sorted(_stopped(found), key=lambda one: -one.number)


def _alike(marketplace_id: int, status: str) -> Select[Any]:
    """The newest entries of a status by their causes; with what each integration is, and what the newest entry of each group says."""
    newest = (
        select(LogEntry)
        .where(LogEntry.marketplace_id == marketplace_id, LogEntry.status == status)
        .order_by(LogEntry.id.desc())
        .limit(MOST)
        .subquery()
    )
    rule = case((newest.c.cause == GONE, newest.c.rule_id), else_=cast(null(), Integer))
    alike = (
        select(
            newest.c.cause, newest.c.integration_id, rule.label("rule"), func.count().label("number"),
            func.count(distinct(newest.c.customer_id)).label("people"), func.min(newest.c.at).label("first"), func.max(newest.c.at).label("last"),
            func.max(newest.c.id).label("newest"),
        )
        .group_by(newest.c.cause, newest.c.integration_id, rule)
        .subquery()
    )  # fmt: skip
    columns = (LogEntry.status, *alike.c, LogEntry.sentence, Integration.name, Integration.attention, Integration.paused_at)
    entry = select(*columns).join_from(alike, LogEntry, LogEntry.id == alike.c.newest)
    return entry.outerjoin(Integration, Integration.id == alike.c.integration_id)


def _group(row: Any) -> Group:
    stop = log_rows.stop_of(row.attention, row.paused_at) if row.status in WAITING else ""
    status = "parked" if stop else row.status
    integration = sentences.label(row.name or "")
    return Group(
        status, "" if stop else row.cause, row.integration_id, integration, None if stop else row.rule, stop, row.number, row.people,
        row.first, row.last, row.sentence,
    )  # fmt: skip


def _stopped(found: list[Group]) -> list[Group]:
    """What waits for the same integration is one group, whatever it waited for before. What only waits for its turn is none."""
    kept = [one for one in found if not one.stop and one.status != "queued"]
    for integration in {one.integration_id for one in found if one.stop}:
        same = [one for one in found if one.stop and one.integration_id == integration]
        newest = max(same, key=lambda one: one.last)
        kept.append(
            Group(
                "parked", "", integration, newest.integration, None, newest.stop, sum(one.number for one in same),
                sum(one.people for one in same), min(one.first for one in same), newest.last, newest.sentence,
            )
        )  # fmt: skip
    return kept
