"""When each checkout has spoken, an hour a bit, and whether it has fallen silent by that (`webapp.engine.silence`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.engine.silence import WINDOW, Rhythm, hour_of, moment_of
from webapp.id_times import BITS, EPOCH, first_id
from webapp.models import Event, Heard, Source

LEARNT = timedelta(hours=WINDOW)
"""How far back the events on record are looked through, the first time."""

GAP = timedelta(hours=1)
"""Where nobody looked for longer than this, Cartwheel may have been away, and a checkout that spoke was not heard."""

OVERLAP = timedelta(minutes=5)
"""A transaction may be committed a while after the time that its rows were made at."""

AN_HOUR_OF_IDS = 3_600_000 << BITS

KNOWN_DAYS = 200
"""A checkout's last days in which something came, or was missed, that are read: a silence of its own length must still be seen."""


def note(session: Session, marketplace_id: int, looked_at: datetime | None, now: datetime) -> None:
    """Write down in which hours the checkouts of a marketplace have spoken since the last look."""
    since = looked_at - OVERLAP if looked_at else now - LEARNT
    away = range(hour_of(looked_at) + 1, hour_of(now)) if looked_at and now - looked_at > GAP else range(0)
    for source in session.scalars(select(Source.id).where(Source.marketplace_id == marketplace_id).order_by(Source.id)).all():
        for day, heard, missed in _days(_spoken(session, marketplace_id, source, since), away):
            _write(session, source, day, heard, missed)


def silent_since(session: Session, source_id: int, now: datetime) -> datetime | None:
    """When a checkout spoke last, to the hour, where its silence is one that somebody should look into; else None."""
    days = select(Heard.day, Heard.hours, Heard.missed).where(Heard.source_id == source_id)
    rows = session.execute(days.order_by(Heard.day.desc()).limit(KNOWN_DAYS))
    rhythm = _rhythm((day, hours, missed) for day, hours, missed in rows)
    return moment_of(rhythm.last) if rhythm.heard and rhythm.silent(now) else None


def _spoken(session: Session, marketplace_id: int, source_id: int, since: datetime) -> list[int]:
    """The hours in which something came, read off the ids of what came."""
    hour = Event.id // AN_HOUR_OF_IDS
    came = select(hour).where(
        Event.marketplace_id == marketplace_id, Event.id >= first_id(since), Event.source_id == source_id, Event.test.is_(False)
    )
    return [hour_of(EPOCH) + one for one in session.scalars(came.distinct())]


def _days(heard: Iterable[int], missed: Iterable[int]) -> list[tuple[str, int, int]]:
    """Hours as the bits of their days."""
    bits: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for place, hours in enumerate((heard, missed)):
        for hour in hours:
            bits[moment_of(hour).date().isoformat()][place] |= 1 << hour % 24
    return [(day, one, other) for day, (one, other) in sorted(bits.items())]


def _write(session: Session, source: int, day: str, heard: int, missed: int) -> None:
    """Hours that were heard are never taken for missed."""
    row = session.get(Heard, (source, day), with_for_update=True)
    if row is None:
        row = Heard(source_id=source, day=day, hours=0, missed=0)
        session.add(row)
    row.hours |= heard
    row.missed = (row.missed | missed) & ~row.hours
    session.flush()


def _rhythm(rows: Iterable[tuple[str, int, int]]) -> Rhythm:
    heard: list[int] = []
    missed: list[int] = []
    for day, hours, gone in rows:
        first = hour_of(datetime.fromisoformat(f"{day}T00:00:00+00:00"))
        heard += [first + bit for bit in range(24) if hours >> bit & 1]
        missed += [first + bit for bit in range(24) if gone >> bit & 1]
    return Rhythm(heard, missed)
