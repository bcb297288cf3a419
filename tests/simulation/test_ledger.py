"""The account of a run's calls: the fewest that bring about a change, and which were needless."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.community import Call
from simulation.ledger import Held, Ledger, least
from webapp.apps import Answer

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


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


@pytest.mark.parametrize(
    ("method", "path", "status", "needless"),
    [
        ("POST", "/community_members", 201, True),
        ("DELETE", "/community_members/7", 422, False),  # the owner: they are still a member, and that was not wanted
        ("DELETE", "/community_members/7", 404, True),
    ],
)
def test_a_call_that_changed_nothing_was_needless_where_it_was_certain(method: str, path: str, status: int, needless: bool) -> None:
    ledger = Ledger({})
    ledger.begin(1, "mina@shop.test", None)
    ledger.heard(1, Call("POST", "/community_members", {}, {}, 201, NOW, changed=True), Answer(201), NOW)
    ledger.heard(1, Call(method, path, {}, {}, status, NOW), Answer(status), NOW)
    assert bool(ledger.faults) is needless


@pytest.mark.parametrize(("before", "needless"), [(None, False), (held(), True)])
def test_whoever_is_not_let_in_was_not_asked_in_vain(before: Held, needless: bool) -> None:
    ledger = Ledger({}, known={("mina@shop.test", "member"): NOW})
    ledger.begin(1, "mina@shop.test", before)
    ledger.heard(1, Call("POST", "/community_members", {}, {}, 404, NOW), Answer(404), NOW)
    assert bool(ledger.faults) is needless
