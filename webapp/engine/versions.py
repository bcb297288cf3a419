"""The version of a marketplace's rules: what intake keeps in memory is held against it."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.models import Marketplace


def bump(session: Session, marketplace_id: int) -> None:
    """Say that a rule, product or integration has changed. In the same transaction as the change."""
    session.execute(update(Marketplace).where(Marketplace.id == marketplace_id).values(version=Marketplace.version + 1))
