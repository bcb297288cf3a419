"""make chaos: the full run on both databases. `make chaos ARGS="--seed 7 --database sqlite"` for one of them."""

from __future__ import annotations

import argparse
import sys

from tests.chaos.run import run
from tests.conftest import DATABASES

RESUMES_WITHIN = 5.0
"""Seconds from Redis's return to the next call."""


def main() -> None:
    """Run, print what came of it, and end with 1 where anything is not as promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3, help="how often each thing is killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=DATABASES, action="append")
    given = parser.parse_args()
    complaints = []
    for database in given.database or DATABASES:
        found = run(database, given.seed, given.events, given.customers, given.rounds)
        found.complaints += [f"work resumed {s:.1f} s after Redis was back" for s in found.resumed if s > RESUMES_WITHIN]
        print(found.told(), flush=True)
        complaints += found.complaints
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
