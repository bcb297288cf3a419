"""Replay of all that has failed in a filter of the log: counted first, then a batch, in the order in which it arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from webapp.engine import entries, logs
from webapp.engine.batch_work import Kind, Tools, Worked
from webapp.engine.log_query import Query
from webapp.models import Batch, BatchItem, LogEntry

KEY = "replay"
FAILED = "failed"
MOST = 20_000
"""How many entries are replayed at once."""


@dataclass(frozen=True, slots=True)
class Toll:
    """The entries that would be replayed, the oldest first; of how many people; the metered calls; and their integrations.

    `more`: there are more of them than are replayed at once.
    """

    entries: Sequence[int]
    people: int
    calls: int
    integrations: Sequence[int]
    more: bool = False


def toll(session: Session, marketplace_id: int, query: Query, now: datetime) -> Toll:
    """What a replay of this query comes to: of its entries those that have failed and were not replayed yet. An entry's newest replay stands
    for it. What was asked of the same customer and target is one call."""
    if query.status not in ("", FAILED):
        return Toll((), 0, 0, ())
    wanted = logs.matching(session, marketplace_id, replace(query, status=FAILED), now)
    rows = session.execute(
        wanted.add_columns(LogEntry.lane_id, LogEntry.target_id, LogEntry.customer_id, LogEntry.integration_id)
        .where(LogEntry.lane_id.is_not(None), LogEntry.action.is_not(None), ~_replayed())
        .order_by(LogEntry.id)
        .limit(MOST + 1)
    ).all()
    found = rows[:MOST]
    return Toll(
        [row.id for row in found], len({row.customer_id for row in found}), len({(row.lane_id, row.target_id) for row in found}),
        sorted({row.integration_id for row in found}), len(rows) > MOST,
    )  # fmt: skip


def _work(session: Session, batch: Batch, items: Sequence[BatchItem], tools: Tools) -> Worked:
    """Replay these. What somebody has replayed or skipped meanwhile, or can't be done again, is left out."""
    still = (LogEntry.id.in_([item.number for item in items]), LogEntry.status == FAILED, ~_replayed())
    done = 0
    for entry in sorted(session.scalars(select(LogEntry.id).where(*still))):
        try:
            entries.replay(session, batch.marketplace_id, entry, tools.now, tools.new_id, batch.id)
        except (entries.NoEntry, entries.Refused):
            continue
        done += 1
    return Worked(work=done > 0, left_out=len(items) - done)


def _replayed() -> ColumnElement[bool]:
    """Whether an entry has a newer one that replays it."""
    again = aliased(LogEntry)
    return select(again.id).where(again.customer_id == LogEntry.customer_id, again.replays_id == LogEntry.id).exists()


REPLAY = Kind(KEY, "entry", "entries", _work)
