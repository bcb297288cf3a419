"""`make run` as a whole, without the demo: it comes up, says where it is, is found by commands beside it, keeps its data, and leaves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from embedded import checks
from tests.factories import make_marketplace
from webapp import config, local
from webapp.models import Marketplace

ROOT = config.ROOT
PATIENCE = 90.0
END = 10.0
"""Seconds from SIGTERM to the end, at most."""


class Run:
    """One `python -m embedded` on a folder of its own. `lines` is what it has printed so far."""

    def __init__(self, var: Path, **variables: str) -> None:
        self.var = var
        self.port = checks.free_port()
        self.environ = {"PATH": os.environ["PATH"], "CARTWHEEL_VAR": str(var), "PORT": str(self.port), "DEMO": "0", **variables}
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "embedded"], cwd=ROOT, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def until(self, pattern: str) -> str:
        """Read on to a line that has this in it."""
        assert self.process.stdout is not None
        too_late = threading.Timer(PATIENCE, self.process.kill)
        too_late.start()
        try:
            for line in self.process.stdout:
                self.lines.append(line)
                if re.search(pattern, line):
                    return line
        finally:
            too_late.cancel()
        raise AssertionError(f"no {pattern} in\n{''.join(self.lines)}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait for its end. Returns its exit code."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=PATIENCE)
        self.lines += output.splitlines(keepends=True)
        return self.process.returncode

    def beside(self, *command: str) -> str:
        """What a `flask` command prints that somebody starts in another terminal, who knows the folder alone."""
        environ = {"PATH": os.environ["PATH"], "CARTWHEEL_VAR": str(self.var)}
        flask = [sys.executable, "-m", "flask", "--app", "wsgi", *command]
        return subprocess.run(flask, cwd=ROOT, env=environ, check=True, capture_output=True, text=True).stdout

    def pids(self) -> dict[int, str]:
        """Every process, zombies apart, that was started for this folder, with its command."""
        mine = f"CARTWHEEL_VAR={self.var}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mine in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def pid(self, part: str) -> int:
        """The first of its processes whose command has this in it."""
        return min(pid for pid, command in self.pids().items() if part in command)


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    """A folder for runs, of which none is left over."""
    folder = tmp_path / "var"
    yield folder
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"CARTWHEEL_VAR={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue


def healthy(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
        return bool(json.load(answer) == {"status": "ok"})


def wait_for_nobody(run: Run) -> None:
    for _ in range(int(PATIENCE / 0.05)):
        if not run.pids():
            return
        time.sleep(0.05)
    raise AssertionError(f"left over: {run.pids()}")


def refused(environ: dict[str, str]) -> tuple[int, str]:
    """The exit code of `make run` with these variables, and what it says."""
    command = [sys.executable, "-m", "embedded"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"], **environ}, check=False, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_from_the_first_line_to_the_last_process(var: Path) -> None:
    """Told to end; with a worker that is killed; killed itself, which leaves nothing; ended from the keyboard."""
    run = Run(var)
    assert run.until("Cartwheel is at") == f"Cartwheel is at http://127.0.0.1:{run.port}\n"
    way_in = run.until(r"http://127\.0\.0\.1:\d+/\S{20,}")
    assert f":{run.port}/" in way_in
    run.until("Ctrl-C ends it")
    assert healthy(run.port)
    with urllib.request.urlopen(re.search(r"http\S+", way_in)[0], timeout=10) as page:  # type: ignore[index]
        assert b"<form" in page.read()

    settings = config.load({"CARTWHEEL_VAR": str(var)})
    assert (settings.port, settings.demo) == (run.port, False)
    assert f":{run.port}/" in run.beside("setup-link")
    assert checks.valkey_answers(local.valkey_socket(var))
    assert {name: stat.S_IMODE((var / name).stat().st_mode) for name in ("secret_key", "encryption_keys")} == {
        "secret_key": 0o600, "encryption_keys": 0o600,
    }  # fmt: skip
    engine = create_engine(f"sqlite:///{var}/cartwheel.db")
    with Session(engine) as session:
        make_marketplace(session, "Acme")
        session.commit()

    code, said = refused({"CARTWHEEL_VAR": str(var), "PORT": str(checks.free_port())})
    assert (code, "running already" in said) == (1, True)

    began = time.monotonic()
    assert run.end() == 0
    assert time.monotonic() - began < END
    wait_for_nobody(run)
    assert config.load({"CARTWHEEL_VAR": str(var)}).port == 8000  # what it noted is forgotten

    again = Run(var)
    again.until("Ctrl-C ends it")
    with Session(engine) as session:
        assert session.scalars(select(Marketplace.name)).all() == ["Acme"]
    engine.dispose()
    assert config.load({"CARTWHEEL_VAR": str(var)}).secret_key == settings.secret_key

    worker = again.pid("-m workers")
    os.kill(worker, signal.SIGKILL)
    again.until("worker has ended .SIGKILL.")
    for _ in range(int(PATIENCE / 0.05)):
        if any("-m workers" in command for pid, command in again.pids().items() if pid != worker):
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the worker did not come back")

    assert again.end(signal.SIGKILL) == -signal.SIGKILL
    wait_for_nobody(again)
    assert config.load({"CARTWHEEL_VAR": str(var)}).port == 8000  # what it left behind counts for nothing

    third = Run(var)
    third.until("Ctrl-C ends it")
    assert healthy(third.port)
    assert third.end(signal.SIGINT) == 0
    wait_for_nobody(third)


def test_a_taken_port_is_a_sentence(var: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = refused({"CARTWHEEL_VAR": str(var), "PORT": str(port)})
    assert (code, said.startswith(f"Cartwheel can't start: Port {port} is taken by another program.")) == (1, True)
    assert said.count("\n") == 1


def test_a_wrong_setting_is_a_sentence(var: Path) -> None:
    code, said = refused({"CARTWHEEL_VAR": str(var), "CIRCLE_RATE": "fast"})
    assert (code, said.startswith("Cartwheel can't start: CIRCLE_RATE must be")) == (1, True)
    assert said.count("\n") == 1


@pytest.mark.browser
def test_a_newcomers_first_run(var: Path, page: Page) -> None:
    """Signed in by the link, once; products, a product's Apps, its rules; Buy; the open Logs page; the member; the refund."""
    run = Run(var, DEMO="")
    link = re.search(r"http\S+/link/\S+", run.until("signed in"))
    checkout = re.search(r"http\S+/checkout", run.until("Buy something at"))
    assert link is not None
    assert checkout is not None
    run.until("Ctrl-C ends it")
    page.goto(link[0])
    page.get_by_role("link", name="Products", exact=True).click()
    page.get_by_role("link", name="Ads 101").first.click()
    expect(page.get_by_role("link", name=re.compile("^Apps"))).to_have_attribute("aria-current", "page")
    expect(page.get_by_text("VIP Room").first).to_be_visible()
    page.get_by_role("link", name="Logs", exact=True).click()
    shop = page.context.new_page()
    shop.goto(checkout[0])
    email = shop.get_by_label("E-mail").input_value()
    shop.get_by_role("button", name="Buy", exact=True).click()
    rows = page.get_by_role("row").filter(has_text=email)
    expect(rows).to_have_count(3, timeout=30_000)
    expect(rows.filter(has_text="Succeeded")).to_have_count(3, timeout=30_000)
    shop.get_by_role("link", name="Look in the community").click()
    expect(shop.get_by_text(email).first).to_be_visible()
    assert held(run, email, "VIP Room") == (True, "held")
    shop.goto(checkout[0])
    shop.get_by_role("button", name=re.compile("^Refund(?! half)")).first.click()
    page.get_by_role("button", name="2 new entries").click()
    expect(page.get_by_role("row").filter(has_text="Removed from space VIP Room")).to_contain_text("Succeeded", timeout=30_000)
    assert held(run, email, "VIP Room") == (False, "not_held")
    page.context.clear_cookies()
    page.goto(link[0])
    expect(page.get_by_text("Sign in").first).to_be_visible()
    assert run.end() == 0
    wait_for_nobody(run)


def held(run: Run, email: str, target: str) -> tuple[bool, str]:
    """What a script is told of one target: whether it should be held, and what is believed."""
    (row,) = [one for one in json.loads(run.beside("holds", email, "--json")) if one["target"] == target]
    return row["held"], row["believed"]
