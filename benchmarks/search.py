"""How long a search of the log takes among a million entries: `make bench-search`, `ARGS="--database postgresql"` for PostgreSQL.

Fills a database with what a marketplace of ten thousand events a day has after three months, counts it as the workers do, and asks each kind
of query again and again: a page of entries and their count, as the page does. The figures are milliseconds.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from flask_migrate import upgrade
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import FromClause

from benchmarks.place import ROOT
from tests.servers import postgres
from webapp import create_app
from webapp.config import load
from webapp.database import db, writing
from webapp.engine import log_fold, log_query, logs
from webapp.engine.triggers import TRIGGERS
from webapp.id_times import BITS, first_id
from webapp.ids import Ids
from webapp.models import Base, Customer, Event, Happening, Integration, LogEntry, Marketplace, Product, Purchase, Rule, Target

NOW = datetime(2026, 11, 24, 14, tzinfo=UTC)
DAYS = timedelta(days=90)
EACH = 3
"""How many entries an event makes."""
NAMES = ("maya", "emil", "ines", "tom", "lucia", "jonas", "priya", "omar", "emma", "noah", "sofia", "liam", "yuki", "elif", "otto", "zoe")
TOWNS = ("okafor", "berg", "duarte", "nguyen", "romero", "weber", "sharma", "haddad", "lindqvist", "fischer", "demir", "rossi", "silva")
OUTCOMES = (
    ("succeeded", "Added to space {place}.", "", 900),
    ("unchanged", "Was already in the space {place}: nothing to do.", "", 70),
    ("failed", "The space {place} no longer exists in My community.", "target_gone", 5),
    ("failed", "Circle refused {email} as an e-mail address.", "invalid_email", 3),
    ("no_rule", "{name} bought {product}. No rule is about that.", "", 22),
)
WEIGHTS = [weight for *_, weight in OUTCOMES]
PIECE = 5000
COPIES = 10
"""So many times the same days follow each other, written by the database itself."""


class Shop:
    """A marketplace with many customers, as rows that are made piece by piece."""

    def __init__(self, entries: int) -> None:
        self.dice = random.Random(7)
        self.ids = Ids()
        self.own, self.people = entries // COPIES, entries // 10
        self.shop, self.integration = 1, 2
        self.products = [(100 + n, f"course-{n}", f"Course {n}") for n in range(40)] + [(199, "rare-1", "Seldom Sold")]
        self.targets = [(300 + n, f"Room {n}") for n in range(12)]
        self.rules = [
            (500 + n, self.products[n % 40][0], trigger, self.targets[n % 12][0])
            for n, trigger in enumerate(sorted(TRIGGERS)[n % 11] for n in range(60))
        ]

    def fill(self, session: Session) -> None:
        """What is not many."""
        self.add(
            session,
            Marketplace,
            [{"id": self.shop, "name": "Crowd", "created_at": NOW, "time_zone": "Europe/Berlin", "retention_days": 3650}],
        )
        connection = {"name": "My community", "app": "circle", "credentials": b"", "created_at": NOW}
        self.add(session, Integration, [{"id": self.integration, "marketplace_id": self.shop, **connection}])
        made = {"marketplace_id": self.shop, "created_at": NOW}
        self.add(session, Product, [{"id": key, "external_id": ref, "name": name, **made} for key, ref, name in self.products])
        targets = [{"id": key, "kind": "space", "remote_id": str(key), "name": name} for key, name in self.targets]
        self.add(session, Target, [{"integration_id": self.integration, **target} for target in targets])
        about = {"integration_id": self.integration, "action": "add_to_space", "identity": None, **made}
        self.add(
            session, Rule, [{"id": key, "product_id": p, "trigger": trigger, "target_id": t, **about} for key, p, trigger, t in self.rules]
        )

    def customers(self) -> Iterator[dict[str, Any]]:
        """A tenth as many as entries."""
        for number in range(self.people):
            first, last = NAMES[number % 16], TOWNS[number // 16 % 13]
            names = {"first_name": first.title(), "last_name": last.title(), "seen_at": NOW, "created_at": NOW}
            yield {"id": 10_000 + number, "marketplace_id": self.shop, "email": f"{first}.{last}{number}@mail{number % 97}.test", **names}

    def pieces(self) -> Iterator[dict[type[Base], list[dict[str, Any]]]]:
        """The events with all that follows from them, in the order of time."""
        for start in range(0, self.own, PIECE):
            rows: dict[type[Base], list[dict[str, Any]]] = {Event: [], Purchase: [], Happening: [], LogEntry: []}
            for number in range(start, min(start + PIECE, self.own), EACH):
                self._event(number, rows)
            yield rows

    def copy(self, session: Session, copy: int) -> None:
        """The same days once more, earlier."""
        dialect = session.get_bind().dialect.name
        for model in (Event, Purchase, Happening, LogEntry):
            table = model.__table__
            names = [column.name for column in table.columns]
            values = ", ".join(_earlier(table, name, copy, self.own, dialect) for name in names)
            into = ", ".join(f'"{name}"' for name in names)
            session.execute(
                text(f"INSERT INTO {table} ({into}) SELECT {values} FROM {table} WHERE id >= {first_id(NOW - DAYS / COPIES)}")  # noqa: S608
            )

    def add(self, session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
        """Write rows."""
        session.execute(insert(model), list(rows))

    def _event(self, number: int, rows: dict[type[Base], list[dict[str, Any]]]) -> None:
        at = NOW - DAYS / COPIES * (1 - number / self.own)
        person = self.dice.randrange(self.people)
        event, purchase, happening = (self.ids(at) for _ in range(3))
        rule, product, trigger, target = self.rules[int(60 * self.dice.random() ** 2)]
        if number == 99:
            product, trigger, rule = 199, "product_refunded", 0
        mine = {"marketplace_id": self.shop, "customer_id": 10_000 + person, "product_id": product}
        arrived = {"key": f"m{number}", "type": "order.created", "at": at, "received_at": at, "body": b"{}"}
        rows[Event].append({"id": event, "marketplace_id": self.shop, **arrived})
        known = {"ground": f"order:{9000 + number}", "order_ref": str(9000 + number), "on_record": True, "state_at": at, "bought_at": at}
        rows[Purchase].append({"id": purchase, **mine, **known})
        fired = {"purchase_id": purchase, "trigger": trigger, "at": at, "tie": "m", "key": f"{trigger}:{purchase}:"}
        rows[Happening].append({"id": happening, "event_id": event, **mine, **fired})
        for _ in range(EACH):
            about = {**mine, "event_id": event, "happening_id": happening, "trigger": trigger}
            rows[LogEntry].append(self._entry(at, person, rule, target, about))

    def _entry(self, at: datetime, person: int, rule: int, target: int, about: dict[str, Any]) -> dict[str, Any]:
        (outcome,) = self.dice.choices(OUTCOMES, WEIGHTS)
        status, sentence, cause, _ = outcome
        ruled = status != "no_rule" and rule
        said = sentence.format(
            place=f"Room {target - 300}",
            email=_email(person),
            name=NAMES[person % 16].title(),
            product=f"Course {about['product_id'] - 100}",
        )
        return {
            "id": self.ids(at), **about, "status": status, "cause": cause, "rule_id": rule if ruled else None,
            "integration_id": self.integration if ruled else None, "target_id": target if ruled else None,
            "action": "add_to_space" if ruled else None, "sentence": said, "at": at, "changed_at": at + timedelta(seconds=2),
            "finished_at": at + timedelta(seconds=2),
        }  # fmt: skip


def _earlier(table: FromClause, name: str, copy: int, own: int, dialect: str) -> str:
    """A column's value in the copy of a row that is so many times a tenth of all days older."""
    days = copy * DAYS.days // COPIES
    kind = str(table.columns[name].type)
    if name == "id" or (name.endswith("_id") and name in {"event_id", "happening_id", "purchase_id"}):
        return f"{name} - {(timedelta(days=days) // timedelta(milliseconds=1)) << BITS}"
    if kind.startswith("DATETIME"):
        return f"strftime('%Y-%m-%d %H:%M:%f000', {name}, '-{days} days')" if dialect == "sqlite" else f"{name} - interval '{days} days'"
    if name == "key":
        return f"key || '.{copy}'"
    if name in {"order_ref", "ground"}:
        prefix = "'order:' || " if name == "ground" else ""
        return f"{prefix}CAST(CAST(order_ref AS INTEGER) + {copy * own} AS TEXT)"
    return f'"{name}"'


KINDS: dict[str, Callable[[random.Random], str]] = {
    "everything": lambda dice: "",
    "whole e-mail": lambda dice: _email(dice.randrange(100_000)),
    "part of an e-mail": lambda dice: _email(dice.randrange(100_000)).partition("@")[0],
    "middle of an e-mail": lambda dice: f"{dice.choice(TOWNS)}{dice.randrange(100, 1000)}"[2:],
    "a common part": lambda dice: f"mail{dice.randrange(97)}.",
    "a name": lambda dice: f"{dice.choice(NAMES)} {dice.choice(TOWNS)}",
    "product": lambda dice: f"course-{dice.randrange(40)}",
    "product seldom sold": lambda dice: "seldom",
    "word of an error": lambda dice: dice.choice(("exists", "refused", "no longer", "nothing to do")),
    "middle of a word": lambda dice: dice.choice(("longe", "efuse", "lready")),
    "nothing": lambda dice: f"zzz{dice.randrange(1000)}qq",
    "order id": lambda dice: str(9000 + dice.randrange(1_000_000)),
    "status": lambda dice: f"status:{dice.choice(('failed', 'succeeded', 'no_rule', 'parked'))}",
    "trigger": lambda dice: f"trigger:{dice.choice(sorted(TRIGGERS))}",
    "action": lambda dice: f"action:{dice.choice(('add_to_space', 'add_tag'))}",
    "integration": lambda dice: 'integration:"My community"',
    "rule": lambda dice: f"rule:{500 + dice.randrange(60)}",
    "dates": lambda dice: f"after:2026-{dice.randrange(9, 12):02}-{dice.randrange(1, 15):02} before:2026-11-{dice.randrange(15, 25)}",
    "name, product, failed": lambda dice: f"{dice.choice(NAMES)} course-{dice.randrange(40)} status:failed",
    "error before a date": lambda dice: f"refused before:2026-{dice.randrange(9, 11)}-{dice.randrange(10, 29)}",
}
"""Each kind of query, made with dice."""


def _email(number: int) -> str:
    return f"{NAMES[number % 16]}.{TOWNS[number // 16 % 13]}{number}@mail{number % 97}.test"


def fill(entries: int) -> None:
    """Write everything, and count it as the workers do."""
    shop, began = Shop(entries), time.monotonic()
    with writing() as session:
        shop.fill(session)
        people = list(shop.customers())
        for start in range(0, len(people), PIECE):
            shop.add(session, Customer, people[start : start + PIECE])
    for rows in shop.pieces():
        with writing() as session:
            for model, its in rows.items():
                shop.add(session, model, its)
    for copy in range(1, COPIES):
        with writing() as session:
            shop.copy(session, copy)
    print(f"filled in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    while shop.shop in log_fold.lagging(db.session(), NOW + timedelta(minutes=1)):
        step = log_fold.due(db.session(), shop.shop, NOW + timedelta(minutes=1))
        counted = log_fold.count(db.session(), shop.shop, step.quarters)
        with writing() as session:
            log_fold.write(session, shop.shop, counted, NOW, shop.ids)
            log_fold.done(session, shop.shop, step.until)
    print(f"counted in {time.monotonic() - began:.0f} s")
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def ask(typed: str) -> tuple[float, float, int]:
    """One page of a query and its count: milliseconds, those of this process's CPU (SQLite's own are among them), and how many entries the
    page shows."""
    began, busy, zone = time.perf_counter(), time.process_time(), UTC
    query = log_query.parse(db.session(), 1, typed, zone, NOW)
    found, _ = logs.counted(db.session(), 1, query, NOW)
    db.session.rollback()
    return (time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000, len(found.rows)


def measure(times: int) -> dict[str, dict[str, float]]:
    """Median, 95th percentile and worst of each kind."""
    dice, found = random.Random(11), {}
    for kind, make in KINDS.items():
        ask(make(dice))
        took = [ask(make(dice)) for _ in range(times)]
        each, busy = sorted(one for one, _, _ in took), sorted(one for _, one, _ in took)
        found[kind] = {
            "p50": each[len(each) // 2], "p95": each[int(len(each) * 0.95)], "max": each[-1], "cpu p95": busy[int(len(busy) * 0.95)],
            "rows": sum(n for _, _, n in took) / times,
        }  # fmt: skip
    return found


def production(database: str) -> dict[str, str]:
    """The settings of a benchmark that names its database: who does is taken for a deployment, which must have secrets of its own."""
    return {
        "DATABASE_URL": database, "SECRET_KEY": "a benchmark's secret key", "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "REDIS_URL": "unix:///nobody/answers", "BASE_URL": "http://cartwheel.test",
    }  # fmt: skip


def main() -> None:
    """Read the arguments, fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=40, help="how often each kind is asked")
    parser.add_argument("--database", help="postgresql (a server is started), or a server's address; else SQLite")
    parser.add_argument("--folder", type=Path, help="where the SQLite file is kept, for asking again; else it is thrown away")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cartwheel-search-"))
        database = stack.enter_context(postgres()) if given.database == "postgresql" else given.database
        environ = {"CARTWHEEL_VAR": str(given.folder or folder), "DEMO": "0"} | (production(database) if database else {})
        app = create_app(load(environ, given.folder or Path(folder)))
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            if not db.session().scalar(select(func.count()).select_from(Marketplace)):
                fill(given.entries)
            found = measure(given.times)
    for kind, figures in found.items():
        print(f"  {kind:24}" + "".join(f"{name} {value:8.1f}   " for name, value in figures.items()))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
