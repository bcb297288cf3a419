"""A marketplace's file → values, each with its line, and every complaint at once. Asks no database and no app."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from webapp.apps import Action
from webapp.apps.registry import APPS
from webapp.engine.products import LONGEST_ID
from webapp.engine.products import LONGEST_NAME as LONGEST_PRODUCT
from webapp.engine.rules import MOST_DAYS, REMOVALS, check_timing
from webapp.engine.triggers import TRIGGERS
from webapp.market.connections import Connection, read_connection
from webapp.market.nodes import Complaints, Section, Text, Wrong, top
from webapp.models import PAID_PERIOD
from webapp.passwords import LONGEST
from webapp.sources.cartwheel import is_secret
from webapp.sources.registry import SOURCES

DAYS = re.compile(r"([1-9]\d{0,3})d")
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
ACTIONS: Mapping[str, Action] = {key: action for app in APPS.values() for key, action in app.actions.items()}
WORDS = {"removal": "removal", "for_days": "for", "after_days": "after"}
"""A rule's timing as the engine calls it, and as the file does."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the marketplace."""

    email: Text
    password: Text


@dataclass(frozen=True, slots=True)
class Sold:
    """A product; `archived` None: as it is."""

    id: Text
    name: Text
    archived: bool | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule, by names. `product` None: a global one; `target` None: the membership; `off` None: as it is."""

    product: Text | None
    trigger: Text
    integration: Text
    action: Text
    target: Text | None
    removal: str | None
    for_days: int | None
    after_days: int
    off: bool | None
    line: int

    @property
    def named(self) -> tuple[str | None, ...]:
        """What may stand in a file once."""
        return tuple(text.value if text else None for text in (self.product, self.trigger, self.integration, self.action, self.target))

    def line_of(self, word: str) -> int:
        """Where a part of the rule stands, by its name in `rules.Draft`."""
        parts = {"product": self.product, "trigger": self.trigger, "action": self.action, "target": self.target}
        part = parts.get(word)
        return part.line if part else self.line


@dataclass
class Market:
    """What a file says, as far as it can be read; `owner` None: it was complained about.

    `integration_names` and `product_ids` are of everything that the file lists, also of what is wrong in other ways: no rule is blamed for it.
    `mentions`: the integrations and the products that rules name, also those rules that can't be read.
    """

    name: Text
    time_zone: Text | None
    owner: Owner | None
    secret: Text | None
    sources: list[Text] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    products: list[Sold] = field(default_factory=list)
    rules: list[Asked] = field(default_factory=list)
    integration_names: frozenset[str] = frozenset()
    product_ids: frozenset[str] = frozenset()
    mentions: tuple[list[Text], list[Text]] = field(default_factory=lambda: ([], []))


def read(text: str, file: str, environ: Mapping[str, str]) -> tuple[Market, Complaints]:
    """The file's marketplace, and what is wrong with it so far. Raises Wrong where it doesn't say whose marketplace the rest is about."""
    complaints = Complaints(file)
    section = top(text, environ, complaints)
    name, zone = section.text("marketplace", most=200), section.text("time_zone", required=False)
    owner = _owner(section.section("owner"), complaints)
    secret = _secret(section.section("webhook", required=False), complaints)
    sources = [_source(one, complaints) for one in section.sections("sources")]
    connections = [read_connection(one, complaints) for one in section.sections("integrations")]
    products = [_product(one) for one in section.sections("products")]
    mentions: tuple[list[Text], list[Text]] = [], []
    rules = [_rule(one, mentions, complaints) for one in section.sections("rules")]
    section.nothing_else()
    _check_zone(zone, complaints)
    names, ids = [one for one, _ in connections if one], [one for one, _ in products if one]
    _check_repeats("source", [one for one in sources if one], complaints)
    _check_repeats("integration", names, complaints)
    _check_repeats("product", ids, complaints)
    asked = [one for one in rules if one]
    _check_rules(asked, complaints)
    if name is None:
        raise Wrong(complaints)
    market = Market(name, zone, owner, secret, [one for one in sources if one], rules=asked)
    market.connections, market.integration_names = [one for _, one in connections if one], frozenset(one.value for one in names)
    market.products, market.product_ids = [one for _, one in products if one], frozenset(one.value for one in ids)
    market.mentions = mentions
    return market, complaints


def _owner(section: Section | None, complaints: Complaints) -> Owner | None:
    if section is None:
        return None
    # How short a password may be is the operator's own affair here.
    email, password = section.text("email", most=320), section.text("password", most=LONGEST, exact=True)
    section.nothing_else()
    if email is not None and not EMAIL.fullmatch(email.value):
        complaints.add(email.line, "`email` is no e-mail address.")
    return Owner(email, password) if email and password else None


def _secret(section: Section | None, complaints: Complaints) -> Text | None:
    if section is None:
        return None
    secret = section.text("secret", required=False)
    section.nothing_else()
    if secret is not None and not is_secret(secret.value):
        complaints.add(secret.line, "`secret` must be `whsec_` and at least 16 bytes in base64.")
    return secret


def _source(section: Section, complaints: Complaints) -> Text | None:
    source = section.text("source")
    section.nothing_else()
    if source is not None and source.value not in SOURCES:
        known = ", ".join(sorted(SOURCES))
        complaints.add(source.line, f"There is no source `{source.shown}`. This version of Cartwheel understands: {known}.")
        return None
    return source


def _product(section: Section) -> tuple[Text | None, Sold | None]:
    """Its id, and the product where all of it can be read."""
    external_id, name = section.text("id", most=LONGEST_ID), section.text("name", most=LONGEST_PRODUCT)
    archived = section.flag("archived")
    section.nothing_else()
    return external_id, Sold(external_id, name, archived) if external_id and name else None


def _rule(section: Section, mentions: tuple[list[Text], list[Text]], complaints: Complaints) -> Asked | None:
    product, trigger = section.text("product", required=False), section.choice("trigger", TRIGGERS)
    integration, action = section.text("integration"), section.choice("action", ACTIONS)
    for named, those in zip((integration, product), mentions, strict=True):
        those.extend([named] if named else [])
    target = _target(section, action, complaints)
    removal = section.choice("removal", REMOVALS, required=False)
    length, after = section.text("for", required=False), section.text("after", required=False)
    off = section.flag("switched_off")
    section.nothing_else()
    spares, days = removal.value if removal else None, _days("for", length, complaints)
    waits = PAID_PERIOD if after is not None and after.value == "paid_period" else _days("after", after, complaints) or 0
    if trigger is None or integration is None or action is None:
        return None
    lines = {"removal": removal, "for_days": length, "after_days": after}
    for word, sentence in check_timing(ACTIONS[action.value], spares, days, waits).items():
        given = lines[word]
        complaints.add(given.line if given else section.line, f"`{WORDS[word]}` does not fit here. {sentence}")
    return Asked(product, trigger, integration, action, target, spares, days, waits, off, section.line)


def _target(section: Section, action: Text | None, complaints: Complaints) -> Text | None:
    picks = action is not None and _picks(ACTIONS[action.value])
    target = section.text("target", required=picks)
    if target is not None and action is not None and not picks:
        complaints.add(target.line, f"`{action.shown}` is about the membership: it has no target.")
        return None
    return target


def _picks(action: Action) -> bool:
    """Whether there is something to pick from a catalog."""
    return any(kind.key == action.kind for app in APPS.values() for kind in app.kinds)


def _days(key: str, text: Text | None, complaints: Complaints) -> int | None:
    if text is None:
        return None
    found = DAYS.fullmatch(text.value)
    if found is not None and int(found[1]) <= MOST_DAYS:
        return int(found[1])
    period = ", or paid_period" if key == "after" else ""
    complaints.add(text.line, f"`{key}` must be so many days, such as 30d, up to {MOST_DAYS}d{period}.")
    return None


def _check_zone(zone: Text | None, complaints: Complaints) -> None:
    if zone is None:
        return
    try:
        ZoneInfo(zone.value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        complaints.add(zone.line, f"There is no time zone `{zone.shown}`; one is called like Europe/Berlin.")


def _check_repeats(what: str, names: Iterable[Text], complaints: Complaints) -> None:
    seen: dict[str, int] = {}
    for name in names:
        if name.value in seen:
            complaints.add(name.line, f"The {what} `{name.shown}` stands on line {seen[name.value]} already.")
        seen.setdefault(name.value, name.line)


def _check_rules(rules: Iterable[Asked], complaints: Complaints) -> None:
    seen: dict[tuple[str | None, ...], int] = {}
    for rule in rules:
        if rule.named in seen:
            complaints.add(rule.line, f"This rule stands on line {seen[rule.named]} already.")
        seen.setdefault(rule.named, rule.line)
