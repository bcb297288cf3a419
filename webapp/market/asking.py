"""What has to be known before a market's transaction opens: whether its names lead anywhere, its keys open, what can be picked. Writes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps import App, Community, Item, Refused
from webapp.apps.counted import Counted
from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import accounts, catalog
from webapp.market.connections import Connection
from webapp.market.nodes import Complaints, near, plain
from webapp.market.reading import ACTIONS, Market, Owner
from webapp.models import Integration, Marketplace, Product, Target
from webapp.pacing import admit
from webapp.parts import Parts
from webapp.passwords import check_password, hash_password
from webapp.vault import Sealed

Say = Callable[[str], None]

PATIENCE = 60.0
"""Seconds that the command waits at most until the pace lets a call out."""


@dataclass(frozen=True, slots=True)
class Known:
    """An integration as it is now. `secret` None: nothing opens it any longer. `targets`: names and ids in use, by kind."""

    id: int
    app: str
    works: bool
    loaded: bool
    public: Mapping[str, str]
    targets: frozenset[tuple[str, str]]
    secret: Mapping[str, str] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What an app said of a connection: whose key it is, where it was asked; its catalog, where it was loaded. `refused`: it is complained about."""

    community: Community | None = None
    items: list[Item] | None = None
    calls: int = 0
    metered: int = 0
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Password:
    """The owner's: `kept` is the stored hash that it fits, `fresh` the hash to store where it fits none."""

    kept: str | None = field(repr=False)
    fresh: str | None = field(repr=False)


def check_names(market: Market, complaints: Complaints) -> None:
    """Complain of rules about a product or integration that is neither in the file nor in the marketplace."""
    session = db.session()
    here = select(Marketplace.id).where(Marketplace.name == market.name.value).scalar_subquery()
    living = (Integration.marketplace_id == here, Integration.deleted_at.is_(None))
    integrations = market.integration_names | set(session.scalars(select(Integration.name).where(*living)))
    named, sold = market.mentions
    wanted = {product.value for product in sold} - market.product_ids
    found = session.scalars(select(Product.external_id).where(Product.marketplace_id == here, Product.external_id.in_(wanted)))
    products = market.product_ids | set(found)
    db.session.rollback()
    for one in named:
        if one.value not in integrations:
            complaints.add(one.line, f"There is no integration `{one.shown}`.{near(one.value, integrations)}")
    for one in sold:
        if one.value not in products:
            complaints.add(one.line, f"There is no product `{one.shown}`. A rule names a product by its id.{near(one.value, products)}")


def settle_password(owner: Owner) -> Password:
    """Hold the file's password against the account's. Argon2 takes its time: no transaction waits for it."""
    user = accounts.find_user(db.session(), owner.email.value)
    stored = user.password_hash if user else None
    db.session.rollback()
    if stored is not None and check_password(stored, owner.password.value).right:
        return Password(stored, None)
    return Password(None, hash_password(owner.password.value))


def ask(market: Market, complaints: Complaints, here: Parts, say: Say) -> dict[str, Answered]:
    """Check the keys that are new and load the catalogs that are not known well enough, by the integration's name."""
    answered = {one.name.value: _ask(market, one, complaints, here, say) for one in market.connections}
    others = {rule.integration.value for rule in market.rules if rule.target} - set(answered)
    return answered | {name: _look_again(market, name, complaints, here, say) for name in sorted(others)}


def _ask(market: Market, one: Connection, complaints: Complaints, here: Parts, say: Say) -> Answered:
    """About an integration of the file."""
    known = _known(market, one.name.value, here)
    app = APPS[one.app.value]
    if known is not None and known.app != app.key:
        complaints.add(one.app.line, f"`{one.name.shown}` is connected to {APPS[known.app].name}: give another name to this one.")
        return Answered(refused=True)
    settled = known if known is not None and known.secret == one.values(secret=True) else None
    check = settled is None or not settled.works
    load = settled is None or not _is_known(market, one.name.value, settled)
    if not check and not load:
        return Answered()
    public = {**(known.public if known else {}), **one.values(secret=False)}
    client = _client(app, here, {**public, **one.values(secret=True)})
    lines = {key: text.line for key, text in one.given.items()}
    return _call(app, client, _Wish(one.name.shown, check, load, one.line, lines), complaints, say)


def _look_again(market: Market, name: str, complaints: Complaints, here: Parts, say: Say) -> Answered:
    """About an integration that the file only has rules for: its catalog may have what they name by now."""
    known = _known(market, name, here)
    if known is None or known.secret is None or not known.works or _is_known(market, name, known):
        return Answered()
    app = APPS[known.app]
    client = _client(app, here, {**known.public, **known.secret})
    rule = next(rule for rule in market.rules if rule.integration.value == name)
    return _call(app, client, _Wish(rule.integration.shown, False, True, rule.integration.line, {}), complaints, say)


def _client(app: App, here: Parts, credentials: Mapping[str, str]) -> Counted:
    return Counted(app.client(here.settings.circle_api_url, credentials), partial(admit, here.pace, PATIENCE))


@dataclass(frozen=True, slots=True)
class _Wish:
    """What an app is asked, and the lines that are complained of."""

    shown: str
    check: bool
    load: bool
    line: int
    lines: Mapping[str, int]


def _call(app: App, client: Counted, wish: _Wish, complaints: Complaints, say: Say) -> Answered:
    community, items = None, None
    try:
        if wish.check:
            say(f"Checking the key of {wish.shown} ...")
            community = app.connect(client)
        if wish.load:
            say(f"Loading the catalog of {wish.shown} ...")
            items = [item for _, _, _, page in app.load_catalog(client) for item in page]
            say(f"Loaded: {catalog.told(Counter(item.kind for item in items), app.kinds) or 'there is nothing in it'}.")
    except Refused as refused:
        todo = refused.todo if refused.cause else "Nothing was changed: try again in a moment."
        complaints.add(wish.lines.get(refused.field, wish.line), f"{refused.sentence} {todo}".strip())
        return Answered(refused=True)
    except LookupError as wrong:
        complaints.add(wish.line, f"The catalog of `{wish.shown}` could not be loaded. {wrong} Nothing was changed: try again in a moment.")
        return Answered(refused=True)
    return Answered(community, items, client.calls, client.metered)


def _known(market: Market, name: str, here: Parts) -> Known | None:
    session: Session = db.session()
    found = session.scalar(
        select(Integration)
        .join(Marketplace, Marketplace.id == Integration.marketplace_id)
        .where(Marketplace.name == market.name.value, Integration.name == name, Integration.deleted_at.is_(None))
    )
    if found is None:
        db.session.rollback()
        return None
    rows = session.execute(
        select(Target.kind, Target.name, Target.remote_id).where(Target.integration_id == found.id, Target.gone_at.is_(None))
    )
    targets = frozenset((kind, word) for kind, called, remote_id in rows for word in (plain(called), remote_id))
    loaded = found.catalog_at is not None
    known = Known(found.id, found.app, found.attention is None, loaded, dict(found.public), targets, _secrets(found, here))
    db.session.rollback()
    return known


def _secrets(found: Integration, here: Parts) -> dict[str, str] | None:
    try:
        secrets: dict[str, str] = json.loads(here.vault.open(found.credentials))
    except Sealed:
        return None
    return secrets


def _is_known(market: Market, name: str, known: Known) -> bool:
    """Whether everything that the rules pick there is in the catalog as it was loaded last."""
    return known.loaded and _picked(market, name) <= known.targets


def _picked(market: Market, name: str) -> set[tuple[str, str]]:
    rules = [rule for rule in market.rules if rule.integration.value == name]
    return {(ACTIONS[rule.action.value].kind, plain(rule.target.value)) for rule in rules if rule.target}
