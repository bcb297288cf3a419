"""How long a purchase in one marketplace waits while another one launches: part of make bench, or `python -m benchmarks.fairness`.

10,000 signed purchases come back to back in the one, a few a second in the other; Circle answers after 50 ms. The wait is from the request to
its call's arrival at Circle.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.place import ROOT, Place
from webapp import create_app
from webapp.apps import Community
from webapp.config import load
from webapp.database import writing
from webapp.engine import integrations
from webapp.models import Marketplace, Rule, Source, Target
from webapp.parts import parts

STALL = 60.0
"""Seconds without a further call after which what is missing counts as lost."""


class TwoShops(Place):
    """A place with a second marketplace, whose webhook is `other`."""

    @property
    def other(self) -> str:
        """The address to which the second marketplace's events are posted."""
        return self.webhook.replace("/benchmark", "/other")

    def _fill(self) -> None:
        super()._fill()
        with create_app(load(self.environ, self.folder)).app_context():
            here, now = parts(), parts().now()
            with writing() as session:
                shop = Marketplace(id=here.new_id(now), name="Other", created_at=now)
                session.add(shop)
                session.flush()
                connection = integrations.Connection("circle", Community("2", "Other"), {"api_key": "another key"}, {"community_url": ""})
                made = integrations.create(session, shop.id, "Other", connection, here.vault.seal, here.new_id, now)
                session.flush()
                target = session.query(Target).filter_by(integration_id=made.id).one()
                about = {"trigger": "product_purchased", "action": "invite_member", "identity": "other"}
                session.add(
                    Rule(id=here.new_id(now), marketplace_id=shop.id, integration_id=made.id, target_id=target.id, created_at=now, **about)
                )
                address = {"kind": "cartwheel", "address": "other", "secret": here.vault.seal(self.secret)}
                session.add(Source(id=here.new_id(now), marketplace_id=shop.id, created_at=now, **address))


def measure(launch: int, strangers: int, rate: float, latency: float, database_url: str | None = None) -> dict[str, Any]:
    """Run it, and give the figures."""
    with tempfile.TemporaryDirectory(prefix="cartwheel-bench-") as folder, ExitStack() as stack:
        at = TwoShops(Path(folder), database_url, latency)
        at.start(stack)
        crowd = _senders(at.webhook, at.secret, "launch", launch, 16, 0)
        single = _senders(at.other, at.secret, "single", strangers, 1, rate)
        sent = json.loads(single.communicate()[0])["sent_at"]
        crowd.communicate()
        _await(at, launch + strangers)
        called: dict[str, float] = {}
        for call in at.calls():
            called.setdefault(call["email"], call["at"])
    waits = sorted((called.get(f"single{n}@load.test", began + STALL) - began) * 1000 for n, began in enumerate(sent))
    crowded = [at for email, at in called.items() if email.startswith("launch")]
    during = sum(began < max(crowded) for began in sent)
    return {
        "launch": len(crowded), "singles": len(waits), "singles_during_the_launch": during, "wait_p50_ms": statistics.median(waits),
        "wait_p99_ms": waits[min(len(waits) - 1, int(len(waits) * 0.99))], "wait_max_ms": waits[-1],
        "launch_seconds": max(crowded) - min(crowded),
    }  # fmt: skip


def _senders(url: str, secret: str, tag: str, events: int, senders: int, rate: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.senders", url, secret, "--tag", tag, "--events", str(events)]
    command += ["--senders", str(senders), "--rate", str(rate)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _await(at: Place, wanted: int) -> None:
    seen, moved = at.count(), time.monotonic()
    while seen < wanted and time.monotonic() - moved < STALL:
        time.sleep(0.1)
        now = at.count()
        if now != seen:
            seen, moved = now, time.monotonic()


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fairness")
    parser.add_argument("--launch", type=int, default=10_000)
    parser.add_argument("--strangers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=8.0, help="the other marketplace's purchases a second")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds until Circle answers")
    parser.add_argument("--database", help="a PostgreSQL address; else SQLite")
    given = parser.parse_args()
    found = measure(given.launch, given.strangers, given.rate, given.latency, given.database)
    for name, value in found.items():
        print(f"  {name:28} {value:.1f}" if isinstance(value, float) else f"  {name:28} {value}")


if __name__ == "__main__":
    main()
