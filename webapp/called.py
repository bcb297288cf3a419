"""What was called lately, by the ledger: for a pace whose Redis has forgotten it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import select

from webapp.database import db
from webapp.id_times import first_id
from webapp.models import Call
from webapp.pacing import Spent


def since(moment: float) -> list[Spent]:
    """How many calls ended in each second since a Unix time. Needs the app's context; raises DBAPIError."""
    ended = select(Call.at).where(Call.id >= first_id(datetime.fromtimestamp(moment, UTC)))
    seconds = Counter(int(at.timestamp()) for at in db.session.scalars(ended))
    db.session.rollback()
    return sorted(seconds.items())
