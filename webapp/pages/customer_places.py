"""What a customer's page says of each community: what is held there and why, what is believed, under which address. No page lives here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from webapp.apps import MEMBERSHIP, App
from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import checks, customers, holdings, integrations
from webapp.engine.customers import Alias
from webapp.engine.holdings import Because, Held
from webapp.engine.triggers import TRIGGERS
from webapp.engine.work import CHECK
from webapp.models import Customer, Integration
from webapp.pages import guard, product_address
from webapp.parts import parts

KINDS = {kind.key: kind.one.capitalize() for app in APPS.values() for kind in app.kinds} | {MEMBERSHIP: "Membership"}

BELIEFS: Mapping[tuple[bool, str], tuple[str, str]] = {
    (True, "held"): ("on", "There"),
    (True, "not_held"): ("queued", "Not yet"),
    (True, "unknown"): ("queued", "Not known"),
    (False, "held"): ("queued", "Still there"),
    (False, "not_held"): ("skipped", "Not there"),
    (False, "unknown"): ("skipped", "Not known"),
}
"""What is said of the app, by what should be and what is believed: a state that gives the look, and the word."""


NEVER = checks.State("none")

WORDS = {"call": "by our call", "found": "found so", "check": "checked", "replay": "in doubt"}
"""On whose word a belief stands."""


@dataclass(frozen=True)
class Reason:
    """One reason for what is held: the product with its address (None: a person), what the purchase is known by, the trigger, the entry."""

    product: str | None
    href: str | None
    known_as: str
    trigger: str
    because: Because


@dataclass(frozen=True)
class Line:
    """One thing at an integration: what it is, whether it should be held and why, and what the app is believed to say.

    `acts`: the actions that take it and that give it.
    """

    held: Held
    kind: str
    reasons: Sequence[Reason]
    look: tuple[str, str]
    acts: tuple[str, str]

    @property
    def word(self) -> str:
        """On whose word that stands; "" where nothing was ever heard."""
        return WORDS.get(self.held.belief.word, "")

    @property
    def heard(self) -> datetime | None:
        """Since when our call has made it so; what was only heard, when."""
        belief = self.held.belief
        return belief.since if belief.word == "call" else belief.heard_at


@dataclass(frozen=True)
class Checked:
    """The check of a place: how the last one stands, what another one costs, why there can be none now (""), and what it found amiss."""

    last: checks.State
    cost: int
    in_the_way: str
    watched: bool
    missing: Sequence[str] = ()
    too_much: Sequence[str] = ()

    @property
    def version(self) -> str:
        """What changes whenever that does."""
        return f"{self.last.state}-{self.last.at.timestamp() if self.last.at else 0:.3f}-{self.watched:d}"


@dataclass(frozen=True)
class Place:
    """One integration: the membership, what is held there, and what no longer is. `app`: the name of its app.

    `alias`: the customer's address there, where it is another one.
    """

    id: int
    name: str
    app: str
    alias: Alias | None
    member: Line | None
    lines: Sequence[Line]
    past: Sequence[Line]
    checked: Checked


def places(customer: Customer, then: datetime | None = None) -> list[Place]:
    """Every living integration: by name, those first where something is on record. With `then`, what should have been held at that time."""
    session, now = db.session(), parts().now()
    held = holdings.holdings(session, customer.id, now, then)
    aliases = customers.aliases(session, customer.id)
    refs = {one.product for every in held for one in every.because if one.product is not None}
    names = customers.product_names(session, guard.here(), refs)
    living = {one.id: one for one in integrations.living(session, guard.here())}
    by_place = groupby(held, lambda one: one.integration_id)
    lines = {key: [_line(one, APPS[living[key].app], names) for one in its] for key, its in by_place if key in living}
    order = sorted(living.values(), key=lambda one: (one.id not in lines, one.name.casefold()))
    states = checks.of_customer(session, customer.id, now)
    return [
        _place(one, aliases.get(one.id), mine := lines.get(one.id, []), _checked(customer, one, mine, states.get(one.id, NEVER), now))
        for one in order
    ]


def gives(every: Iterable[Place]) -> dict[int, list[Line]]:
    """What each purchase grants now, by its id."""
    found: dict[int, list[Line]] = {}
    for line in (line for place in every for line in (place.member, *place.lines) if line is not None):
        for reason in line.reasons:
            found.setdefault(reason.because.purchase_id, []).append(line)
    return found


def _checked(customer: Customer, integration: Integration, lines: Sequence[Line], last: checks.State, now: datetime) -> Checked:
    """What is amiss is what the check itself has seen, and nothing has changed since."""
    seen = [line for line in lines if line.held.belief.word == CHECK]
    missing = [line.held.target or "the membership" for line in seen if line.held.held and line.held.believed == "not_held"]
    too_much = [line.held.target or "the membership" for line in seen if not line.held.held and line.held.believed == "held"]
    cost = checks.cost(db.session(), customer.id, integration, now)
    return Checked(last, cost, checks.in_the_way(integration, now), last.watched(now), missing, too_much)


def _place(integration: Integration, alias: Alias | None, every: Sequence[Line], checked: Checked) -> Place:
    member = next((line for line in every if line.held.kind == MEMBERSHIP), None)
    others = [line for line in every if line is not member]
    now = [line for line in others if line.held.held]
    past = [line for line in others if not line.held.held]
    return Place(integration.id, integration.name, APPS[integration.app].name, alias, member, now, past, checked)


def _line(held: Held, app: App, names: Mapping[str, tuple[int, str]]) -> Line:
    reasons = [_reason(because, names) for because in held.because]
    take, give = (next(a.key for a in app.actions.values() if a.kind == held.kind and a.adds == adds) for adds in (False, True))
    return Line(held, KINDS.get(held.kind, held.kind), reasons, BELIEFS[held.held, held.believed], (take, give))


def _reason(because: Because, names: Mapping[str, tuple[int, str]]) -> Reason:
    known_as = customers.ground_words(because.ground)
    known = TRIGGERS.get(because.trigger or "")
    trigger = known.label if known else ""
    if because.product is None or because.product not in names:
        return Reason(because.product, None, known_as, trigger, because)
    product_id, name = names[because.product]
    return Reason(name, product_address.by_key(because.product, product_id), known_as, trigger, because)
