"""The sandbox as `make run` brings it: its community, its ports, and that it is there again after a restart."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox import demo
from sandbox.__main__ import KEPT, demo_box, run
from sandbox.box import Box
from sandbox.community import Community
from sandbox.keeper import Keeper
from sandbox.people import Buyer
from sandbox.shop import Shop
from tests.sandbox.conftest import Circle, Clock

ROOT = Path(__file__).resolve().parents[2]
INES = Buyer("ines@example.com", "Ines")


def test_the_demos_community(circle: Circle) -> None:
    demo.fill(circle.community)
    counts = {path: circle.get(path).said["count"] for path in ("/spaces", "/space_groups", "/events", "/member_tags")}
    assert counts == {"/spaces": 34, "/space_groups": 6, "/events": 9, "/member_tags": 21}
    by_name = {(one.kind, one.name) for one in circle.community.state.targets.values()}
    assert {("space", "VIP Room"), ("tag", "Ads 101 student")} <= by_name
    owner = circle.community.state.by_email(demo.OWNER)
    assert owner is not None
    assert owner.owner
    assert len(circle.community.held()) == len(demo.MEMBERS) + 1
    elif_ = circle.get("/community_members/search", email="elif.demir@example.org").said
    assert [one["name"] for one in elif_["member_tags"]] == ["VIP", "Founding member"]


def test_the_demos_ids_are_the_same_each_time(clock: Clock, tmp_path: Path) -> None:
    first, second = (demo_box(tmp_path).community.state.plain()["targets"] for _ in range(2))
    assert first == second


@pytest.fixture
def box(clock: Clock) -> Box:
    return Box(Community(clock), Shop(clock))


def test_what_is_kept_comes_back_and_is_for_its_owner_alone(box: Box, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / KEPT
    keeper = Keeper(box, path)
    assert not keeper.load()
    keeper.start()
    with box.open():
        box.community.add_member("ana@example.com")
        message = box.shop.buy(INES, "ads-101")
    keeper.stop()
    assert path.stat().st_mode & 0o777 == 0o600
    other = Box(Community(clock), Shop(clock))
    assert Keeper(other, path).load()
    assert set(other.community.held()) == {"ana@example.com"}
    assert other.shop.due() == [message.id]


def test_a_change_is_told_once_and_reading_is_none(box: Box) -> None:
    told: list[int] = []
    box.on_change = lambda: told.append(box.revision)
    with box.open():
        assert not box.community.held()
    assert told == []
    with pytest.raises(LookupError), box.open():
        box.shop.buy(INES, "alumni")
        box.shop.buy(INES, "nothing")
    assert told == [box.revision]


def test_a_change_is_written_soon(box: Box, tmp_path: Path) -> None:
    written = threading.Event()

    class Watched(Keeper):
        def write(self) -> None:
            super().write()
            written.set()

    keeper = Watched(box, tmp_path / KEPT)
    keeper.start()
    with box.open():
        box.community.add_member("ana@example.com")
    assert written.wait(30)
    assert "ana@example.com" in (tmp_path / KEPT).read_text()
    keeper.stop()


def test_a_disk_that_refuses_does_not_end_the_keeping(box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tried, written = threading.Event(), threading.Event()

    class Refused(Keeper):
        def write(self) -> None:
            if not tried.is_set():
                tried.set()
                raise OSError("No space left on device")
            super().write()
            written.set()

    keeper = Refused(box, tmp_path / KEPT)
    keeper.start()
    for happened in (tried, written):
        with box.open():
            box.shop.buy(INES, "alumni")
        assert happened.wait(30)
    keeper.stop()
    assert "No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"community": {}, "checkout": {}}', '{"community": []}'])
def test_a_file_that_is_not_ours_is_told_and_left_alone(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / KEPT).write_text(text)
    assert run({"CARTWHEEL_VAR": str(tmp_path), "SANDBOX_PORT": "0"}, threading.Event()) == 1
    assert "The sandbox can't start" in capsys.readouterr().err
    assert (tmp_path / KEPT).read_text() == text


def test_a_port_that_is_taken_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sandbox(tmp_path) as url:
        assert run({"CARTWHEEL_VAR": str(tmp_path), "SANDBOX_PORT": url.rpartition(":")[2]}, threading.Event()) == 1
    assert "The sandbox can't start" in capsys.readouterr().err


@contextlib.contextmanager
def sandbox(var: Path) -> Iterator[str]:
    """The process on a free port. Gives its address; ended by SIGTERM, which it must obey with status 0."""
    environ = {**os.environ, "CARTWHEEL_VAR": str(var), "SANDBOX_PORT": "0", "PORT": "8123"}
    command = [sys.executable, "-m", "sandbox"]
    process = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with process.stdout as lines:
            yield lines.readline().split()[-1].removesuffix("/checkout")
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_it_is_there_again_after_a_restart(tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {demo.KEY}", "Accept": "application/json", "Content-Type": "application/json"}
    with sandbox(tmp_path) as url:
        invited = requests.post(f"{url}/api/admin/v2/community_members", data='{"email": "ana@example.com"}', headers=headers, timeout=10)
        assert invited.status_code == 201
        requests.post(f"{url}/checkout/buy", data={"email": "ines@example.com", "product": "alumni"}, timeout=10)
        page = requests.get(f"{url}/community", timeout=10).text
        assert 'href="http://127.0.0.1:8123/logs"' in page
    kept = json.loads((tmp_path / KEPT).read_text())
    assert len(kept["checkout"]["orders"]) == 1
    with sandbox(tmp_path) as url:
        found = requests.get(f"{url}/api/admin/v2/community_members/search?email=ana@example.com", headers=headers, timeout=10)
        assert found.status_code == 200
        assert "ines@example.com" in requests.get(f"{url}/checkout", timeout=10).text
