"""A community as its Admin API v2 shows it: strict, stateful, and exact to repeat.

The way of a call through the community lives here; what each call does, in the modules of calls. No clock, no chance,
no network: `now` is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sandbox.answers import Answers
from sandbox.faults import Fault, fault
from sandbox.handlers import HANDLERS
from sandbox.merchant import Merchant
from sandbox.modes import Modes
from sandbox.replies import Reply, rate_limited, refused
from sandbox.shapes import SHAPES, faults, header, readable, route
from sandbox.world import Ask, World

__all__ = ["Answers", "Call", "Community", "Fault", "Modes", "Reply"]

HANG = 30.0
"""Seconds of silence while the community hangs."""
CALLS_KEPT = 100_000
"""Calls that are remembered at least; the sandbox of a demo may run for weeks."""
EMAIL_FIELDS = ("email", "user_email", "member_email")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached the community. The token is not kept.

    `status` is what Circle said or would have said, 0 where the connection was cut before Circle saw it. `lost`:
    that answer did not arrive as Circle gave it. `changed`: something in the community is different since.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    at: datetime
    lost: bool = False
    changed: bool = False

    @property
    def metered(self) -> bool:
        """Whether it counts against the monthly quota: every answer but a 5xx."""
        return 0 < self.status < 500


class Community(Merchant):
    """One Circle community: `handle` is its API, Merchant has what people do by hand. Not thread-safe.

    `answers` and `modes` may be replaced at any time. `calls` (the newest ones; `called` counts all) and `violations`
    record what happened and are in no snapshot.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        name: str = "My community",
        tokens: Sequence[str] = ("sandbox-token",),
        answers: Answers | None = None,
        modes: Modes | None = None,
    ) -> None:
        super().__init__(World(name, now, answers=answers or Answers(), modes=modes or Modes()))
        self.tokens = list(tokens)
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.called = 0
        self.metered = 0
        self._faults: list[Fault] = []
        self._let_through: deque[float] = deque()

    @property
    def answers(self) -> Answers:
        """Which of the plausible Circles this is."""
        return self.world.answers

    @answers.setter
    def answers(self, answers: Answers) -> None:
        self.world.answers = answers
        self.state.revision += 1

    @property
    def modes(self) -> Modes:
        """How the community stands today."""
        return self.world.modes

    @modes.setter
    def modes(self, modes: Modes) -> None:
        self.world.modes = modes
        self.state.revision += 1

    def add_token(self, token: str) -> None:
        """Make an API key."""
        self.tokens.append(token)
        self.state.revision += 1

    def delete_token(self, token: str) -> None:
        """Delete an API key: from now on it is answered 401. ValueError where there is none."""
        self.tokens.remove(token)
        self.state.revision += 1

    def push(self, *wanted: Fault) -> None:
        """Let this go wrong with the next calls that match. Of several that match, the one pushed first comes first."""
        self._faults += wanted
        self.state.revision += 1

    def clear_faults(self) -> None:
        """Nothing that was pushed and has not happened yet will happen."""
        self._faults = []
        self.state.revision += 1

    @property
    def waiting_faults(self) -> list[Fault]:
        """What will still go wrong; `times` says how often."""
        return list(self._faults)

    def handle(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request. `path` begins after the base, as in "/community_members"; no exception leaves this."""
        sent = readable(body)
        spoiler = self._next_fault(method, path, _emails(query, sent)) if self._faults else None
        spoiler = spoiler or self._trouble()
        before = self.state.revision
        seen = spoiler is None or spoiler.applied
        reply = self._answer(method, path, query, headers, sent) if seen or spoiler is None else spoiler.answer()
        status = reply.status if seen or not reply.cut else 0
        changed = self.state.revision != before
        self._note(Call(method, path, dict(query), sent, status, self.world.now(), spoiler is not None, changed))
        return spoiler.spoil(reply) if spoiler is not None and seen else reply

    def snapshot(self) -> dict[str, Any]:
        """Everything that decides the next answers, as JSON can hold it. The tokens are in it: keep it private."""
        return {
            "name": self.world.name,
            "tokens": list(self.tokens),
            "state": self.state.plain(),
            "answers": asdict(self.answers),
            "modes": self.modes.plain(),
            "joined_on": dict(self.world.joined_on),
            "let_through": list(self._let_through),
            "faults": [one.plain() for one in self._faults],
            "metered": self.metered,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Be as `snapshot` says. `calls` and `violations` stay as they are."""
        self.world.name = snapshot["name"]
        self.tokens = list(snapshot["tokens"])
        self.state.load(snapshot["state"])
        self.answers = Answers(**snapshot["answers"])
        self.modes = Modes().changed(snapshot["modes"])
        self.world.joined_on.clear()
        self.world.joined_on.update(snapshot["joined_on"])
        self._let_through = deque(snapshot["let_through"])
        self._faults = [fault(one) for one in snapshot["faults"]]
        self.metered = snapshot["metered"]

    def _answer(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], sent: Any) -> Reply:
        refusal = self._gate(headers)
        if refusal is not None:
            return refusal
        found = route(method, path)
        if found is None:
            return self._violation(404, method, path, "there is no such call")
        key, number = found
        wrong, fields = faults(SHAPES[key], query, headers, sent)
        if wrong:
            return self._violation(400, method, path, "; ".join(wrong))
        return HANDLERS[key](self.world, Ask(query, fields, number))

    def _gate(self, headers: Mapping[str, str]) -> Reply | None:
        if self.modes.rate_calls is not None and not self._within_rate(self.modes.rate_calls):
            return rate_limited(self.answers.rate_limited_body, self.answers.retry_after)
        scheme, _, token = header(headers, "Authorization").partition(" ")
        if scheme != "Bearer" or not token:
            self.violations.append("Authorization must be `Bearer TOKEN`")
            return refused(self.answers, 401, "API token not found.")
        if self.modes.key == "wrong_kind":
            return refused(self.answers, 401, "API token not found.")
        if self.modes.key == "dead" or token not in self.tokens:
            return refused(self.answers, 401, self.answers.dead_key_message)
        if self.modes.plan_without_api:
            return refused(self.answers, 403, "The community is not eligible for admin API v2 access.")
        return None

    def _within_rate(self, calls: int) -> bool:
        now, passed = self.world.now().timestamp(), self._let_through
        while passed and passed[0] <= now - self.modes.rate_seconds:
            passed.popleft()
        if len(passed) >= calls:
            return False
        passed.append(now)
        return True

    def _violation(self, status: int, method: str, path: str, why: str) -> Reply:
        sentence = f"{method} {path}: {why}"
        self.violations.append(sentence)
        return refused(self.answers, status, f"Not as Circle describes it. {sentence}")

    def _next_fault(self, method: str, path: str, emails: set[str]) -> Fault | None:
        for place, one in enumerate(self._faults):
            if one.matches(method, path, emails):
                self._faults[place : place + 1] = [replace(one, times=one.times - 1)] if one.times > 1 else []
                self.state.revision += 1
                return one
        return None

    def _trouble(self) -> Fault | None:
        """What goes wrong with every call just now."""
        until = self.modes.trouble_until
        if self.modes.trouble == "none" or (until is not None and self.world.now().timestamp() >= until):
            return None
        return Fault.error(503, html=True) if self.modes.trouble == "error" else Fault.hang(HANG)

    def _note(self, call: Call) -> None:
        if len(self.calls) >= 2 * CALLS_KEPT:
            del self.calls[:CALLS_KEPT]
        self.calls.append(call)
        self.called += 1
        self.metered += call.metered


def _emails(query: Mapping[str, str], body: object) -> set[str]:
    fields = {**query, **body} if isinstance(body, dict) else query
    return {str(fields[name]).strip().lower() for name in EMAIL_FIELDS if name in fields}
