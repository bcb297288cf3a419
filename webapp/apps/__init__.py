"""What an app is: how it is connected, what can be picked in it, what it can do, and the registry. Nothing of one app lives here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

MEMBERSHIP = "membership"
"""The kind of the target that is the membership itself; every integration has exactly one such target."""

Held = Literal["held", "not_held", "unknown"]
"""What a belief says. `unknown` is said of a target whose last call's answer was lost; no belief at all means never heard of."""


@dataclass(frozen=True, slots=True)
class Field:
    """One credential or setting that connecting an app asks for; forms are derived from it. `link`: it is the address of a web page."""

    key: str
    label: str
    help: str
    secret: bool = False
    required: bool = True
    link: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of target in an app's catalog, in the words a sentence uses ("space", "spaces").

    `grouped_by`: the kind of the groups in which things of this kind lie, where they do.
    """

    key: str
    one: str
    many: str
    grouped_by: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Something an app can do for a customer.

    `kind` is the kind of its target (MEMBERSHIP where it has none to pick), `adds` whether it gives or takes.
    `phrase` reads the rule back, with `{target}` and `{integration}`: "add the customer to the space {target} in {integration}".
    """

    key: str
    label: str
    kind: str
    adds: bool
    phrase: str


@dataclass(frozen=True, slots=True)
class Target:
    """One thing an action is about: `key` is Cartwheel's id of it, `remote_id` the app's, `group` the remote id of its space group."""

    key: int
    kind: str
    remote_id: str
    name: str
    group: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Belief:
    """What the app is believed to say about one target; `fresh` while it is young enough to be trusted without a call.

    `ours`: a call of ours has made it so; else it was found to be so.
    """

    held: Held
    fresh: bool = True
    ours: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What is believed about one customer at one integration. Values only; a step of work makes a new one.

    `email` is the address in the app (an alias where one is known), `tried` is the memory of this piece of work alone,
    by which nothing is tried in a loop (an app writes its own words there).
    """

    email: str
    name: str
    member_id: str | None
    beliefs: Mapping[int, Belief]
    tried: frozenset[str] = frozenset()

    def believe(self, held: Held, *targets: int) -> Known:
        """The same with a fresh belief about each of the targets (by key)."""
        return self._believing({**self.beliefs, **{t: Belief(held) for t in targets}}) if targets else self

    def did(self, *targets: int) -> Known:
        """The same, where what is believed of these targets is our call's own doing."""
        ours = {t: replace(self.beliefs[t], ours=True) for t in targets if t in self.beliefs}
        return self._believing({**self.beliefs, **ours}) if ours else self

    def forget(self, *targets: int) -> Known:
        """The same with the beliefs about these targets gone."""
        return self._believing({t: b for t, b in self.beliefs.items() if t not in targets})

    def after(self, *tried: str) -> Known:
        """The same, remembering what was tried."""
        return Known(self.email, self.name, self.member_id, self.beliefs, self.tried.union(tried)) if tried else self

    def _believing(self, beliefs: Mapping[int, Belief]) -> Known:
        return Known(
            self.email, self.name, self.member_id, beliefs, self.tried
        )  # several times a call, where `replace` takes three times as long


@dataclass(frozen=True, slots=True)
class Want:
    """What one customer should hold at one integration.

    `targets`: every target that is named anywhere below, by key. `membership`: the key of the membership target.
    `desired`: true or false for every target about which anything is on record. `asked`: the targets that the waiting
    entries are about; only those are worked on, and what their calls disturb (a group's removal takes its spaces along).
    `settled`: what this piece of work has settled already, done or failed: not planned again.
    """

    community: str
    targets: Mapping[int, Target]
    membership: int
    desired: Mapping[int, bool]
    asked: frozenset[int]
    settled: frozenset[int] = frozenset()
    send_invitation: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an app's API: relative `path` without query, `query`, JSON `body`, what it is for, and whom it serves.

    `says` is what it would do, in the infinitive, for "would have ...": "invite mina@shop.test with the space VIP Room".
    `targets`: keys of the targets that it settles when it succeeds. `purpose` is the app's own word for the row of its table of answers.
    """

    method: str
    path: str
    purpose: str
    targets: tuple[int, ...]
    says: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `status` 0 where nothing did (`error` then says why in a plain sentence). `data` is the JSON, `text` the first part of
    the body. `retry_after`: seconds, from the header.
    `sent` is False where the request certainly never reached the app (name not found, connection refused).
    """

    status: int
    data: Any = None
    text: str = ""
    error: str = ""
    retry_after: float | None = None
    duration_ms: int = 0
    sent: bool = True


Outcome = Literal["done", "already", "failed", "broken"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one target: done by our call, was so already, failed for good, or its target is gone from the app.

    `sentence` is what the merchant reads ("Added to space VIP Room."), `todo` what to do about it ("" for nothing), `cause` a short key by
    which failures are grouped ("invalid_email", "target_gone").
    """

    outcome: Outcome
    sentence: str
    cause: str = ""
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Setback:
    """Why the work can't go on now.

    kind `retry`: a passing failure, tried again after the schedule's next delay · `tomorrow`: the app takes no more today ·
    `pause`: the whole integration waits `seconds` and no attempt is counted · `attention`: the integration needs the merchant (`cause`
    "dead_key" / "no_api_plan"), its work is parked. `lost`: the answer was lost, so what the call was about is unknown now.
    """

    kind: Literal["retry", "tomorrow", "pause", "attention"]
    sentence: str
    cause: str
    todo: str = ""
    seconds: float = 0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Learned:
    """What an answer taught: the new `known`, what is `settled` by target key, a `setback` where the work must stop here, an `alias`
    (the address under which the customer is in the app) where one was found."""

    known: Known
    settled: Mapping[int, Settled] = field(default_factory=dict)
    setback: Setback | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of the catalog as the app lists it; `group` is the remote id of its group, where it has one."""

    kind: str
    remote_id: str
    name: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Community:
    """What a good connection answers: whose key it is."""

    remote_id: str
    name: str
    url: str = ""


class Refused(Exception):
    """A connection that does not work: `field` is the credential's key it is about, `sentence` what the merchant reads."""

    def __init__(self, field: str, sentence: str, todo: str = "", cause: str = "") -> None:
        super().__init__(sentence)
        self.field, self.sentence, self.todo, self.cause = field, sentence, todo, cause


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a whole integration from working, by a Setback's or Refused's `cause`: a sentence with `{integration}`, and what to do.

    `remedy`: `key`, another one must be pasted, or `refresh`, the app must be asked again once the merchant has seen to it there.
    """

    sentence: str
    todo: str
    remedy: Literal["key", "refresh"]


class Client(Protocol):
    """A way to one account at an app. Safe to use from many threads at once."""

    def send(self, call: Call) -> Answer:
        """Make the call; never raises for what the network or the app does. Ends within 20 s whatever happens."""


class App(Protocol):
    """One kind of service that can be connected."""

    @property
    def key(self) -> str:
        """Its key in the registry and in `Integration.app`."""

    @property
    def name(self) -> str:
        """Its name for people."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """What connecting it asks for."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of target that can be picked, without the membership."""

    @property
    def actions(self) -> Mapping[str, Action]:
        """What it can do, by key."""

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        """What can keep an integration of it from working, by cause."""

    def client(self, api_url: str, credentials: Mapping[str, str]) -> Client:
        """A client for one integration."""

    def connect(self, client: Client) -> Community:
        """Check the credentials with the app. Raises Refused with the field and a sentence."""

    def load_catalog(self, client: Client) -> Iterable[tuple[str, int, int | None, list[Item]]]:
        """All pages of all lists: (kind, items so far of this kind, how many it says there are or None, this page's items).

        Raises Refused where the credentials are the reason, LookupError with a sentence for anything else."""

    def plan(self, want: Want, known: Known) -> tuple[Call, ...]:
        """The fewest calls that take what is believed to what is desired, for what is asked; empty when all of it is so."""

    def rest(self, want: Want, known: Known) -> Mapping[int, Settled]:
        """For an empty plan: what to say of each asked target that no call settled ("Was already in the space VIP Room.")."""

    def learn(self, want: Want, known: Known, call: Call, answer: Answer) -> Learned:
        """What an answer to one of the plan's or the check's calls means. Pure."""

    def check(self, want: Want, known: Known) -> tuple[Call, ...]:
        """The fewest calls that tell what a customer holds of what is on record, as far as can be said before their answers; nothing is
        changed by them. Empty when all of it is known."""

    def profile_url(self, credentials: Mapping[str, str], member_id: str) -> str | None:
        """A link to where the person can be looked up in the community, where it can be known."""


def metered(status: int) -> bool:
    """Whether an answer counts against the community's monthly quota: all but 5xx and none at all (Circle: usage and limits)."""
    return 0 < status < 500


__all__ = [
    "MEMBERSHIP", "Action", "Answer", "App", "Belief", "Call", "Client", "Community", "Field", "Held", "Item", "Kind", "Known",
    "Learned", "Outcome", "Refused", "Setback", "Settled", "Target", "Trouble", "Want", "metered",
]  # fmt: skip
