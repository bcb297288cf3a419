"""What an open log page is told: a stream of server-sent events, or one answer to a page that polls (docs/live.md). No page lives here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Response, g, request
from flask.typing import ResponseReturnValue

from webapp import live
from webapp.database import db
from webapp.engine import logs
from webapp.engine.log_query import Query
from webapp.lines import HAND_OVER
from webapp.models import Marketplace
from webapp.pages import guard, times
from webapp.pages.log_counts import EVERY, Counts
from webapp.pages.log_rows import Frames
from webapp.parts import parts
from webapp.streams import News

BEAT = 20.0
"""Seconds after which a silent stream says that it is alive: routers cut what is silent for 55 s."""
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
    html = missed + Counts(page.whole, page.since).html(bool(missed), now)
    return Response(html, 200 if html else 204, headers={"X-Cursor": mark(now)}, mimetype="text/html")


def stream(page: Open) -> ResponseReturnValue:
    """What the page has missed, and what changes from now on; 204, upon which it polls, where this process has enough streams."""
    hub = live.live()
    opened = hub.open(guard.here(), (guard.token_hash(), guard.me().epoch), Told(page, g.marketplace, g.role))
    if opened is None:
        return "", 204
    answer = live.Answer(hub, opened, request.environ.get(HAND_OVER))
    return Response(answer, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})


class Told:
    """What one open page is told, message by message. It is made by another thread than the one that had its request."""

    def __init__(self, page: Open, marketplace: Marketplace, role: str) -> None:
        self._page, self._marketplace, self._role = page, marketplace, role
        self._frames, self._counts, self._cursor = _frames(page), Counts(page.whole, page.since), page.since
        self.due = self._beat = 0.0

    def begin(self) -> bytes:
        """What it missed, and when to come back, should this end."""
        self._look()
        now = parts().now()
        missed = _missed(self._page, self._frames, now)
        missed += self._counts.html(bool(missed), now)
        db.session.remove()
        return f"retry: {BACK_AFTER}\n\n".encode() + self._said(_message(missed, self._cursor))

    def tell(self, news: News | None, cursor: datetime, now: datetime) -> bytes:
        """What has changed; and now and then that it is alive."""
        self._look()
        self._cursor = max(self._cursor, cursor)
        html = self._frames.make(news, now) if news else ""
        chips = self._counts.html(bool(news), now)
        if html or chips or time.monotonic() >= self._beat:
            made = (html, chips, self._cursor)
            return self._said(news.once(made, lambda: _message(html + chips, self._cursor)) if news else _message(chips, self._cursor))
        return self._said(b"")

    def _look(self) -> None:
        """Everything that is made now is for who has this page open."""
        g.marketplace, g.role = self._marketplace, self._role

    def _said(self, message: bytes) -> bytes:
        moment = time.monotonic()
        if message:
            self._beat = moment + BEAT
        self.due = min(self._beat, moment + EVERY) if self._counts.due else self._beat
        return message


def _frames(page: Open) -> Frames:
    return Frames(page.query, page.top, page.floor, times.here())


def _missed(page: Open, frames: Frames, now: datetime) -> str:
    news = logs.news(db.session(), guard.here(), page.query, page.since, page.top, page.floor, now)
    return frames.begin(News([*news.fresh, *news.known]), news.more, now)


def _message(html: str, cursor: datetime) -> bytes:
    lines = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return f"id: {mark(cursor)}\n{lines}\n".encode()


def _moment(text: str | None) -> datetime | None:
    if not text or not text.isdecimal() or len(text) > 17:
        return None
    try:
        return EPOCH + int(text) * TICK
    except OverflowError:
        return None
