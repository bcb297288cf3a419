"""What this machine keeps for itself in var/: keys made once, where the embedded Valkey is, what `make run` is running.

No setting lives here: webapp.config reads these where the environment says nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

MAX_SOCKET_PATH = 100
"""Bytes that fit everywhere into a Unix socket's address (107 on Linux, 103 on macOS)."""

RUNNING = "running.json"


def made_once(path: Path, make: Callable[[], str]) -> str:
    """The text of the file at `path`, made by `make` if there is none; of two processes at once one makes it.

    Only its owner can read the file. Raises OSError where the folder can't be written.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _link(path, make())
    return path.read_text(encoding="utf-8").strip()


def _link(path: Path, text: str) -> None:
    """A hard link appears whole or not at all, and the second to come is refused: no half-written key is read."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def valkey_socket(var: Path) -> Path:
    """Where the embedded Valkey of this var/ listens: in it or, if that is too long, in a folder made for it."""
    inside = var / "valkey.sock"
    if len(os.fsencode(inside)) <= MAX_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"cartwheel-{os.getuid()}-{digest}" / "valkey.sock"


def running(var: Path) -> dict[str, str]:
    """The settings that `make run` has given its processes; empty where none runs or the file is broken."""
    try:
        noted = json.loads((var / RUNNING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in noted.items()} if isinstance(noted, dict) else {}


def note_running(var: Path, values: Mapping[str, str]) -> None:
    """Let commands started beside `make run` find what it chose. The file is replaced whole."""
    draft = var / f"{RUNNING}.new"
    draft.write_text(json.dumps(dict(values)), encoding="utf-8")
    draft.replace(var / RUNNING)


def forget_running(var: Path) -> None:
    """`make run` has ended."""
    (var / RUNNING).unlink(missing_ok=True)
