"""make bench: how many events a second go from a signed request to Circle, how soon each is acknowledged, and what it costs in CPU.

It measures on SQLite and on a PostgreSQL of its own (the server's CPU counted with ours), and beside them a hand-written Flask + RQ program
that makes the same call without rules or log. The figures are printed as a table, and with --json FILE written there, too.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import calls, disc, search
from benchmarks.place import ROOT, Place, place

STALL = 30.0
"""Seconds without a further call after which events count as lost."""


def noise() -> float:
    """Milliseconds that a fixed piece of work takes on this machine now: for comparing figures of different hours."""
    began = time.perf_counter()
    sum(number * number for number in range(2_000_000))
    return (time.perf_counter() - began) * 1000


def burst(at: Place, events: int, senders: int, rate: float, tag: str) -> dict[str, Any]:
    """Send events and wait for their calls."""
    before, cpu = at.count(), at.cpu()
    sent = _send(at, events, senders, rate, tag)
    arrived = _await(at, before + events) - before
    seconds = max(call["at"] for call in at.calls()) - sent["sent_at"][0]
    used = {name: at.cpu()[name] - cpu[name] for name in cpu}
    acks = sorted(sent["acks"])
    return {
        "events": events, "arrived": arrived, "lost": events - arrived, "statuses": sent["statuses"], "events_per_second": arrived / seconds,
        "ack_p50_ms": _at(acks, 0.5), "ack_p99_ms": _at(acks, 0.99), "cpu_ms_per_event": 1000 * sum(used.values()) / events,
        "cpu_ms": {name: 1000 * value / events for name, value in used.items()},
    }  # fmt: skip


def idle(at: Place, times: int) -> dict[str, float]:
    """How long from a request to its call's arrival at Circle, with nothing else going on."""
    waits = []
    for number in range(times):
        email = f"idle{number}0@load.test"
        began = _send(at, 1, 1, 0, f"idle{number}")["sent_at"][0]
        found = None
        while found is None and time.time() - began < STALL:
            found = next((call["at"] for call in at.calls() if call["email"] == email), None)
            time.sleep(0.05)
        waits.append(((found or began + STALL) - began) * 1000)
        time.sleep(0.2)
    return {"idle_p50_ms": statistics.median(waits), "idle_max_ms": max(waits)}


def flood(at: Place, requests: int) -> dict[str, Any]:
    """What it costs the web process to refuse requests that nobody signed, one after the other over one connection."""
    where = urlsplit(at.webhook)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": "forged",
        "webhook-timestamp": str(int(time.time())),
        "webhook-signature": "v1,AAAA",
    }
    before, statuses = at.cpu()["web"], Counter[int]()
    for _ in range(requests):
        connection.request("POST", where.path, b'{"type": "ping"}', headers)
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
    connection.close()
    return {"statuses": dict(statuses), "web_cpu_ms_per_request": 1000 * (at.cpu()["web"] - before) / requests}


class Yardstick(Place):
    """The same place with the hand-written program of benchmarks/yardstick.py in it."""

    def program(self) -> dict[str, list[str]]:
        """As its author would start it: gunicorn with threads, and RQ's own worker."""
        self.environ["YARDSTICK_SECRET"] = self.secret
        web = ["gunicorn", "--no-control-socket", "-c", "/dev/null", "-k", "gthread", "--threads", "16", "-b", f"127.0.0.1:{self.port}"]
        return {"web": [*web, "benchmarks.yardstick:app"], "worker": ["rq", "worker", "--quiet", "--url", self.environ["REDIS_URL"]]}


def _send(at: Place, events: int, senders: int, rate: float, tag: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.senders", at.webhook, at.secret, "--events", str(events), "--senders", str(senders)]
    done = subprocess.run([*command, "--rate", str(rate), "--tag", tag], cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _await(at: Place, wanted: int) -> int:
    seen, moved = at.count(), time.monotonic()
    while seen < wanted and time.monotonic() - moved < STALL:
        time.sleep(0.02)
        now = at.count()
        if now != seen:
            seen, moved = now, time.monotonic()
    return seen


def _at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def measure(given: argparse.Namespace, database: str) -> dict[str, Any]:
    """Run it all on one database, and give the figures."""
    crowd = partial(search.fill, given.among * search.EACH) if given.among else None
    with place(database, given.latency, crowd=crowd) as at:
        before = noise()
        burst(at, 200, given.senders, 0, "warm")
        found: dict[str, Any] = {"idle": idle(at, given.idle)}
        found["back_to_back"] = burst(at, given.events, given.senders, 0, "burst")
        found["steady"] = burst(at, given.events // 3, given.senders, given.steady, "steady")
        found["unsigned"] = flood(at, given.events)
        found["memory_mb"] = at.memory()
        found["noise_ms"] = [before, noise()]
    return found


def compare(given: argparse.Namespace) -> dict[str, Any]:
    """The yardstick's figures for the same work."""
    with place(latency=given.latency, kind=Yardstick) as at:
        burst(at, 20, given.senders, 0, "warm")
        return burst(at, given.events // 30, given.senders, 0, "burst")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--steady", type=float, default=300.0, help="events a second of the steady part")
    parser.add_argument("--idle", type=int, default=20, help="how often the idle way is measured")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds until Circle answers")
    parser.add_argument("--database", nargs="*", default=["sqlite", "postgresql"], help="sqlite, postgresql, or a server's address")
    parser.add_argument("--among", type=int, default=0, help="events of another marketplace that are in the tables already")
    parser.add_argument("--commit", type=float, default=0, help="milliseconds that the disc takes longer for each commit than it does")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    given = parser.parse_args()
    found: dict[str, Any] = {"metered_calls": calls.measure(), "yardstick": compare(given)}
    with disc.slower(given.commit):
        for database in given.database:
            found |= {f"{database.partition(':')[0]} {part}": figures for part, figures in measure(given, database).items()}
    for part, figures in found.items():
        print(part)
        for name, value in figures.items() if isinstance(figures, dict) else [("", figures)]:
            print(f"  {name:20} {value:.2f}" if isinstance(value, float) else f"  {name:20} {value}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
