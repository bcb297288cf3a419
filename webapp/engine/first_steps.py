"""How far a new marketplace is: connect a community, make a rule, point the checkout here. Nothing is changed here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.models import Event, Integration, Purchase, Rule


@dataclass(frozen=True)
class FirstSteps:
    """Which of the three steps are done."""

    connected: bool
    ruled: bool
    heard: bool

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.connected and self.ruled and self.heard

    @property
    def next(self) -> int:
        """The step to do now, from 1; 0 when all are done."""
        return next((n for n, done in enumerate((self.connected, self.ruled, self.heard), 1) if not done), 0)


def first_steps(session: Session, marketplace_id: int) -> FirstSteps:
    """Look at what is there. A checkout has been heard of if it sent anything, a test event too; retention cuts events, not purchases."""
    connected = exists().where(Integration.marketplace_id == marketplace_id, Integration.deleted_at.is_(None))
    ruled = exists().where(Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None))
    event = exists().where(Event.marketplace_id == marketplace_id)
    purchase = exists().where(Purchase.marketplace_id == marketplace_id)
    return FirstSteps(_is(session, connected), _is(session, ruled), _is(session, event) or _is(session, purchase))


def _is(session: Session, there: ColumnElement[bool]) -> bool:
    return bool(session.scalar(select(there)))
