"""Processes that are looked after: what they print, that they come back when they die, and that none is left at the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded import supervisor as under_test
from embedded.supervisor import Stopping, Supervisor

PATIENCE = 30.0
FOR_EVER = "sleep 1000"


class Lines:
    """What would have been printed."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.printed: list[str] = []

    def say(self, line: str, name: str = "cartwheel") -> None:
        self.said.append((name, line))

    def plain(self, line: str) -> None:
        self.printed.append(line)

    def of(self, name: str) -> list[str]:
        return [line for said_by, line in self.said if said_by == name]


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def supervisor(tmp_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """One that waits as briefly as it can."""
    for name, seconds in (("TICK", 0.005), ("GRACE", 0.3), ("LAST_GRACE", 0.3), ("FIRST_DELAY", 0.01), ("LONGEST_DELAY", 0.02)):
        monkeypatch.setattr(under_test, name, seconds)
    made = Supervisor(tmp_path, lines)  # type: ignore[arg-type]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield made
    made.stop()
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def start(supervisor: Supervisor) -> Callable[..., None]:
    """`start(name, script)` starts a shell script."""

    def started(name: str, script: str, voice: str = "named") -> None:
        path = supervisor.folder / f"{name}.sh"
        path.write_text(script)
        supervisor.start(name, f"sh {path}", os.environ, voice)  # type: ignore[arg-type]

    return started


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_lines_are_printed_behind_their_name_the_last_one_whole_or_not(supervisor: Supervisor, lines: Lines) -> None:
    assert supervisor.run("hello", "printf 'one\\ntwo'", os.environ) == 0
    assert lines.said == [("hello", "one"), ("hello", "two")]


def test_what_is_only_heard_is_not_printed(supervisor: Supervisor, lines: Lines) -> None:
    assert supervisor.hear("link", "printf 'Sign in at\\nhere'", os.environ) == ["Sign in at", "here"]
    assert (lines.said, lines.printed) == ([], [])


def test_more_than_a_pipe_holds_comes_through(supervisor: Supervisor, lines: Lines) -> None:
    supervisor.run("many", "seq 50000", os.environ)
    assert lines.of("many") == [str(n) for n in range(1, 50001)]


def test_bytes_that_are_no_text_do_no_harm(supervisor: Supervisor, lines: Lines) -> None:
    supervisor.run("odd", "printf '\\377\\n'", os.environ)
    assert lines.of("odd") == ["\ufffd"]


def test_a_command_has_its_exit_code_its_folder_and_its_environment(supervisor: Supervisor, lines: Lines, tmp_path: Path) -> None:
    assert supervisor.run("fails", "false", {}) == 1
    supervisor.run("where", "pwd", {"PATH": os.defpath})
    supervisor.run("env", "printenv GREETING", {"PATH": os.defpath, "GREETING": "hello"})
    assert (lines.of("where"), lines.of("env")) == ([str(tmp_path)], ["hello"])


def test_what_dies_is_started_again(supervisor: Supervisor, lines: Lines, start: Callable[..., None]) -> None:
    start("worker", "echo up; exit 3")
    assert supervisor.wait_for(lambda: len(lines.of("worker")) >= 3, PATIENCE)
    assert lines.of("cartwheel")[0] == "worker has ended (exit code 3); again in 0 s"


def test_a_signal_is_told_by_its_name(supervisor: Supervisor, lines: Lines, start: Callable[..., None]) -> None:
    start("worker", "kill -9 $$")
    assert supervisor.wait_for(lambda: bool(lines.of("cartwheel")), PATIENCE)
    assert lines.of("cartwheel")[0].startswith("worker has ended (SIGKILL)")


def test_one_that_dies_again_and_again_is_started_ever_more_slowly(
    supervisor: Supervisor, start: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "LONGEST_DELAY", 0.05)
    start("worker", "exit 1")
    (child,) = supervisor._children
    delays: list[float] = []

    def noted() -> bool:
        if child.delay and (not delays or delays[-1] != child.delay):
            delays.append(child.delay)
        return child.delay == 0.05

    assert supervisor.wait_for(noted, PATIENCE)
    assert delays == [0.01, 0.02, 0.04, 0.05]


def test_a_quiet_one_is_heard_only_when_it_dies(supervisor: Supervisor, lines: Lines, start: Callable[..., None]) -> None:
    flag = supervisor.folder / "flag"
    start("valkey", f"echo warning; while [ ! -e {flag} ]; do sleep 0.01; done; exit 1", "quiet")
    (child,) = supervisor._children
    assert supervisor.wait_for(lambda: bool(child.kept), PATIENCE)
    assert lines.said == []
    flag.touch()
    assert supervisor.wait_for(lambda: bool(lines.of("cartwheel")), PATIENCE)
    assert lines.of("valkey") == ["warning"]


def test_the_end_reaches_everything_that_was_started(supervisor: Supervisor, lines: Lines, start: Callable[..., None]) -> None:
    start("web", f"{FOR_EVER} & echo $!; echo $$; wait")
    assert supervisor.wait_for(lambda: len(lines.of("web")) == 2, PATIENCE)
    pids = [int(line) for line in lines.of("web")]
    supervisor.stop()
    assert supervisor.wait_for(lambda: not any(lives(pid) for pid in pids), PATIENCE)  # the signal has been sent


def test_one_that_does_not_end_is_killed(supervisor: Supervisor, lines: Lines, start: Callable[..., None]) -> None:
    start("deaf", "trap '' TERM; echo $$; while true; do sleep 0.01; done")
    assert supervisor.wait_for(lambda: bool(lines.of("deaf")), PATIENCE)
    supervisor.stop()
    assert lines.of("cartwheel") == ["deaf would not end and is killed"]
    assert supervisor.wait_for(lambda: not lives(int(lines.of("deaf")[0])), PATIENCE)


def test_what_others_need_ends_last(supervisor: Supervisor, lines: Lines, start: Callable[..., None]) -> None:
    start("valkey", "trap 'echo down; exit' TERM; echo up; while true; do sleep 0.01; done")
    start("worker", "trap 'sleep 0.05; echo down; exit' TERM; echo up; while true; do sleep 0.01; done")
    assert supervisor.wait_for(lambda: len(lines.said) == 2, PATIENCE)
    supervisor.stop(last=supervisor._children[0])
    assert [name for name, line in lines.said if line == "down"] == ["worker", "valkey"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_asks_for_the_end_also_while_something_is_waited_for(
    supervisor: Supervisor, start: Callable[..., None], number: signal.Signals
) -> None:
    supervisor.listen()
    start("web", FOR_EVER)
    os.kill(os.getpid(), number)
    with pytest.raises(Stopping):
        supervisor.supervise()
    with pytest.raises(Stopping):
        supervisor.run("release", FOR_EVER, os.environ)


def test_what_never_becomes_true_is_given_up(supervisor: Supervisor) -> None:
    assert not supervisor.wait_for(lambda: False, 0.0)
