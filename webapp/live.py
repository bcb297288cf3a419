"""Tells the open log pages what is new: one subscription and one look a process, however many pages are open (docs/live.md).

Redis only says "look now"; what is told comes from the database, by a cursor with an overlap. Without Redis every log is looked at by itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import doorbell
from webapp.config import Settings
from webapp.database import db
from webapp.engine import log_rows, logs
from webapp.engine.log_rows import Row
from webapp.parts import parts

PACE = 0.3
"""The shortest time between two looks at one log, in seconds: what comes closer together goes to the pages together."""
REST = 3.0
"""The longest time between two looks at a log that somebody has open, in seconds, when nobody says that there is news."""
BRIEF = timedelta(seconds=2)
"""How far most looks go back behind the newest change they know; every REST seconds one goes back by logs.OVERLAP."""
AT_ONCE = 500
"""The most rows that one look tells; the rest is the next one's."""
BEHIND = 2000
"""A page that leaves so many rows lying is let go: it comes back by itself and is told what it missed."""
log = logging.getLogger(__name__)


class Stream:
    """One open page: the rows that it has not been sent yet, each once, as it is now."""

    def __init__(self, marketplace_id: int, cursor: datetime) -> None:
        self.marketplace_id = marketplace_id
        self.ended = False
        self._cursor = cursor
        self._rows: dict[int, Row] = {}
        self._changed = threading.Condition()

    def put(self, rows: Iterable[Row], cursor: datetime) -> None:
        """Rows to be sent. Everything that changed up to `cursor` has been put by then, but for what commits late (logs.OVERLAP)."""
        with self._changed:
            self._rows |= {row.id: row for row in rows}
            self._cursor = cursor
            self.ended = self.ended or len(self._rows) > BEHIND
            if self._rows or self.ended:
                self._changed.notify()

    def end(self) -> None:
        """Let the page go."""
        with self._changed:
            self.ended = True
            self._changed.notify()

    def take(self, timeout: float) -> tuple[list[Row], datetime]:
        """What is to be sent, the newest entry first, and the cursor after it; nothing when `timeout` seconds are over or it has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._rows or self.ended, timeout)
            rows, self._rows = self._rows, {}
            return sorted(rows.values(), key=lambda row: row.id, reverse=True), self._cursor


class Watch:
    """What the open pages of one marketplace have been told: where the cursor stands, and what lies within its overlap."""

    def __init__(self, marketplace_id: int, since: datetime) -> None:
        self.marketplace_id = marketplace_id
        self.cursor = since
        self.streams: set[Stream] = set()
        self.told = True
        self.looked = self.deep = 0.0
        self._seen: dict[int, datetime] = {}
        self._stops: dict[int, str] | None = None

    def look(self, session: Session, now: datetime, back: timedelta) -> list[Row]:
        """The rows that have changed since the last look; also those that show otherwise because their integration stopped or goes on."""
        found = logs.changed(session, self.marketplace_id, self.cursor - back)
        fresh = sorted((at, entry) for entry, at in found.items() if self._seen.get(entry) != at)
        if len(fresh) > AT_ONCE:
            self.told = True
        self._seen |= {entry: at for at, entry in fresh[:AT_ONCE]}
        if fresh:
            # No further than now: a clock that is ahead elsewhere must not hide what others write.
            self.cursor = max(self.cursor, min(now, fresh[:AT_ONCE][-1][0]))
        ids = {entry for _, entry in fresh[:AT_ONCE]} | self._restated(session)
        return log_rows.by_id(session, self.marketplace_id, ids, now)

    def forget(self) -> None:
        """Forget what has left the overlap."""
        self._seen = {entry: at for entry, at in self._seen.items() if at > self.cursor - logs.OVERLAP}

    def due(self) -> float:
        """When to look next, on the clock of `time.monotonic`."""
        return self.looked + (PACE if self.told else REST)

    def _restated(self, session: Session) -> set[int]:
        before, self._stops = self._stops, logs.stops(session, self.marketplace_id)
        if before is None:
            return set()
        turned = [one for one, why in self._stops.items() if before.get(one, "") != why]
        return {entry for one in turned for entry in logs.waiting_for(session, self.marketplace_id, one, AT_ONCE)}


class Live:
    """The open log pages of this process. Two threads serve them all, and begin with the first."""

    def __init__(self, app: Flask, redis: Redis, most: int) -> None:
        self._app, self._redis, self._most = app, redis, most
        self._watches: dict[int, Watch] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._looker: threading.Thread | None = None
        self._hears = True

    def open(self, marketplace_id: int) -> Stream | None:
        """A stream of what changes in a marketplace's log from now on; None where this process has as many as it may, or ends."""
        with self._lock:
            if self._stopping.is_set() or sum(len(watch.streams) for watch in self._watches.values()) >= self._most:
                return None
            watch = self._watches.setdefault(marketplace_id, Watch(marketplace_id, parts().now()))
            stream = Stream(marketplace_id, watch.cursor)
            watch.streams.add(stream)
            watch.told = True
            self._begin()
        self._wake.set()
        return stream

    def close(self, stream: Stream) -> None:
        """The page is gone."""
        with self._lock:
            watch = self._watches.get(stream.marketplace_id)
            if watch is None:
                return
            watch.streams.discard(stream)
            if not watch.streams:
                del self._watches[stream.marketplace_id]

    def stop(self) -> None:
        """End every stream, and take no more. May be called by a signal's handler."""
        self._stopping.set()
        self._wake.set()

    def join(self, timeout: float) -> None:
        """Wait, after `stop`, so many seconds at most until nothing here uses the database any more."""
        if self._looker is not None:
            self._looker.join(timeout)

    def tell(self, marketplaces: Iterable[int]) -> None:
        """There is news in the logs of these marketplaces."""
        with self._lock:
            for one in marketplaces:
                if one in self._watches:
                    self._watches[one].told = True
        self._wake.set()

    def _begin(self) -> None:
        """Started late, so that a forked process has its own."""
        if self._looker is None:
            self._looker = threading.Thread(target=self._look_always, name="live", daemon=True)
            self._looker.start()
            threading.Thread(target=self._listen_always, name="live-news", daemon=True).start()

    def _look_always(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                watches = list(self._watches.values())
            moment = time.monotonic()
            for watch in watches:
                if watch.due() <= moment:
                    self._look(watch, moment)
            following = min((watch.due() for watch in watches), default=None)
            self._wake.wait(None if following is None else max(0.0, following - time.monotonic()))
            self._wake.clear()
        with self._lock:
            streams = [stream for watch in self._watches.values() for stream in watch.streams]
        for stream in streams:
            stream.end()

    def _look(self, watch: Watch, moment: float) -> None:
        deep = moment - watch.deep >= REST
        watch.told, watch.looked = False, moment
        try:
            with self._app.app_context():
                rows = watch.look(db.session(), parts().now(), logs.OVERLAP if deep else BRIEF)
        except SQLAlchemyError as failed:
            log.warning("The log could not be looked at: %s", type(failed).__name__)
            return
        if deep:
            watch.deep = moment
            watch.forget()
        with self._lock:
            streams = list(watch.streams)
        for stream in streams:
            stream.put(rows, watch.cursor)

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


def register(app: Flask, settings: Settings, redis: Redis) -> None:
    """Give the app its open pages: so many that a fifth of its threads stays for everything else."""
    app.extensions["cartwheel_live"] = Live(app, redis, settings.web_threads * 4 // 5)


def live() -> Live:
    """The open pages of the current app."""
    return cast(Live, current_app.extensions["cartwheel_live"])
