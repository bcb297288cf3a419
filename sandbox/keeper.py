"""Keeps the sandbox over its restarts: all of it as JSON in one file, written soon after each change."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from sandbox.box import Box

PAUSE = 0.1
"""Seconds between two writings at least."""
SHARE = 10
"""A writing that took long is followed by a pause of so many times its length."""


class Keeper:
    """The file of one box. What has changed in the last moments before a SIGKILL may be lost; `stop` loses nothing."""

    def __init__(self, box: Box, path: Path) -> None:
        self._box = box
        self._path = path
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def load(self) -> bool:
        """Bring back what was kept. False where there is nothing; ValueError where the file is not one of ours."""
        if not self._path.exists():
            return False
        try:
            self._box.restore(json.loads(self._path.read_text(encoding="utf-8")))
        except (KeyError, TypeError, LookupError, AttributeError) as e:
            raise ValueError(f"{self._path} can't be read: {e!r}") from e
        return True

    def start(self) -> None:
        """Write after each change from now on, in a thread of its own."""
        self._box.on_change = self._changed.set
        self._thread.start()

    def stop(self) -> None:
        """Write for the last time."""
        self._box.on_change = None
        self._stopping.set()
        self._changed.set()
        self._thread.join()
        self.write()

    def write(self) -> None:
        """Write all of it now. The file is replaced whole; only its owner can read it, since the API key is in it."""
        plain = json.dumps(self._box.snapshot(), separators=(",", ":"))
        draft = self._path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(plain)
        draft.replace(self._path)

    def _go_on(self) -> None:
        while not self._stopping.is_set():
            self._changed.wait()
            self._changed.clear()
            began = time.perf_counter()
            try:
                self.write()
            except OSError as e:
                print(f"The sandbox could not be kept: {e}", file=sys.stderr)
            self._stopping.wait(max(PAUSE, SHARE * (time.perf_counter() - began)))
