"""How large the database of a year is: `make bench-year`, `ARGS="--database postgresql"` for PostgreSQL.

A made-up shop (benchmarks/calls.py says what is bought in it) sells for a year on a clock that is turned on. Its checkout speaks as SamCart does;
messages are read, taken in, worked on by a real drain, and counted and cut each night by the real keeper. Nothing is called: what stands for Circle
answers in this process, in the size of Circle's own answers. To be done in minutes it sells a part of 1,000 events a day, and the figures
are so many times what was measured beyond an empty database.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, select, text

from benchmarks.calls import RULES, Told, history
from benchmarks.place import ROOT
from benchmarks.search import production
from embedded.valkey import command as valkey_command
from tests.servers import postgres
from webapp import create_app
from webapp.apps import MEMBERSHIP, Answer, Call, Community
from webapp.apps.registry import APPS
from webapp.config import load
from webapp.database import db, writing
from webapp.engine import integrations, retention
from webapp.engine.intake import Arrival, take
from webapp.engine.repeats import told_apart
from webapp.engine.rules import default_removal
from webapp.engine.snapshots import Snapshots
from webapp.engine.triggers import TRIGGERS
from webapp.engine.work import Seat
from webapp.ids import Ids
from webapp.models import Event, LogEntry, Marketplace, Product, Rule, Source, Target
from webapp.pacing import Unlimited
from webapp.parts import Parts, parts
from webapp.sources import Request
from webapp.sources.registry import SOURCES
from workers.callers import Callers
from workers.clients import Clients
from workers.drain import Drain
from workers.keeper import Keeper

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
A_DAY = 1000
"""The events a day that the figures are told for."""

TOGETHER = 40
"""So many messages at most are taken in by one transaction."""

PLAIN = [rule for rule in RULES if rule[2] is None or rule[2] == "Club" or rule[2].endswith("lessons")]
"""The rules of that shop without its tags and second spaces: a purchase invites and gives one place, a refund or a cancellation takes it."""

OF_THE_LOG = re.compile(r"(ix_|uq_|pk_|sqlite_autoindex_)?(events|log_entries|calls|call_entries|shapes|tallies|quarters)(_|$)")
"""The tables of what is cut, and their indexes."""

WORDS = {
    "purchased": "Order", "refunded": "Refund", "prospect": "Prospect", "charged": "RecurringPaymentSucceeded",
    "charge_failed": "RecurringPaymentFailed", "canceled": "Cancel",
}  # fmt: skip
MEMBER = {
    "first_name": "Mina", "last_name": "Okoro", "headline": None, "created_at": "2026-01-05T10:12:51.000Z", "community_id": 218843,
    "updated_at": "2026-01-05T10:12:51.000Z", "last_seen_at": None, "profile_confirmed_at": None, "avatar_url": None, "user_id": 19442871,
    "profile_url": "https://my-community.circle.so/u/3f0a9c41", "public_uid": "3f0a9c41", "name": "Mina Okoro", "accepted_invitation": None,
    "active": True, "sso_provider_user_id": None, "comments_count": 0, "posts_count": 0, "topics_count": 0, "gamification_stats": {},
    "flattened_profile_fields": {"bio": None, "website": None, "location": None, "twitter_url": None, "facebook_url": None,
                                 "linkedin_url": None, "instagram_url": None},
    "profile_fields": [], "member_tags": [{"id": 41881, "name": "Customer"}],
}  # fmt: skip


class Circle:
    """Stands for the client of an integration: whatever it is asked to do is done."""

    def __init__(self) -> None:
        self._members = 30_000_000

    def send(self, call: Call) -> Answer:
        """The answer, as Circle words it."""
        if call.purpose in ("invite", "search"):
            self._members += 1
            member = {"id": self._members, "email": (call.body or dict(call.query))["email"], **MEMBER}
            found = member if call.purpose == "search" else {"message": "This user has been invited.", "community_member": member}
            return Answer(201 if call.purpose == "invite" else 200, found, json.dumps(found), duration_ms=180)
        return Answer(200, {"message": "Done."}, '{"message":"Done."}', duration_ms=120)


class Connected(Clients):
    """Every integration's client is that one."""

    def __init__(self, here: Parts) -> None:
        super().__init__(here)
        self._circle = Circle()

    def of(self, seat: Seat) -> Circle:
        """The client."""
        return self._circle


def body(told: Told, product: str, number: int) -> bytes:
    """A message as SamCart sends it, a little more than what public receivers have shown of one."""
    subscribes = told.more.get("subscription") if product == "club" else None
    said: dict[str, Any] = {
        "type": WORDS[told.kind], "api_key": None,
        "product": {"id": product, "name": f"The {product} programme", "internal_name": f"{product} 2026", "price": "49.00", "quantity": 1,
                    "sku": f"SKU-{product}", "pricing_type": "recurring" if subscribes else "one_time", "currency": "USD",
                    "transaction_id": f"ch_3Q{number:022}", "status": "charged"},
        "customer": {"first_name": "Mina", "last_name": "Okoro", "email": told.email, "phone_number": "+1 555 010 0199",
                     "customer_id": 8_800_000 + number, "billing_address": "1 Example Street", "billing_city": "Springfield",
                     "billing_state": "CA", "billing_zip": "90210", "billing_country": "US"},
        "order": {"id": told.more.get("order"), "total": "98.00", "subtotal": "98.00", "tax": "0.00", "discount": "0.00", "shipping": "0.00",
                  "ip_address": "192.0.2.7", "subscription_id": subscribes, "coupon": None, "custom_fields": [], "stripe_id": f"cus_{number:014}",
                  "utm_parameters": {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "spring"}},
        "affiliate": {"id": None, "token": None}, "processor": "Stripe", "test_mode": False,
    }  # fmt: skip
    return json.dumps(said).encode()


def year(days: int, events: int) -> list[tuple[Told, str]]:
    """What the checkout tells in so many days, a message for each product: about so many a day, the same each time."""
    end, tried = BEGIN + timedelta(days=days), 2000
    told = _messages(history(BEGIN, tried, days=days), end)
    return _messages(history(BEGIN, round(tried * days * events / len(told)), days=days), end)


def _messages(told: Sequence[Told], end: datetime) -> list[tuple[Told, str]]:
    return [(one, product) for one in told for product in one.products if one.at < end]


class Shop:
    """The shop with its clock."""

    def __init__(self, app: Flask, keep: int, rules: Sequence[tuple[str, str, str | None, str | None]]) -> None:
        self.now = BEGIN
        self.here = app.extensions["cartwheel"] = replace(parts(), now=lambda: self.now, new_id=Ids())
        self.snapshots, self.clients, self.callers = Snapshots(), Connected(self.here), Callers(16)
        with writing() as session:
            shop = Marketplace(id=self._id(), name="A year", created_at=self.now, allowance=1_000_000, retention_days=keep)
            session.add(shop)
            session.flush()
            connection = integrations.Connection("circle", Community("1", "My community"), {"api_key": "a key"}, {"community_url": ""})
            made = integrations.create(session, shop.id, "My community", connection, self.here.vault.seal, self.here.new_id, self.now)
            session.flush()
            self.marketplace, self.integration, self.source = shop.id, made.id, self._id()
            session.add(Source(id=self.source, marketplace_id=shop.id, kind="samcart", address="year", created_at=self.now))
            self._rules(session, rules)

    def _id(self) -> int:
        return self.here.new_id(self.now)

    def _rules(self, session: Any, rules: Sequence[tuple[str, str, str | None, str | None]]) -> None:
        membership = session.scalar(select(Target.id).where(Target.kind == MEMBERSHIP))
        products: dict[str | None, int | None] = {None: None}
        targets: dict[str | None, int] = {None: membership}
        for trigger, action, place, product in rules:
            if product not in products:
                products[product] = self._id()
                about = {"external_id": product, "name": f"The {product} programme", "created_at": self.now}
                session.add(Product(id=products[product], marketplace_id=self.marketplace, **about))
            if place not in targets:
                targets[place] = self._id()
                kind = next(kind for kind in ("space_group", "space", "tag") if action.endswith(kind))
                remote = str(900_000 + len(targets))
                session.add(Target(id=targets[place], integration_id=self.integration, kind=kind, remote_id=remote, name=place or ""))
            session.flush()
            what = {"trigger": trigger, "action": action, "removal": default_removal(TRIGGERS[trigger], APPS["circle"].actions[action])}
            where: dict[str, Any] = {"product_id": products[product], "integration_id": self.integration, "target_id": targets[place]}
            session.add(Rule(id=self._id(), marketplace_id=self.marketplace, created_at=self.now, **what, **where))

    def deliver(self, bodies: Sequence[bytes]) -> None:
        """Messages arrive together."""
        read = [(SOURCES["samcart"].read(Request(one, {}, {}), self.now), one) for one in bodies]
        with writing() as session:
            arrivals = [Arrival(self.marketplace, self.source, message, one) for message, one in read if message]
            take(session, told_apart(session, arrivals, self.now), self.snapshots, self.now, self.here.new_id)

    def work(self) -> None:
        """What is due is done: the worker's own drain."""
        Drain(self.here, self.clients, Unlimited(), self.callers, threading.Event()).run()

    def pass_day(self, day: int, messages: Sequence[tuple[int, Told, str]]) -> None:
        """A day with its messages, and what is due meanwhile."""
        for start in range(0, len(messages), TOGETHER):
            some = messages[start : start + TOGETHER]
            self.now = max(self.now, some[-1][1].at)
            self.deliver([body(told, product, number) for number, told, product in some])
            self.work()
        self.now = max(self.now, BEGIN + timedelta(days=day + 1))
        self.work()


def play(at: Place, messages: Sequence[tuple[Told, str]], days: int) -> None:
    """The year, with a night after each day."""
    rest = deque(enumerate(messages))
    for day in range(days):
        today = []
        while rest and rest[0][1][0].at < BEGIN + timedelta(days=day + 1):
            number, (told, product) = rest.popleft()
            today.append((number, told, product))
        at.shop.pass_day(day, today)
        at.night()


class Place:
    """An app on a database of its own, with the shop in it and somebody who keeps house."""

    def __init__(self, app: Flask, keep: int, rules: Sequence[tuple[str, str, str | None, str | None]]) -> None:
        self.empty = self.size()
        self.shop = Shop(app, keep, rules)
        self._keeper = Keeper(app, "year", threading.Event())

    def night(self) -> None:
        """The log is counted and cut. What PostgreSQL's autovacuum does in its own time is asked of it here: the clock runs too fast for it."""
        self._keeper.round()
        db.session.remove()
        if db.engine.dialect.name == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM"))

    def size(self) -> int:
        """Bytes of the whole database."""
        if db.engine.dialect.name == "postgresql":
            return int(db.session.scalar(text("SELECT pg_database_size(current_database())")) or 0)
        db.session.remove()  # what somebody still reads can't be cut off the journal
        with closing(db.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Path(str(db.engine.url.database)).stat().st_size

    def tables(self) -> dict[str, int]:
        """Bytes of each table and each index, by name; the largest first."""
        if db.engine.dialect.name == "postgresql":
            asked = (
                "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
            )
            rows: Any = db.session.execute(text(asked)).all()
        else:  # the wheel's SQLite can't tell, the system's can
            with closing(sqlite3.connect(str(db.engine.url.database))) as file:
                rows = file.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        return dict(sorted(((name, int(size)) for name, size in rows), key=lambda one: -one[1]))


def measure(given: argparse.Namespace, app: Flask) -> dict[str, Any]:
    """Play the year, and give the figures in MB and bytes, for A_DAY events a day."""
    at, messages, began = Place(app, given.keep, RULES if given.all_rules else PLAIN), year(given.days, given.events), time.monotonic()
    play(at, messages, given.days)
    times = A_DAY * given.days / len(messages)
    rows = {model.__tablename__: db.session.scalar(select(func.count()).select_from(model)) for model in (Event, LogEntry)}
    whole, tables = at.size() - at.empty, at.tables()
    log = sum(size for name, size in tables.items() if OF_THE_LOG.match(name))
    with writing() as session:
        retention.set_days(session, at.shop.marketplace, given.keep // 3)
    at.night()
    return {
        "events": len(messages), "seconds": round(time.monotonic() - began), "kept": rows,
        "MB after the year": whole * times / 1e6, "MB once a third of the days is kept": (at.size() - at.empty) * times / 1e6,
        "bytes an event, as long as its entries are kept": log / (rows["events"] or 1), "bytes an event for good": (whole - log) / len(messages),
        "entries an event": (rows["log_entries"] or 0) / (rows["events"] or 1),
        "tables": {name: f"{size * times / 1e6:.0f} MB" for name, size in tables.items() if size > whole / 200},
    }  # fmt: skip


def main() -> None:
    """Read the arguments, play, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--all-rules", action="store_true", help="with all rules of that shop, of which a purchase starts five or more")
    parser.add_argument("--events", type=int, default=25, help="events a day; the figures are told for a thousand")
    parser.add_argument("--keep", type=int, default=90, help="for how many days the log is kept")
    parser.add_argument("--database", help="postgresql (a server is started); else SQLite")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cartwheel-year-"))
        environ = production(stack.enter_context(postgres())) if given.database == "postgresql" else {}
        environ |= {"CARTWHEEL_VAR": folder, "DEMO": "0", "REDIS_URL": f"unix://{folder}/valkey.sock"}
        valkey = stack.enter_context(
            subprocess.Popen(valkey_command(Path(folder) / "valkey.sock", Path(folder)), stdout=subprocess.DEVNULL)
        )
        stack.callback(valkey.terminate)
        app = create_app(load(environ, Path(folder)))
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            found = measure(given, app)
    for name, value in found.items():
        print(f"  {name:50} {value:.0f}" if isinstance(value, float) else f"  {name:50} {value}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
