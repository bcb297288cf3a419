"""A file's integrations in the transaction: connected with the key that the app has accepted, or made to agree. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.engine import catalog, integrations, usage, versions
from webapp.market.applied import Applied
from webapp.market.asking import Answered
from webapp.market.connections import Connection
from webapp.market.nodes import Complaints
from webapp.models import Integration
from webapp.parts import Parts

MEANWHILE = "This was changed by somebody else at the same moment. Apply the file again."


class Connections:
    """The integrations of one marketplace, for one transaction."""

    def __init__(self, session: Session, applied: Applied, complaints: Complaints, here: Parts, now: datetime) -> None:
        self._session, self._applied, self._complaints, self._here, self._now = session, applied, complaints, here, now

    def bring_about(self, one: Connection, answered: Answered) -> None:
        """Connect it, or make it agree. What the app refuses is complained of already."""
        if answered.refused:
            return
        found = self._integration(one.name.value)
        if found is None and answered.community is None:
            self._complaints.add(one.line, MEANWHILE)
        elif found is None:
            self._connect(one, answered)
        else:
            changed = [self._changed_key(found, one, answered), self._changed_rest(found, one)]
            self._applied.count("changed" if any(changed) else "unchanged")

    def _integration(self, name: str) -> Integration | None:
        where = (Integration.marketplace_id == self._applied.id, Integration.name == name, Integration.deleted_at.is_(None))
        return self._session.scalar(select(Integration).where(*where).with_for_update())

    def _connect(self, one: Connection, answered: Answered) -> None:
        connection = _connection(one, answered)
        try:
            made = integrations.create(
                self._session, self._applied.id, one.name.value, connection, self._here.vault.seal, self._here.new_id, self._now
            )
        except integrations.NameTaken:
            self._complaints.add(one.line, MEANWHILE)
            return
        self._session.flush()
        self._changed_rest(made, one)
        self._applied.count("created")

    def _changed_key(self, found: Integration, one: Connection, answered: Answered) -> bool:
        if answered.community is None:
            return False
        try:
            connection = _connection(one, answered)
            self._applied.woken |= bool(integrations.replace_key(self._session, found, connection, self._here.vault.seal, self._now))
        except integrations.OtherCommunity as other:
            where = other.name or "another one"
            self._complaints.add(one.line, f"This key opens another community ({where}): what the rules are about would not be there.")
        return True

    def _changed_rest(self, found: Integration, one: Connection) -> bool:
        """What the app need not be asked about. What the file does not say stays as it is."""
        before = integrations.Changes(found.name, found.public, found.send_invitation, found.watch_only, found.quota, found.batch_share)
        after = replace(
            before,
            public={**found.public, **one.values(secret=False)},
            send_invitation=found.send_invitation if one.send_invitation is None else one.send_invitation,
            watch_only=found.watch_only if one.watch_only is None else one.watch_only,
            quota=one.quota or found.quota,
            batch_share=found.batch_share if one.batch_share is None else one.batch_share,
        )
        if after != before:
            integrations.edit(self._session, found, after)
        return self._changed_pause(found, one.paused) or after != before

    def _changed_pause(self, found: Integration, paused: bool | None) -> bool:
        if paused is None or paused == (found.paused_at is not None):
            return False
        if paused:
            integrations.pause(self._session, found, self._now)
        else:
            self._applied.woken |= bool(integrations.resume(self._session, found, self._now))
        return True

    def catalogs(self, answered: Mapping[str, Answered]) -> None:
        """Take over the catalogs that were loaded, and count what asking has cost."""
        for name, answer in answered.items():
            found = self._integration(name) if answer.calls else None
            if found is None:
                continue
            usage.count(self._session, found.id, self._now, answer.calls, answer.metered)
            if answer.items is not None:
                merged = catalog.merge(self._session, found.id, answer.items, self._now, self._here.new_id, first=found.catalog_at is None)
                found.catalog = {"sentence": merged.sentence(APPS[found.app].kinds), "names": dict(merged.names)}
                found.catalog_at = self._now
                versions.bump(self._session, self._applied.id)
        self._session.flush()


def _connection(one: Connection, answered: Answered) -> integrations.Connection:
    if answered.community is None:
        raise ValueError("nobody has asked whose key it is")
    return integrations.Connection(one.app.value, answered.community, one.values(secret=True), one.values(secret=False))
