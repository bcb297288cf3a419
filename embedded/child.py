"""One process that is looked after, with all that it starts, and what it prints."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

CHUNK = 65536
KEPT = 20
"""Lines of a quiet child that are kept for the case that it dies."""

PR_SET_PDEATHSIG = 1


Voice = Literal["named", "quiet"]


@dataclass
class Child:
    """A simple shell command in a session of its own, so that a signal reaches its children and theirs as well."""

    name: str
    command: str
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    voice: Voice = "named"
    """How its lines are printed: behind its name, or `quiet`, only where it has died."""
    started: float = 0.0
    """When it was started last, in the supervisor's seconds."""
    restart_at: float | None = None
    """When it is to be started again; None while it runs."""
    delay: float = 0.0
    """Seconds from its last death to its next start."""
    _process: subprocess.Popen[bytes] | None = None
    at_end: bool = False
    kept: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))
    """The last lines of a quiet child."""
    _text: bytes = b""

    def start(self, now: float) -> None:
        """Start it, or start it again. Raises OSError where the machine can't."""
        self.started, self.restart_at, self.at_end = now, None, False
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {self.command}"],  # no shell stays in between: what dies with us is the command itself
            env=dict(self.environ),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # the supervisor has one thread
        )
        os.set_blocking(self.output, False)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process; it must have been started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._process

    @property
    def output(self) -> int:
        """The file descriptor of what it prints."""
        if self.process.stdout is None:
            raise RuntimeError(f"{self.name} has no output")
        return self.process.stdout.fileno()

    def code(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self.process.poll()

    @property
    def open(self) -> bool:
        """Whether its output is still held."""
        return not (self.process.stdout is None or self.process.stdout.closed)

    def read(self) -> bool:
        """Take in what it has printed. False where there was nothing; `at_end` says whether there can be more."""
        try:
            chunk = os.read(self.output, CHUNK)
        except BlockingIOError:
            return False
        self.at_end = not chunk
        self._text += chunk
        return bool(chunk)

    def lines(self) -> list[str]:
        """The whole lines that were taken in, each once; at the end the last one too, whole or not."""
        *whole, self._text = self._text.split(b"\n")
        if self.at_end and self._text:
            whole, self._text = [*whole, self._text], b""
        return [line.decode("utf-8", "replace") for line in whole]

    def send(self, number: signal.Signals) -> None:
        """Signal it and everything it has started, also when it has ended itself."""
        # Nobody may be left, or only what macOS has not buried yet.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Let go of its output."""
        if self.process.stdout is not None:
            self.process.stdout.close()


def _die_with_parent() -> None:
    """On Linux a killed supervisor (SIGKILL) takes its children along instead of leaving them on the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
