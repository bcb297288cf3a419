"""Bring a marketplace about as a file says: idempotent, all or nothing. Apps are asked before the transaction, never in it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import writing
from webapp.engine import accounts, addresses, products, versions
from webapp.engine.accounts import OWN_FORMAT
from webapp.market.applied import Applied
from webapp.market.asking import Answered, Password, Say, ask, check_names, settle_password
from webapp.market.integrating import MEANWHILE, Connections
from webapp.market.nodes import Complaints, Wrong
from webapp.market.pruning import Surplus, prune, surplus
from webapp.market.reading import Market, Owner, Sold
from webapp.market.ruling import Rules
from webapp.models import Marketplace, Role, Source, User
from webapp.parts import Parts
from webapp.passwords import hash_password
from webapp.sources.cartwheel import new_secret
from webapp.vault import Sealed

Agree = Callable[[Sequence[str]], bool]
T = TypeVar("T")


class Declined(Exception):
    """Nobody agreed to what would be deleted: nothing has changed."""


class _TakeBack(Exception):
    """Ends a transaction that was only to be looked at."""


def apply(market: Market, complaints: Complaints, here: Parts, say: Say, agree: Agree | None = None) -> Applied:
    """Make it so. Raises Wrong with every complaint; then nothing has changed.

    With `agree`, what the file does not name is deleted, once that has agreed to the sentences that say what. Raises Declined otherwise.
    """
    check_names(market, complaints)
    if complaints.found or market.owner is None:  # no call is spent on a file that can't be applied anyway
        raise Wrong(complaints)
    answered = ask(market, complaints, here, say)
    password = settle_password(market.owner)
    owner = market.owner
    goes = _agreed(market, complaints, here, lambda work: work.run(owner, password, answered), agree) if agree else None
    with writing() as session:
        work = _Work(session, market, complaints, here)
        applied = work.run(owner, password, answered)
        if goes is not None:
            work.prune(goes)
        if complaints.found:
            raise Wrong(complaints)
    return applied


def _agreed(market: Market, complaints: Complaints, here: Parts, run: Callable[[_Work], Applied], agree: Agree) -> Surplus:
    """What goes, found by applying the file and taking that back: nobody is asked while a transaction waits."""
    found = Surplus()
    with suppress(_TakeBack), writing() as session:
        work = _Work(session, market, complaints, here)
        run(work)
        found = work.surplus()
        raise _TakeBack
    if complaints.found:
        raise Wrong(complaints)
    if found.says and not agree(found.says):
        raise Declined
    return found


class _Work:
    """The transaction."""

    def __init__(self, session: Session, market: Market, complaints: Complaints, here: Parts) -> None:
        self.session, self.market, self.complaints, self.here = session, market, complaints, here
        self.now: datetime = here.now()
        self.applied = Applied(market.name.value)

    def run(self, owner: Owner, password: Password, answered: Mapping[str, Answered]) -> Applied:
        """Everything, in the order in which one needs the other."""
        self.applied.id = self._marketplace()
        self.rules = Rules(self.session, self.applied.id, self.complaints, self.now, self.here.new_id)
        self._owner(owner, password)
        self._sources()
        connections = Connections(self.session, self.applied, self.complaints, self.here, self.now)
        for connection in self.market.connections:
            connections.bring_about(connection, answered[connection.name.value])
        connections.catalogs(answered)
        for sold in self.market.products:
            self._product(sold)
        self._rules(answered)
        if self.applied.created or self.applied.changed:
            versions.bump(self.session, self.applied.id)
        return self.applied

    def surplus(self) -> Surplus:
        """What the file does not name."""
        return surplus(self.session, self.applied.id, self.market, self.rules.kept)

    def prune(self, agreed: Surplus) -> None:
        """Delete it, if it is still what was agreed to."""
        if self.surplus() != agreed:
            self.complaints.add(self.market.name.line, MEANWHILE)
            return
        self.applied.deleted = prune(self.session, self.applied.id, agreed, self.here.vault.seal, self.now)

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

    def _product(self, sold: Sold) -> None:
        shop, key, name = self.applied.id, sold.id.value, sold.name.value
        found, outcome = _found_or_made(
            lambda: products.find(self.session, shop, key),
            lambda: products.add(self.session, shop, key, name, now=self.now, new_id=self.here.new_id),
        )
        if found.name != name:
            products.rename(self.session, shop, found.id, name)
            outcome = "changed" if outcome == "unchanged" else outcome
        if sold.archived is not None and sold.archived != (found.archived_at is not None):
            products.archive(self.session, shop, found.id, away=sold.archived, now=self.now)
            outcome = "changed" if outcome == "unchanged" else outcome
        self.applied.count(outcome)

    def _rules(self, answered: Mapping[str, Answered]) -> None:
        """All but those of a community that could not be asked: they are not what is wrong."""
        for asked in self.market.rules:
            answer = answered.get(asked.integration.value)
            outcome = self.rules.bring_about(asked) if answer is None or not answer.refused else None
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
