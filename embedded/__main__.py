"""python -m embedded, which is what `make run` runs: the checks before anything is started, and the last word."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded import checks
from embedded.house import Failed, House
from embedded.output import Output
from webapp.config import load
from webapp.environment import ConfigError


def main() -> int:
    """Run Cartwheel until a signal ends it. The exit code is 0 for that, 1 where it did not come up."""
    try:
        settings = load()
        taken = checks.why_not_free(settings.port)
        if taken:
            raise Failed(taken)
        with _alone(settings.var):
            House(settings, os.environ, Output()).run()
    except (ConfigError, Failed) as wrong:
        print(f"Cartwheel can't start: {wrong}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _alone(var: Path) -> Iterator[None]:
    """One at a time in a folder: a second one would take the Valkey away from the first. Raises Failed."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"it is running already on what is in {var}. CARTWHEEL_VAR names another folder.") from None
        yield


if __name__ == "__main__":
    sys.exit(main())
