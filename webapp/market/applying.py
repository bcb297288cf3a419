"""Bring a marketplace about as a file says: idempotent, all or nothing. Apps are asked before the transaction, never in it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.database import writing
from webapp.engine import accounts, addresses, catalog, integrations, products, usage, versions
from webapp.engine.accounts import OWN_FORMAT
from webapp.market.asking import Answered, Password, Say, ask, check_names, settle_password
from webapp.market.nodes import Complaints, Wrong
from webapp.market.reading import Connection, Market, Owner, Sold
from webapp.market.ruling import Rules
from webapp.models import Integration, Marketplace, Role, Source, User
from webapp.parts import Parts
from webapp.passwords import hash_password
from webapp.sources.cartwheel import new_secret
from webapp.vault import Sealed

MEANWHILE = "This was changed by somebody else at the same moment. Apply the file again."
T = TypeVar("T")


@dataclass
class Applied:
    """What was done: how many things were made, changed or as they should be, and the addresses. `secret` only if it is new.

    `woken`: whether work that was parked can go on.
    """

    marketplace: str
    id: int = 0
    path: str = ""
    secret: str | None = field(default=None, repr=False)
    sources: dict[str, str] = field(default_factory=dict)
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    woken: bool = False

    def count(self, outcome: str) -> None:
        """One more thing that was created, changed or unchanged."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def as_json(self) -> dict[str, object]:
        """As `flask apply` prints it."""
        webhook = {"path": self.path} | ({"secret": self.secret} if self.secret else {})
        sources = {name: {"path": path} for name, path in self.sources.items()}
        counts = {"created": self.created, "changed": self.changed, "unchanged": self.unchanged}
        return {"marketplace": self.marketplace, "webhook": webhook, "sources": sources, **counts}


def apply(market: Market, complaints: Complaints, here: Parts, say: Say) -> Applied:
    """Make it so. Raises Wrong with every complaint; then nothing has changed."""
    check_names(market, complaints)
    if complaints.found or market.owner is None:  # no call is spent on a file that can't be applied anyway
        raise Wrong(complaints)
    answered = ask(market, complaints, here, say)
    password = settle_password(market.owner)
    with writing() as session:
        applied = _Work(session, market, complaints, here).run(market.owner, password, answered)
        if complaints.found:
            raise Wrong(complaints)
    return applied


class _Work:
    """The transaction."""

    def __init__(self, session: Session, market: Market, complaints: Complaints, here: Parts) -> None:
        self.session, self.market, self.complaints, self.here = session, market, complaints, here
        self.now: datetime = here.now()
        self.applied = Applied(market.name.value)

    def run(self, owner: Owner, password: Password, answered: Mapping[str, Answered]) -> Applied:
        """Everything, in the order in which one needs the other."""
        self.applied.id = self._marketplace()
        self._owner(owner, password)
        self._sources()
        for connection in self.market.connections:
            self._connection(connection, answered[connection.name.value])
        self._catalogs(answered)
        for sold in self.market.products:
            self._product(sold)
        self._rules(answered)
        if self.applied.created or self.applied.changed:
            versions.bump(self.session, self.applied.id)
        return self.applied

    def _marketplace(self) -> int:
        name, zone = self.market.name.value, self.market.time_zone.value if self.market.time_zone else None
        found, outcome = _found_or_made(
            lambda: self.session.scalar(select(Marketplace).where(Marketplace.name == name)),
            lambda: accounts.create_marketplace(self.session, name, zone or "UTC", self.here.new_id, self.now),
        )
        if zone and zone != found.time_zone:
            accounts.change_marketplace(self.session, found.id, found.name, zone)
            outcome = "changed"
        self.applied.count(outcome)
        return found.id

    def _owner(self, owner: Owner, password: Password) -> None:
        """Who has an account keeps its password unless the file's is another."""
        user, outcome = _found_or_made(lambda: accounts.find_user(self.session, owner.email.value), lambda: self._account(owner, password))
        if outcome == "unchanged" and (password.kept is None or user.password_hash != password.kept):
            accounts.change_password(self.session, user.id, password.fresh or hash_password(owner.password.value))
            outcome = "changed"
        role = self.session.get(Role, (user.id, self.applied.id))
        if role is None or role.role != "owner":
            accounts.give_role(self.session, user.id, self.applied.id, "owner")
            outcome = "changed" if outcome == "unchanged" else outcome
        self.applied.count(outcome)

    def _account(self, owner: Owner, password: Password) -> User:
        fresh = password.fresh or hash_password(owner.password.value)
        return accounts.create_user(self.session, owner.email.value, fresh, self.here.new_id, self.now)

    def _sources(self) -> None:
        """Cartwheel's own format always has an address and a secret; others have what the file asks for."""
        own, outcome = self._source(OWN_FORMAT)
        self.applied.path = f"/webhooks/{own.address}"
        self.applied.secret = self._new_secret(own)
        self.applied.count("changed" if outcome == "unchanged" and self.applied.secret else outcome)
        for source in self.market.sources:
            if source.value != OWN_FORMAT:
                found, outcome = self._source(source.value)
                self.applied.sources[source.value] = f"/webhooks/{found.address}"
                self.applied.count(outcome)

    def _source(self, kind: str) -> tuple[Source, str]:
        shop, address = self.applied.id, secrets.token_urlsafe(24)
        return _found_or_made(
            lambda: self.session.scalar(select(Source).where(Source.marketplace_id == shop, Source.kind == kind)),
            lambda: accounts.open_address(self.session, shop, kind, address, None, self.here.new_id, self.now),
        )

    def _new_secret(self, own: Source) -> str | None:
        """The signing secret, where it is made here or another than before; the one of before stays good for a while."""
        given = self.market.secret.value if self.market.secret else None
        kept = self._opened(own.secret)
        if kept is not None and given in {None, kept}:
            return None
        made = given or new_secret()
        addresses.rotate(self.session, own, self.here.vault.seal(made), self.now)
        if own.previous_secret and kept is None:
            addresses.end_previous(self.session, own)  # it proves nothing any longer
        return made

    def _opened(self, sealed: bytes | None) -> str | None:
        try:
            return self.here.vault.open(sealed) if sealed else None
        except Sealed:
            return None

    def _connection(self, one: Connection, answered: Answered) -> None:
        if answered.refused:
            return
        found = self._integration(one.name.value)
        if found is None and answered.community is None:
            self.complaints.add(one.line, MEANWHILE)
        elif found is None:
            self._connect(one, answered)
        else:
            changed = [self._changed_key(found, one, answered), self._changed_rest(found, one)]
            self.applied.count("changed" if any(changed) else "unchanged")

    def _integration(self, name: str) -> Integration | None:
        where = (Integration.marketplace_id == self.applied.id, Integration.name == name, Integration.deleted_at.is_(None))
        return self.session.scalar(select(Integration).where(*where).with_for_update())

    def _connect(self, one: Connection, answered: Answered) -> None:
        connection = _connection(one, answered)
        try:
            made = integrations.create(
                self.session, self.applied.id, one.name.value, connection, self.here.vault.seal, self.here.new_id, self.now
            )
        except integrations.NameTaken:
            self.complaints.add(one.line, MEANWHILE)
            return
        self.session.flush()
        self._changed_rest(made, one)
        self.applied.count("created")

    def _changed_key(self, found: Integration, one: Connection, answered: Answered) -> bool:
        if answered.community is None:
            return False
        try:
            connection = _connection(one, answered)
            self.applied.woken |= bool(integrations.replace_key(self.session, found, connection, self.here.vault.seal, self.now))
        except integrations.OtherCommunity as other:
            where = other.name or "another one"
            self.complaints.add(one.line, f"This key opens another community ({where}): what the rules are about would not be there.")
        return True

    def _changed_rest(self, found: Integration, one: Connection) -> bool:
        """What the app need not be asked about. What the file does not say stays as it is."""
        before = integrations.Changes(found.name, found.public, found.send_invitation, found.watch_only, found.quota, found.batch_share)
        after = replace(
            before,
            public={**found.public, **one.values(secret=False)},
            send_invitation=found.send_invitation if one.send_invitation is None else one.send_invitation,
            watch_only=found.watch_only if one.watch_only is None else one.watch_only,
        )
        if after == before:
            return False
        integrations.edit(self.session, found, after)
        return True

    def _catalogs(self, answered: Mapping[str, Answered]) -> None:
        for name, answer in answered.items():
            found = self._integration(name) if answer.calls else None
            if found is None:
                continue
            usage.count(self.session, found.id, self.now, answer.calls, answer.metered)
            if answer.items is not None:
                merged = catalog.merge(self.session, found.id, answer.items, self.now, self.here.new_id, first=found.catalog_at is None)
                found.catalog = {"sentence": merged.sentence(APPS[found.app].kinds), "names": dict(merged.names)}
                found.catalog_at = self.now
                versions.bump(self.session, self.applied.id)
        self.session.flush()

    def _product(self, sold: Sold) -> None:
        shop, key, name = self.applied.id, sold.id.value, sold.name.value
        found, outcome = _found_or_made(
            lambda: products.find(self.session, shop, key),
            lambda: products.add(self.session, shop, key, name, now=self.now, new_id=self.here.new_id),
        )
        if found.name != name:
            products.rename(self.session, shop, found.id, name)
            outcome = "changed"
        self.applied.count(outcome)

    def _rules(self, answered: Mapping[str, Answered]) -> None:
        """All but those of a community that could not be asked: they are not what is wrong."""
        rules = Rules(self.session, self.applied.id, self.complaints, self.now, self.here.new_id)
        for asked in self.market.rules:
            answer = answered.get(asked.integration.value)
            outcome = rules.bring_about(asked) if answer is None or not answer.refused else None
            if outcome is not None:
                self.applied.count(outcome)


def _found_or_made(find: Callable[[], T | None], make: Callable[[], T]) -> tuple[T, str]:
    """What is there (`unchanged`), else what is made (`created`). Where somebody else makes it at this moment, theirs."""
    found = find()
    if found is not None:
        return found, "unchanged"
    try:
        return make(), "created"
    except (accounts.Taken, products.Taken):
        found = find()
        if found is None:
            raise
        return found, "unchanged"


def _connection(one: Connection, answered: Answered) -> integrations.Connection:
    if answered.community is None:
        raise ValueError("nobody has asked whose key it is")
    return integrations.Connection(one.app.value, answered.community, one.values(secret=True), one.values(secret=False))
