"""People: their accounts, their marketplaces, the links that work once. Passwords and tokens come here as hashes only.

Who may do what in a marketplace is in team.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.engine import audit
from webapp.models import Marketplace, OneTimeLink, Role, SignedIn, Source, User

CHANGING = ("owner", "admin")
"""The roles that may change things."""

SET_UP, SIGN_IN, RESET = "set_up", "sign_in", "reset"
"""What a link that works once is for: the first account, the demo's sign-in, a new password."""

RESET_LASTS = timedelta(hours=1)
"""How long the link in a mail about a forgotten password works."""

OWN_FORMAT = "cartwheel"
"""The kind of checkout that every marketplace has an address for."""

NewId = Callable[[datetime], int]


class Taken(Exception):
    """The e-mail address has an account, or the name a marketplace, already."""


@dataclass(frozen=True)
class Place:
    """A marketplace that somebody may enter, apart from the database, and their role there."""

    marketplace: Marketplace
    role: str


def places(session: Session, user_id: int) -> list[Place]:
    """The marketplaces that a person may enter, by name. The session forgets them: they outlive its transaction."""
    rows = session.execute(
        select(Marketplace, Role.role)
        .join(Role, Role.marketplace_id == Marketplace.id)
        .where(Role.user_id == user_id)
        .order_by(Marketplace.name)
    ).all()
    for row in rows:
        session.expunge(row[0])
    return [Place(marketplace, role) for marketplace, role in rows]


def as_address(typed: str) -> str:
    """An e-mail address as accounts are known by it: trimmed, in lower case."""
    return typed.strip().lower()


def find_user(session: Session, email: str) -> User | None:
    """The account of an e-mail address, however it is written."""
    return session.scalar(select(User).where(User.email == as_address(email)))


def any_user(session: Session) -> bool:
    """Whether the deployment has its first account: from then on nobody can set it up again."""
    return bool(session.scalar(select(exists().select_from(User))))


def create_user(session: Session, email: str, password_hash: str | None, new_id: NewId, now: datetime) -> User:
    """A new account; without a password it can only be entered by a link. Raises Taken."""
    user = User(id=new_id(now), email=as_address(email), password_hash=password_hash, session_epoch=0, settings={}, created_at=now)
    _insert(session, user)
    return user


def create_marketplace(session: Session, name: str, time_zone: str, new_id: NewId, now: datetime) -> Marketplace:
    """A new marketplace, in which nobody has a role and nothing has an address yet. Raises Taken."""
    made = Marketplace(id=new_id(now), name=name.strip(), time_zone=time_zone, settings={}, created_at=now)
    _insert(session, made)
    audit.note(session, made.id, "marketplace_made", made.name, after={"time zone": time_zone})
    return made


def open_address(
    session: Session, marketplace_id: int, kind: str, address: str, secret: bytes | None, new_id: NewId, now: datetime
) -> Source:
    """An address for a kind of checkout. `secret` is sealed; without one nothing that comes can be proven yet. Raises Taken."""
    made = Source(id=new_id(now), marketplace_id=marketplace_id, kind=kind, address=address, secret=secret, created_at=now)
    _insert(session, made)
    audit.note(session, marketplace_id, "source_opened", kind)
    return made


def give_role(session: Session, user_id: int, marketplace_id: int, role: str) -> None:
    """Let a person into a marketplace, or change what they may do there."""
    found = session.get(Role, (user_id, marketplace_id))
    person = session.get_one(User, user_id).email
    audit.note(session, marketplace_id, "role_given", person, {"role": found.role if found else None}, {"role": role})
    if found is not None:
        found.role = role
        session.flush()
        return
    try:
        _insert(session, Role(user_id=user_id, marketplace_id=marketplace_id, role=role))
    except Taken:  # somebody else gave them one meanwhile
        at = (Role.user_id == user_id, Role.marketplace_id == marketplace_id)
        session.execute(update(Role).where(*at).values(role=role))


def found_marketplace(
    session: Session, name: str, time_zone: str, owner_id: int, address: str, new_id: NewId, now: datetime
) -> Marketplace:
    """A marketplace with its owner and an address for Cartwheel's own format, whose secret is made when somebody asks for it. Raises Taken."""
    made = create_marketplace(session, name, time_zone, new_id, now)
    give_role(session, owner_id, made.id, "owner")
    open_address(session, made.id, OWN_FORMAT, address, None, new_id, now)
    return made


def change_password(session: Session, user_id: int, password_hash: str) -> User | None:
    """Give an account a new password and end all its sessions. None where it is gone."""
    change = update(User).where(User.id == user_id).values(password_hash=password_hash, session_epoch=User.session_epoch + 1)
    session.execute(change, execution_options={"synchronize_session": False})
    session.execute(delete(SignedIn).where(SignedIn.user_id == user_id), execution_options={"synchronize_session": False})
    return session.get(User, user_id, populate_existing=True)


def improve_hash(session: Session, user_id: int, old: str, new: str) -> None:
    """Keep a password's better hash, unless the password was changed meanwhile. Sessions go on."""
    session.execute(update(User).where(User.id == user_id, User.password_hash == old).values(password_hash=new))


def set_preference(session: Session, user_id: int, name: str, value: object) -> None:
    """Keep one of a person's own settings."""
    user = session.get(User, user_id)
    if user is not None:
        user.settings = {**user.settings, name: value}
        session.flush()


def change_marketplace(session: Session, marketplace_id: int, name: str, time_zone: str) -> None:
    """Rename a marketplace and set its clock. Raises Taken where another has the name."""
    change = update(Marketplace).where(Marketplace.id == marketplace_id)
    before = session.get_one(Marketplace, marketplace_id, populate_existing=True)
    called = before.name
    audit.note(
        session,
        marketplace_id,
        "marketplace_changed",
        called,
        {"name": called, "time zone": before.time_zone},
        {"name": name.strip(), "time zone": time_zone},
    )
    try:
        with session.begin_nested():
            session.execute(change.values(name=name.strip(), time_zone=time_zone, version=Marketplace.version + 1))
    except IntegrityError as e:
        raise Taken(name) from e


def make_link(session: Session, purpose: str, user_id: int | None, token_hash: str, expires_at: datetime) -> None:
    """A link that works once, known by the hash of its token. Of a set-up only the newest link works."""
    if purpose == SET_UP:
        for older in session.scalars(select(OneTimeLink).where(OneTimeLink.purpose == SET_UP)):
            session.delete(older)
    session.add(OneTimeLink(token_hash=token_hash, purpose=purpose, user_id=user_id, expires_at=expires_at))
    session.flush()


def find_link(session: Session, token_hash: str, now: datetime) -> OneTimeLink | None:
    """A link that would still work."""
    good = (OneTimeLink.token_hash == token_hash, OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    return session.scalar(select(OneTimeLink).where(*good))


def use_link(session: Session, token_hash: str, purpose: str, now: datetime) -> bool:
    """Use a link up. False where it was used, has run out or is for something else: of two at the same moment one gets it."""
    good = (OneTimeLink.token_hash == token_hash, OneTimeLink.purpose == purpose)
    unused = (OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    used = update(OneTimeLink).where(*good, *unused).values(used_at=now).returning(OneTimeLink.token_hash)
    return session.scalar(used) is not None


def _insert(session: Session, row: object) -> None:
    """Put a row in, in a savepoint: what went before stays when it is refused. Raises Taken."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as e:
        raise Taken from e
