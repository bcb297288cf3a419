"""Everything that a chaos run runs on, as real processes that can be killed and come back: database, Valkey, web, workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests
from sqlalchemy import select

from embedded.valkey import command as valkey_command
from sandbox.server import CommunityServer
from tests import factories, servers
from webapp import create_app
from webapp.apps import MEMBERSHIP
from webapp.config import ROOT, load
from webapp.database import db, writing
from webapp.models import Base, Customer, LogEntry, Source, Target
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret

THREADS = 8
"""Calls that a worker makes at the same time: no more can be under way when it is killed."""

PATIENCE = 120.0
LOOKS = 0.1
"""Seconds between two looks at whether something has come."""

DURABLE = ("fsync=off", "full_page_writes=on", "synchronous_commit=on", "max_connections=100", "shared_buffers=32MB")
"""A commit outlives the server, if not the machine: it is in the system's hands before it is answered."""


def until(ready: Callable[[], bool], what: str, patience: float = PATIENCE) -> float:
    """Wait for something that other processes do. Gives how long it took."""
    began = time.monotonic()
    while not ready():
        if time.monotonic() - began > patience:
            raise TimeoutError(f"{what}: it never came")
        time.sleep(LOOKS)
    return time.monotonic() - began


class Process:
    """A program that can be killed, and started again."""

    def __init__(self, command: Sequence[str], environ: dict[str, str], **more: Any) -> None:
        self.command, self.environ, self.more = list(command), environ, {"cwd": ROOT, **more}
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.running = subprocess.Popen(
            self.command, env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, **self.more
        )

    def end(self, within: float) -> int:
        """Tell it to end, as a platform does, and wait so many seconds at most. Gives its exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        code = self.running.wait(within)
        self.running = None
        return code

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """The whole of it at once, children too; SIGQUIT is what ends a PostgreSQL as a crash would."""
        if self.running is not None:
            target = os.killpg if number == signal.SIGKILL else os.kill
            target(self.running.pid, number)
            self.running.wait(PATIENCE)
            self.running = None


class Town:
    """A running Cartwheel: one web process, so many workers. `circle` is the community that they call."""

    def __init__(self, folder: Path, circle: CommunityServer, database: str, workers: int) -> None:
        self.folder, self.circle, self.port, self.secret = folder, circle, servers.free_port(), new_secret()
        self.spaces: dict[str, int] = {}
        self.postgres = _postgres(folder) if database == "postgresql" else None
        self.database_url = f"postgresql+psycopg://cartwheel@/postgres?host={folder}" if self.postgres else f"sqlite:///{folder}/chaos.db"
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CARTWHEEL_VAR": str(folder / "var"), "PORT": str(self.port),
            "DATABASE_URL": self.database_url.replace("+psycopg", ""), "REDIS_URL": f"unix://{folder}/valkey.sock",
            "SECRET_KEY": "a secret key for tests alone", "ENCRYPTION_KEYS": "an encryption key for tests alone", "CIRCLE_RATE": "1000000/300",
            "CIRCLE_API_URL": circle.api_url, "CALL_THREADS": str(THREADS), "LOG_LEVEL": "CRITICAL", "DEMO": "0",
            "BASE_URL": f"http://127.0.0.1:{self.port}",
        }  # fmt: skip
        self.valkey = Process(valkey_command(folder / "valkey.sock", folder), self.environ)
        self.web = Process(["gunicorn", "--no-control-socket", "wsgi:app"], self.environ)
        self.workers = [Process([sys.executable, "-m", "workers"], self.environ) for _ in range(workers)]

    @property
    def url(self) -> str:
        """Where events are posted to."""
        return f"http://127.0.0.1:{self.port}/webhooks/chaos"

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.environ["REDIS_URL"])

    def start(self, products: Sequence[str]) -> None:
        """Start everything, and wait until the webhook answers."""
        if self.postgres is not None:
            self.postgres.start()
            until(self._database_answers, "PostgreSQL")
        self.app = create_app(load(self.environ, self.folder / "var"))
        self._fill(products)
        for process in (self.valkey, self.web, *self.workers):
            process.start()
        until(self.answers, "the web process")

    def stop(self) -> None:
        """Kill everything."""
        for process in (*self.workers, self.web, self.valkey, self.postgres):
            if process is not None:
                process.kill()
        with self.app.app_context():
            db.engine.dispose()

    def answers(self) -> bool:
        """Whether the webhook's address answers."""
        try:
            return requests.get(self.url, timeout=5).ok
        except requests.RequestException:
            return False

    def restart_postgres(self, down: float) -> None:
        """As a crash would, in the middle of whatever it does; it comes back by its log."""
        if self.postgres is not None:
            self.postgres.kill(signal.SIGQUIT)
            time.sleep(down)
            self.postgres.start()
            until(self._database_answers, "PostgreSQL")
            with self.app.app_context():
                db.engine.dispose()

    def count(self, statement: Any) -> int:
        """What one query counts."""
        with self.app.app_context():
            found = db.session.scalar(statement) or 0
            db.session.remove()
            return int(found)

    def log_of(self, email: str) -> list[LogEntry]:
        """A customer's entries, the oldest first."""
        with self.app.app_context():
            mine = select(LogEntry).join(Customer, Customer.id == LogEntry.customer_id).where(Customer.email == email)
            found = list(db.session.scalars(mine.order_by(LogEntry.id)))
            db.session.remove()
            return found

    def _database_answers(self) -> bool:
        try:
            psycopg.connect(self.database_url.replace("+psycopg", "")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _fill(self, products: Sequence[str]) -> None:
        """The tables, a marketplace, its community, and for each product a space that its purchase gives and its refund takes back."""
        with self.app.app_context():
            Base.metadata.create_all(db.engine)
            with writing() as session:
                shop = factories.make_marketplace(session, "Chaos", allowance=1_000_000)
                sealed = parts().vault.seal('{"api_key": "sandbox-token"}')
                community = factories.make_integration(session, shop, credentials=sealed)
                session.add(Target(id=factories.new_id(), integration_id=community.id, kind=MEMBERSHIP, remote_id="", name=""))
                for name in products:
                    self.spaces[name] = self.circle.community.add_space(name)
                    target = factories.make_target(session, community, remote_id=str(self.spaces[name]))
                    product = factories.make_product(session, shop, external_id=name)
                    factories.make_rule(session, target, product)
                    factories.make_rule(session, target, product, trigger="product_refunded", action="remove_from_space", removal="spare")
                source = {"id": factories.new_id(), "marketplace_id": shop.id, "kind": "cartwheel", "address": "chaos"}
                session.add(Source(**source, secret=parts().vault.seal(self.secret), created_at=factories.NOW))


def _postgres(folder: Path) -> Process:
    binaries = servers.postgres_binaries()
    if binaries is None:
        servers.missing("There is no PostgreSQL")
    run_as = servers._another_user(folder)
    initdb = f"{binaries}/initdb -D {folder}/data -U cartwheel -A trust -E UTF8 --locale=C --no-sync".split()
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **run_as)
    options = [part for setting in DURABLE for part in ("-c", setting)]
    server = [*f"{binaries}/postgres -D {folder}/data -k {folder} -c listen_addresses=".split(), *options]
    return Process(server, dict(os.environ), stderr=subprocess.DEVNULL, **run_as)


@contextmanager
def town(circle: CommunityServer, database: str, products: Sequence[str], workers: int = 2) -> Iterator[Town]:
    """A town, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="cartwheel-chaos-", dir=servers.quickest()))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = Town(folder, circle, database, workers)
        stack.callback(made.stop)
        made.start(products)
        yield made
