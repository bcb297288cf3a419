"""A run is its seed's: played again it is the same, and a part of it can be played."""

from __future__ import annotations

import os
import subprocess
import sys

from simulation.acts import ACTS
from simulation.play import run, steps

SEED = 11


def test_the_same_seed_gives_the_same_trace() -> None:
    assert run(SEED) == run(SEED)
    assert run(SEED).hash != run(SEED + 1).hash


def test_so_it_does_in_another_process_with_other_hashes() -> None:
    """Nothing hangs on the order in which a set happens to be walked."""
    played = subprocess.run(
        [sys.executable, "-m", "simulation", "--seed", str(SEED)],
        env={**os.environ, "PYTHONHASHSEED": "4711"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert played.stdout.splitlines()[-1] == run(SEED).hash


def test_a_part_of_its_steps_can_be_played() -> None:
    some = [step.place for step in steps(SEED)][::3]
    outcome = run(SEED, some)
    assert [step.place for step in outcome.steps] == some
    assert outcome.faults == ()


def test_all_kinds_of_steps_are_drawn() -> None:
    drawn = {step.kind for seed in range(40) for step in steps(seed)}
    assert drawn == set(ACTS)
