"""Looks after processes: passes on what they print, starts again what died, ends all. It knows none of them."""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from embedded.child import Child, Voice
from embedded.output import Output

TICK = 0.1
"""Seconds between two looks at the children."""

GRACE = 7.0
"""Seconds that a process has to end by itself after SIGTERM; gunicorn takes up to 6 for what it is answering."""

LAST_GRACE = 1.5
"""Seconds that those have that are ended last."""

STEADY = 10.0
"""Seconds after which a process counts as running. One that dies sooner is started again more and more slowly."""

FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0


class Stopping(Exception):
    """A signal has asked for the end."""


class Supervisor:
    """One thread does it all: no lock, and a fork that is safe."""

    def __init__(self, folder: Path, output: Output) -> None:
        self.folder = folder
        self.output = output
        self._stopping = False
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()

    def listen(self) -> None:
        """From now on SIGTERM, SIGINT and SIGHUP ask for the end."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked)

    def start(self, name: str, command: str, environ: Mapping[str, str], voice: Voice = "named") -> Child:
        """Start a process. One that dies is started again, as long as somebody waits or supervises."""
        child = Child(name, command, environ, self.folder, voice)
        self._children.append(child)
        self._begin(child)
        return child

    def run(self, name: str, command: str, environ: Mapping[str, str]) -> int:
        """Run a command to its end and return its exit code. Raises Stopping."""
        return self._to_its_end(self.start(name, command, environ))

    def hear(self, name: str, command: str, environ: Mapping[str, str]) -> list[str]:
        """Run a command to its end and return its lines, the last KEPT of them, unprinted. Raises Stopping."""
        child = self.start(name, command, environ, "quiet")
        self._to_its_end(child)
        return list(child.kept)

    def _to_its_end(self, child: Child) -> int:
        while child.code() is None:
            self._turn()
        self._finish(child)
        self._children.remove(child)
        return child.process.returncode

    def wait_for(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Whether something came true in that time; meanwhile the processes are looked after. Raises Stopping."""
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                return False
            self._turn()
            self._revive()
        return True

    def supervise(self) -> None:
        """Look after the processes for ever. Raises Stopping."""
        self.wait_for(lambda: False, float("inf"))

    def stop(self, last: Child | None = None) -> None:
        """End everything within GRACE + LAST_GRACE; `last` after the others, who need it until they have ended."""
        self._end([child for child in self._children if child is not last], GRACE)
        self._end([child for child in self._children if child is last], LAST_GRACE)
        self._children.clear()

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _begin(self, child: Child) -> None:
        child.start(time.monotonic())
        self._selector.register(child.output, selectors.EVENT_READ, child)

    def _turn(self) -> None:
        """Pass on what was printed, and see whether the end is asked for."""
        self._pass_on()
        if self._stopping:
            raise Stopping

    def _pass_on(self) -> None:
        for key, _ in self._selector.select(TICK):
            child: Child = key.data
            self._read(child)
            if child.at_end:
                self._let_go(child)

    def _read(self, child: Child) -> bool:
        """Print a child's new lines. Returns whether there was anything to read."""
        more = child.read()
        for line in child.lines():
            if child.voice == "quiet":
                child.kept.append(line)
            else:
                self.output.say(line, child.name)
        return more

    def _finish(self, child: Child) -> None:
        """Print the last lines of a child that has ended, and let go of it."""
        while child.open and self._read(child):
            pass
        self._let_go(child)

    def _let_go(self, child: Child) -> None:
        if child.open:
            self._selector.unregister(child.output)
            child.close()

    def _revive(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is None and child.code() is not None:
                self._bury(child, now)
            elif child.restart_at is not None and now >= child.restart_at:
                child.send(signal.SIGKILL)
                self._begin(child)

    def _bury(self, child: Child, now: float) -> None:
        """A child has died: end what it left behind, and say when it is started again."""
        child.send(signal.SIGTERM)
        self._finish(child)
        while child.kept:
            self.output.say(child.kept.popleft(), child.name)
        steady = now - child.started > STEADY
        child.delay = FIRST_DELAY if steady or not child.delay else min(2 * child.delay, LONGEST_DELAY)
        child.restart_at = now + child.delay
        self.output.say(f"{child.name} has ended ({_how(child.process.returncode)}); again in {child.delay:.0f} s")

    def _end(self, children: list[Child], grace: float) -> None:
        end = time.monotonic() + grace
        for child in children:
            child.send(signal.SIGTERM)
        while any(child.code() is None for child in children) and time.monotonic() < end:
            self._pass_on()
        for child in children:
            if child.code() is None:
                self.output.say(f"{child.name} would not end and is killed")
            child.send(signal.SIGKILL)
            child.process.wait()
            self._finish(child)


def _how(code: int) -> str:
    """An exit code in words, as a shell gives it (128 + signal) or as Python does (-signal)."""
    number = -code if code < 0 else code - 128
    return signal.Signals(number).name if number in set(signal.Signals) else f"exit code {code}"
