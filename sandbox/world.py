"""What a call's handler is given: the community's state and settings, and the request once it was found well-formed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.answers import Answers
from sandbox.modes import Modes
from sandbox.replies import Reply
from sandbox.state import State


@dataclass(slots=True)
class World:
    """One community: what is in it, how it stands, and which of the plausible Circles it is."""

    name: str
    now: Callable[[], datetime]
    state: State = field(default_factory=State)
    answers: Answers = field(default_factory=Answers)
    modes: Modes = field(default_factory=Modes)
    joined_on: Counter[str] = field(default_factory=Counter)
    """New members by day (UTC), for the daily limit."""


@dataclass(slots=True)
class Ask:
    """A request that has the right names and types. `id` is the number in its path, -1 where there is none."""

    query: Mapping[str, str]
    body: Mapping[str, Any]
    id: int = -1

    def text(self, name: str) -> str:
        """A field from the body, else from the query."""
        return str(self.body.get(name, self.query.get(name, "")))

    def number(self, name: str) -> int:
        """The same, as a number; -1 where it is none."""
        value = self.text(name)
        return int(value) if value.isascii() and value.isdigit() else -1


Handler = Callable[[World, Ask], Reply]
