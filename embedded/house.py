"""What `make run` starts, in which order, and what each part is told. How processes are looked after is elsewhere."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from honcho.environ import parse_procfile

from embedded import checks, valkey
from embedded.child import Child
from embedded.output import Output
from embedded.supervisor import Stopping, Supervisor
from webapp import local
from webapp.config import Settings

PATIENCE = 60.0
"""Seconds that a part has to answer after its start."""

FLASK = "flask --app wsgi"
SANDBOX = "python -m sandbox"
SANDBOX_API = "/api/admin/v2"
SANDBOX_PORT = "sandbox_port"

NOTED = ("PORT", "DEMO", "CIRCLE_API_URL")
"""What a command started beside `make run` could not know without being told."""


class Failed(Exception):
    """A part did not come up: a sentence for the person at the prompt."""


class House:
    """All parts on this machine, for these settings and the variables that they were read from."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], output: Output) -> None:
        self.settings = settings
        self.output = output
        self.supervisor = Supervisor(settings.root, output)
        self.commands: Mapping[str, str] = parse_procfile((settings.root / "Procfile").read_text()).processes
        self.environ = {name: value for name, value in environ.items() if value}
        self.environ |= {"PATH": _path(environ), "PORT": str(settings.port), "PYTHONUNBUFFERED": "1"}
        self.environ["DEMO"] = "1" if settings.demo else "0"
        self.valkey: Child | None = None
        self.sandbox: int | None = None

    def run(self) -> None:
        """Bring everything up, say where it is, and look after it until a signal asks for the end. Raises Failed."""
        self.supervisor.listen()
        try:
            self._open()
            self.supervisor.supervise()
        except Stopping:
            self.output.say("ending")
        finally:
            self.supervisor.stop(last=self.valkey)
            local.forget_running(self.settings.var)

    def _open(self) -> None:
        if "REDIS_URL" not in self.environ:
            self._start_valkey()
        if self.settings.demo:
            self.sandbox = self._start_sandbox()
        local.note_running(self.settings.var, {name: self.environ[name] for name in NOTED if name in self.environ})
        self._must("release", self.commands["release"], "The database could not be brought up to date.")
        for name in ("web", "worker"):
            self.supervisor.start(name, self.commands[name], self.environ)
        if self.sandbox is not None:
            self._await(partial(checks.listens, self.sandbox), "The sandbox")
            self._must("demo", f"{FLASK} demo", "The demo marketplace could not be made.")
        way_in = self.supervisor.hear("setup-link", f"{FLASK} setup-link", self.environ)
        self._await(partial(checks.answers, self.settings.port, "/healthz"), "The web process")
        self._welcome(way_in)

    def _start_valkey(self) -> None:
        socket = local.valkey_socket(self.settings.var)
        _own_folder(socket.parent)
        command = shlex.join(valkey.command(socket, self.settings.var))
        self.valkey = self.supervisor.start("valkey", command, self.environ, "quiet")
        self._await(partial(checks.valkey_answers, socket), "The embedded Valkey")

    def _start_sandbox(self) -> int:
        """The sandbox has the same port each time, as long as that is free: pages of it that are open go on."""
        port = _kept_port(self.settings.var / SANDBOX_PORT)
        self.environ.setdefault("CIRCLE_API_URL", f"http://127.0.0.1:{port}{SANDBOX_API}")
        told = {"SANDBOX_PORT": str(port), "CARTWHEEL_VAR": str(self.settings.var)}
        self.supervisor.start("sandbox", SANDBOX, {**self.environ, **told})
        return port

    def _welcome(self, way_in: Sequence[str]) -> None:
        """Where it is, and how to sign in: what a person is waiting for, without the processes' names before it."""
        buy = f"Buy something at http://127.0.0.1:{self.sandbox}/checkout: a checkout on this machine, and its community."
        at = f"Cartwheel is at {self.settings.address}"
        for line in ("", at, *way_in, *([buy] if self.sandbox is not None else []), "Ctrl-C ends it.", ""):
            self.output.plain(line)

    def _must(self, name: str, command: str, otherwise: str) -> None:
        if self.supervisor.run(name, command, self.environ):
            raise Failed(otherwise)

    def _await(self, ready: Callable[[], bool], what: str) -> None:
        if not self.supervisor.wait_for(ready, PATIENCE):
            raise Failed(f"{what} did not answer within {PATIENCE:.0f} s.")


def _path(environ: Mapping[str, str]) -> str:
    """The commands of the Python that runs this come before all others of their names."""
    return os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))


def _own_folder(folder: Path) -> None:
    """Make a folder for this user alone. Raises Failed where another user holds its place."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise Failed(f"{folder} belongs to somebody else.")


def _kept_port(path: Path) -> int:
    """The port that was kept at `path` while it is free, else a new one, which is kept."""
    kept = path.read_text().strip() if path.exists() else ""
    if kept.isdigit() and checks.is_free(int(kept)):
        return int(kept)
    port = checks.free_port()
    path.write_text(f"{port}\n")
    return port
