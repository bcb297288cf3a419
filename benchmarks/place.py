"""Where a benchmark runs: a database, a Valkey, a sink that stands for Circle, one web and one worker process, all on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.fernet import Fernet
from flask_migrate import upgrade

from embedded.checks import free_port
from embedded.valkey import command as valkey_command
from tests.servers import postgres
from webapp import create_app
from webapp.apps import Community
from webapp.config import load
from webapp.database import writing
from webapp.engine import integrations
from webapp.models import Marketplace, Rule, Source, Target
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0


class Place:
    """A running Cartwheel with one global invite rule, for a benchmark."""

    def __init__(self, folder: Path, database_url: str | None, latency: float, crowd: Callable[[], None] | None = None) -> None:
        self.folder, self.crowd = folder, crowd
        self.server = _server(database_url) if database_url else None
        self.secret = new_secret()
        self.port = free_port()
        self.latency = latency
        self.sink = ""
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.environ = {
            **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CARTWHEEL_VAR": str(folder),
            "REDIS_URL": f"unix://{folder}/valkey.sock", "PORT": str(self.port), "DEMO": "0", "CIRCLE_RATE": "0",
            "SECRET_KEY": "a benchmark's secret key", "ENCRYPTION_KEYS": Fernet.generate_key().decode(), "LOG_LEVEL": "WARNING",
        }  # fmt: skip
        if database_url:
            self.environ["DATABASE_URL"] = database_url

    @property
    def webhook(self) -> str:
        """The address that events are posted to."""
        return f"http://127.0.0.1:{self.port}/webhooks/benchmark"

    def start(self, stack: ExitStack) -> None:
        """Start everything, and wait until it answers."""
        self._spawn(stack, "valkey", valkey_command(self.folder / "valkey.sock", self.folder))
        sink = self._spawn(stack, "sink", [sys.executable, "-m", "sandbox.sink", "--port", "0", "--latency", str(self.latency)], out=True)
        self.sink = str(sink.stdout.readline()).split()[-1] if sink.stdout else ""
        self.environ["CIRCLE_API_URL"] = f"{self.sink}/api/admin/v2"
        for name, command in self.program().items():
            self._spawn(stack, name, command)
        self._wait()

    def program(self) -> dict[str, list[str]]:
        """What is measured: the commands of its web process and its worker, with all that they need in place."""
        self._fill()
        return {"web": ["gunicorn", "--no-control-socket", "wsgi:app"], "worker": [sys.executable, "-m", "workers"]}

    def calls(self) -> list[dict[str, Any]]:
        """Every call that reached the sink: e-mail and time."""
        found: list[dict[str, Any]] = self._ask("/calls")
        return found

    def count(self) -> int:
        """How many calls reached the sink."""
        return int(self._ask("/count")["count"])

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU that each of our processes has used, with its children; the database's server, too, where it is one of ours."""
        used = {name: _cpu(process.pid) for name, process in self.processes.items() if name in ("web", "worker", "valkey")}
        return used | ({"postgresql": _cpu(self.server)} if self.server else {})

    def memory(self) -> dict[str, float]:
        """Resident memory of web and worker in MB, shared pages shared out (PSS)."""
        return {name: sum(_pss(pid) for pid in _family(self.processes[name].pid)) for name in ("web", "worker")}

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.sink + path, timeout=30) as answer:  # noqa: S310  our own sink
            return json.load(answer)

    def _spawn(self, stack: ExitStack, name: str, command: list[str], out: bool = False) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE if out else None
        process = stack.enter_context(subprocess.Popen(command, env=self.environ, cwd=ROOT, stdout=pipe, text=True))
        stack.callback(process.terminate)
        self.processes[name] = process
        return process

    def _fill(self) -> None:
        """The tables, a marketplace, an integration and a global rule."""
        app = create_app(load(self.environ, self.folder))
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            if self.crowd:
                self.crowd()
                os.sync()  # what that left to write would be written while others wait for the disc
            here, now = parts(), parts().now()
            with writing() as session:
                shop = Marketplace(id=here.new_id(now), name="Benchmark", created_at=now, allowance=1_000_000)
                session.add(shop)
                session.flush()
                connection = integrations.Connection("circle", Community("1", "Sink"), {"api_key": "benchmark-key"}, {"community_url": ""})
                made = integrations.create(session, shop.id, "Sink", connection, here.vault.seal, here.new_id, now)
                session.flush()
                target = session.query(Target).filter_by(integration_id=made.id).one()
                session.add(
                    Rule(
                        id=here.new_id(now), marketplace_id=shop.id, trigger="product_purchased", integration_id=made.id,
                        action="invite_member", target_id=target.id, created_at=now, identity="benchmark",
                    )
                )  # fmt: skip
                sealed = here.vault.seal(self.secret)
                session.add(
                    Source(
                        id=here.new_id(now), marketplace_id=shop.id, kind="cartwheel", address="benchmark", secret=sealed, created_at=now
                    )
                )

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the web process did not come up")


SERVER = ("max_connections=150", "shared_buffers=256MB")
"""What a benchmark's PostgreSQL is told beyond its defaults. Commits reach the disk, as they do in production."""


@contextmanager
def place(
    database: str = "sqlite", latency: float = 0.05, kind: type[Place] = Place, crowd: Callable[[], None] | None = None
) -> Iterator[Place]:
    """A place, for as long as the block lasts. `database`: sqlite; postgresql, a server of its own; or the address of one. `crowd` writes, inside
    the app, what the tables hold before anything begins."""
    with tempfile.TemporaryDirectory(prefix="cartwheel-bench-") as folder, ExitStack() as stack:
        if database == "postgresql":
            database = stack.enter_context(postgres(SERVER, Path(tempfile.gettempdir())))
        made = kind(Path(folder), None if database == "sqlite" else database, latency, crowd)
        made.start(stack)
        yield made


def _server(url: str) -> int | None:
    """The process of a PostgreSQL server that was started by us: its socket lies beside its data."""
    folder = Path(parse_qs(urlsplit(url).query).get("host", [""])[0])
    told = folder / "data" / "postmaster.pid"
    return int(told.read_text().split()[0]) if told.is_file() else None


def _family(pid: int) -> list[int]:
    """A process and its children, by who names whom as its parent: the kernel's own list of children may miss one while they run."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family = [pid]
    for one in family:
        family += [child for child, parent in parents.items() if parent == one]
    return family


def _cpu(pid: int) -> float:
    total = 0.0
    for one in _family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(ticks) for ticks in fields[11:15]) / TICKS  # with the children that have ended
    return total


def _pss(pid: int) -> float:
    lines: Mapping[str, str] = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if ":" in line
    )
    return int(lines["Pss"].split()[0]) / 1024
