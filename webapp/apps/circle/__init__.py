"""Circle.so: communities, their spaces, space groups, events and tags, by the Admin API v2 (docs/circle.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from webapp.apps import Action, Answer, Call, Client, Community, Known, Learned, Settled, Want
from webapp.apps.circle import answers, catalog, check, plan
from webapp.apps.circle.actions import ACTIONS, FIELDS, KINDS, TROUBLES
from webapp.apps.circle.client import CircleClient


class Circle:
    """The app: see `webapp.apps.App`."""

    key = "circle"
    name = "Circle"
    fields = FIELDS
    kinds = KINDS
    actions: Mapping[str, Action] = ACTIONS
    troubles = TROUBLES

    def client(self, api_url: str, credentials: Mapping[str, str]) -> CircleClient:
        """A client for one community."""
        return CircleClient(api_url, credentials.get("api_key", ""))

    def connect(self, client: Client) -> Community:
        """Check the key with Circle. Raises Refused."""
        return catalog.connect(client)

    def load_catalog(self, client: Client) -> Iterable[catalog.Page]:
        """All pages of all lists. Raises Refused or LookupError."""
        return catalog.load(client)

    def plan(self, want: Want, known: Known) -> tuple[Call, ...]:
        """The fewest calls."""
        return plan.plan(want, known)

    def rest(self, want: Want, known: Known) -> Mapping[int, Settled]:
        """What to say where no call was needed."""
        return plan.rest(want, known)

    def learn(self, want: Want, known: Known, call: Call, answer: Answer) -> Learned:
        """What an answer means."""
        return answers.learn(want, known, call, answer)

    def check(self, want: Want, known: Known) -> tuple[Call, ...]:
        """What is to be asked to know what they hold."""
        return check.ask(want, known)

    def profile_url(self, credentials: Mapping[str, str], member_id: str) -> str | None:
        """The community itself, where its address is known: Circle has public ids of members that the API's are not."""
        url = credentials.get("community_url", "")
        return url if urlsplit(url).scheme in ("http", "https") else None


CIRCLE = Circle()
