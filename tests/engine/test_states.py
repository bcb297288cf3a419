"""How an integration stands, in the merchant's words: why, what to do, and which button does it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.an_app import AnApp
from tests.factories import NOW
from webapp.engine.states import UNREADABLE, State, state, trouble
from webapp.models import Integration

APP = AnApp()


def integration(**fields: Any) -> Integration:
    return Integration(name="My community", app="circle", **fields)


def test_connected_has_nothing_to_say() -> None:
    assert state(integration(), APP) == State("connected")


@pytest.mark.parametrize(
    ("cause", "sentence", "todo", "remedy"),
    [
        ("dead_key", "My community: the API key is no longer accepted.", "Paste another one.", "key"),
        ("no_api_plan", "The plan of My community does not include the API.", "Upgrade it.", "refresh"),
        ("unheard_of", "My community can't be used until somebody looks at it.", "Paste its API key once more.", "key"),
    ],
)
def test_attention(cause: str, sentence: str, todo: str, remedy: str) -> None:
    found = state(integration(attention=cause, attention_at=NOW), APP)
    assert found == State("attention", sentence, todo, remedy, NOW)


def test_a_key_that_this_deployment_can_no_longer_read_is_ours_to_tell() -> None:
    assert "ENCRYPTION_KEYS" in trouble(UNREADABLE, APP).todo


def test_what_waits_runs_by_itself_once_it_is_mended() -> None:
    assert state(integration(attention="dead_key"), APP, 1).todo == "Paste another one. The one entry that waits then runs by itself."
    told = state(integration(attention="dead_key"), APP, 1234).todo
    assert told == "Paste another one. The 1,234 entries that wait then run by themselves, in order."


@pytest.mark.parametrize(
    ("waiting", "sentence"),
    [
        (0, "Paused: nothing is called. Nothing waits for it yet."),
        (1, "Paused: nothing is called. One entry waits for it."),
        (1234, "Paused: nothing is called. 1,234 entries wait for it."),
    ],
)
def test_paused(waiting: int, sentence: str) -> None:
    found = state(integration(paused_at=NOW), APP, waiting)
    assert (found.key, found.sentence, found.remedy, found.since) == ("paused", sentence, "resume", NOW)


def test_watch_only() -> None:
    found = state(integration(watch_only=True), APP)
    assert (found.key, found.sentence, found.remedy) == (
        "watching",
        "Everything is decided and logged, and nothing is called: Circle stays as it is.",
        "start",
    )


def test_what_needs_a_person_most_is_told_first() -> None:
    everything = integration(attention="dead_key", paused_at=NOW, watch_only=True)
    assert state(everything, APP).key == "attention"
    everything.attention = None
    assert state(everything, APP).key == "paused"
    everything.paused_at = None
    assert state(everything, APP).key == "watching"
