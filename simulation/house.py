"""The real engine on a real schema: SQLite in memory, one marketplace with its source, connected to two communities of the sandbox.

The time is moved by whoever plays; ids come from a counter. Nothing here draws.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pysqlite3 import dbapi2
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from sandbox.community import Community
from simulation.scene import CLUB, COMMUNITIES, HOME, PRODUCTS, START, Place
from simulation.wire import Wire
from webapp.apps import MEMBERSHIP, Refused
from webapp.apps.registry import APPS
from webapp.database import WRITES, prepare
from webapp.engine import integrations, loading
from webapp.engine.audit import HAND, Hand
from webapp.engine.snapshots import Snapshots
from webapp.models import Base, Integration, Marketplace, Product, Source, Target

TOKEN = "token-1"  # noqa: S105  the first key of a community that is made here
CIRCLE = APPS["circle"]
FIRST_ID = 1_000_000
"""Ids are as long as each other, as real ones are: of two of a person's decisions at the same time the later is the larger."""


class Crash(Exception):
    """The process died before its transaction was committed."""


@dataclass(frozen=True)
class Pristine:
    """A house as it was built, from which others are copied: that costs a hundredth."""

    database: Any
    communities: Mapping[str, dict[str, Any]]
    marketplace: int
    source: int
    integrations: Mapping[str, int]
    last_id: int


class House:
    """One marketplace's engine, with its clock."""

    def __init__(self, engine: Engine, communities: Mapping[str, Community], now: datetime = START) -> None:
        self.engine, self.communities, self.now = engine, communities, now
        for community in communities.values():
            community.world.now = lambda: self.now
        self.snapshots = Snapshots()
        self.marketplace = self.source = 0
        self.integrations: dict[str, int] = {}
        self.wires: dict[int, Wire] = {}
        self.last_id = FIRST_ID

    def connect(self, integrations: Mapping[str, int]) -> None:
        """These integrations are connected to the communities, by the names of their memberships."""
        self.integrations = dict(integrations)
        self.wires = {integration: Wire(self.communities[member]) for member, integration in integrations.items()}

    def _hand(self) -> Hand:
        """Whose doing a change is: the merchant's."""
        return Hand("mo@shop.test", None, self.now, self.new_id)

    def new_id(self, now: datetime) -> int:
        """The next id."""
        self.last_id += 1
        return self.last_id

    @contextmanager
    def write(self, crash: bool = False) -> Iterator[Session]:
        """A transaction, as `webapp.database.writing` makes one. `crash`: the process dies before it is committed. Raises Crash."""
        with (
            self.engine.connect().execution_options(**WRITES) as connection,
            Session(connection, autoflush=True, info={HAND: self._hand}) as session,
            connection.begin(),
        ):
            yield session
            session.flush()
            session.expunge_all()
            if crash:
                raise Crash

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with Session(self.engine) as session:
            yield session

    def look(self, question: str) -> int:
        """The number that a plain query gives: asked after each step, so that it must be quick."""
        driver: Any = self.engine.raw_connection().driver_connection
        return int(driver.execute(question).fetchone()[0])

    def open(self, name: str) -> None:
        """The marketplace with its source, its integrations, their catalogs and its products, made as the pages make them."""
        made: dict[str, int] = {}
        with self.write() as session:
            self.marketplace, self.source = self.new_id(self.now), self.new_id(self.now)
            session.add(Marketplace(id=self.marketplace, name=name, created_at=self.now))
            session.flush()
            session.add(Source(id=self.source, marketplace_id=self.marketplace, kind="cartwheel", address="a", created_at=self.now))
            for product in PRODUCTS:
                row = Product(id=self.new_id(self.now), marketplace_id=self.marketplace, external_id=product, name=product.title())
                row.created_at = self.now
                session.add(row)
            for member, community in self.communities.items():
                community.tokens[:] = [TOKEN]
                connection = integrations.Connection("circle", CIRCLE.connect(Wire(community).client(TOKEN)), {"api_key": TOKEN})
                made[member] = integrations.create(session, self.marketplace, f"My {member}", connection, seal, self.new_id, self.now).id
        self.connect(made)
        for integration in made.values():
            self.refresh(integration)

    def refresh(self, integration: int) -> None:
        """Load the catalog, as `workers.loading` does."""
        with self.write() as session:
            row = session.get_one(Integration, integration)
            loading.want(row, self.now)
            key = key_of(row.credentials)
            run = loading.begin(session, integration, self.now)
        if run is None:
            return
        try:
            items = [item for *_, page in CIRCLE.load_catalog(self.wires[integration].client(key)) for item in page]
        except Refused as refused:
            self._fail(integration, run, refused.sentence, refused.cause or None)
        except LookupError as wrong:
            self._fail(integration, run, str(wrong), None)
        else:
            with self.write() as session:
                loading.finish(session, integration, run, items, CIRCLE.kinds, self.now, self.new_id)

    def _fail(self, integration: int, run: str, sentence: str, cause: str | None) -> None:
        with self.write() as session:
            loading.fail(session, integration, run, sentence, "Press Refresh.", self.now, cause)

    def targets(self) -> dict[str, Target]:
        """What can be held, by name, also what is gone."""
        with self.read() as session:
            members = {integration: member for member, integration in self.integrations.items()}
            named = {members[row.integration_id] if row.kind == MEMBERSHIP else row.name: row for row in session.query(Target)}
            return {name: named[name] for name in HOME}


def seal(text: str) -> bytes:
    """Credentials as they are stored here: in the clear."""
    return text.encode()


def key_of(sealed: bytes) -> str:
    """The key in an integration's credentials."""
    found: str = json.loads(sealed)["api_key"]
    return found


_built: list[Pristine] = []
_engines: list[Engine] = []
_blank: list[tuple[Any, Engine]] = []


def empty() -> House:
    """A house without anything in it; the next one that is asked for takes its place."""
    if not _blank:
        bare = _engine()
        Base.metadata.create_all(bare)
        _blank.append((bare.raw_connection().driver_connection, _engine()))
    database, engine = _blank[0]
    database.backup(engine.raw_connection().driver_connection)
    return House(engine, {})


def build() -> House:
    """A house as every simulation begins with; the next one to be built takes its place."""
    if not _built:
        _built.append(_build())
        _engines.append(_engine())
    pristine, engine = _built[0], _engines[0]
    pristine.database.backup(engine.raw_connection().driver_connection)
    house = House(engine, {member: Community(lambda: START) for member in pristine.communities})
    for member, snapshot in pristine.communities.items():
        house.communities[member].restore(snapshot)
    house.connect(pristine.integrations)
    house.marketplace, house.source = pristine.marketplace, pristine.source
    house.last_id = pristine.last_id
    return house


def _build() -> Pristine:
    engine = _engine()
    Base.metadata.create_all(engine)
    house = House(engine, {member: _community(places) for member, places in COMMUNITIES.items()})
    house.open("Acme Courses")
    database = engine.raw_connection().driver_connection
    snapshots = {member: community.snapshot() for member, community in house.communities.items()}
    return Pristine(database, snapshots, house.marketplace, house.source, house.integrations, house.last_id)


def _community(places: Iterable[Place]) -> Community:
    made, groups = Community(lambda: START), {}
    for place in places:
        if place.kind == "space_group":
            groups[place.name] = made.add_group(place.name)
        elif place.in_club:
            made.add_space(place.name, groups[CLUB])
        else:
            {"space": made.add_space, "event": made.add_event, "tag": made.add_tag}[place.kind](place.name)
    return made


def _engine() -> Engine:
    made = create_engine("sqlite+pysqlite://", module=dbapi2, poolclass=StaticPool, connect_args={"check_same_thread": False})
    prepare(made)
    return made
