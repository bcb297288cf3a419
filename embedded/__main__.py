"""python -m embedded, which is what `make run` runs: the checks before anything is started, and the last word."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from embedded import checks
from embedded.house import Failed, House
from embedded.output import Output
from webapp import local
from webapp.config import load
from webapp.environment import ConfigError

GLANCES, GLANCE = 5, 0.05
"""A `flask` command holds the lock for a blink to see whether somebody runs: how often that is waited for, and seconds each time."""


def main() -> int:
    """Run Cartwheel until a signal ends it. The exit code is 0 for that, 1 where it did not come up."""
    try:
        settings = load()
        with _alone(settings.var):
            taken = checks.why_not_free(settings.port)
            if taken:
                raise Failed(taken)
            House(settings, os.environ, Output()).run()
    except (ConfigError, Failed) as wrong:
        print(f"Cartwheel can't start: {wrong}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _alone(var: Path) -> Iterator[None]:
    """One at a time in a folder: a second one would take the Valkey away from the first. Raises Failed."""
    with ExitStack() as held:
        for _ in range(GLANCES):
            with suppress(BlockingIOError):
                held.enter_context(local.holding(var))
                break
            time.sleep(GLANCE)
        else:
            raise Failed(f"it is running already on what is in {var}. CARTWHEEL_VAR names another folder.")
        yield


if __name__ == "__main__":
    sys.exit(main())
