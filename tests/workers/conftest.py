"""A worker's parts on both databases and a real Redis, beside a community that answers over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from sqlalchemy import select

from sandbox.server import CommunityServer, running
from tests import factories
from tests.conftest import make_settings
from webapp import create_app
from webapp.apps import MEMBERSHIP
from webapp.database import db, writing
from webapp.doorbell import CHORES
from webapp.engine.intake import Arrival, take
from webapp.engine.snapshots import Snapshots
from webapp.models import Integration, LogEntry, Source, Target
from webapp.pacing import Pace, Unlimited
from webapp.parts import parts
from webapp.sources import Line, Message, Person
from workers.callers import Callers
from workers.clients import Clients
from workers.drain import Drain


@dataclass
class Bench:
    """An app with one marketplace that is connected to a running community, and a global rule that invites."""

    app: Flask
    circle: CommunityServer
    marketplace: int
    integration: int
    source: int

    def order(self, *emails: str) -> None:
        """Orders by these people, in one transaction."""
        with self.app.app_context(), writing() as session:
            here = parts()
            lines = {email: (Line("purchased", "x", order=email),) for email in emails}
            messages = [Message(f"m-{email}", "order.created", here.now(), Person(email), lines[email]) for email in emails]
            arrivals = [Arrival(self.marketplace, self.source, message, b"{}") for message in messages]
            take(session, arrivals, Snapshots(), here.now(), here.new_id)

    def drain(self, pace: Pace | None = None, stop: threading.Event | None = None) -> None:
        """What the job `work` does."""
        with self.app.app_context():
            here = parts()
            Drain(here, Clients(here), pace or Unlimited(), Callers(8), stop or threading.Event()).run()

    def rows(self, model: Any) -> list[Any]:
        with self.app.app_context():
            found = list(db.session.scalars(select(model)))
            db.session.remove()
            return found

    def statuses(self) -> list[str]:
        return sorted(entry.status for entry in self.rows(LogEntry))

    def change(self, **columns: Any) -> None:
        """Change the integration."""
        with self.app.app_context(), writing() as session:
            row = session.get_one(Integration, self.integration)
            for name, value in columns.items():
                setattr(row, name, value)


def called(redis: Redis, chore: str) -> int:
    """How often a chore is called for and waits."""
    return sum(job.func_name == chore for job in Queue(CHORES, connection=redis).jobs)


@pytest.fixture
def bench(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Bench]:
    with running() as circle:
        app = create_app(make_settings(database_url, redis_url, tmp_path, CIRCLE_API_URL=circle.api_url))
        with app.app_context(), writing() as session:
            shop = factories.make_marketplace(session)
            sealed = parts().vault.seal(json.dumps({"api_key": "sandbox-token"}))
            made = factories.make_integration(session, shop, credentials=sealed)
            target = Target(id=factories.new_id(), integration_id=made.id, kind=MEMBERSHIP, remote_id="", name="")
            session.add(target)
            session.flush()
            factories.make_rule(session, target, action="invite_member", trigger="product_purchased")
            source = Source(id=factories.new_id(), marketplace_id=shop.id, kind="cartwheel", address="here", created_at=datetime.now(UTC))
            session.add(source)
            ids = (shop.id, made.id, source.id)
        yield Bench(app, circle, *ids)
        factories.done_with(app)
