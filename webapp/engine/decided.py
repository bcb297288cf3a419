"""What was decided about an entry between its rule and its calls: what should be, what was known, what was planned, and which rules stayed out.

Nothing of it is written down on the way: it is read off what is on record when somebody opens the entry. What can't be told for certain any
more is left out. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.engine import briefing, explain, records, sentences, snapshots
from webapp.engine.access import Record, Verdict, desired
from webapp.engine.checks import SEEN_GONE, SEEN_THERE
from webapp.engine.firing import GONE, came_close
from webapp.engine.story import Story
from webapp.id_times import made_at
from webapp.models import CallEntry, LogEntry, Marketplace, Rule

LOOKED_AT = 200
"""How many rules that came close are looked at."""


@dataclass(frozen=True, slots=True)
class Decided:
    """`should`: whether it should be held, and why; "" where that can't be told any more. `known`: what was known before, by which entry.
    `planned`: what would be called now, in the infinitive, for an entry that waits. `close`: the rules that came close, and why not."""

    should: str = ""
    known: str = ""
    known_by: int | None = None
    planned: Sequence[str] = ()
    close: Sequence[dict[str, Any]] = ()


def read(session: Session, story: Story, trust: timedelta, now: datetime) -> Decided:
    """What was decided, as far as it can be told. `trust`: how long a belief is trusted without a call."""
    entry = session.get_one(LogEntry, story.row.id)
    close = _close(session, entry, story)
    if entry.lane_id is None or story.action is None or story.target is None or entry.cause in {GONE, SEEN_GONE, SEEN_THERE}:
        return Decided(close=close)
    known, known_by = _known(session, entry, story, now)
    waits = story.row.open and story.row.status != "running" and not story.coming
    planned = _planned(session, entry.lane_id, trust, now) if waits else ()
    return Decided(_should(session, entry, story, now), known, known_by, planned, close)


def _should(session: Session, entry: LogEntry, story: Story, now: datetime) -> str:
    """What was desired when it ended, or is now, by what was on record then."""
    moment, lane = entry.finished_at or now, entry.lane_id or 0
    whole = records.load(session, [lane], grounds=True).get(lane)
    if whole is None:
        return ""
    record = Record(whole.membership, [mark for mark in whole.marks if made_at(mark.id) <= moment], whole.grounds)
    verdict = desired(record, moment).get(entry.target_id or 0, Verdict(False))
    if entry.status == "succeeded" and story.action is not None and verdict.held is not story.action.adds:
        return ""  # what was on record then has been refuted since
    return _said(session, verdict, session.get_one(Marketplace, entry.marketplace_id).time_zone, now)


def _said(session: Session, verdict: Verdict, zone: str, now: datetime) -> str:
    causes = explain.causes(session, explain.marks(verdict))
    if verdict.held:
        cause = causes.get(verdict.because[-1].id)
        why = "it was granted by hand" if cause is None or cause.by_hand else f"{explain.named(cause, zone, now)} grants it"
        more = len({mark.purchase for mark in verdict.because}) - 1
        return f"Should be there: {why}{f', and {more} more' if more else ''}."
    ended = verdict.ended
    if ended is None:
        return "Should not be there: nothing on record grants it."
    if verdict.expired and ended.until:
        return f"Should not be there: its time was over {sentences.when(ended.until, zone, now)}."
    return f"Should not be there: {explain.said(ended, causes.get(ended.id), zone, now)}."


def _known(session: Session, entry: LogEntry, story: Story, now: datetime) -> tuple[str, int | None]:
    """What the newest entry before this one's calls tells of the same thing."""
    if entry.replays_id is not None:
        return "Taken as unknown, since it was replayed.", None
    before = min((one.call.at - timedelta(milliseconds=one.call.duration_ms) for one in story.requests), default=entry.finished_at or now)
    called = select(CallEntry.call_id).where(CallEntry.entry_id == LogEntry.id).exists()
    tells = or_(LogEntry.status == "succeeded", LogEntry.cause.in_((SEEN_GONE, SEEN_THERE)), (LogEntry.status == "unchanged") & called)
    earlier = (
        select(LogEntry)
        .where(LogEntry.customer_id == entry.customer_id, LogEntry.lane_id == entry.lane_id, LogEntry.target_id == entry.target_id)
        .where(LogEntry.id != entry.id, LogEntry.finished_at < before, tells)
        .order_by(LogEntry.finished_at.desc())
        .limit(1)
    )
    last = session.scalars(earlier).first()
    if last is None or last.finished_at is None:
        return "Not known before: the log has nothing earlier about it.", None
    adds = _adds(last, story)
    if adds is None:
        return "", None
    zone = session.get_one(Marketplace, entry.marketplace_id).time_zone
    return f"Known to be {'there' if adds else 'not there'} since {sentences.moment(last.finished_at, zone, now)}.", last.id


def _adds(entry: LogEntry, story: Story) -> bool | None:
    """Whether an entry about the same thing left it there."""
    if entry.cause in {SEEN_GONE, SEEN_THERE}:
        return entry.cause == SEEN_THERE
    if story.action is None or entry.action is None:
        return None
    return story.action.adds if entry.action == story.action.key else not story.action.adds


def _planned(session: Session, lane: int, trust: timedelta, now: datetime) -> Sequence[str]:
    """The calls that would be made for what waits in the lane, if it were its turn now."""
    return [
        call.says for work in briefing.load(session, [lane], "", now, trust) for call in work.app.plan(work.want, work.known)
    ]  # fmt: skip


def _close(session: Session, entry: LogEntry, story: Story) -> Sequence[dict[str, Any]]:
    """Those that were written down where nothing matched; else the rules of today that were there, and were not started."""
    if story.close or entry.happening_id is None or entry.trigger is None or entry.product_id is None:
        return story.close
    about = or_(Rule.trigger == entry.trigger, Rule.product_id == entry.product_id, Rule.product_id.is_(None))
    there = snapshots.views(session, entry.marketplace_id, Rule.created_at <= entry.at, about)[:LOOKED_AT]
    return came_close(there, entry.trigger, entry.product_id, story.row.product)
