"""The web process as the Procfile starts it: it answers, finishes what it has begun before it ends, and opens no other door."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from standardwebhooks import Webhook

from embedded import checks
from tests import factories
from webapp import config, create_app
from webapp.config import ROOT

PATIENCE = 60.0
THREADS = 4
MARKET = """
marketplace: Acme Courses
owner: {email: owner@shop.test, password: "a long enough password"}
"""


class Web:
    """A gunicorn on a database of its own, with a marketplace whose webhook has `path` and `secret`."""

    def __init__(self, var: Path) -> None:
        self.var, self.port = var, checks.free_port()
        self.environ = {
            "PATH": os.environ["PATH"], "HOME": str(var), "XDG_RUNTIME_DIR": str(var), "CARTWHEEL_VAR": str(var), "PORT": str(self.port),
            "REDIS_URL": f"unix://{var}/nobody.sock", "WEB_THREADS": str(THREADS),
        }  # fmt: skip
        market = var / "market.yaml"
        market.write_text(MARKET)
        self.app = create_app(config.load(self.environ))
        with self.app.app_context():
            flask_migrate.upgrade()
        webhook = json.loads(self.flask("apply", str(market)).splitlines()[-1])["webhook"]
        self.path, self.secret = webhook["path"], webhook["secret"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "wsgi:app"], cwd=ROOT, env=self.environ, stderr=subprocess.PIPE, text=True
        )

    def flask(self, *command: str) -> str:
        """What a flask command prints."""
        done = self.app.test_cli_runner().invoke(args=command)
        assert done.exit_code == 0, done.output
        return done.stdout

    def buy(self) -> tuple[int, dict[str, Any]]:
        """Post a signed order. Returns the answer's status and body."""
        now = datetime.now(UTC)
        order = {"order_id": "9001", "customer": {"email": "mina@shop.test"}, "items": [{"product_id": "ads-101", "kind": "primary"}]}
        body = json.dumps({"type": "order.created", "timestamp": now.isoformat(), "data": order})
        headers = {
            "Content-Type": "application/json", "webhook-id": "order-9001", "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.secret).sign("order-9001", now, body),
        }  # fmt: skip
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.path}", body.encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)


def until(true: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.02)):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come true")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    started = Web(tmp_path)
    try:
        until(lambda: checks.answers(started.port, "/healthz"))
        yield started
    finally:
        started.process.kill()
        started.process.communicate()
        factories.done_with(started.app)


def waits_for(lock: Path, pid: int) -> bool:
    """Whether a child of this process waits for the file's lock (Linux tells in /proc/locks)."""
    inode = f":{lock.stat().st_ino} "
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line and inode in line]
    return any(fields[5] in children for fields in waiting)


def slowly(web: Web, stack: ExitStack, *pieces: bytes) -> list[socket.socket]:
    """Connections that have sent something and don't go on: more of them than the process has threads."""
    made = [stack.enter_context(socket.create_connection(("127.0.0.1", web.port), PATIENCE)) for _ in range(2 * THREADS)]
    for piece in pieces:
        for sock in made:
            sock.sendall(piece)
    return made


def test_slow_senders_hold_nobody_up_and_what_was_begun_is_answered_before_the_end(web: Web) -> None:
    assert [path for path in web.var.rglob("*") if path.is_socket()] == []  # it is steered by signals alone
    head = f"POST {web.path} HTTP/1.1\r\nHost: cartwheel.test\r\nContent-Type: application/json\r\n".encode()
    with ExitStack() as stack:
        slowly(web, stack)
        slowly(web, stack, head)
        slow, *_ = slowly(web, stack, head + b"Content-Length: 20\r\n\r\n", b'{"type":')
        assert checks.answers(web.port, "/healthz")
        slow.sendall(b' "ping"    }' + head + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")  # and the next one right behind it
        said = b"".join(iter(lambda: slow.recv(65536), b""))
        assert (said.count(b"HTTP/1.1 401"), said.count(b'{"error": "headers"}')) == (2, 2)
        end_in_the_middle(web)


def end_in_the_middle(web: Web) -> None:
    """A signal to end comes while an order waits for its commit: it is answered, and there."""
    answers: list[tuple[int, dict[str, Any]]] = []
    sender = threading.Thread(target=lambda: answers.append(web.buy()))
    gate = web.var / "cartwheel.db.gate"
    with gate.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # its commit has to wait
        sender.start()
        until(lambda: waits_for(gate, web.process.pid))
        web.process.send_signal(signal.SIGTERM)
        assert web.process.stderr is not None
        assert any("Handling signal: term" in line for line in web.process.stderr)
    sender.join(PATIENCE)
    assert web.process.wait(PATIENCE) == 0
    assert [(status, body["entries"]) for status, body in answers] == [(202, 1)]
    (entry,) = [json.loads(line) for line in web.flask("logs", "--json").splitlines()]
    assert (entry["email"], entry["status"]) == ("mina@shop.test", "no_rule")


def test_a_wrong_setting_is_a_sentence_and_not_a_trace(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "CARTWHEEL_VAR": str(tmp_path), "CIRCLE_RATE": "fast"}
    for command in (["gunicorn", "wsgi:app"], ["flask", "--app", "wsgi", "db", "upgrade"], ["workers"]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environ, check=False, capture_output=True, text=True)
        assert done.returncode != 0
        assert "Cartwheel can't start: CIRCLE_RATE must be" in done.stderr
        assert "Traceback" not in done.stderr
