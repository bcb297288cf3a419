"""Which integrations need a person, and how much waits for it: what every page's banner says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.models import Integration, LogEntry

SENTENCES = {
    "dead_key": "Its API key is no longer accepted.",
    "no_api_plan": "Its plan does not include the API.",
}
"""What a banner says for `Integration.attention`."""


@dataclass(frozen=True)
class Attention:
    """One integration that needs a person: why (`Integration.attention`), since when, how many open entries wait for it."""

    id: int
    name: str
    app: str
    reason: str
    since: datetime | None
    waiting: int

    @property
    def sentence(self) -> str:
        """Why, for the merchant."""
        return SENTENCES.get(self.reason, "It can't be used until somebody looks at it.")


def of(session: Session, marketplace_id: int) -> list[Attention]:
    """The integrations of a marketplace that need a person, by name; usually none, which costs one query."""
    wanting = select(Integration).where(
        Integration.marketplace_id == marketplace_id,
        Integration.attention.is_not(None),
        Integration.deleted_at.is_(None),
    )
    return [
        Attention(one.id, one.name, one.app, one.attention or "", one.attention_at, _waiting(session, one.id))
        for one in session.scalars(wanting.order_by(Integration.name))
    ]


def _waiting(session: Session, integration_id: int) -> int:
    waiting = select(func.count()).where(LogEntry.open_lane_id.is_not(None), LogEntry.integration_id == integration_id)
    return session.scalar(waiting) or 0
