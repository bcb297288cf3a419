"""Tells the open log pages what is new: one subscription and one look a process, however many pages are open (docs/live.md).

Redis only says "look now"; what is told comes from the database, by a cursor with an overlap. Without Redis every log is looked at by itself.
One thread looks, has the pages make what they are told, and sends it: a page that is open holds none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import doorbell
from webapp.breath import be_patient, breathe
from webapp.database import db
from webapp.engine import log_rows, logs, sessions
from webapp.engine.log_rows import Row
from webapp.id_times import first_id
from webapp.lines import Line, Lines
from webapp.parts import parts
from webapp.streams import News, Page, Passing, Reader, Stream

MOST = 300
"""So many pages a process takes, and no more: each is a file that it has open (gunicorn.conf.py)."""
PACE = 0.3
"""The shortest time between two looks at one log, in seconds: what comes closer together goes to the pages together."""
REST = 3.0
"""The longest time between two looks at a log that somebody has open, in seconds, when nobody says that there is news."""
BRIEF = timedelta(seconds=2)
"""How far most looks go back behind the newest change they know; every REST seconds one goes back by logs.OVERLAP."""
AT_ONCE = 500
"""The most rows that one look tells; the rest is the next one's."""
A_BREATH = 20
"""So many rows are read in one go, and then there is a breath."""
MUCH = 200
"""Where so many entries have changed lately, those of each second (A_WHILE) are asked for by themselves."""
A_WHILE = timedelta(seconds=1)
AT_LAST = datetime.max.replace(tzinfo=UTC)
TRUST = 5.0
"""For how many seconds people's right to see the log is taken for granted."""
NEWCOMERS = 10
"""So many pages begin between two looks: whoever is open already does not wait for all who come after a restart."""
log = logging.getLogger(__name__)


class Answer:
    """What answers the page that asks for its stream: nothing where the server parts with the connection, by `hand_over`, since it is told there;
    else what it is told, for the thread that passes it on."""

    def __init__(self, hub: Live, stream: Stream, hand_over: Callable[[Callable[[Line], None]], None] | None) -> None:
        self._hub, self._stream, self._hand_over = hub, stream, hand_over
        self._handed = False

    def __iter__(self) -> Iterator[bytes]:
        if self._hand_over is not None:
            self._hand_over(partial(self._hub.serve, self._stream))
            self._handed = True
            return iter(())
        return self._hub.messages(self._stream)

    def close(self) -> None:
        """The server is done with the request."""
        if not self._handed:
            self._hub.close(self._stream)


class Watch:
    """What the open pages of one marketplace have been told: where the cursor stands, and what lies within its overlap."""

    def __init__(self, marketplace_id: int, since: datetime) -> None:
        self.marketplace_id = marketplace_id
        self.cursor = since
        self.streams: set[Stream] = set()
        self.told = True
        self.looked = self.deep = 0.0
        self.trusted = time.monotonic()
        self._seen: dict[int, datetime] = {}
        self._stops: dict[int, str] = {}

    def begin(self, session: Session) -> None:
        """What has changed lately is no news: each page is told by itself what it missed."""
        self._seen = self._changed(session, logs.OVERLAP)
        self._stops = logs.stops(session, self.marketplace_id)
        self.looked = self.deep = time.monotonic()

    def look(self, session: Session, now: datetime, back: timedelta) -> News:
        """The rows that have changed since the last look; also those that show otherwise because their integration stopped or goes on."""
        found = self._changed(session, back)
        fresh = sorted((at, entry) for entry, at in found.items() if self._seen.get(entry) != at)
        if len(fresh) > AT_ONCE:
            self.told = True
        stops = logs.stops(session, self.marketplace_id)
        ids = {entry for _, entry in fresh[:AT_ONCE]} | self._restated(session, stops)
        rows = self._read(session, sorted(ids), now)
        # What was told longer ago than the overlap is not remembered: its id says that it is no first.
        firsts = {entry for _, entry in fresh[:AT_ONCE] if entry not in self._seen and entry >= first_id(self.cursor - logs.OVERLAP)}
        # All has been read: what fails before is looked for again.
        self._stops = stops
        self._seen |= {entry: at for at, entry in fresh[:AT_ONCE]}
        if fresh:
            # No further than now: a clock that is ahead elsewhere must not hide what others write.
            self.cursor = max(self.cursor, min(now, fresh[:AT_ONCE][-1][0]))
        return News(rows, firsts)

    def forget(self) -> None:
        """Forget what has left the overlap."""
        self._seen = {entry: at for entry, at in self._seen.items() if at > self.cursor - logs.OVERLAP}

    @property
    def due(self) -> float:
        """When to look next, on the clock of `time.monotonic`."""
        return self.looked + (PACE if self.told else REST)

    @property
    def called(self) -> float:
        """When there is something to do next: to look, to ask whether those who look still may, to speak to a page."""
        return min(self.due, self.trusted + TRUST, *(stream.due for stream in self.streams))

    def _changed(self, session: Session, back: timedelta) -> dict[int, datetime]:
        """What has changed since so long before the cursor, and when: where that is much, not in one go."""
        found: dict[int, datetime] = {}
        since = self.cursor - back
        pieces = back // A_WHILE if len(self._seen) > MUCH else 0
        for until in [since + (number + 1) * A_WHILE for number in range(pieces)] + [AT_LAST]:
            breathe()
            found |= logs.changed(session, self.marketplace_id, since, until)
            since = until
        return found

    def _read(self, session: Session, ids: Sequence[int], now: datetime) -> list[Row]:
        rows: list[Row] = []
        for begin in range(0, len(ids), A_BREATH):
            breathe()
            rows += log_rows.by_id(session, self.marketplace_id, ids[begin : begin + A_BREATH], now)
        return rows

    def _restated(self, session: Session, stops: Mapping[int, str]) -> set[int]:
        turned = [one for one, why in stops.items() if self._stops.get(one, "") != why]
        return {entry for one in turned for entry in logs.waiting_for(session, self.marketplace_id, one, AT_ONCE)}


class Live:
    """The open log pages of this process. Two threads serve them all, and begin with the first: one looks and tells, one hears of news."""

    def __init__(self, app: Flask, redis: Redis, most: int) -> None:
        self._app, self._redis, self._most = app, redis, most
        self._streams: set[Stream] = set()
        self._coming: deque[Stream] = deque()
        self._watches: dict[int, Watch] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._lines: Lines | None = None
        self._teller: threading.Thread | None = None
        self._hears = True

    def open(self, marketplace_id: int, who: tuple[str, int], page: Page) -> Stream | None:
        """A place for a page; None where this process has as many as it may, or ends. It is told nothing before it has a reader."""
        with self._lock:
            if self._stopping.is_set() or len(self._streams) >= self._most:
                return None
            stream = Stream(marketplace_id, who, page)
            self._streams.add(stream)
            self._begin()
        return stream

    def serve(self, stream: Stream, reader: Reader) -> None:
        """From now on the page is told, first what it missed and then what changes."""
        with self._lock:
            stream.reader = reader
            taken = self._lines is not None
            if taken:
                self._coming.append(stream)
        if taken:
            self._wake()
        else:
            reader.close()

    def messages(self, stream: Stream) -> Iterator[bytes]:
        """What the page is told from now on, for a thread that passes it on."""
        reader = Passing(self._wake)
        self.serve(stream, reader)
        return iter(reader)

    def close(self, stream: Stream) -> None:
        """Its page is gone, or was never told anything. Not for one whose connection was handed over: that is found out here."""
        with self._lock:
            self._streams.discard(stream)
        if stream.reader is not None:
            stream.reader.close()
            self._wake()

    def stop(self) -> None:
        """End every stream, and take no more. May be called by a signal's handler."""
        self._stopping.set()
        self._wake()

    def join(self, timeout: float) -> None:
        """Wait, after `stop`, so many seconds at most until nothing here uses the database any more."""
        if self._teller is not None:
            self._teller.join(timeout)

    def tell(self, marketplaces: Iterable[int]) -> None:
        """There is news in the logs of these marketplaces."""
        for one in marketplaces:
            watch = self._watches.get(one)
            if watch is not None and not watch.told:
                watch.told = True
                self._wake()

    def _wake(self) -> None:
        lines = self._lines
        if lines is not None:
            lines.wake()

    def _begin(self) -> None:
        """Started late, so that a forked process has its own."""
        if self._teller is None:
            self._lines = Lines()
            self._teller = threading.Thread(target=self._tell_always, args=(self._lines,), name="live", daemon=True)
            self._teller.start()
            threading.Thread(target=self._listen_always, name="live-news", daemon=True).start()

    def _tell_always(self, lines: Lines) -> None:
        be_patient()
        while not self._stopping.is_set():
            self._welcome(lines)
            for watch in list(self._watches.values()):
                with self._app.app_context():
                    self._attend(watch, time.monotonic())
                if not watch.streams:
                    del self._watches[watch.marketplace_id]
            lines.wait(self._pause())
        with self._lock:
            self._lines = None  # from now on nobody comes
            streams = [*self._coming, *(stream for watch in self._watches.values() for stream in watch.streams)]
        for stream in streams:
            self._let_go(stream)
        lines.close()

    def _pause(self) -> float | None:
        """For how many seconds there is nothing to do."""
        if self._coming:
            return 0.0
        called = min((watch.called for watch in self._watches.values()), default=None)
        return None if called is None else max(0.0, called - time.monotonic())

    def _welcome(self, lines: Lines) -> None:
        """Some of the pages that have come are told what they missed. Whatever a look finds after that they are told as all others are."""
        for _ in range(min(NEWCOMERS, len(self._coming))):
            stream = self._coming.popleft()
            if isinstance(stream.reader, Line):
                lines.add(stream.reader)
            breathe()
            with self._app.app_context(), self._blaming(stream):
                self._watch(stream.marketplace_id).streams.add(stream)
                stream.begin()

    def _watch(self, marketplace_id: int) -> Watch:
        if marketplace_id not in self._watches:
            made = Watch(marketplace_id, parts().now())
            made.begin(db.session())
            self._watches[marketplace_id] = made
        return self._watches[marketplace_id]

    def _attend(self, watch: Watch, moment: float) -> None:
        """Whatever there is to do for the pages of one marketplace."""
        for stream in [stream for stream in watch.streams if stream.closed]:
            self._let_go(stream)
        try:
            if moment - watch.trusted >= TRUST:
                self._ask(watch, moment)
            news = self._look(watch, moment) if watch.due <= moment else None
        except Exception as failed:
            _report("The log could not be looked at", failed)
            news = None
        db.session.remove()
        now = parts().now()
        for stream in list(watch.streams):
            breathe()
            with self._blaming(stream):
                if news is not None and not stream.hear(news):
                    self._let_go(stream)
                stream.speak(watch.cursor, now)

    def _ask(self, watch: Watch, moment: float) -> None:
        """Whether those who look still may."""
        watch.trusted = moment
        who = {stream.who[0] for stream in watch.streams}
        standing = sessions.standing(db.session(), watch.marketplace_id, who, parts().now())
        for stream in [stream for stream in watch.streams if stream.who not in standing]:
            self._let_go(stream)

    def _look(self, watch: Watch, moment: float) -> News | None:
        deep = moment - watch.deep >= REST
        watch.told, watch.looked = False, moment
        news = watch.look(db.session(), parts().now(), logs.OVERLAP if deep else BRIEF)
        if deep:
            watch.deep = moment
            watch.forget()
        return news if news.rows else None

    @contextmanager
    def _blaming(self, stream: Stream) -> Iterator[None]:
        """A page that can't be told something is let go, and nobody else: it comes back."""
        try:
            yield
        except Exception as failed:
            _report("An open page could not be told what is new", failed)
            db.session.remove()
            self._let_go(stream)

    def _let_go(self, stream: Stream) -> None:
        if stream.reader is not None:
            stream.reader.close()
        with self._lock:
            self._streams.discard(stream)
        if stream.marketplace_id in self._watches:
            self._watches[stream.marketplace_id].streams.discard(stream)

    def _listen_always(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except RedisError as gone:
                # Said once, not every time that it is tried: open pages are served all the same.
                log.log(logging.WARNING if self._hears else logging.DEBUG, "No news from Redis: %s", type(gone).__name__)
                self._hears = False
                self._stopping.wait(REST)

    def _listen(self) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(doorbell.NEWS)
            self._hears = True
            while not self._stopping.is_set():
                message = subscription.get_message(timeout=1.0)
                if message:
                    self.tell(int(one) for one in message["data"].split(b",") if one.isdigit())


def _report(what: str, failed: Exception) -> None:
    """The thread that serves everybody goes on after anything: a database that is away for a moment, or a mistake of ours."""
    if isinstance(failed, SQLAlchemyError):
        log.warning("%s: %s", what, type(failed).__name__)
    else:
        log.error("%s", what, exc_info=failed)


def register(app: Flask, redis: Redis) -> None:
    """Give the app its open pages."""
    app.extensions["cartwheel_live"] = Live(app, redis, MOST)


def live() -> Live:
    """The open pages of the current app."""
    return cast(Live, current_app.extensions["cartwheel_live"])
