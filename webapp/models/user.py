"""People who sign in, what they may do in a marketplace, and invitations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.models.base import Base, Id

ROLES = ("owner", "admin", "viewer")
"""What a person may do in a marketplace: an owner everything, an admin all but people and the marketplace itself, a viewer look."""


class User(Base):
    """A person. `session_epoch` is part of every session of theirs: raising it ends them all.

    `totp`: the encrypted secret of their second step, null where there is none, and `totp_step` the last 30 seconds whose code was used.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    session_epoch: Mapped[int] = mapped_column(default=0)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    totp: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_step: Mapped[int | None] = mapped_column(Id)
    created_at: Mapped[datetime]


class Role(Base):
    """What one person may do in one marketplace: one of ROLES."""

    __tablename__ = "roles"

    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))


class Invitation(Base):
    """A signed link that lets one person into a marketplace, once. The link's token is not kept, only its SHA-256."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    marketplace_id: Mapped[int] = mapped_column(Id, ForeignKey("marketplaces.id", ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(String(320))
    role: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[int | None] = mapped_column(Id, ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class OneTimeLink(Base):
    """A link that works once: the set-up of a fresh deployment, the demo's sign-in, a password reset. Kept as its SHA-256."""

    __tablename__ = "one_time_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that stands in for the second step, once. Kept as its SHA-256."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime | None]


class SignedIn(Base):
    """A session: one browser of one person. It ends with its row. The browser's token is kept as its SHA-256.

    `seen_at` is at most some minutes old. `address` and `agent` are what the browser's last request came from and called itself.
    """

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[int] = mapped_column(Id, unique=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(300))
