"""What a customer's page says of each community: what is held there and why, what is believed, under which address. No page lives here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from webapp.apps import MEMBERSHIP, App
from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import customers, holdings, integrations
from webapp.engine.customers import Alias
from webapp.engine.holdings import Because, Held
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


@dataclass(frozen=True)
class Reason:
    """One reason for what is held: the product with its address (None: a person), what the purchase is known by, the entry."""

    product: str | None
    href: str | None
    known_as: str
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


def places(customer: Customer) -> list[Place]:
    """Every living integration: by name, those first where something is on record."""
    session, now = db.session(), parts().now()
    held = holdings.holdings(session, customer.id, now)
    aliases = customers.aliases(session, customer.id)
    refs = {one.product for every in held for one in every.because if one.product is not None}
    names = customers.product_names(session, guard.here(), refs)
    living = {one.id: one for one in integrations.living(session, guard.here())}
    by_place = groupby(held, lambda one: one.integration_id)
    lines = {key: [_line(one, APPS[living[key].app], names) for one in its] for key, its in by_place if key in living}
    order = sorted(living.values(), key=lambda one: (one.id not in lines, one.name.casefold()))
    return [_place(one, aliases.get(one.id), lines.get(one.id, [])) for one in order]


def _place(integration: Integration, alias: Alias | None, lines: Iterable[Line]) -> Place:
    every = list(lines)
    member = next((line for line in every if line.held.kind == MEMBERSHIP), None)
    others = [line for line in every if line is not member]
    now = [line for line in others if line.held.held]
    past = [line for line in others if not line.held.held]
    return Place(integration.id, integration.name, APPS[integration.app].name, alias, member, now, past)


def _line(held: Held, app: App, names: Mapping[str, tuple[int, str]]) -> Line:
    reasons = [_reason(because, names) for because in held.because]
    take, give = (next(a.key for a in app.actions.values() if a.kind == held.kind and a.adds == adds) for adds in (False, True))
    return Line(held, KINDS.get(held.kind, held.kind), reasons, BELIEFS[held.held, held.believed], (take, give))


def _reason(because: Because, names: Mapping[str, tuple[int, str]]) -> Reason:
    known_as = customers.ground_words(because.ground)
    if because.product is None or because.product not in names:
        return Reason(because.product, None, known_as, because)
    product_id, name = names[because.product]
    return Reason(name, product_address.by_key(because.product, product_id), known_as, because)
