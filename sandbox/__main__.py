"""The sandbox as a process: `python -m sandbox`, brought by `make run` for the demo.

SANDBOX_PORT is the port that it listens on (8100 by default), CARTWHEEL_VAR the folder that it keeps itself in and where it finds demo.json,
the checkout's webhook; PORT is where Cartwheel's pages are.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sandbox.box import Box
from sandbox.community import Community
from sandbox.demo import KEY, NAME, fill
from sandbox.keeper import Keeper
from sandbox.messages import from_file
from sandbox.server import CommunityServer
from sandbox.shop import Shop

PORT = 8100
WEBHOOK, KEPT = "demo.json", "sandbox.json"


def demo_box(var: Path) -> Box:
    """The demo's community as it is in the beginning, and a checkout whose webhook is named in the folder `var`."""
    community = Community(lambda: datetime.now(UTC), name=NAME, tokens=(KEY,))
    fill(community)
    return Box(community, Shop(where=partial(from_file, var / WEBHOOK)))


def run(environ: Mapping[str, str], over: threading.Event) -> int:
    """Serve until `over` is set. Gives the exit status; a sentence says why it is not 0."""
    var = Path(environ.get("CARTWHEEL_VAR") or "var")
    var.mkdir(parents=True, exist_ok=True)
    box = demo_box(var)
    keeper = Keeper(box, var / KEPT)
    cartwheel = environ.get("BASE_URL") or f"http://127.0.0.1:{environ.get('PORT') or 8000}"
    try:
        keeper.load()
        server = CommunityServer(box, int(environ.get("SANDBOX_PORT") or PORT), cartwheel.rstrip("/"))
    except (OSError, ValueError) as e:
        print(f"The sandbox can't start: {e}", file=sys.stderr)
        return 1
    keeper.start()
    server.start()
    server.courier.start()
    print(f"The sandbox's checkout is at {server.url}/checkout", flush=True)
    over.wait()
    server.stop()
    keeper.stop()
    return 0


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    over = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda _number, _frame: over.set())
    sys.exit(run(os.environ, over))


if __name__ == "__main__":
    main()
