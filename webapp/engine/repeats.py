"""Messages of checkouts that give them no identity: the same words are a repeat for a while, and news after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from webapp.engine.intake import Arrival
from webapp.models import Event, Source


def told_apart(session: Session, arrivals: Sequence[Arrival], now: datetime) -> Sequence[Arrival]:
    """The arrivals, each with a key that is its own: one that only tells what is said gets its span of time beside it.

    The key of such a message is that of the one before, as long as that came within the message's `again`. Whoever asks for an address
    holds it till the end of the transaction: of two alike at the same moment the second one sees the first.
    """
    nameless = [a for a in arrivals if a.message.again]
    if not nameless:
        return arrivals
    session.execute(
        select(Source.id).where(Source.id.in_({a.source_id for a in nameless})).order_by(Source.id).with_for_update(key_share=True)
    )
    lately = _lately(session, nameless, now)
    return [replace(a, message=replace(a.message, key=_settled(a, lately, now))) if a.message.again else a for a in arrivals]


def _settled(arrival: Arrival, lately: set[tuple[int | None, str]], now: datetime) -> str:
    before, this = _keys(arrival, now)
    return before if (arrival.source_id, before) in lately else this


def _keys(arrival: Arrival, now: datetime) -> tuple[str, str]:
    """The key that the message has if it was said in the span before this one, and the one in this span."""
    again = arrival.message.again
    span = int(now.timestamp() // again.total_seconds()) if again else 0
    return f"{arrival.message.key}@{span - 1}", f"{arrival.message.key}@{span}"


def _lately(session: Session, arrivals: Iterable[Arrival], now: datetime) -> set[tuple[int | None, str]]:
    """Those of the keys of the span before that came not longer ago than their `again`."""
    before = {(a.source_id, _keys(a, now)[0]): a.message.again for a in arrivals}
    same = or_(*(and_(Event.source_id == source, Event.key == key) for source, key in before))
    rows = session.execute(select(Event.source_id, Event.key, Event.received_at).where(same))
    return {(source, key) for source, key, at in rows if source and (again := before[source, key]) and now - at < again}
