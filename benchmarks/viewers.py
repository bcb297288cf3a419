"""What open log pages cost the checkouts: part of make bench, or `python -m benchmarks.viewers`.

Events come at a steady rate, first while nobody looks, then while 200 people have the log open, then while 200 open it all at once. Each of them
loads the page and asks for its stream as a browser does, and has to have heard of every entry in the end. The rounds take turns.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.place import ROOT, Place
from webapp import create_app, passwords
from webapp.config import load
from webapp.database import writing
from webapp.models import Marketplace, Role, User
from webapp.parts import parts

LOADED = 10
"""So many of the pages are loaded anew each time: the others are what these were."""
EMAIL, PASSWORD = "owner@load.test", "a benchmark's password"


class Watched(Place):
    """A place where somebody may look at the log."""

    @property
    def url(self) -> str:
        """Where the dashboard is."""
        return f"http://127.0.0.1:{self.port}"

    def _fill(self) -> None:
        super()._fill()
        with create_app(load(self.environ, self.folder)).app_context():
            here, now = parts(), parts().now()
            with writing() as session:
                user = User(id=here.new_id(now), email=EMAIL, password_hash=passwords.hash_password(PASSWORD), created_at=now)
                session.add(user)
                session.flush()
                session.add(Role(user_id=user.id, marketplace_id=session.query(Marketplace).one().id, role="owner"))


def signed_in(at: Watched) -> requests.Session:
    """Somebody's browser, once they have signed in."""
    browser = requests.Session()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{at.url}/sign-in", timeout=30).text)
    _without_tls(browser)
    given = {"csrf_token": token[1] if token else "", "email": EMAIL, "password": PASSWORD}
    browser.post(f"{at.url}/sign-in", data=given, timeout=30, allow_redirects=False).raise_for_status()
    _without_tls(browser)
    return browser


def _without_tls(browser: requests.Session) -> None:
    """Send the cookies that it has: where there is a DATABASE_URL, they are made for TLS, which there is none of here."""
    browser.headers["Cookie"] = "; ".join(f"{one.name}={one.value}" for one in browser.cookies)


def stream_of(page: str) -> str:
    """The address that a log page asks for what is new, as static/app.js puts it together."""
    (address,), (cursor,) = re.findall(r'data-live="([^"]+)"', page), re.findall(r'data-cursor="([^"]+)"', page)
    shown = re.findall(r'id="entry-(\d+)"', page) or ["0"]
    floor = shown[-1] if 'class="older"' in page else "0"
    return f"{address.replace('&amp;', '&')}&top={shown[0]}&floor={floor}&after={cursor}"


@contextmanager
def looked_at(at: Watched, browser: requests.Session, viewers: int) -> Iterator[subprocess.Popen[str]]:
    """So many open pages. The program behind them says when each has had its first message."""
    loaded = [stream_of(browser.get(f"{at.url}/logs", timeout=30).text) for _ in range(LOADED)]
    pages = [loaded[number % LOADED] for number in range(viewers)]
    cookie = str(browser.headers["Cookie"])
    command = ["nice", "-n", "19", sys.executable, "-m", "benchmarks.readers", "127.0.0.1", str(at.port), cookie]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as readers:
        assert readers.stdin  # noqa: S101  for mypy
        readers.stdin.write("\n".join([*pages, "\n"]))
        readers.stdin.flush()
        yield readers
        readers.terminate()


def says(readers: subprocess.Popen[str]) -> dict[str, Any]:
    """The next thing that the program behind the pages says."""
    assert readers.stdout  # noqa: S101  for mypy
    said: dict[str, Any] = json.loads(readers.stdout.readline())
    return said


def heard(readers: subprocess.Popen[str], entries: int) -> dict[str, Any]:
    """What the pages have heard, when each should know of so many entries. Raises where one does not."""
    assert readers.stdin  # noqa: S101  for mypy
    readers.stdin.write(f"{entries}\n")
    readers.stdin.flush()
    said = says(readers)
    if said["lost"] or set(said["heard"]) != {entries}:
        raise RuntimeError(f"of {entries} entries the pages heard of {sorted(said['heard'])}, and {said['lost']} were cut off")
    return said


def send(at: Watched, tag: str, events: int, rate: float) -> subprocess.Popen[str]:
    """Begin to send."""
    command = [sys.executable, "-m", "benchmarks.senders", at.webhook, at.secret, "--tag", tag, "--events", str(events)]
    return subprocess.Popen([*command, "--rate", str(rate)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def acks(sending: subprocess.Popen[str]) -> list[float]:
    """How long the acknowledgements took, the shortest first, when all is sent."""
    sent = json.loads(sending.communicate()[0])
    if set(sent["statuses"]) != {"202"}:
        raise RuntimeError(f"not all was taken: {sent['statuses']}")
    return sorted(sent["acks"])


class Figures:
    """What is found, of all rounds together."""

    def __init__(self) -> None:
        self.acks: dict[str, list[float]] = {"without": [], "with": [], "while_they_open": []}
        self.web_cpu: dict[str, list[float]] = {"without": [], "with": []}
        self.opened: list[float] = []
        self.memory: list[float] = []
        self.heard: list[float] = []

    def summary(self) -> dict[str, float]:
        """The figures to print."""
        acks = {name: sorted(values) for name, values in self.acks.items()}
        found = {f"ack_p50_ms_{name}": _at(values, 0.5) for name, values in acks.items()}
        found |= {f"ack_p99_ms_{name}": _at(values, 0.99) for name, values in acks.items()}
        found |= {"times_the_p99_without": _at(acks["with"], 0.99) / _at(acks["without"], 0.99)}
        found |= {f"web_cpu_seconds_a_second_{name}": statistics.mean(values) for name, values in self.web_cpu.items()}
        return found | {
            "seconds_until_all_are_open": statistics.median(self.opened), "web_mb_a_viewer": max(self.memory),
            "kb_a_second_a_viewer": statistics.mean(self.heard),
        }  # fmt: skip


def a_round(at: Watched, browser: requests.Session, number: int, viewers: int, events: int, rate: float, found: Figures) -> None:
    """Without anybody, with all of them, and while they open their pages."""
    before = at.cpu()["web"]
    found.acks["without"] += acks(send(at, f"none{number}", events, rate))
    found.web_cpu["without"].append((at.cpu()["web"] - before) * rate / events)
    memory = at.memory()["web"]
    with looked_at(at, browser, viewers) as readers:
        says(readers)
        before = at.cpu()["web"]
        found.acks["with"] += acks(send(at, f"all{number}", events, rate))
        found.web_cpu["with"].append((at.cpu()["web"] - before) * rate / events)
        found.memory.append((at.memory()["web"] - memory) / viewers)
        found.heard.append(heard(readers, events)["bytes"] / 1024 / viewers * rate / events)
    with looked_at(at, browser, viewers) as readers:
        sending = send(at, f"open{number}", events, rate)
        found.opened.append(says(readers)["seconds"])
        found.acks["while_they_open"] += acks(sending)
        heard(readers, events)


def _at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def measure(viewers: int, events: int, rate: float, rounds: int, database_url: str | None = None) -> dict[str, float]:
    """Run it, and give the figures: the rounds are short and many, since a machine may be quicker in one minute than in the next."""
    with tempfile.TemporaryDirectory(prefix="cartwheel-bench-") as folder, ExitStack() as stack:
        at = Watched(Path(folder), database_url, 0.05)
        at.start(stack)
        browser, found = signed_in(at), Figures()
        acks(send(at, "warm", events, rate))
        for number in range(rounds):
            a_round(at, browser, number, viewers, events, rate, found)
    return found.summary()


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.viewers")
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--events", type=int, default=600, help="of each part of a round")
    parser.add_argument("--rate", type=float, default=200.0, help="events a second")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--database", help="a PostgreSQL address; else SQLite")
    given = parser.parse_args()
    for name, value in measure(given.viewers, given.events, given.rate, given.rounds, given.database).items():
        print(f"  {name:32} {value:.2f}")


if __name__ == "__main__":
    main()
