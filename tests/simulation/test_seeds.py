"""Three hundred runs of the whole engine, each drawn from its seed (docs/simulation.md). `make simulate SEED=n` tells what happens in one."""

from __future__ import annotations

import pytest

from simulation.play import run

SEEDS, AT_ONCE = 300, 10


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_happens_everybody_ends_up_with_what_they_should_hold(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        outcome = run(seed)
        assert outcome.faults == (), f"make simulate SEED={seed}"
        assert outcome.trace
