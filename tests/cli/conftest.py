"""What tests of the commands share: an app on both databases, connected to Circle's simulator over the network, and a way to run a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.community import Community
from sandbox.server import CommunityServer, running
from tests import factories
from tests.conftest import make_settings
from webapp import create_app, passwords
from webapp.config import Settings
from webapp.database import db, writing
from webapp.sources.cartwheel import signed

Write = Callable[[], AbstractContextManager[Session]]
KEY = "sandbox-token"
ENVIRON = {"OWNER_PASSWORD": factories.PASSWORD, "CIRCLE_KEY": KEY}
MARKET = """\
marketplace: Acme Courses
time_zone: Europe/Berlin
owner: {email: owner@example.com, password: "${OWNER_PASSWORD}"}
integrations:
  - {name: My community, app: circle, api_key: "${CIRCLE_KEY}", community_url: "https://acme.circle.so"}
products:
  - {id: ads-101, name: Ads 101}
rules:
  - {product: ads-101, trigger: product_purchased, integration: My community, action: add_to_space, target: VIP Room}
  - {trigger: product_purchased, integration: My community, action: invite_member}      # no product: global
"""
"""The file of the documentation. Its rules stand on lines 9 and 10."""


class Clock:
    """The time as the app knows it; a test moves it."""

    def __init__(self) -> None:
        self.time = factories.NOW

    def __call__(self) -> datetime:
        return self.time


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> Any:
        """The last line on standard output, which must be JSON."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def lines(self) -> list[Any]:
        """Every line on standard output, each of them JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Desk:
    """An app, and commands run on it as a shell would: `run("logs", "--json")`, `apply(TEXT)`."""

    app: Flask
    folder: Path
    clock: Clock
    environ: dict[str, str]

    def run(self, *args: str, typed: str | None = None) -> Done:
        result = self.app.test_cli_runner().invoke(args=args, env=self.environ, input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def apply(self, text: str = MARKET, *options: str, typed: str | None = None) -> Done:
        """Run `apply` on a file with this text. `typed`: what somebody answers."""
        file = self.folder / "market.yaml"
        file.write_text(text, encoding="utf-8")
        return self.run("apply", *options, str(file), typed=typed)

    def complaints(self, text: str) -> list[str]:
        """What `apply` says of a file that it must refuse, beginning with `line`, without its progress."""
        done = self.apply(text)
        assert (done.code, done.out) == (1, ""), done
        start = f"{self.folder / 'market.yaml'}, "
        return [line.removeprefix(start) for line in done.err.splitlines() if line.startswith(start)]

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction."""
        with self.app.app_context(), writing() as session:
            yield session

    def rows(self, model: Any) -> list[Any]:
        """Every row, the oldest first."""
        with self.app.app_context():
            found = list(db.session.scalars(select(model).order_by(model.id if hasattr(model, "id") else None)))
            db.session.expunge_all()
            return found

    def one(self, model: Any) -> Any:
        (row,) = self.rows(model)
        return row

    @property
    def client(self) -> FlaskClient:
        """A browser, or a checkout."""
        return self.app.test_client()

    def post(self, webhook: dict[str, str], body: dict[str, Any], key: str = "m1") -> int:
        """Send a signed message to the webhook that `apply` printed. Returns the status of the answer."""
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **signed(webhook["secret"], key, self.clock(), raw)}
        return self.client.post(webhook["path"], data=raw, headers=headers).status_code


@pytest.fixture
def community() -> Community:
    """A community with 120 spaces in two groups, of which two have one name."""
    made = Community(lambda: factories.NOW)
    for name in ("Ads 101", "Masterclass"):
        group = made.add_group(name)
        made.add_space("Q&A", group)
        for number in range(58):
            made.add_space(f"{name} {number}", group)
    made.add_space("VIP Room")
    made.add_space("Lounge")
    made.add_tag("Student")
    made.add_event("Kick-off")
    return made


@pytest.fixture
def circle(community: Community) -> Iterator[CommunityServer]:
    """The community at an address."""
    with running(community) as server:
        yield server


@pytest.fixture
def settings(database_url: str, redis_url: str, circle: CommunityServer, tmp_path: Path) -> Settings:
    """Settings on a fresh database (both kinds), an empty Valkey, and the community."""
    return make_settings(database_url, redis_url, tmp_path, CIRCLE_API_URL=circle.api_url)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that take no time to hash."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def desk(settings: Settings, tmp_path: Path) -> Iterator[Desk]:
    """The app and its commands."""
    with opened(settings, tmp_path) as made:
        yield made


@contextmanager
def opened(settings: Settings, folder: Path) -> Iterator[Desk]:
    """An app with these settings, and its commands."""
    app, clock = create_app(settings), Clock()
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.extensions["cartwheel"] = replace(app.extensions["cartwheel"], now=clock)
    yield Desk(app, folder, clock, dict(ENVIRON))
    factories.done_with(app)
