"""What templates need to draw our components: how each state looks, and the parts put together. No page lives here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import Flask

from webapp.pages import assets, errors, headers, times
from webapp.pages.code import json_html, masked


@dataclass(frozen=True)
class Look:
    """A state's word, icon and tone: a state is never a colour alone."""

    word: str
    icon: str
    tone: str


LOOKS = {
    "queued": Look("Queued", "clock", "mute"),
    "running": Look("Running", "run", "run"),
    "retrying": Look("Waiting to retry", "retry", "wait"),
    "succeeded": Look("Succeeded", "ok", "ok"),
    "unchanged": Look("Unchanged", "same", "mute"),
    "failed": Look("Failed", "cross", "bad"),
    "parked": Look("Parked", "bars", "park"),
    "skipped": Look("Skipped", "dash", "mute"),
    "no_rule": Look("No rule", "ban", "mute"),
    "not_understood": Look("Not understood", "ask", "odd"),
    "connected": Look("Connected", "ok", "ok"),
    "attention": Look("Needs attention", "alert", "wait"),
    "done": Look("Done", "ok", "ok"),
    "stopped": Look("Stopped", "dash", "mute"),
    "paused": Look("Paused", "bars", "mute"),
    "watching": Look("Watch only", "eye", "run"),
    "loading": Look("Loading", "run", "run"),
    "on": Look("On", "check", "ok"),
    "off": Look("Off", "bars", "mute"),
    "broken": Look("Broken", "alert", "bad"),
    "standing": Look("Open", "alert", "wait"),
    "acknowledged": Look("Seen to", "eye", "run"),
    "snoozed": Look("Snoozed", "clock", "mute"),
    "over": Look("Over", "ok", "ok"),
    "waiting": Look("On its way", "clock", "mute"),
    "sent": Look("Sent", "ok", "ok"),
    "given_up": Look("Not sent", "cross", "bad"),
    "member": Look("Member", "ok", "ok"),
    "not_member": Look("Not a member", "dash", "mute"),
}


def look(state: str) -> Look:
    """How a state looks; one without a look of its own shows its word, quietly."""
    return LOOKS.get(state) or Look(state.replace("_", " ").capitalize(), "dash", "mute")


def register(app: Flask, static: Path, now: Callable[[], datetime] | None = None) -> None:
    """Give the app its look: static files, headers, times, error pages, and what the macros call."""
    assets.register(app, static)
    headers.register(app)
    times.register(app, now)
    errors.register(app)
    app.jinja_env.globals["status_look"] = look
    app.jinja_env.filters["json_html"] = json_html
    app.jinja_env.filters["masked"] = masked
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
