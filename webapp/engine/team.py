"""Who may do what in a marketplace: its people, their roles, and invitations. Tokens come here as hashes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.engine import audit
from webapp.engine.accounts import NewId, as_address, give_role
from webapp.models import Invitation, Marketplace, Role, User

INVITATION_LASTS = timedelta(days=7)


class LastOwner(Exception):
    """Somebody has to be the owner: the only one can't go."""


class InTheTeam(Exception):
    """The address that was to be invited has a role here already."""


@dataclass(frozen=True)
class Member:
    """A person of a marketplace. `last_owner`: nobody else is an owner there."""

    user_id: int
    email: str
    role: str
    last_owner: bool


@dataclass(frozen=True)
class Invited:
    """An invitation that would still work."""

    id: int
    marketplace_id: int
    marketplace: str
    email: str
    role: str
    expires_at: datetime


def members(session: Session, marketplace_id: int) -> list[Member]:
    """The people of a marketplace: owners first, then admins, then viewers, each by address."""
    rows = session.execute(
        select(User.id, User.email, Role.role).join(Role, Role.user_id == User.id).where(Role.marketplace_id == marketplace_id)
    ).all()
    owners = sum(row.role == "owner" for row in rows)
    found = [Member(row.id, row.email, row.role, row.role == "owner" and owners == 1) for row in rows]
    return sorted(found, key=lambda m: (_rank(m.role), m.email))


def _rank(role: str) -> int:
    return {"owner": 0, "admin": 1}.get(role, 2)


def member(session: Session, marketplace_id: int, user_id: int) -> Member | None:
    """One person of a marketplace."""
    return next((m for m in members(session, marketplace_id) if m.user_id == user_id), None)


def change_role(session: Session, marketplace_id: int, user_id: int, role: str) -> None:
    """Change what a person may do here; nothing happens where they have no role. Raises LastOwner."""
    if role != "owner":
        _spare_last_owner(session, marketplace_id, user_id)
    known = member(session, marketplace_id, user_id)
    if known is not None:
        audit.note(session, marketplace_id, "role_changed", known.email, {"role": known.role}, {"role": role})
    at = (Role.marketplace_id == marketplace_id, Role.user_id == user_id)
    session.execute(update(Role).where(*at).values(role=role))


def remove(session: Session, marketplace_id: int, user_id: int) -> None:
    """Take a person's role here away: their next request finds it gone. Raises LastOwner."""
    _spare_last_owner(session, marketplace_id, user_id)
    known = member(session, marketplace_id, user_id)
    if known is not None:
        audit.note(session, marketplace_id, "role_taken", known.email, {"role": known.role})
    session.execute(delete(Role).where(Role.marketplace_id == marketplace_id, Role.user_id == user_id))


def _spare_last_owner(session: Session, marketplace_id: int, user_id: int) -> None:
    """Locks the owners' rows, so that of two owners who remove each other at the same moment one stays."""
    owners = session.scalars(
        select(Role.user_id).where(Role.marketplace_id == marketplace_id, Role.role == "owner").order_by(Role.user_id).with_for_update()
    ).all()
    if list(owners) == [user_id]:
        raise LastOwner


def invite(
    session: Session, marketplace_id: int, email: str, role: str, token_hash: str, invited_by: int, new_id: NewId, now: datetime
) -> None:
    """Invite an address for INVITATION_LASTS. Earlier invitations of the same address to here end. Raises InTheTeam."""
    email = as_address(email)
    if any(m.email == email for m in members(session, marketplace_id)):
        raise InTheTeam
    session.execute(delete(Invitation).where(*_open(now), Invitation.marketplace_id == marketplace_id, Invitation.email == email))
    session.add(
        Invitation(
            id=new_id(now),
            marketplace_id=marketplace_id,
            email=email,
            role=role,
            token_hash=token_hash,
            invited_by=invited_by,
            created_at=now,
            expires_at=now + INVITATION_LASTS,
        )
    )
    audit.note(session, marketplace_id, "invited", email, after={"role": role})
    session.flush()


def invitations(session: Session, marketplace_id: int, now: datetime) -> Sequence[Invitation]:
    """The invitations of a marketplace that are open, by address."""
    found = select(Invitation).where(*_open(now), Invitation.marketplace_id == marketplace_id)
    return session.scalars(found.order_by(Invitation.email)).all()


def withdraw(session: Session, marketplace_id: int, invitation_id: int) -> bool:
    """Take an invitation back: its link no longer works. False where there is none that could be used."""
    ours = (Invitation.marketplace_id == marketplace_id, Invitation.id == invitation_id)
    gone = session.execute(
        delete(Invitation).where(*ours, Invitation.used_at.is_(None)).returning(Invitation.email, Invitation.role)
    ).first()
    if gone is not None:
        audit.note(session, marketplace_id, "invitation_withdrawn", gone.email, {"role": gone.role})
    return gone is not None


def find_invitation(session: Session, token_hash: str, now: datetime) -> Invited | None:
    """The invitation of a link, if it still works."""
    row = session.execute(
        select(Invitation, Marketplace.name)
        .join(Marketplace, Marketplace.id == Invitation.marketplace_id)
        .where(*_open(now), Invitation.token_hash == token_hash)
    ).one_or_none()
    if row is None:
        return None
    found = row[0]
    return Invited(found.id, found.marketplace_id, row[1], found.email, found.role, found.expires_at)


def accept(session: Session, token_hash: str, user_id: int, now: datetime) -> Invited | None:
    """Use an invitation up for this person and give them its role; a higher one that they have stays. None where it no longer works."""
    found = find_invitation(session, token_hash, now)
    used = update(Invitation).where(*_open(now), Invitation.token_hash == token_hash).values(used_at=now).returning(Invitation.id)
    if found is None or session.scalar(used) is None:
        return None
    audit.note(session, found.marketplace_id, "invitation_accepted", found.email, after={"role": found.role})
    has = session.get(Role, (user_id, found.marketplace_id))
    if has is None or _rank(found.role) < _rank(has.role):
        give_role(session, user_id, found.marketplace_id, found.role)
    return found


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Invitation.used_at.is_(None), Invitation.expires_at > now)
