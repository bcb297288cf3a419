"""A case of a customer is played again: the engine comes to the calls that were made, and it is seen where it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from simulation import play
from simulation import replay as replaying
from simulation.house import House
from simulation.replay import Differs, Replay
from simulation.stage import Stage
from webapp.models import Customer
from webapp.support.gathering import gather

SEEDS = (1, 8, 11, 14, 21)
"""Rules that change, skips and replays, answers that are lost, workers that die: whatever a simulation has."""


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The cases of the customers of the simulations that are played in a test. No two things happen in one moment, as on a real machine."""
    found: list[dict[str, Any]] = []
    write, end = House.write, play._end

    @contextmanager
    def later(house: House, crash: bool = False) -> Iterator[Session]:
        house.now += timedelta(milliseconds=1)
        with write(house, crash) as session:
            yield session

    def ended(stage: Stage, dice: Random) -> None:
        end(stage, dice)
        with stage.house.read() as session:
            people = session.scalars(select(Customer)).all()
            found.extend(json.loads(json.dumps(gather(session, one, timedelta(hours=24), stage.now))) for one in people)

    monkeypatch.setattr(House, "write", later)
    monkeypatch.setattr(play, "_end", ended)
    return found


def test_it_comes_to_the_same_calls(cases: list[dict[str, Any]]) -> None:
    for seed in SEEDS:
        assert play.run(seed).faults == ()
    played = [list(Replay(case).play()) for case in cases]
    assert sum(map(len, played)) > 20
    assert all(line.endswith("  same") for lines in played for line in lines)


def test_it_tells_where_it_differs(cases: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in SEEDS:
        play.run(seed)
    case = next(one for one in cases if len(one["calls"]) > 1)
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case), encoding="utf-8")
    assert _main(file) == 0
    case["calls"][1]["path"] = "/elsewhere"
    file.write_text(json.dumps(case), encoding="utf-8")
    assert _main(file) == 1
    said = capsys.readouterr().out
    assert "/elsewhere" in said
    assert "was made then; now" in said
    assert "Not the same: after 1 calls that were." in said
    for mark in case["marks"]:  # what was opened was never put on record
        mark["op"] = "close"
    case["events"] = [{**event, "started": []} for event in case["events"]]
    with pytest.raises(Differs, match="now nothing would be called"):
        list(Replay(case).play())


def test_it_does_not_say_who_it_is(cases: list[dict[str, Any]]) -> None:
    play.run(SEEDS[0])
    said = json.dumps(cases, ensure_ascii=False)
    assert "customer@case.test" in said
    assert re.findall(r"(?i)\bmina\b|\bnoor\b|\bberg\b|\W[ospr]\d+\b", said) == []


def _main(file: Path) -> int:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["replay", str(file)])
        return replaying.main()
