"""A client that counts its calls and keeps the pace, for whoever calls an app outside of the lanes. No app lives here."""

from __future__ import annotations

from collections.abc import Callable

from webapp.apps import Answer, Call, Client, metered


class Counted:
    """A client whose `calls`, and those of them that the app meters, are counted.

    `admit` waits until a call may be made, and gives "", or else why none may, in a sentence: then none is.
    """

    def __init__(self, client: Client, admit: Callable[[], str]) -> None:
        self._client, self._admit = client, admit
        self.calls = self.metered = 0

    def send(self, call: Call) -> Answer:
        """Make the call, and count it."""
        why_not = self._admit()
        if why_not:
            return Answer(0, error=why_not, sent=False)
        answer = self._client.send(call)
        self.calls += 1
        self.metered += metered(answer.status)
        return answer
