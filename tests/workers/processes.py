"""Real worker processes for tests, and waiting for what they do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.workers.conftest import Bench
from webapp.config import ROOT
from webapp.parts import parts

PATIENCE = 60.0


@contextmanager
def worker(bench: Bench, var: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process on the bench's database and Redis."""
    with bench.app.app_context():
        settings = parts().settings
    environ = {
        "PATH": os.environ["PATH"], "CARTWHEEL_VAR": str(var), "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key, "ENCRYPTION_KEYS": ",".join(settings.encryption_keys), "CIRCLE_API_URL": settings.circle_api_url,
        "CIRCLE_RATE": "0", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "workers"], cwd=ROOT, env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def until(ready: Callable[[], bool]) -> None:
    """Wait for another process: nothing else tells."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
