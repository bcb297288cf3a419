"""A shop for tests of the engine: real tables, a real plan, Circle's simulator in this process, a clock that a test moves.

No Flask, no Redis, no thread: `deliver` is one intake transaction, `work` claims and steps until nothing is due.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from sandbox.community import Community
from tests import factories
from webapp.apps import MEMBERSHIP, Answer, Call
from webapp.apps.registry import APPS
from webapp.database import WRITES, NoGate, options, prepare
from webapp.engine import corrections, integrations, lanes, recording
from webapp.engine.audit import HAND
from webapp.engine.intake import Arrival, Taken, take
from webapp.engine.rules import Draft, create, default_removal
from webapp.engine.snapshots import Snapshots
from webapp.engine.triggers import TRIGGERS
from webapp.engine.work import Work
from webapp.models import Integration, Lane, LogEntry, Marketplace, Product, Rule, Source, Target
from webapp.sources import Line, Message, NotUnderstood, Person

TRUST = timedelta(hours=24)
ROUNDS = 100
"""More of them than any test needs: beyond, something goes in a circle."""


@dataclass
class Shop:
    """One marketplace that is connected to one community. `calls` is what was called, `answers` what the next calls get instead."""

    engine: Engine
    name: str = "Acme Courses"
    now: datetime = factories.NOW
    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    gate: Any = None

    def __post_init__(self) -> None:
        self.apps = APPS
        self.gate = self.gate or prepare(self.engine)
        self.community = Community(lambda: self.now)
        self.snapshots = Snapshots()
        self.places: dict[str, int] = {}
        with self.write() as session:
            marketplace = factories.make_marketplace(session, self.name)
            self.marketplace = marketplace.id
            self.integration = self._connect(session, marketplace)
            self.source = factories.new_id()
            session.add(Source(id=self.source, marketplace_id=self.marketplace, kind="cartwheel", address=self.name, created_at=self.now))

    def write(self) -> Any:
        """A transaction."""
        return _Write(self)

    def new_id(self, now: datetime) -> int:
        return factories.new_id()

    def _connect(self, session: Session, marketplace: Marketplace) -> int:
        made = factories.make_integration(session, marketplace, "My community")
        session.add(Target(id=factories.new_id(), integration_id=made.id, kind=MEMBERSHIP, remote_id="", name=""))
        return made.id

    def place(self, kind: str, name: str, group: str | None = None) -> int:
        """A space, space_group, event or tag in the community and in the catalog. Returns the id of the target."""
        add: dict[str, Callable[..., int]] = {
            "space": self.community.add_space,
            "space_group": self.community.add_group,
            "event": self.community.add_event,
        }
        parent = self.places[group] if group else None
        remote = self.community.add_tag(name) if kind == "tag" else add[kind](name, parent) if parent else add[kind](name)
        self.places[name] = remote
        target = factories.new_id()
        with self.write() as session:
            row = Target(id=target, integration_id=self.integration, kind=kind, remote_id=str(remote), name=name)
            row.group = str(parent) if parent else None
            session.add(row)
        return target

    def rule(self, trigger: str, action: str, target: int | None = None, product: str | None = None, **more: Any) -> Rule:
        with self.write() as session:
            product_id = self.product(session, product) if product else None
            draft = Draft(product_id, trigger, self.integration, action, target, **more)
            return create(session, self.apps, self.marketplace, draft, now=self.now, new_id=self.new_id)

    def rules(self, *rules: tuple[str, str, int | None, str | None, dict[str, Any]]) -> None:
        """Many rules at once, given as `rule` takes them; nothing is checked."""
        with self.write() as session:
            membership = session.scalar(select(Target.id).where(Target.kind == MEMBERSHIP, Target.integration_id == self.integration))
            for trigger, action, target, product, more in rules:
                removal = default_removal(TRIGGERS[trigger], self.apps["circle"].actions[action])
                about = {"trigger": trigger, "integration_id": self.integration, "action": action, "target_id": target or membership}
                about |= {"removal": removal, "product_id": self.product(session, product) if product else None, "created_at": self.now}
                session.add(Rule(id=factories.new_id(), marketplace_id=self.marketplace, **{**about, **more}))

    def product(self, session: Session, external_id: str) -> int:
        where = (Product.marketplace_id == self.marketplace, Product.external_id == external_id)
        found = session.scalar(select(Product.id).where(*where))
        if found is None:
            found = factories.new_id()
            session.add(
                Product(id=found, marketplace_id=self.marketplace, external_id=external_id, name=external_id.title(), created_at=self.now)
            )
            session.flush()
        return found

    def deliver(self, *messages: Message | NotUnderstood) -> list[Taken]:
        """Take these messages in, in one transaction."""
        with self.write() as session:
            arrivals = [Arrival(self.marketplace, self.source, message, b"{}") for message in messages]
            return take(session, arrivals, self.snapshots, self.now, self.new_id)

    def tell(self, kind: str, email: str, product: str, at: datetime | None = None, key: str = "", **more: Any) -> Taken:
        """One message with one line: `tell("purchased", "mina@shop.test", "ads-101", order="9001")`."""
        return self.deliver(self.message(kind, email, product, at, key, **more))[0]

    def message(self, kind: str, email: str, product: str, at: datetime | None = None, key: str = "", **more: Any) -> Message:
        """The message that `tell` delivers."""
        return Message(key or f"m{factories.new_id()}", kind, at or self.now, Person(email, "Mina"), (Line(kind, product, **more),))

    def claim(self, token: str = "worker", room: int = 64) -> list[Work]:
        with self.write() as session:
            taken = lanes.take(session, lanes.waiting(session, self.now), lanes.Room(room, room), token, self.now)
            works = lanes.brief(session, taken, token, self.now, TRUST)
            corrections.put_right(session, works, self.now, self.new_id)
            return works

    def work(self) -> None:
        """What a worker does, until nothing is due."""
        for _ in range(ROUNDS):
            works = self.claim()
            if not works:
                return
            for work in works:
                self.finish(work)
        raise AssertionError("there is always more to do")

    def finish(self, work: Work) -> None:
        if work.seat.watch_only:
            work.watch()
        while not work.seat.watch_only and (call := work.next_call()):
            answer = self.answers.pop(0) if self.answers else self.send(call)
            self.calls.append(call)
            work.take_answer(call, answer)
            self.record([recording.Made(work, call, answer, self.now)], [work], [])
        self.record([], [], [work])

    def record(self, made: list[recording.Made], going_on: list[Work], finished: list[Work]) -> recording.Recorded:
        with self.write() as session:
            written = recording.record(session, made, going_on, finished, self.now, self.new_id, 0.5)
        for work in [*(m.work for m in made), *finished]:
            work.is_stored()
        return written

    def send(self, call: Call) -> Answer:
        """Circle's simulator answers."""
        headers = {"Authorization": "Bearer sandbox-token", "Accept": "application/json", "Content-Type": "application/json"}
        body = json.dumps(call.body).encode() if call.body is not None else b""
        reply = self.community.handle(call.method, call.path, dict(call.query), headers, body)
        text = reply.body.decode()
        return Answer(reply.status, json.loads(text) if text else None, text)

    def entries(self) -> list[LogEntry]:
        """All entries, the oldest first."""
        with Session(self.engine) as session:
            return list(session.scalars(select(LogEntry).order_by(LogEntry.id)))

    def said(self) -> list[tuple[str, str]]:
        """Status and sentence of each entry, the oldest first."""
        return [(entry.status, entry.sentence) for entry in self.entries()]

    def rows(self, model: Any) -> list[Any]:
        with Session(self.engine) as session:
            return list(session.scalars(select(model)))

    def holds(self, email: str) -> set[str]:
        """The names of what Circle has this person in, `member` for the membership itself."""
        member = self.community.state.by_email(email)
        if member is None or not member.active:
            return set()
        names = {remote: name for name, remote in self.places.items()}
        return {"member"} | {names[one] for some in member.held.values() for one in some}

    @property
    def membership(self) -> int:
        """The target that is the membership itself."""
        (one,) = [target for target in self.rows(Target) if target.kind == MEMBERSHIP]
        return int(one.id)

    def lane(self) -> Lane:
        (lane,) = self.rows(Lane)
        return lane  # type: ignore[no-any-return]

    def pass_time(self, **length: float) -> None:
        self.now += timedelta(**length)

    def restart(self) -> None:
        """Everything is started again: what is not in the database is forgotten."""
        url = self.engine.url
        self.engine.dispose()
        self.engine = create_engine(url, **options(str(url)))
        self.gate, self.snapshots = prepare(self.engine), Snapshots()

    def connection(self) -> Integration:
        with Session(self.engine) as session:
            return session.get_one(Integration, self.integration)

    def reconnect(self) -> None:
        with self.write() as session:
            integrations.works(session, session.get_one(Integration, self.integration), self.now)


class _Write:
    """A transaction on the shop's engine, as `webapp.database.writing` makes one."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def __enter__(self) -> Session:
        self.shop.gate.__enter__()
        self.connection = self.shop.engine.connect().execution_options(**WRITES)
        self.transaction = self.connection.begin()
        self.session = Session(self.connection, expire_on_commit=False, info={HAND: factories.somebody})
        return self.session

    def __exit__(self, kind: Any, *rest: Any) -> None:
        try:
            if kind is None:
                self.session.flush()
                self.session.expunge_all()
                self.transaction.commit()
            else:
                self.transaction.rollback()
        finally:
            self.session.close()
            self.connection.close()
            self.shop.gate.__exit__(None, None, None)


def open_shop(url: str) -> Shop:
    """A shop on a fresh database."""
    return Shop(create_engine(url, **options(url)))


class Shops:
    """Shops in memory, for tests that open hundreds: each on a fresh copy of a SQLite file, over an engine that knows its statements already."""

    def __init__(self, template: Path) -> None:
        self.template = template
        self.idle: list[Engine] = []

    @contextmanager
    def open(self) -> Iterator[Shop]:
        """A shop, as long as it is needed."""
        engine = self.idle.pop() if self.idle else self._engine()
        with closing(dbapi2.connect(str(self.template))) as source:
            source.backup(engine.raw_connection().driver_connection)
        yield Shop(engine, gate=NoGate())
        self.idle.append(engine)

    def _engine(self) -> Engine:
        made = create_engine("sqlite+pysqlite://", module=dbapi2, poolclass=StaticPool, connect_args={"check_same_thread": False})
        prepare(made)
        return made
