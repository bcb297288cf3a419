"""Where the app is not believed to say what is desired, though no rule asks for it now: each such target gets an entry of its own.

So it is when a late message has changed what came before (a firing that turned out not to have been, a purchase that is another one),
when a *Remove member* ends a place that only its purchase granted, and when the time of something is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from webapp.engine import explain, sentences
from webapp.engine.access import Verdict
from webapp.engine.book import NewId
from webapp.engine.explain import Cause
from webapp.engine.work import Open, Work
from webapp.models import LogEntry


def concern(works: Sequence[Work]) -> bool:
    """Whether `put_right` has anything to do in the lanes of these."""
    return any(map(_is_concerned, works))


def put_right(session: Session, works: Sequence[Work], now: datetime, new_id: NewId) -> None:
    """Give an entry to what is wrong in lanes that were just claimed, and take it into their work; and say why, also of those that such an
    earlier entry left waiting."""
    concerned = [work for work in works if _is_concerned(work)]
    if not concerned:
        return
    verdicts = [verdict for work in concerned for verdict in work.verdicts.values()]
    causes = explain.causes(session, [mark for verdict in verdicts for mark in explain.marks(verdict)])
    rows: list[dict[str, Any]] = []
    for work in concerned:
        why = {t: _why(work, verdict, causes, now) for t, verdict in work.verdicts.items()}
        work.entries = [replace(one, why=why.get(one.target, "")) if _corrects(one, work) else one for one in work.entries]
        for target in sorted(work.wrong):
            row = _entry(work, target, why[target], causes, now) | {"id": new_id(now)}
            rows.append(row)
            work.entries.append(
                Open(row["id"], target, work.verdicts[target].held, now, row["trigger"], row["product_id"], None, None, 0, why=why[target])
            )
        work.want = replace(work.want, asked=work.want.asked | work.wrong)
    if rows:
        session.execute(insert(LogEntry), rows)


def _is_concerned(work: Work) -> bool:
    return bool(work.wrong) or any(_corrects(entry, work) for entry in work.entries)


def _corrects(entry: Open, work: Work) -> bool:
    return entry.rule_id is None and entry.id not in work.ended


def _entry(work: Work, target: int, why: str, causes: dict[int, Cause], now: datetime) -> dict[str, Any]:
    """It has no rule; what it says it is about is what decides: the newest grant, or what ended the last one."""
    verdict, thing = work.verdicts[target], work.want.targets[target]
    cause = _cause(verdict, causes)
    action = next(a.key for a in work.app.actions.values() if a.kind == thing.kind and a.adds == verdict.held)
    asked = sentences.asked(thing.kind, thing.name, work.seat.name, verdict.held)
    return {
        "marketplace_id": work.seat.marketplace_id, "customer_id": work.customer_id, "integration_id": work.seat.id, "target_id": target,
        "lane_id": work.lane_id, "open_lane_id": work.lane_id, "action": action, "status": "queued", "sentence": f"{asked}. {why}", "todo": "",
        "cause": "", "at": now, "changed_at": now, "attempts": 0, "event_id": cause.event_id if cause else None,
        "product_id": cause.product_id if cause else None, "trigger": cause.trigger if cause else None, "test": bool(cause and cause.test),
    }  # fmt: skip


def _cause(verdict: Verdict, causes: dict[int, Cause]) -> Cause | None:
    newest = next(reversed(explain.marks(verdict)), None)
    return causes.get(newest.id) if newest else None


def _why(work: Work, verdict: Verdict, causes: dict[int, Cause], now: datetime) -> str:
    """Why it should be so, for the end of a sentence that says what was done."""
    cause, zone = _cause(verdict, causes), work.seat.zone
    if verdict.held:
        if cause and cause.by_hand:
            return "It was granted by hand."
        return f"{explain.named(cause, zone, now)} grants it." if cause else "It is granted."
    ended = verdict.ended
    if ended is not None and ended.op == "open":
        if verdict.expired and ended.until:
            return f"Its time was over {sentences.when(ended.until, zone, now)}."
        return "What it was given for did not happen, as a later message told."
    if ended is not None and ended.op == "veto":
        return f"It was {explain.said(ended, cause, zone, now)}."
    return f"Nothing grants it any longer: {explain.said(ended, cause, zone, now)}." if ended else "Nothing grants it any longer."
