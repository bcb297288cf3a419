"""Integrations: connected, changed, paused, deleted. Whether a key works is asked elsewhere, before; nothing is called here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.apps import MEMBERSHIP, Community
from webapp.engine import audit, logs, versions
from webapp.models import Integration, Lane, LogEntry, Rule, Stop, Target

Seal = Callable[[str], bytes]
NewId = Callable[[datetime], int]

LONGEST_NAME = 100
"""Characters. The column is wider: a deleted integration's name says so."""

QUOTAS = (5_000, 30_000, 250_000)
"""Requests a month that a community's plan may include, of which one is picked (Circle, "Usage and limits": Business,
Enterprise and Plus, Plus Platform)."""

SHARES = (50, 80, 90, 100)
"""The percentages of the quota of which one is picked for batches to be held at; 0 for never."""

USUAL_SHARE = 80

DELETED = "The integration was deleted."
"""What the log says of the entries that waited for it."""

RESTATED = 500
"""How many of the entries that wait for an integration are said to have changed with it, the newest: more than a page shows."""


PAUSED = "paused"
"""The reason of a stop that the merchant made."""


class NameTaken(Exception):
    """Another integration of the marketplace has this name."""


class OtherCommunity(Exception):
    """A key of another community than the one the integration's rules are about; `name` is that other one's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Connection:
    """What connecting an app took (`secret` to be sealed, `public` not), and whose key the app says it is."""

    app: str
    community: Community
    secret: Mapping[str, str] = field(repr=False)
    public: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """What can be changed of an integration without asking its app."""

    name: str
    public: Mapping[str, str]
    send_invitation: bool
    watch_only: bool
    quota: int
    batch_share: int = USUAL_SHARE


@dataclass(frozen=True)
class Toll:
    """What goes with an integration: living rules, and entries that would never run."""

    rules: int
    entries: int


def living(session: Session, marketplace_id: int) -> list[Integration]:
    """A marketplace's integrations that are not deleted: those that need a person first, then by name."""
    rows = session.scalars(_living(marketplace_id).order_by(func.lower(Integration.name)))
    return sorted(rows, key=lambda one: one.attention is None)


def find(session: Session, marketplace_id: int, integration_id: int, *, lock: bool = False) -> Integration | None:
    """One of them; None where it is deleted, somebody else's or was never there. `lock` it to change it."""
    query = _living(marketplace_id).where(Integration.id == integration_id)
    return session.scalar(query.with_for_update() if lock else query)


def create(
    session: Session, marketplace_id: int, name: str, connection: Connection, seal: Seal, new_id: NewId, now: datetime
) -> Integration:
    """Make an integration, and the target that is its membership. Raises NameTaken."""
    made = Integration(
        id=new_id(now),
        marketplace_id=marketplace_id,
        name=name.strip(),
        app=connection.app,
        created_at=now,
        public=dict(connection.public),
    )
    _take(made, connection, seal)
    _named(session, made, made.name)
    session.add(Target(id=new_id(now), integration_id=made.id, kind=MEMBERSHIP, remote_id="", name=""))
    audit.note(session, marketplace_id, "integration_made", made.name, after=_facts(made))
    versions.bump(session, marketplace_id)
    return made


def edit(session: Session, integration: Integration, changes: Changes) -> None:
    """Change what the app needn't be asked about. Raises NameTaken."""
    called, before = integration.name, _facts(integration)
    _named(session, integration, changes.name.strip())
    integration.public = dict(changes.public)
    integration.send_invitation = changes.send_invitation
    integration.watch_only = changes.watch_only
    integration.quota = changes.quota
    integration.batch_share = changes.batch_share
    audit.note(session, integration.marketplace_id, "integration_changed", called, before, _facts(integration))
    versions.bump(session, integration.marketplace_id)


def replace_key(session: Session, integration: Integration, connection: Connection, seal: Seal, now: datetime) -> int:
    """Take another key, which the app has accepted. Returns how many lanes are due again.

    Raises OtherCommunity where it opens another community: the rules' targets would not be there.
    """
    known, given = integration.community_id, connection.community.remote_id
    if known and given and known != given:
        raise OtherCommunity(connection.community.name)
    before = {"key": _shown(integration.key_tail)}
    _take(integration, connection, seal)
    audit.note(session, integration.marketplace_id, "key_replaced", integration.name, before)
    return works(session, integration, now)


def works(session: Session, integration: Integration, now: datetime) -> int:
    """The app has accepted the key: nothing stands in the way any longer. Returns how many lanes are due again."""
    _over(session, integration, Stop.reason != PAUSED, now)
    integration.attention = integration.attention_at = None
    _forget_failures(integration)
    versions.bump(session, integration.marketplace_id)
    _restate(session, integration, now)
    return _wake(session, integration, now)


def needs_attention(session: Session, integration: Integration, cause: str, now: datetime) -> None:
    """Nothing is called until a person has seen to it. `cause`: see `webapp.engine.states`."""
    if integration.attention != cause:
        _over(session, integration, Stop.reason != PAUSED, now)
        _stops(session, integration, cause, now)
        integration.attention, integration.attention_at = cause, now
        versions.bump(session, integration.marketplace_id)
        _restate(session, integration, now)


def pause(session: Session, integration: Integration, now: datetime) -> None:
    """Call nothing until it is resumed; what arrives waits."""
    if integration.paused_at is None:
        _stops(session, integration, PAUSED, now)
        integration.paused_at = now
        audit.note(session, integration.marketplace_id, "integration_paused", integration.name)
        versions.bump(session, integration.marketplace_id)
        _restate(session, integration, now)


def resume(session: Session, integration: Integration, now: datetime) -> int:
    """End the pause. Returns how many lanes are due again."""
    if integration.paused_at is not None:
        audit.note(session, integration.marketplace_id, "integration_resumed", integration.name)
    _over(session, integration, Stop.reason == PAUSED, now)
    integration.paused_at = None
    _forget_failures(integration)
    versions.bump(session, integration.marketplace_id)
    _restate(session, integration, now)
    return _wake(session, integration, now)


def stops(session: Session, integration_id: int) -> list[Stop]:
    """When it did nothing, and why, the oldest first."""
    return list(session.scalars(select(Stop).where(Stop.integration_id == integration_id).order_by(Stop.since)))


def watch(session: Session, integration: Integration, only: bool) -> None:
    """Only watch from now on, or let it call. What was decided meanwhile stays as it is."""
    before = {"watch only": integration.watch_only}
    audit.note(session, integration.marketplace_id, "integration_changed", integration.name, before, {"watch only": only})
    integration.watch_only = only
    versions.bump(session, integration.marketplace_id)


def toll(session: Session, integration_id: int) -> Toll:
    """What would go with it."""
    rules = select(func.count()).where(Rule.integration_id == integration_id, Rule.deleted_at.is_(None))
    return Toll(session.scalar(rules) or 0, waiting(session, integration_id))


def waiting(session: Session, integration_id: int) -> int:
    """How many entries wait for it."""
    entries = select(func.count()).where(LogEntry.open_lane_id.is_not(None), LogEntry.integration_id == integration_id)
    return session.scalar(entries) or 0


def delete(session: Session, integration: Integration, seal: Seal, now: datetime) -> Toll:
    """Delete it, with its rules; what waits for it never runs. Returns what went with it.

    The row stays for the log's sake, without its key, and its name is free again.
    """
    going = toll(session, integration.id)
    session.execute(
        update(Rule).where(Rule.integration_id == integration.id, Rule.deleted_at.is_(None)).values(deleted_at=now, identity=None)
    )
    _skip_waiting(session, integration, now)
    with_it = {"rules": going.rules, "entries that waited": going.entries}
    audit.note(session, integration.marketplace_id, "integration_deleted", integration.name, {**_facts(integration), **with_it})
    integration.name = f"{integration.name} (deleted {integration.id})"
    integration.credentials, integration.key_tail = seal("{}"), ""
    integration.attention = integration.attention_at = integration.paused_at = None
    integration.catalog = {}
    integration.deleted_at = now
    versions.bump(session, integration.marketplace_id)
    return going


def _facts(integration: Integration) -> dict[str, object]:
    """What the audit keeps of it. Of the key only what pages show."""
    return {
        "name": integration.name,
        "community": integration.community,
        "key": _shown(integration.key_tail),
        **integration.public,
        "sends invitations": integration.send_invitation,
        "watch only": integration.watch_only,
        "quota": integration.quota,
        "batches held at": integration.batch_share,
    }


def _shown(key_tail: str) -> str:
    return f"••••{key_tail}"


def _living(marketplace_id: int) -> Select[Integration]:
    return select(Integration).where(Integration.marketplace_id == marketplace_id, Integration.deleted_at.is_(None))


def _take(integration: Integration, connection: Connection, seal: Seal) -> None:
    key = next(iter(connection.secret.values()), "")
    integration.credentials = seal(json.dumps(dict(connection.secret)))
    integration.key_tail = key[-4:] if len(key) >= 8 else ""
    integration.community = connection.community.name[:300]
    integration.community_id = connection.community.remote_id


def _named(session: Session, integration: Integration, name: str) -> None:
    """Write it under this name: the unique key decides, not a question before."""
    marketplace_id = integration.marketplace_id
    try:
        with session.begin_nested():
            integration.name = name
            session.add(integration)
    except IntegrityError:
        taken = select(Integration.id).where(Integration.marketplace_id == marketplace_id, Integration.name == name)
        if session.scalar(taken) is None:
            raise
        raise NameTaken(name) from None


def _stops(session: Session, integration: Integration, reason: str, now: datetime) -> None:
    session.merge(Stop(integration_id=integration.id, since=now, reason=reason, until=None))


def _over(session: Session, integration: Integration, which: ColumnElement[bool], now: datetime) -> None:
    """What stopped it for one of these reasons does so no longer."""
    session.flush()
    over = update(Stop).where(Stop.integration_id == integration.id, Stop.until.is_(None), which).values(until=now)
    session.execute(over.execution_options(synchronize_session=False))


def _forget_failures(integration: Integration) -> None:
    integration.hold_until = integration.failing_since = None
    integration.hold_reason = ""
    integration.failures = 0


def _restate(session: Session, integration: Integration, now: datetime) -> None:
    """What waits is parked now, or no longer: a page that comes back must hear of it. What a worker has in hand tells of itself."""
    session.flush()
    waiting = logs.waiting_for(session, integration.marketplace_id, integration.id, RESTATED)
    free = session.scalars(select(LogEntry.id).where(LogEntry.id.in_(waiting)).with_for_update(skip_locked=True)).all()
    changed = update(LogEntry).where(LogEntry.id.in_(free)).values(changed_at=now)
    session.execute(changed.execution_options(synchronize_session=False))


def _wake(session: Session, integration: Integration, now: datetime) -> int:
    """All work that was parked is due again, in the order in which it came. A lane that somebody works on is left to them."""
    if integration.attention or integration.paused_at:
        return 0
    session.flush()
    free = or_(Lane.claim.is_(None), Lane.claimed_until <= now)
    waits = select(LogEntry.id).where(LogEntry.open_lane_id == Lane.id).correlate(Lane).exists()
    chosen = select(Lane.id).where(Lane.integration_id == integration.id, free, waits).order_by(Lane.id)
    lanes = session.scalars(chosen.with_for_update()).all()  # in order, so that two who do this don't wait for each other
    earliest = select(func.min(func.coalesce(LogEntry.due_at, LogEntry.at))).where(LogEntry.open_lane_id == Lane.id).correlate(Lane)
    for some in (lanes[i : i + 1000] for i in range(0, len(lanes), 1000)):
        session.execute(
            update(Lane)
            .where(Lane.id.in_(some))
            .values(due_at=earliest.scalar_subquery(), retry_at=None)
            .execution_options(synchronize_session=False)
        )
    return len(lanes)


def _skip_waiting(session: Session, integration: Integration, now: datetime) -> None:
    session.execute(
        update(LogEntry)
        .where(LogEntry.open_lane_id.is_not(None), LogEntry.integration_id == integration.id)
        .values(
            status="skipped",
            sentence=DELETED,
            todo="",
            cause="",
            open_lane_id=None,
            due_at=None,
            changed_at=now,
            finished_at=now,
        )
    )
    session.execute(update(Lane).where(Lane.integration_id == integration.id, Lane.due_at.is_not(None)).values(due_at=None, retry_at=None))
