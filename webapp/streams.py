"""One open page and what it is told: the news, who makes a message of it, and who takes it (docs/live.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from datetime import datetime
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar, cast

from webapp.engine.log_rows import Row

BEHIND = 2000
"""A page that leaves so many rows lying is let go: it comes back by itself and is told what it missed."""
T = TypeVar("T")


class News:
    """What has changed, the newest entry first, with what has been made of it: that is made once for all who are told the same.

    `firsts`: the entries of which nobody was told before.
    """

    def __init__(self, rows: Iterable[Row], firsts: Set[int] = frozenset()) -> None:
        self.rows, self.firsts = sorted(rows, key=lambda row: row.id, reverse=True), firsts
        self._made: dict[Hashable, Any] = {}

    def __add__(self, later: News) -> News:
        """Both, each row as it is later: the same for all who have left these lying."""
        return self.once(later, lambda: self._with(later))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, or gave before for this key."""
        if key not in self._made:
            self._made[key] = make()
        return cast(T, self._made[key])

    def _with(self, later: News) -> News:
        rows = {row.id: row for row in self.rows} | {row.id: row for row in later.rows}
        return News(rows.values(), self.firsts | later.firsts)


class Page(Protocol):
    """Knows what one open page is told. `due`: when, on the clock of `time.monotonic`, it has something to say though nothing is new."""

    due: float

    def begin(self) -> bytes:
        """What it is told first."""

    def tell(self, news: News | None, cursor: datetime, now: datetime) -> bytes:
        """What it is told of this, or since it is due; b"" for nothing. By then it knows all up to `cursor`, but for what commits late."""


class Reader(Protocol):
    """Takes what a page is told to it. `free`: it has taken everything, and may be sent more. `closed`: it never will."""

    @property
    def free(self) -> bool: ...

    @property
    def closed(self) -> bool: ...

    def send(self, message: bytes) -> None: ...

    def close(self) -> None: ...


class Passing:
    """The reader where a server can't part with a connection: a thread waits here, and passes on what comes. `taken` is called when it has."""

    def __init__(self, taken: Callable[[], None]) -> None:
        self.closed = False
        self._taken = taken
        self._messages = SimpleQueue[bytes | None]()

    @property
    def free(self) -> bool:
        """Whether the thread has everything."""
        return self._messages.empty()

    def send(self, message: bytes) -> None:
        """For the thread to pass on."""
        self._messages.put(message)

    def close(self) -> None:
        """Nothing follows."""
        self.closed = True
        self._messages.put(None)

    def __iter__(self) -> Iterator[bytes]:
        for message in iter(self._messages.get, None):
            self._taken()
            yield message


class Stream:
    """One open page. `who`: the session of who looks, as `sessions.standing` has it."""

    def __init__(self, marketplace_id: int, who: tuple[str, int], page: Page) -> None:
        self.marketplace_id, self.who, self.page = marketplace_id, who, page
        self.reader: Reader | None = None
        self._news: News | None = None

    def hear(self, news: News) -> bool:
        """There is this to tell. Gives whether the page keeps up; one that is slow is told each row once, as it is then."""
        self._news = news if self._news is None else self._news + news
        return len(self._news.rows) <= BEHIND

    def begin(self) -> None:
        """Tell the page what it missed."""
        if self.reader is not None and not self.reader.closed:
            self.reader.send(self.page.begin())

    def speak(self, cursor: datetime, now: datetime) -> None:
        """Tell the page what there is, once it has taken what it was told before."""
        if self.reader is not None and self.reader.free and not self.closed and (self._news or self.page.due <= time.monotonic()):
            message = self.page.tell(self._news, cursor, now)
            self._news = None
            if message:
                self.reader.send(message)

    @property
    def closed(self) -> bool:
        """Whether nobody reads it any more."""
        return self.reader is not None and self.reader.closed

    @property
    def due(self) -> float:
        """When it has to be spoken to, though nothing happens."""
        return self.page.due if self.reader is not None and self.reader.free else float("inf")
