"""What this machine keeps for itself: keys made once, by one of many, and a socket whose address is never too long."""

from __future__ import annotations

import stat
import threading
from itertools import count
from pathlib import Path

import pytest

from webapp import local


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    numbers = count()
    made = [local.made_once(tmp_path / "var" / "key", lambda: f"key {next(numbers)}") for _ in range(3)]
    assert made == ["key 0"] * 3
    assert stat.S_IMODE((tmp_path / "var" / "key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["key"]


def test_of_many_at_once_one_makes_it_and_all_have_the_same(tmp_path: Path) -> None:
    together, numbers = threading.Barrier(8), count()
    made: list[str] = []

    def make() -> str:
        together.wait()  # everybody has seen that there is none
        return f"key {next(numbers)}"

    threads = [threading.Thread(target=lambda: made.append(local.made_once(tmp_path / "key", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_long_path_has_its_socket_elsewhere_always_the_same(tmp_path: Path) -> None:
    near, far = tmp_path / "v", tmp_path / ("x" * 120)
    assert local.valkey_socket(Path("/srv/var")) == Path("/srv/var/valkey.sock")
    assert local.valkey_socket(far) == local.valkey_socket(far)
    assert local.valkey_socket(far) != local.valkey_socket(near / ("x" * 120))
    assert len(str(local.valkey_socket(far))) <= local.MAX_SOCKET_PATH


@pytest.mark.parametrize("text", ["", "{", "[]", "1"])
def test_a_broken_note_counts_for_nothing(tmp_path: Path, text: str) -> None:
    with local.holding(tmp_path):
        (tmp_path / local.RUNNING).write_text(text)
        assert local.running(tmp_path) == {}


def test_a_note_lasts_as_long_as_the_run(tmp_path: Path) -> None:
    assert local.running(tmp_path) == {}
    with local.holding(tmp_path):
        assert local.running(tmp_path) == {}
        local.note_running(tmp_path, {"PORT": "9000"})
        assert local.running(tmp_path) == {"PORT": "9000"}
        local.forget_running(tmp_path)
        local.forget_running(tmp_path)
        assert local.running(tmp_path) == {}


def test_one_runs_in_a_folder(tmp_path: Path) -> None:
    with local.holding(tmp_path), pytest.raises(BlockingIOError), local.holding(tmp_path):
        pass
    with local.holding(tmp_path):
        pass
