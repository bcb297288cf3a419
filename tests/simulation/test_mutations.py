"""The simulation can fail: each of these faults in the engine is caught by its seed, which runs clean without it (test_seeds.py)."""

from __future__ import annotations

import pytest

from simulation.mutations import MUTATIONS, Mutation, at_work
from simulation.play import run
from simulation.shrink import shrink
from tests.simulation.test_seeds import SEEDS


def name(mutation: Mutation) -> str:
    return mutation.means


@pytest.mark.parametrize("mutation", MUTATIONS, ids=name)
def test_a_fault_is_caught(mutation: Mutation) -> None:
    with at_work(mutation):
        assert run(mutation.seed).faults
    assert mutation.seed < SEEDS


def test_there_are_enough_of_them() -> None:
    assert len(MUTATIONS) >= 10
    assert len({mutation.means for mutation in MUTATIONS}) == len(MUTATIONS)


def test_a_failing_run_is_made_short() -> None:
    mutation = MUTATIONS[0]
    with at_work(mutation):
        failed = run(mutation.seed)
        short = shrink(failed)
        places = [step.place for step in short.steps]
        assert short.faults
        assert len(places) < len(failed.steps)
        assert all(not run(mutation.seed, [p for p in places if p != place]).faults for place in places)
        assert run(mutation.seed, places) == short
