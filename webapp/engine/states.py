"""How an integration stands, in words: its state, why, and what to do. Nothing is changed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webapp.apps import App, Trouble
from webapp.models import Integration

UNREADABLE = "unreadable_key"
"""A cause that is ours and no app's: none of the deployment's ENCRYPTION_KEYS opens the credentials."""

OURS = {
    UNREADABLE: Trouble(
        "Cartwheel can no longer read the API key of {integration}: this deployment has lost the key that it was encrypted with.",
        "Put the old key back into ENCRYPTION_KEYS, or paste the API key once more.",
        "key",
    )
}
OTHER = Trouble("{integration} can't be used until somebody looks at it.", "Paste its API key once more.", "key")


@dataclass(frozen=True)
class State:
    """`key`: connected / attention / paused / watching. `sentence` says why ("" where all is well), `todo` what to do about it.

    `remedy`: what the button beside it does: `key` (another one), `refresh`, `resume`, `start` (calling), or "" for none. `since`: since when.
    """

    key: str
    sentence: str = ""
    todo: str = ""
    remedy: str = ""
    since: datetime | None = None


def state(integration: Integration, app: App, waiting: int | None = None) -> State:
    """The state of an integration of that app; `waiting` is how many entries wait for it, None where nobody has counted."""
    if integration.attention:
        return _attention(integration, app, waiting)
    if integration.paused_at:
        return _paused(integration, waiting)
    if integration.watch_only:
        return State(
            "watching",
            f"Everything is decided and logged, and nothing is called: {app.name} stays as it is.",
            "When the log says what you expect, let it call.",
            "start",
        )
    return State("connected")


def trouble(cause: str, app: App) -> Trouble:
    """What an integration's `attention` means."""
    return app.troubles.get(cause) or OURS.get(cause) or OTHER


def _attention(integration: Integration, app: App, waiting: int | None) -> State:
    known = trouble(integration.attention or "", app)
    sentence = known.sentence.replace("{integration}", integration.name)
    todo = f"{known.todo} {_then(waiting)}".strip()
    return State("attention", sentence, todo, known.remedy, integration.attention_at)


def _paused(integration: Integration, waiting: int | None) -> State:
    if waiting is None:
        return State("paused", "Paused: nothing is called.", "Resume it.", "resume", integration.paused_at)
    held = {0: "Nothing waits for it yet.", 1: "One entry waits for it."}.get(waiting, f"{waiting:,} entries wait for it.")
    return State("paused", f"Paused: nothing is called. {held}", _then(waiting), "resume", integration.paused_at)


def _then(waiting: int | None) -> str:
    if not waiting:
        return ""
    if waiting == 1:
        return "The one entry that waits then runs by itself."
    return f"The {waiting:,} entries that wait then run by themselves, in order."
