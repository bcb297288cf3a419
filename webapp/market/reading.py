"""A marketplace's file → values, each with its line, and every complaint at once. Asks no database and no app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from webapp.apps import App
from webapp.apps.registry import APPS
from webapp.engine.rules import MOST_DAYS, REMOVALS, kind_of
from webapp.engine.triggers import TRIGGERS
from webapp.market.nodes import Complaints, Section, Text, Wrong, top
from webapp.models import PAID_PERIOD
from webapp.passwords import LONGEST
from webapp.sources.cartwheel import is_secret
from webapp.sources.registry import SOURCES

DAYS = re.compile(r"(\d{1,4})d")
OWN_FORMAT = "cartwheel"
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the marketplace."""

    email: Text
    password: Text


@dataclass(frozen=True, slots=True)
class Connection:
    """An integration: the app, and what connecting it takes by the app's own fields."""

    name: Text
    app: Text
    given: Mapping[str, Text]
    line: int


@dataclass(frozen=True, slots=True)
class Sold:
    """A product."""

    id: Text
    name: Text


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule, by names. `product` None: a global one; `target` None: the membership."""

    product: Text | None
    trigger: Text
    integration: Text
    action: Text
    target: Text | None
    removal: str | None
    for_days: int | None
    after_days: int
    line: int


@dataclass
class Market:
    """Everything that a file says."""

    name: Text
    time_zone: Text | None
    owner: Owner
    secret: Text | None
    sources: list[Text] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    products: list[Sold] = field(default_factory=list)
    rules: list[Asked] = field(default_factory=list)


def read(text: str, file: str, environ: Mapping[str, str]) -> tuple[Market, Complaints]:
    """The file's marketplace. Raises Wrong with all that is wrong with it; the complaints are for what is found out later."""
    complaints = Complaints(file)
    section = top(text, environ, complaints)
    name, zone = section.text("marketplace"), section.text("time_zone", required=False)
    owner = _owner(section.section("owner"), complaints)
    webhook = section.section("webhook", required=False)
    secret = _secret(webhook, complaints)
    sources = [source for one in section.sections("sources") if (source := _source(one, complaints))]
    connections = [connection for one in section.sections("integrations") if (connection := _connection(one))]
    products = [product for one in section.sections("products") if (product := _product(one))]
    rules = [rule for one in section.sections("rules") if (rule := _rule(one, complaints))]
    section.nothing_else()
    _check_zone(zone, complaints)
    _check_repeats("integration", [one.name for one in connections], complaints)
    _check_repeats("product", [one.id for one in products], complaints)
    if complaints.found or name is None or owner is None:
        raise Wrong(complaints)
    return Market(name, zone, owner, secret, sources, connections, products, rules), complaints


def _owner(section: Section | None, complaints: Complaints) -> Owner | None:
    if section is None:
        return None
    email, password = section.text("email"), section.text("password")
    section.nothing_else()
    if email is not None and not EMAIL.fullmatch(email.value):
        complaints.add(email.line, "`email` is no e-mail address.")
    if password is not None and len(password.value) > LONGEST:  # how short it may be is the operator's own affair here
        complaints.add(password.line, f"`password` may have {LONGEST} characters at most.")
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
        complaints.add(source.line, f"There is no source `{source.value}`. This version of Cartwheel understands: {known}.")
        return None
    return source


def _connection(section: Section) -> Connection | None:
    name, app = section.text("name"), section.choice("app", APPS)
    if app is None:
        return None
    fields = APPS[app.value].fields
    given = {field.key: section.text(field.key, required=field.required) for field in fields}
    section.nothing_else()
    if name is None or any(given[field.key] is None for field in fields if field.required):
        return None
    return Connection(name, app, {key: text for key, text in given.items() if text is not None}, section.line)


def _product(section: Section) -> Sold | None:
    external_id, name = section.text("id"), section.text("name")
    section.nothing_else()
    return Sold(external_id, name) if external_id and name else None


def _rule(section: Section, complaints: Complaints) -> Asked | None:
    product, trigger = section.text("product", required=False), section.choice("trigger", TRIGGERS)
    integration, action = section.text("integration"), section.choice("action", _actions())
    target = section.text("target", required=action is not None and _needs_target(action.value))
    removal = section.choice("removal", dict.fromkeys(REMOVALS), required=False)
    for_days = _days(section.text("for", required=False), complaints)
    after = section.text("after", required=False)
    after_days = PAID_PERIOD if after is not None and after.value == "paid_period" else _days(after, complaints)
    section.nothing_else()
    if trigger is None or integration is None or action is None:
        return None
    word = removal.value if removal else None
    return Asked(product, trigger, integration, action, target, word, for_days, after_days or 0, section.line)


def _actions() -> dict[str, App]:
    return {key: app for app in APPS.values() for key in app.actions}


def _needs_target(action: str) -> bool:
    app = _actions()[action]
    return kind_of(app, app.actions[action]) is not None


def _days(text: Text | None, complaints: Complaints) -> int | None:
    if text is None:
        return None
    found = DAYS.fullmatch(text.value)
    if found is None or not 1 <= int(found[1]) <= MOST_DAYS:
        complaints.add(text.line, f"A time is so many days, such as 30d, up to {MOST_DAYS}d.")
        return None
    return int(found[1])


def _check_zone(zone: Text | None, complaints: Complaints) -> None:
    if zone is None:
        return
    try:
        ZoneInfo(zone.value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        complaints.add(zone.line, f"There is no time zone `{zone.value}`; one is called like Europe/Berlin.")


def _check_repeats(what: str, names: list[Text], complaints: Complaints) -> None:
    seen: dict[str, int] = {}
    for name in names:
        if name.value in seen:
            complaints.add(name.line, f"The {what} `{name.value}` stands on line {seen[name.value]} already.")
        seen.setdefault(name.value, name.line)
