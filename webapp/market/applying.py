"""Bring a marketplace about as a file says: idempotent, all or nothing. Apps are asked before the transaction, never in it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps import Community, Item, Refused
from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.engine import accounts, catalog, integrations, rules
from webapp.market.nodes import Complaints, Text, Wrong
from webapp.market.reading import OWN_FORMAT, Asked, Connection, Market, Owner, Sold
from webapp.models import Integration, Marketplace, Product, Rule, Source, Target
from webapp.parts import Parts
from webapp.passwords import check_password, hash_password
from webapp.sources.cartwheel import new_secret

Say = Callable[[str], None]


@dataclass
class Applied:
    """What was done: how many things were made, changed or as they should be, and the addresses. `secret` only if it is new."""

    marketplace: str
    path: str = ""
    secret: str | None = None
    sources: dict[str, str] = field(default_factory=dict)
    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def count(self, outcome: str) -> None:
        """One more thing that was created, changed or unchanged."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def as_json(self) -> dict[str, object]:
        """As `flask apply` prints it."""
        webhook = {"path": self.path} | ({"secret": self.secret} if self.secret else {})
        sources = {name: {"path": path} for name, path in self.sources.items()}
        counts = {"created": self.created, "changed": self.changed, "unchanged": self.unchanged}
        return {"marketplace": self.marketplace, "webhook": webhook, "sources": sources, **counts}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an app said of a connection: whose key it is, where the key is new, and its catalog, where it was loaded."""

    community: Community | None
    items: list[Item] | None


def apply(market: Market, complaints: Complaints, here: Parts, say: Say) -> Applied:
    """Make it so. Raises Wrong with every complaint; then nothing has changed."""
    asked = {one.name.value: _ask(market, one, complaints, here, say) for one in market.connections}
    if complaints.found:
        raise Wrong(complaints)
    with writing() as session:
        applied = _Work(session, market, complaints, here).run(asked)
        if complaints.found:
            raise Wrong(complaints)
    return applied


def _ask(market: Market, one: Connection, complaints: Complaints, here: Parts, say: Say) -> _Asked:
    """Check a key that is new, and load a catalog that is not known well enough. Nothing is written."""
    session = db.session()
    known = _known(session, market.name.value, one.name.value)
    app = APPS[one.app.value]
    given = {key: text.value for key, text in one.given.items()}
    same = known is not None and _secrets(known, here) == {f.key: given[f.key] for f in app.fields if f.secret and f.key in given}
    wanted = {rule.target.value for rule in market.rules if rule.target and rule.integration.value == one.name.value}
    complete = known is not None and known.catalog_at is not None and wanted <= _names(session, known.id)
    db.session.rollback()
    client = app.client(here.settings.circle_api_url, given)
    community = None
    try:
        if not same:
            say(f"Checking the key of {one.name.value} ...")
            community = app.connect(client)
        if same and complete:
            return _Asked(None, None)
        say(f"Loading the catalog of {one.name.value} ...")
        return _Asked(community, [item for _, _, _, page in app.load_catalog(client) for item in page])
    except Refused as refused:
        at = one.given.get(refused.field)
        complaints.add(at.line if at else one.line, f"{refused.sentence} {refused.todo}".strip())
    except LookupError as wrong:
        complaints.add(one.line, str(wrong))
    return _Asked(None, None)


def _known(session: Session, marketplace: str, name: str) -> Integration | None:
    query = select(Integration).join(Marketplace, Marketplace.id == Integration.marketplace_id)
    return session.scalar(query.where(Marketplace.name == marketplace, Integration.name == name, Integration.deleted_at.is_(None)))


def _secrets(known: Integration, here: Parts) -> dict[str, str]:
    found: dict[str, str] = json.loads(here.vault.open(known.credentials))
    return found


def _names(session: Session, integration: int) -> set[str]:
    rows = session.execute(select(Target.name, Target.remote_id).where(Target.integration_id == integration, Target.gone_at.is_(None)))
    return {word for row in rows for word in row}


class _Work:
    """The transaction."""

    def __init__(self, session: Session, market: Market, complaints: Complaints, here: Parts) -> None:
        self.session, self.market, self.complaints, self.here = session, market, complaints, here
        self.now: datetime = here.now()
        self.applied = Applied(market.name.value)
        self.shop = 0

    def run(self, asked: dict[str, _Asked]) -> Applied:
        """Everything, in the order in which one needs the other."""
        self.shop = self._marketplace()
        self._owner(self.market.owner)
        self._sources()
        for connection in self.market.connections:
            self._connection(connection, asked[connection.name.value])
        for sold in self.market.products:
            self._product(sold)
        for rule in self.market.rules:
            self._rule(rule)
        return self.applied

    def _marketplace(self) -> int:
        zone = self.market.time_zone.value if self.market.time_zone else None
        found = self.session.scalar(select(Marketplace).where(Marketplace.name == self.market.name.value))
        if found is None:
            made = accounts.create_marketplace(self.session, self.market.name.value, zone or "UTC", self.here.new_id, self.now)
            self.applied.count("created")
            return made.id
        self.applied.count("changed" if zone and zone != found.time_zone else "unchanged")
        if zone and zone != found.time_zone:
            accounts.change_marketplace(self.session, found.id, found.name, zone)
        return found.id

    def _owner(self, owner: Owner) -> None:
        user = accounts.find_user(self.session, owner.email.value)
        if user is None:
            hashed = hash_password(owner.password.value)
            user = accounts.create_user(self.session, owner.email.value, hashed, self.here.new_id, self.now)
            self.applied.count("created")
        elif check_password(user.password_hash, owner.password.value).right:
            self.applied.count("unchanged")
        else:
            accounts.change_password(self.session, user.id, hash_password(owner.password.value))
            self.applied.count("changed")
        accounts.give_role(self.session, user.id, self.shop, "owner")

    def _sources(self) -> None:
        """Cartwheel's own format always has an address and a secret; others have what the file asks for."""
        own = self._source(OWN_FORMAT)
        self.applied.path = f"/webhooks/{own.address}"
        given = self.market.secret.value if self.market.secret else None
        kept = self.here.vault.open(own.secret) if own.secret else None
        if kept is None or (given and given != kept):
            self.applied.secret = given or new_secret()
            own.secret = self.here.vault.seal(self.applied.secret)
        for source in self.market.sources:
            if source.value != OWN_FORMAT:
                self.applied.sources[source.value] = f"/webhooks/{self._source(source.value).address}"

    def _source(self, kind: str) -> Source:
        found = self.session.scalar(select(Source).where(Source.marketplace_id == self.shop, Source.kind == kind))
        self.applied.count("unchanged" if found else "created")
        if found is not None:
            return found
        return accounts.open_address(self.session, self.shop, kind, secrets.token_urlsafe(24), None, self.here.new_id, self.now)

    def _connection(self, one: Connection, asked: _Asked) -> None:
        app = APPS[one.app.value]
        secret = {f.key: one.given[f.key].value for f in app.fields if f.secret and f.key in one.given}
        public = {f.key: one.given[f.key].value for f in app.fields if not f.secret and f.key in one.given}
        found = _known(self.session, self.market.name.value, one.name.value)
        connection = integrations.Connection(app.key, asked.community or Community("", ""), secret, public)
        if found is None:
            made = integrations.create(
                self.session, self.shop, one.name.value, connection, self.here.vault.seal, self.here.new_id, self.now
            )
            self.applied.count("created")
        else:
            made = found
            self.applied.count("changed" if self._changed(found, connection, asked, one) else "unchanged")
        if asked.items is not None:
            catalog.merge(self.session, made.id, asked.items, self.now, self.here.new_id, first=made.catalog_at is None)
            made.catalog_at, made.catalog = self.now, {}
        self.session.flush()

    def _changed(self, found: Integration, connection: integrations.Connection, asked: _Asked, one: Connection) -> bool:
        changed = found.public != {**found.public, **connection.public}
        found.public = {**found.public, **connection.public}
        if asked.community is None:
            return changed
        try:
            integrations.replace_key(self.session, found, connection, self.here.vault.seal, self.now)
        except integrations.OtherCommunity as other:
            self.complaints.add(one.line, f"This key opens another community, {other.name}: the rules' targets would not be there.")
        return True

    def _product(self, sold: Sold) -> None:
        where = (Product.marketplace_id == self.shop, Product.external_id == sold.id.value)
        found = self.session.scalar(select(Product).where(*where))
        if found is None:
            row = Product(id=self.here.new_id(self.now), marketplace_id=self.shop, external_id=sold.id.value, name=sold.name.value)
            row.created_at = self.now
            self.session.add(row)
            self.session.flush()
            self.applied.count("created")
            return
        self.applied.count("unchanged" if found.name == sold.name.value else "changed")
        found.name = sold.name.value

    def _rule(self, asked: Asked) -> None:
        draft = self._draft(asked)
        if draft is None:
            return
        try:
            rules.create(self.session, APPS, self.shop, draft, now=self.now, new_id=self.here.new_id)
            self.applied.count("created")
        except rules.Duplicate as same:
            self._same_rule(same.rule_id, draft)
        except rules.Wrong as wrong:
            for sentence in wrong.errors.values():
                self.complaints.add(asked.line, sentence)

    def _same_rule(self, rule_id: int, draft: rules.Draft) -> None:
        before = _timing(self.session.get_one(Rule, rule_id))
        after = _timing(rules.change(self.session, APPS, self.shop, rule_id, draft))
        self.applied.count("unchanged" if before == after else "changed")

    def _draft(self, asked: Asked) -> rules.Draft | None:
        """The rule with ids for its names. What is not there is complained about."""
        product = self._product_id(asked.product) if asked.product else None
        integration = _known(self.session, self.market.name.value, asked.integration.value)
        if integration is None:
            self.complaints.add(asked.integration.line, f"There is no integration `{asked.integration.value}`.")
            return None
        if asked.product and product is None:
            return None
        target = self._target(asked, integration) if asked.target else None
        if asked.target and target is None:
            return None
        return rules.Draft(
            product, asked.trigger.value, integration.id, asked.action.value, target, asked.removal, asked.for_days, asked.after_days
        )

    def _product_id(self, named: Text) -> int | None:
        where = (Product.marketplace_id == self.shop, Product.external_id == named.value)
        found = self.session.scalar(select(Product.id).where(*where))
        if found is None:
            self.complaints.add(named.line, f"There is no product `{named.value}`. Products are named by their id.")
        return found

    def _target(self, asked: Asked, integration: Integration) -> int | None:
        """By its name, or its id in the app where names repeat."""
        named = asked.target
        action = APPS[integration.app].actions.get(asked.action.value)
        kind = rules.kind_of(APPS[integration.app], action) if action else None
        if named is None or kind is None:
            return None
        where = (Target.integration_id == integration.id, Target.kind == kind.key, Target.gone_at.is_(None))
        found = self.session.scalars(select(Target).where(*where, Target.name == named.value)).all()
        found = found or self.session.scalars(select(Target).where(*where, Target.remote_id == named.value)).all()
        if len(found) == 1:
            return found[0].id
        self.complaints.add(named.line, _unclear(named.value, kind.one, kind.many, integration.name, [t.remote_id for t in found]))
        return None


def _timing(rule: Rule) -> tuple[object, ...]:
    return rule.removal, rule.for_days, rule.after_days


def _unclear(name: str, one: str, many: str, integration: str, ids: Iterable[str]) -> str:
    known = ", ".join(sorted(ids))
    if known:
        return f"There are several {many} called `{name}` in {integration}. Name one by its id: {known}."
    return f"There is no {one} `{name}` in {integration}."
