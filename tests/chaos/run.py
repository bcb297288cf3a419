"""A chaos run: senders post a story while processes are killed at seeded moments, and then the books are held against each other.

`python -m tests.chaos` (make chaos) runs it in full on both databases, the tests a shorter one.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import requests
from sqlalchemy import func, select

from sandbox.community import Call, Community
from sandbox.server import running
from tests.chaos.story import PRODUCTS, Event, held, story
from tests.chaos.town import THREADS, Town, town, until
from webapp.models import Call as CallRow
from webapp.models import Event as EventRow
from webapp.models import LogEntry
from webapp.sources.cartwheel import signed

SENDERS = 8
TAKES = 0.03
"""Seconds until Circle answers, so that calls are under way at any moment."""

AGAIN = 0.2
"""Seconds until a sender sends again what was not taken."""

SHOWN = 3
"""Of how many customers who hold something else everything is told."""

GOOD = (200, 202)
NONE = 0
"""What counts as the status of a request without an answer."""

DOWN = 1.0
"""Seconds for which Redis and PostgreSQL are away."""


@dataclass
class Found:
    """What a run came to.

    `needless`: calls that repeated one without any effect, and `doubted` for how many customers. `unrecorded`: calls that no record was left
    of, since they were under way when a worker was killed. `resumed`: seconds from Redis's return to the next call. `complaints`: what must
    not be.
    """

    database: str
    seed: int
    events: int
    kills: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    resent: int = 0
    lost: int = 0
    wrong: int = 0
    needless: int = 0
    doubted: int = 0
    unrecorded: int = 0
    unrecorded_at_most: int = 0
    without_redis: dict[int, int] = field(default_factory=dict)
    resumed: list[float] = field(default_factory=list)
    settled_in: float = 0.0
    stories: list[list[str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def told(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=2)


class Senders:
    """A checkout: so many threads post the story in its order, and send again what was not taken. They pause at event `pause_at`."""

    def __init__(self, url: str, secret: str, events: Sequence[Event]) -> None:
        self.url, self.secret, self.total = url, secret, len(events)
        self.statuses: Counter[int] = Counter()
        self.without_redis: Counter[int] = Counter()
        self.resent = self.taken = 0
        self.redis_is_gone = False
        self.pause_at = 0
        self._begun = 0
        self._next = iter(events)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _send_all(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while True:
                while self._begun >= self.pause_at:
                    time.sleep(0.01)
                with self._lock:
                    event = next(self._next, None)
                    self._begun += 1
                if event is None:
                    return
                while not self._send(session, event):
                    time.sleep(AGAIN)

    def _send(self, session: requests.Session, event: Event) -> bool:
        gone, headers = self.redis_is_gone, {"Content-Type": "application/json"}
        headers |= signed(self.secret, event.key, datetime.now(UTC), event.body)
        try:
            status = session.post(self.url, event.body, headers=headers, timeout=20).status_code
        except requests.RequestException:
            status = NONE
        with self._lock:
            self.statuses[status] += 1
            if gone and self.redis_is_gone:
                self.without_redis[status] += 1
            self.taken += status in GOOD
            self.resent += status not in GOOD
        return status in GOOD


class Havoc:
    """What is done to a town, in the order drawn, each when so many events have been taken."""

    def __init__(self, place: Town, senders: Senders, dice: random.Random, rounds: int) -> None:
        self.place, self.senders, self.found_resumed = place, senders, []  # type: tuple[Town, Senders, list[float]]
        acts: list[Callable[[], None]] = [self.kill_web, self.kill_worker, self.kill_redis, self.flush_redis]
        acts += [self.restart_postgres] if place.postgres else []
        todo = [act for _ in range(rounds) for act in dice.sample(acts, len(acts))]
        moments = sorted(dice.sample(range(senders.total // 20, senders.total * 19 // 20), len(todo)))
        self.plan = list(zip(moments, todo, strict=True))
        self.dice = dice
        self.worker_kills = 0

    def run(self) -> Iterator[str]:
        """Do it all. Gives what was done."""
        ahead = self.senders.total // len(self.plan)
        for moment, act in self.plan:
            self.senders.pause_at = moment + ahead  # there is always something to send while something is killed
            until(lambda moment=moment: self.senders.taken >= moment, f"event {moment}")  # type: ignore[misc]
            act()
            yield f"{act.__name__} at {moment}"
        self.senders.pause_at = self.senders.total + SENDERS

    def kill_web(self) -> None:
        self.place.web.kill()
        self.place.web.start()
        until(self.place.answers, "the web process")

    def kill_worker(self) -> None:
        worker = self.dice.choice(self.place.workers)
        worker.kill()
        worker.start()
        self.worker_kills += 1

    def kill_redis(self) -> None:
        self.place.valkey.kill()
        self.senders.redis_is_gone = True
        time.sleep(DOWN)
        self.senders.redis_is_gone = False
        before = self.place.circle.community.called
        self.place.valkey.start()
        self.found_resumed.append(until(lambda: self.place.circle.community.called > before, "the next call"))

    def flush_redis(self) -> None:
        with self.place.redis() as redis:
            redis.flushall()

    def restart_postgres(self) -> None:
        self.place.restart_postgres(DOWN)


def run(database: str, seed: int, events: int, customers: int, rounds: int) -> Found:
    """One run: the story is sent, everything is killed so many times, and what came of it is looked at."""
    told, found = story(seed, events, customers), Found(database, seed, events)
    with running(Community(lambda: datetime.now(UTC))) as circle:
        circle.app = slow(circle.app)
        with town(circle, database, PRODUCTS) as place:
            senders = Senders(place.url, place.secret, told)
            havoc = Havoc(place, senders, random.Random(seed), rounds)
            senders.start()
            found.kills = list(havoc.run())
            senders.join()
            waits = select(func.count()).where(LogEntry.open_lane_id.is_not(None))
            found.settled_in = until(lambda: place.count(waits) == 0, "the last entry")
            _look(found, place, senders, havoc, told)
    return found


def _look(found: Found, place: Town, senders: Senders, havoc: Havoc, told: Sequence[Event]) -> None:
    community = place.circle.community
    found.statuses, found.without_redis = dict(senders.statuses), dict(senders.without_redis)
    found.resent, found.resumed = senders.resent, havoc.found_resumed
    found.lost = len(told) - place.count(select(func.count()).select_from(EventRow))
    should, is_so = held(told, place.spaces), community.held()
    wrong = sorted(email for email in {*should, *is_so} if should.get(email) != is_so.get(email))
    found.wrong, found.stories = len(wrong), [_told(place, told, email) for email in wrong[:SHOWN]]
    repeats = needless(community.calls)
    found.needless, found.doubted = len(repeats), len({(call.body or {}).get("email") for call in repeats})
    found.unrecorded = len(community.calls) - place.count(select(func.count()).where(CallRow.status > 0))
    found.unrecorded_at_most = THREADS * havoc.worker_kills
    stored = place.count(select(func.count()).where(LogEntry.status.in_(("failed", "skipped"))))
    _complain(found, community.violations, stored)


def _told(place: Town, told: Sequence[Event], email: str) -> list[str]:
    """All that is known of a customer who holds something else: what was sent, what the log says, what was called."""
    sent = [
        f"{event.at:%H:%M:%S} {'refund' if event.refund else 'order'} {event.order} of {event.product}"
        for event in told
        if event.email == email
    ]
    log = [f"{one.at:%H:%M:%S.%f} {one.status} {one.action}: {one.sentence}" for one in place.log_of(email)]
    called = [c for c in place.circle.community.calls if email in (c.query.get("email"), (c.body or {}).get("email"))]
    calls = [f"{c.at:%H:%M:%S.%f} {c.method} {c.path} {dict(c.query)} {c.body or ''} {c.status} {c.changed}" for c in called]
    return [email, *sent, *log, *calls]


def _complain(found: Found, violations: Sequence[str], failed: int) -> None:
    must: dict[str, Any] = {
        "events lost": found.lost,
        "customers who hold something else": found.wrong,
        "entries that failed": failed,
        "calls not as described": violations,
        "customers who were called twice though nobody was at work on them at a kill": max(0, found.doubted - found.unrecorded_at_most),
        "more calls lost than were under way": max(0, found.unrecorded - found.unrecorded_at_most),
        "answers that should not be": {*found.statuses} - {*GOOD, 503, NONE},
        "answers without Redis that are not as ever": {*found.without_redis} - {*GOOD},
    }
    found.complaints = [f"{what}: {much}" for what, much in must.items() if much]


def needless(calls: Sequence[Call]) -> list[Call]:
    """The calls that gave what was given already by the very same call."""
    seen, repeats = set(), []
    for call in calls:
        same = (call.method, call.path, json.dumps([dict(call.query), call.body], sort_keys=True))
        if call.method == "POST" and not call.changed and same in seen:
            repeats.append(call)
        seen.add(same)
    return repeats


def slow(app: WSGIApplication) -> WSGIApplication:
    """A community that takes its time."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Any:
        time.sleep(TAKES / 2)
        done = app(environ, start)
        time.sleep(TAKES / 2)
        return done

    return answer
