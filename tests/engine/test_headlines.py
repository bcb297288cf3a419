"""What an entry's page says first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from webapp.engine.headlines import headline


def _story(status: str, kind: str = "space", adds: bool = True, **more: Any) -> Any:
    given = {
        "row": SimpleNamespace(status=status, sentence="What it says."), "who": "Maya", "integration": SimpleNamespace(name="My community"),
        "action": SimpleNamespace(kind=kind, adds=adds), "target": SimpleNamespace(name="VIP Room"),
    }  # fmt: skip
    return SimpleNamespace(**{**given, **more})


@pytest.mark.parametrize(
    ("kind", "adds", "said"),
    [
        ("membership", True, "Maya was invited to My community"),
        ("membership", False, "Maya was removed from My community"),
        ("space", True, "Maya was added to the space VIP Room"),
        ("space_group", False, "Maya was removed from the space group VIP Room"),
        ("event", True, "Maya was signed up for the event VIP Room"),
        ("event", False, "Maya was signed off from the event VIP Room"),
        ("tag", True, "Maya was given the tag VIP Room"),
        ("tag", False, "Maya was freed of the tag VIP Room"),
    ],
)
def test_what_was_done_is_said_of_the_customer(kind: str, adds: bool, said: str) -> None:
    assert headline(_story("succeeded", kind, adds)) == said


@pytest.mark.parametrize("status", ["queued", "running", "retrying", "parked"])
def test_what_waits_is_yet_to_be(status: str) -> None:
    assert headline(_story(status, "membership")) == "Maya is to be invited to My community"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("no_rule", "No rule is about this"),
        ("nothing", "Nothing new in this message"),
        ("not_understood", "This message was not understood"),
    ],
)
def test_without_a_rule_it_says_what_kind_of_nothing(status: str, said: str) -> None:
    assert headline(_story(status, action=None, target=None, who="")) == said


@pytest.mark.parametrize("missing", ["action", "target", "integration", "who"])
def test_where_something_is_missing_the_sentence_stands_for_it(missing: str) -> None:
    assert headline(_story("succeeded", **{missing: None})) == "What it says"
