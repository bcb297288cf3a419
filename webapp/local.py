"""What this machine keeps for itself in var/: keys made once, where the embedded Valkey is, what `make run` is running.

No setting lives here: webapp.config reads these where the environment says nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MAX_SOCKET_PATH = 100
"""Bytes that fit everywhere into a Unix socket's address (107 on Linux, 103 on macOS)."""

RUNNING = "running.json"
LOCK = "run.lock"
"""Held by `make run` as long as it runs: one at a time in a folder, and what RUNNING says is true only meanwhile."""


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
    """The settings that `make run` has given its processes; empty where none runs (one that was killed leaves the file behind)."""
    try:
        if not _is_held(var / LOCK):
            return {}
        noted = json.loads((var / RUNNING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in noted.items()} if isinstance(noted, dict) else {}


@contextmanager
def holding(var: Path) -> Iterator[None]:
    """Be the one `make run` of this folder, which must exist. Raises BlockingIOError where there is one already."""
    with (var / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _is_held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def note_running(var: Path, values: Mapping[str, str]) -> None:
    """Let commands started beside `make run` find what it chose. The file is replaced whole."""
    draft = var / f"{RUNNING}.new"
    draft.write_text(json.dumps(dict(values)), encoding="utf-8")
    draft.replace(var / RUNNING)


def forget_running(var: Path) -> None:
    """`make run` has ended."""
    (var / RUNNING).unlink(missing_ok=True)
