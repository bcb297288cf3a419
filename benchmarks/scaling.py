"""How much faster two workers drain than one, where Circle's latency is the limit: part of make bench, or `python -m benchmarks.scaling`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.place import ROOT, Place

STALL = 60.0
"""Seconds without a further call after which what is missing counts as lost."""

THREADS = 16
"""Calls that each worker makes at the same time: few, and slow ones, so that the machine has nothing to do with it."""


class Crew(Place):
    """A place with so many workers."""

    def __init__(self, folder: Path, database_url: str | None, latency: float, workers: int) -> None:
        super().__init__(folder, database_url, latency)
        self.workers = workers
        self.environ["CALL_THREADS"] = str(THREADS)

    def start(self, stack: ExitStack) -> None:
        """Start everything."""
        super().start(stack)
        for number in range(1, self.workers):
            self._spawn(stack, f"worker {number + 1}", [sys.executable, "-m", "workers"])
        time.sleep(3)  # they listen by then


def drained(workers: int, events: int, latency: float, database_url: str | None) -> float:
    """Calls a second, from the first call to the last."""
    with tempfile.TemporaryDirectory(prefix="cartwheel-bench-") as folder, ExitStack() as stack:
        at = Crew(Path(folder), database_url, latency, workers)
        at.start(stack)
        command = [sys.executable, "-m", "benchmarks.senders", at.webhook, at.secret, "--events", str(events)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        seen, moved = -1, time.monotonic()
        while seen < events and time.monotonic() - moved < STALL:
            time.sleep(0.1)
            if (now := at.count()) != seen:
                seen, moved = now, time.monotonic()
        times = sorted(call["at"] for call in at.calls())
    return float(len(times) / (times[-1] - times[0]))


def measure(events: int, latency: float, database_url: str | None = None) -> dict[str, Any]:
    """Run it with one worker and with two, and give the figures."""
    one, two = (drained(workers, events, latency, database_url) for workers in (1, 2))
    return {"one_worker_a_second": one, "two_workers_a_second": two, "times_as_fast": two / one}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--events", type=int, default=600)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds until Circle answers")
    parser.add_argument("--database", help="a PostgreSQL address; else SQLite")
    given = parser.parse_args()
    for name, value in measure(given.events, given.latency, given.database).items():
        print(f"  {name:28} {value:.2f}")


if __name__ == "__main__":
    main()
