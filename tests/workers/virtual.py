"""A worker in a time of its own: the real drain, limiter and tables, a community that counts strictly, and no waiting. No test lives here."""

from __future__ import annotations

import dataclasses
import heapq
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import redis

from sandbox.community import Community
from sandbox.modes import Modes
from tests.engine.shop import Shop
from tests.factories import NOW
from webapp.apps import Answer, Call
from webapp.database import db
from webapp.environment import Rate
from webapp.pacing import Limited
from webapp.parts import Parts
from workers.callers import Callers
from workers.clients import Clients
from workers.drain import TICK, Drain

RATE = Rate(2000, 300)
TAKES = 0.05
"""Seconds until a call is answered."""


class Time:
    """Seconds since NOW, and what is to happen when."""

    def __init__(self) -> None:
        self.at = 0.0
        self.events: list[tuple[float, int, Callable[[], object]]] = []

    def moment(self) -> datetime:
        return NOW + timedelta(seconds=self.at)

    def plan(self, at: float, act: Callable[[], object]) -> None:
        heapq.heappush(self.events, (at, len(self.events) + id(act), act))

    def pass_to(self, at: float) -> None:
        """Let everything happen that is to happen until then."""
        while self.events and self.events[0][0] <= at:
            self.at, _, act = heapq.heappop(self.events)
            act()
        self.at = max(self.at, at)


class VirtualCallers(Callers):
    """Calls take their time in virtual time."""

    def __init__(self, size: int, time: Time) -> None:
        super().__init__(size)
        self.time = time

    def submit(self, task: Callable[[], None]) -> None:
        self.time.plan(self.time.at + TAKES, task)


class OneCommunity(Clients):
    """Every integration's client calls one community, which counts as Circle does; `called`: when each address was."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.community = Community(time.moment, modes=Modes(rate_calls=RATE.calls, rate_seconds=RATE.seconds))
        self.called: dict[str, float] = {}

    def of(self, seat: Any) -> OneCommunity:
        return self

    def send(self, call: Call) -> Answer:
        headers = {"Authorization": "Bearer sandbox-token", "Accept": "application/json", "Content-Type": "application/json"}
        body = json.dumps(call.body).encode() if call.body is not None else b""
        reply = self.community.handle(call.method, call.path, dict(call.query), headers, body)
        self.called.setdefault(str((call.body or {}).get("email", call.path)), self.time.at - TAKES)
        return Answer(reply.status, json.loads(reply.body), reply.body.decode(), duration_ms=int(TAKES * 1000))


class VirtualWorker:
    """One worker. `run` lets it work until a time; the clock rings once a second, orders ring at once."""

    def __init__(self, parts: Parts, time: Time, redis: redis.Redis, threads: int = 64) -> None:
        self.time = time
        self.clients = OneCommunity(time)
        pace = Limited(redis, RATE, lambda since: [], lambda: NOW.timestamp() + time.at)
        there = dataclasses.replace(parts, now=time.moment)
        self.drain = Drain(there, self.clients, pace, VirtualCallers(threads, time), threading.Event(), lambda: time.at)

    def run(self, until: float) -> None:
        while self.time.at < until:
            busy = bool(self.drain._turn) | self.drain._tick()  # after what was recorded it looks once more
            while not self.drain._answers.empty():
                self.drain._take(*self.drain._answers.get())
            ahead = self.time.events[0][0] if self.time.events else until
            if busy or self.drain._turn or self.drain._ready:
                self.time.pass_to(self.time.at + TICK)
            else:
                self.time.pass_to(max(self.time.at + TICK, min(ahead, self.time.at + 1, until)))
        db.session.rollback()


def shop_in(engine: Any, gate: Any, time: Time, name: str) -> Shop:
    """A marketplace with its community and a rule that invites, whose clock is that time."""
    made = Shop(engine, name, gate=gate)
    made.rule("product_purchased", "invite_member")
    return made


def order(shop: Shop, time: Time, *people: str) -> None:
    """Orders by these people, now."""
    shop.now = time.moment()
    for email in people:
        shop.tell("purchased", email, "ads-101", order=email)
