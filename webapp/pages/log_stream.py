"""What an open log page is told: a stream of server-sent events, or one answer to a page that polls (docs/live.md). No page lives here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Response, stream_with_context
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp import live
from webapp.database import db
from webapp.engine import logs
from webapp.engine.log_query import Query
from webapp.models import Role, User
from webapp.pages import guard, times
from webapp.pages.log_counts import EVERY, Counts
from webapp.pages.log_rows import Frames
from webapp.parts import parts

BEAT = 20.0
"""Seconds after which a silent stream says that it is alive: routers cut what is silent for 55 s."""
TRUST = 5.0
"""For how many seconds a person's right to see the log is taken for granted."""
BACK_AFTER = 2000
"""After how many milliseconds a browser comes back to a stream that has ended."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Open:
    """An open page: what it asks for, the newest and (`floor`) oldest entry it shows, and the moment up to which it knows everything.

    `whole`: it asks for nothing but a status, so that its chips count.
    """

    query: Query
    top: int
    floor: int
    since: datetime
    whole: bool


def mark(at: datetime) -> str:
    """A moment as a cursor."""
    return str((at - EPOCH) // TICK)


def read(args: Mapping[str, str], last: str | None, query: Query, whole: bool, now: datetime) -> Open:
    """The page that asks: the last event that it heard counts for more than its address. A cursor that is none means from now on."""
    numbers = [int(text) if text.isdecimal() else 0 for text in (args.get("top", ""), args.get("floor", ""))]
    return Open(query, numbers[0], numbers[1], _moment(last) or _moment(args.get("after")) or now, whole)


def poll(page: Open) -> ResponseReturnValue:
    """What the page has missed; 204 for nothing."""
    now = parts().now()
    missed = _missed(page, _frames(page), now)
    html = missed + Counts(page.whole).html(bool(missed), now)
    return Response(html, 200 if html else 204, headers={"X-Cursor": mark(now)}, mimetype="text/html")


def stream(page: Open) -> ResponseReturnValue:
    """What the page has missed, and what changes from now on; 204, upon which it polls, where this process has enough streams."""
    hub = live.live()
    opened = hub.open(guard.here())
    if opened is None:
        return "", 204
    answer = Response(stream_with_context(_events(opened, page)), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
    answer.call_on_close(lambda: hub.close(opened))
    return answer


def _events(opened: live.Stream, page: Open) -> Iterator[str]:
    """No transaction is open, and no connection held, while it waits."""
    frames, counts, cursor = _frames(page), Counts(page.whole), page.since
    checked = time.monotonic()
    now = parts().now()
    missed = _missed(page, frames, now)
    missed += counts.html(bool(missed), now)
    db.session.remove()
    yield f"retry: {BACK_AFTER}\n\n"
    yield _message(missed, cursor)
    while not opened.ended:
        rows, told = opened.take(EVERY if counts.due else BEAT)
        if time.monotonic() - checked >= TRUST:
            checked = time.monotonic()
            if not _may_look():
                return
        cursor = max(cursor, told)
        now = parts().now()
        html = (frames.make(rows, now) if rows else "") + counts.html(bool(rows), now)
        db.session.remove()
        if html or not rows:
            yield _message(html, cursor)


def _frames(page: Open) -> Frames:
    return Frames(page.query, page.top, page.floor, times.here())


def _missed(page: Open, frames: Frames, now: datetime) -> str:
    news = logs.news(db.session(), guard.here(), page.query, page.since, page.top, page.floor, now)
    return frames.make([*news.fresh, *news.known], now, news.more)


def _may_look() -> bool:
    """Whether the session of who looks still stands, and their role here."""
    person = guard.me()
    wanted = (
        select(User.session_epoch)
        .join(Role, Role.user_id == User.id)
        .where(User.id == person.id, User.session_epoch == person.epoch, Role.marketplace_id == guard.here())
    )
    found = db.session.scalar(wanted) is not None
    db.session.remove()
    return found


def _message(html: str, cursor: datetime) -> str:
    lines = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return f"id: {mark(cursor)}\n{lines}\n"


def _moment(text: str | None) -> datetime | None:
    if not text or not text.isdecimal() or len(text) > 17:
        return None
    try:
        return EPOCH + int(text) * TICK
    except OverflowError:
        return None
