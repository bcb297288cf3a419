"""Work on many people or entries that is one thing to the merchant: started, gone on with in small steps, paused, stopped.

A step is one transaction that takes care of some items, removes them and moves the progress: whatever crashes, each is done once. What
its entries ask for waits in the lanes like everything else, but never much of it at a time: a live event stands behind WINDOW at most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from webapp.engine import audit, logs, usage
from webapp.engine.batch_kinds import KINDS
from webapp.engine.batch_work import Kind, Tools
from webapp.engine.book import NewId
from webapp.models import Batch, BatchItem, Integration, Lane, LogEntry

WINDOW = 10
"""How many entries of a batch may wait for their calls at a time: at Circle's pace that is a second and a half."""

CHUNK = 1000
"""How many items one statement writes."""

OPEN = ("running", "paused")
SHOWN = 50
"""How many batches the list shows."""

Items = Sequence[int] | Mapping[int, dict[str, Any]]
"""What a batch is about: the ids of rows, or the lines of a file with their data."""

Came = Literal["more", "waits", "over"]


class NoBatch(LookupError):
    """No batch of this marketplace has that id."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """What came of a step: there is `more` to do, it `waits` for what it has begun, or it is `over`. `work`: lanes were made due."""

    came: Came
    marketplace_id: int = 0
    work: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch as a page shows it. `came`: how many of its entries have which status (as stored); `waits_for`: why it does not go on now."""

    batch: Batch
    kind: Kind
    came: Mapping[str, int]
    waits_for: str

    @property
    def title(self) -> str:
        """What it does."""
        return str(self.batch.given.get("title", self.kind.key))

    @property
    def left_out(self) -> int:
        """How many items could not be taken care of."""
        return int(self.batch.given.get("left_out", 0))

    @property
    def waiting(self) -> int:
        """How many of its entries have not ended yet."""
        return sum(self.came.get(status, 0) for status in ("queued", "retrying", "parked"))


def start(
    session: Session, marketplace_id: int, kind: str, items: Items, *,
    title: str, given: Mapping[str, Any], by: int | None, now: datetime, new_id: NewId,
) -> Batch:  # fmt: skip
    """Begin a batch about these items: rows' ids, or a file's lines with their data. `given` names its `integrations`, for who waits for them."""
    made = Batch(
        id=new_id(now), marketplace_id=marketplace_id, kind=kind, given={**given, "title": title}, state="running", total=len(items), done=0,
        cursor=0, sentence="", created_by=by, created_at=now, finished_at=None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    data = items if isinstance(items, Mapping) else {}
    rows = [{"batch_id": made.id, "number": number, "data": data.get(number)} for number in items]
    for at in range(0, len(rows), CHUNK):
        session.execute(insert(BatchItem), rows[at : at + CHUNK])
    audit.note(session, marketplace_id, "batch_started", title, after={"of": len(items)})
    return made


def running(session: Session) -> list[int]:
    """The batches that go on, of all marketplaces, the oldest first."""
    return list(session.scalars(select(Batch.id).where(Batch.state == "running").order_by(Batch.id)))


def step(session: Session, batch_id: int, tools: Tools) -> Stepped:
    """Go on with a batch by as much as may wait at a time. The caller commits; after a rollback the same can be done again."""
    batch = session.scalar(select(Batch).where(Batch.id == batch_id).with_for_update(skip_locked=True))
    if batch is None or batch.state != "running":
        return Stepped("over")
    room = WINDOW - _begun(session, batch_id, tools.now)
    if room <= 0 or _held(session, batch, tools.now):
        return Stepped("waits", batch.marketplace_id)
    own = (BatchItem.batch_id == batch_id, BatchItem.number > batch.cursor)
    items = session.scalars(select(BatchItem).where(*own).order_by(BatchItem.number).limit(room)).all()
    if items:
        return _go_on(session, batch, items, tools)
    if room < WINDOW:
        return Stepped("waits", batch.marketplace_id)
    _end(session, batch, "done", "", tools.now)
    return Stepped("over", batch.marketplace_id)


def pause(session: Session, marketplace_id: int, batch_id: int) -> Batch:
    """Begin nothing more until it is resumed. Raises NoBatch."""
    batch = find(session, marketplace_id, batch_id, lock=True)
    if batch.state == "running":
        batch.state = "paused"
        _note(session, batch, "batch_paused")
    return batch


def resume(session: Session, marketplace_id: int, batch_id: int) -> Batch:
    """Go on where it was paused. Raises NoBatch."""
    batch = find(session, marketplace_id, batch_id, lock=True)
    if batch.state == "paused":
        batch.state = "running"
        _note(session, batch, "batch_resumed")
    return batch


def stop(session: Session, marketplace_id: int, batch_id: int, by: str, now: datetime) -> Batch:
    """Begin nothing more, for good. What it has done stays, and what it has begun ends by itself. `by`: who says so. Raises NoBatch."""
    batch = find(session, marketplace_id, batch_id, lock=True)
    if batch.state in OPEN:
        _note(session, batch, "batch_stopped")
        _end(session, batch, "stopped", f"Stopped by {by}.", now)
    return batch


def fail(session: Session, batch_id: int, now: datetime) -> None:
    """A step has gone wrong by a mistake of ours: it is not tried for ever."""
    batch = session.get(Batch, batch_id, with_for_update=True)
    if batch is not None and batch.state == "running":
        _end(
            session,
            batch,
            "failed",
            "Cartwheel made a mistake of its own here and has written it down. What was done before it stays.",
            now,
        )


def find(session: Session, marketplace_id: int, batch_id: int, *, lock: bool = False) -> Batch:
    """A batch of this marketplace. `lock` it to change it. Raises NoBatch."""
    batch = session.get(Batch, batch_id, with_for_update=True if lock else None)
    if batch is None or batch.marketplace_id != marketplace_id:
        raise NoBatch(batch_id)
    return batch


def progress(session: Session, batch: Batch, now: datetime) -> Progress:
    """How far it is, and what came of it."""
    counted = select(LogEntry.status, func.count()).where(LogEntry.batch_id == batch.id).group_by(LogEntry.status)
    came = dict(session.execute(counted).all())
    return Progress(batch, KINDS[batch.kind], came, _waits_for(session, batch, now) if batch.state == "running" else "")


def unfinished(session: Session, marketplace_id: int) -> list[Batch]:
    """A marketplace's batches that run or are paused, the oldest first."""
    return list(session.scalars(select(Batch).where(Batch.state.in_(OPEN), Batch.marketplace_id == marketplace_id).order_by(Batch.id)))


def listing(session: Session, marketplace_id: int) -> list[Batch]:
    """A marketplace's last batches, the newest first."""
    return list(session.scalars(select(Batch).where(Batch.marketplace_id == marketplace_id).order_by(Batch.id.desc()).limit(SHOWN)))


def _begun(session: Session, batch_id: int, now: datetime) -> int:
    """How many of its entries wait for their turn. Those that back off, or wait for a time of their own, hold up nothing; but where the app
    takes no more today, asking it for the others would only cost calls."""
    if session.scalar(_for_tomorrow(batch_id, now)):
        return WINDOW
    due = or_(LogEntry.due_at.is_(None), LogEntry.due_at <= now)
    again = or_(Lane.retry_at.is_(None), Lane.retry_at <= now)
    waiting = select(func.count()).select_from(LogEntry).join(Lane, Lane.id == LogEntry.open_lane_id)
    return session.scalar(waiting.where(LogEntry.batch_id == batch_id, LogEntry.status == "queued", due, again)) or 0


def _for_tomorrow(batch_id: int, now: datetime) -> Select[int]:
    """An entry of the batch that waits for the app's next day."""
    return select(LogEntry.id).where(LogEntry.batch_id == batch_id, LogEntry.status == "parked", LogEntry.due_at > now).limit(1)


def _go_on(session: Session, batch: Batch, items: Sequence[BatchItem], tools: Tools) -> Stepped:
    worked = KINDS[batch.kind].work(session, batch, items, tools)
    if worked.stop:
        _end(session, batch, "stopped", worked.stop, tools.now)
        return Stepped("over", batch.marketplace_id)
    last = items[-1].number
    session.execute(_items(batch.id).where(BatchItem.number <= last))
    batch.cursor, batch.done = last, batch.done + len(items)
    if worked.left_out:
        batch.given = {**batch.given, "left_out": batch.given.get("left_out", 0) + worked.left_out}
    return Stepped("more", batch.marketplace_id, worked.work)


def _note(session: Session, batch: Batch, what: str) -> None:
    audit.note(session, batch.marketplace_id, what, str(batch.given.get("title", batch.kind)))


def _end(session: Session, batch: Batch, state: str, sentence: str, now: datetime) -> None:
    batch.state, batch.sentence, batch.finished_at = state, sentence, now
    session.execute(_items(batch.id))


def _items(batch_id: int) -> Any:
    return delete(BatchItem).where(BatchItem.batch_id == batch_id).execution_options(synchronize_session=False)


def _waits_for(session: Session, batch: Batch, now: datetime) -> str:
    """What holds it up: an app that takes no more today, an integration that does nothing now; "" where nothing does."""
    if session.scalar(_for_tomorrow(batch.id, now)):
        return "It goes on by itself tomorrow: as many new members were taken in as a day allows."
    stops = logs.stops(session, batch.marketplace_id)
    stopped = {one: stops[one] for one in _integrations(batch) if stops.get(one)}
    if not stopped:
        held = _held(session, batch, now)
        return f"It waits for the next month: {held.name} has used the share of its quota that batches may use." if held else ""
    name = session.scalar(select(Integration.name).where(Integration.id.in_(stopped)).order_by(Integration.name).limit(1))
    return f"It waits for {name}, which {'is paused' if 'paused' in stopped.values() else 'needs attention'}."


def _held(session: Session, batch: Batch, now: datetime) -> Integration | None:
    """An integration whose month is so far used that its merchant has batches wait; None where there is none."""
    concerned = session.scalars(select(Integration).where(Integration.id.in_(_integrations(batch)), Integration.deleted_at.is_(None)))
    return next((one for one in concerned.all() if not usage.batches_may(session, one, now)), None)


def _integrations(batch: Batch) -> Collection[int]:
    return batch.given.get("integrations") or ()
