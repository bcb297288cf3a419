"""A community in this process, and a customer's work at it: plan, send, learn, until nothing is left or a setback ends it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sandbox.community import Community
from sandbox.replies import Reply
from webapp.apps import MEMBERSHIP, Answer, Belief, Call, Held, Known, Setback, Settled, Target, Want
from webapp.apps.circle import CIRCLE

MINA = "mina@shop.test"
ME, VIP, BASIC, LOUNGE, CLUB, PARTY, FAN, ALONE = range(1, 9)
"""Keys of targets: the membership; two spaces in the group CLUB and one beside it; the group; an event; a tag; another space."""

NOW = datetime(2026, 5, 12, 14, 32, tzinfo=UTC)
HEADERS = {"Authorization": "Bearer sandbox-token", "Accept": "application/json", "Content-Type": "application/json"}
ENOUGH = 25
"""Calls: no work of these tests takes as many."""


@dataclass
class Place:
    """The community, and its targets as Cartwheel knows them."""

    circle: Community = field(default_factory=lambda: Community(lambda: NOW))
    targets: dict[int, Target] = field(default_factory=dict)

    def __post_init__(self) -> None:
        circle = self.circle
        club = circle.add_group("Club")
        ids = {
            VIP: ("space", circle.add_space("VIP Room", club), "VIP Room", club),
            BASIC: ("space", circle.add_space("Basics", club), "Basics", club),
            LOUNGE: ("space", circle.add_space("Lounge"), "Lounge", None),
            CLUB: ("space_group", club, "Club", None),
            PARTY: ("event", circle.add_event("Launch Party"), "Launch Party", None),
            FAN: ("tag", circle.add_tag("Fan"), "Fan", None),
            ALONE: ("space", circle.add_space("Alone"), "Alone", None),
        }
        self.targets = {ME: Target(ME, MEMBERSHIP, "", "My community")}
        for key, (kind, remote, name, group) in ids.items():
            self.targets[key] = Target(key, kind, str(remote), name, str(group) if group else None)

    def remote(self, key: int) -> int:
        return int(self.targets[key].remote_id)

    def delete(self, key: int) -> None:
        self.circle.delete(self.remote(key))

    def join(self, *keys: int, email: str = MINA) -> str:
        """Somebody is a member, by the merchant's hand. Their id."""
        member = self.circle.add_member(email, "Mina")
        self.circle.put(email, *(self.remote(key) for key in keys))
        return str(member)

    def held(self, email: str = MINA) -> set[int] | None:
        """The keys of what Circle says they hold; None for who is no member."""
        ids = self.circle.held().get(email)
        return None if ids is None else {key for key in self.targets if key != ME and self.remote(key) in ids}

    def send(self, call: Call) -> Answer:
        query = dict(parse_qsl(urlencode(call.query)))
        body = json.dumps(call.body).encode() if call.body is not None else b""
        return answered(self.circle.handle(call.method, call.path, query, HEADERS, body))

    def work(self, want: Want, known: Known | None = None) -> Work:
        """Do it all."""
        work = Work(want, known or nobody())
        while True:
            calls = CIRCLE.plan(replace(want, settled=frozenset(work.settled)), work.known)
            if not calls or want.asked <= set(work.settled):
                break
            work.take(calls[0], self.send(calls[0]))
            assert len(work.calls) < ENOUGH, [call.says for call in work.calls]
            if work.setback:
                return work
        work.finish()
        return work


@dataclass
class Work:
    """What became of a piece of work."""

    want: Want
    known: Known
    settled: dict[int, Settled] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    setback: Setback | None = None
    alias: str | None = None

    def take(self, call: Call, answer: Answer) -> None:
        learned = CIRCLE.learn(replace(self.want, settled=frozenset(self.settled)), self.known, call, answer)
        self.calls.append(call)
        self.answers.append(answer)
        self.known, self.setback, self.alias = learned.known, learned.setback, learned.alias or self.alias
        self.settled |= learned.settled

    def finish(self) -> None:
        rest = CIRCLE.rest(replace(self.want, settled=frozenset(self.settled)), self.known)
        self.settled = {**rest, **self.settled}

    @property
    def lines(self) -> list[str]:
        """The calls, one short line each: `POST /space_members`."""
        return [f"{call.method} {call.path}" for call in self.calls]

    @property
    def outcomes(self) -> dict[int, str]:
        """What became of each asked target."""
        return {key: one.outcome for key, one in self.settled.items() if key in self.want.asked}

    def says(self, key: int) -> str:
        return self.settled[key].sentence


def want(targets: Mapping[int, Target], hold: Iterable[int] = (), drop: Iterable[int] = (), also: Iterable[int] = (), **more: Any) -> Want:
    """Asked: to hold these, not to hold those. `also`: what is desired, and asked for by nobody now."""
    hold, drop, also = tuple(hold), tuple(drop), tuple(also)
    desired = dict.fromkeys(drop, False) | dict.fromkeys((*hold, *also), True)
    desired.setdefault(ME, any(desired.values()))
    return Want("My community", targets, ME, desired, frozenset((*hold, *drop)), **more)


def nobody(email: str = MINA, name: str = "Mina Berg") -> Known:
    """Never heard of."""
    return Known(email, name, None, {})


def member(member_id: str | None = None, fresh: bool = True, email: str = MINA, **beliefs: Iterable[int]) -> Known:
    """Believed to be a member; `held=`, `not_held=`, `unknown=`, `stale=` (held, long ago): keys."""
    known: dict[int, Belief] = {ME: Belief("held", fresh)}
    says: dict[str, tuple[Held, bool]] = {
        "held": ("held", True),
        "not_held": ("not_held", True),
        "unknown": ("unknown", True),
        "stale": ("held", False),
    }
    for word, keys in beliefs.items():
        held, young = says[word]
        known |= {key: Belief(held, young) for key in keys}
    return Known(email, "Mina Berg", member_id, known)


def answered(reply: Reply) -> Answer:
    """What the client makes of a reply."""
    if reply.cut:
        return Answer(0, error="The connection to Circle broke off before its answer.")
    text = reply.body.decode()
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    retry = reply.headers.get("Retry-After")
    return Answer(reply.status, data, text[:2000], retry_after=float(retry) if retry else None)
