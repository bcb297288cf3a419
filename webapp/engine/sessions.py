"""Sessions: one row a browser, which ends with it. And the second step of signing in, where somebody has switched it on.

Tokens and recovery codes come here as hashes only, secrets sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from webapp.engine.accounts import NewId
from webapp.models import RecoveryCode, Role, SignedIn, User

LASTS = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=5)
"""How old `seen_at` may be: a row is not written with every click."""


@dataclass(frozen=True)
class Browser:
    """What a request comes from, as it says itself."""

    address: str
    agent: str


def begin(session: Session, user_id: int, token_hash: str, browser: Browser, new_id: NewId, now: datetime) -> None:
    """A new session. Those that have run out are thrown away."""
    session.execute(delete(SignedIn).where(SignedIn.user_id == user_id, SignedIn.created_at <= now - LASTS))
    said = {"address": browser.address[:64], "agent": browser.agent[:300]}
    session.add(SignedIn(token_hash=token_hash, id=new_id(now), user_id=user_id, created_at=now, seen_at=now, **said))
    session.flush()


def find(session: Session, token_hash: str, user_id: int, now: datetime) -> tuple[User, SignedIn] | None:
    """The user and the session of a browser's token; None where it has ended."""
    row = session.execute(
        select(User, SignedIn)
        .join(SignedIn, SignedIn.user_id == User.id)
        .where(SignedIn.token_hash == token_hash, User.id == user_id, SignedIn.created_at > now - LASTS)
    ).one_or_none()
    return (row[0], row[1]) if row else None


def standing(session: Session, marketplace_id: int, token_hashes: Iterable[str], now: datetime) -> set[tuple[str, int]]:
    """Which of these sessions have not ended, and are of somebody with a role in the marketplace: each with its user's epoch."""
    found = session.execute(
        select(SignedIn.token_hash, User.session_epoch)
        .join(User, User.id == SignedIn.user_id)
        .join(Role, (Role.user_id == User.id) & (Role.marketplace_id == marketplace_id))
        .where(SignedIn.token_hash.in_(token_hashes), SignedIn.created_at > now - LASTS)
    )
    return {(row.token_hash, row.session_epoch) for row in found}


def seen(session: Session, token_hash: str, browser: Browser, now: datetime) -> None:
    """It was used just now."""
    said = {"address": browser.address[:64], "agent": browser.agent[:300]}
    session.execute(update(SignedIn).where(SignedIn.token_hash == token_hash).values(seen_at=now, **said))


def of(session: Session, user_id: int, now: datetime) -> Sequence[SignedIn]:
    """A person's sessions, the one that was used last first."""
    theirs = select(SignedIn).where(SignedIn.user_id == user_id, SignedIn.created_at > now - LASTS)
    return session.scalars(theirs.order_by(SignedIn.seen_at.desc(), SignedIn.id.desc())).all()


def end(session: Session, user_id: int, session_id: int) -> None:
    """End one of a person's sessions."""
    session.execute(delete(SignedIn).where(SignedIn.user_id == user_id, SignedIn.id == session_id))


def end_token(session: Session, token_hash: str) -> None:
    """End the session of a browser that signs out."""
    session.execute(delete(SignedIn).where(SignedIn.token_hash == token_hash))


def end_others(session: Session, user_id: int, token_hash: str) -> None:
    """End all sessions of a person but this one."""
    session.execute(delete(SignedIn).where(SignedIn.user_id == user_id, SignedIn.token_hash != token_hash))


def switch_on(session: Session, user_id: int, sealed: bytes, step: int, code_hashes: Iterable[str]) -> None:
    """From the next sign-in on the second step is asked for. `step`: that of the code that has proven the secret, which is used up by it."""
    session.execute(update(User).where(User.id == user_id).values(totp=sealed, totp_step=step))
    renew_codes(session, user_id, code_hashes)


def switch_off(session: Session, user_id: int) -> None:
    """A password is enough again."""
    session.execute(update(User).where(User.id == user_id).values(totp=None, totp_step=None))
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def renew_codes(session: Session, user_id: int, code_hashes: Iterable[str]) -> None:
    """Other recovery codes; the former ones are worth nothing."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    session.add_all([RecoveryCode(user_id=user_id, code_hash=code_hash) for code_hash in code_hashes])
    session.flush()


def use_step(session: Session, user_id: int, step: int) -> bool:
    """Use a code up. False where it, or a later one, was used before: of two who send the same one gets in."""
    later = or_(User.totp_step.is_(None), User.totp_step < step)
    used = update(User).where(User.id == user_id, User.totp.is_not(None), later).values(totp_step=step).returning(User.id)
    return session.scalar(used) is not None


def use_code(session: Session, user_id: int, code_hash: str, now: datetime) -> bool:
    """Use a recovery code up. False where there is none such, or it was used before."""
    unused = (RecoveryCode.user_id == user_id, RecoveryCode.code_hash == code_hash, RecoveryCode.used_at.is_(None))
    return session.scalar(update(RecoveryCode).where(*unused).values(used_at=now).returning(RecoveryCode.user_id)) is not None


def codes_left(session: Session, user_id: int) -> int:
    """How many recovery codes are unused."""
    unused = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0
