"""The fewest calls that bring about a change: what the account of a run is held against."""

from __future__ import annotations

import pytest

from simulation.ledger import Held, least


def held(*names: str) -> Held:
    return frozenset(names)


@pytest.mark.parametrize(
    ("before", "after", "calls"),
    [
        (None, None, 0),
        (None, held("VIP Room", "Club", "Fan"), 1),
        (None, held("VIP Room", "Launch Party"), 2),
        (held("Fan"), held("Fan"), 0),
        (held(), held("VIP Room", "Fan"), 2),
        (held("Club", "VIP Room", "Basics"), None, 1),
        (held("Club", "VIP Room", "Basics"), held(), 1),
        (held("Club", "VIP Room", "Basics"), held("Basics"), 2),
        (held("Fan", "VIP Room"), held("Club", "VIP Room"), 2),
    ],
)
def test_the_fewest_calls(before: Held, after: Held, calls: int) -> None:
    assert least(before, after) == calls
