"""A client that counts its calls, for whoever calls an app outside of the lanes. No app lives here."""

from __future__ import annotations

from webapp.apps import Answer, Call, Client, metered


class Counted:
    """A client whose `calls`, and those of them that the app meters, are counted."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls = self.metered = 0

    def send(self, call: Call) -> Answer:
        """Make the call, and count it."""
        answer = self._client.send(call)
        self.calls += 1
        self.metered += metered(answer.status)
        return answer
