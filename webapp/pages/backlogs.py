"""The sentence of Integration Setup and Logs while many customers wait for their turn: how many, and when that will be over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from webapp.database import db
from webapp.engine import backlog, lanes
from webapp.engine.backlog import Window
from webapp.pacing import Keeping, keeping, window_of
from webapp.pages import guard
from webapp.parts import Parts, parts

pages = Blueprint("backlogs", __name__)


@dataclass(frozen=True)
class Waits:
    """So many customers wait, until `done_at`; where Circle's limit is why, it takes so many `calls` in a time (`per`: "5 minutes")."""

    waiting: int
    done_at: datetime
    calls: int
    per: str


@pages.app_context_processor
def tell() -> dict[str, object]:
    """For the pages that say it, asked for only where a template looks."""
    return {"backlog": lambda: waits(db.session(), guard.here(), parts())}


def waits(session: Session, marketplace_id: int, here: Parts) -> Waits | None:
    """What waits in a marketplace; None where that is soon done, or where nobody can tell."""
    now = here.now()
    mine = backlog.of(session, marketplace_id, now)
    if not mine:
        return None
    try:
        window = _window(session, mine, here, now)
    except RedisError:
        return None
    everybody, speed = backlog.due(session, now), backlog.speed(session, here.settings.call_threads)
    calls = max(backlog.ahead(one, everybody) for one in mine) * speed.a_lane
    left = backlog.seconds(calls, window, speed.a_second, now.timestamp())
    if left < backlog.SHORT.total_seconds():
        return None
    rate = here.settings.circle_rate
    per = (
        f"{rate.seconds // 60} minutes"
        if rate and rate.seconds % 60 == 0 and rate.seconds > 60
        else f"{rate.seconds} seconds"
        if rate
        else ""
    )
    return Waits(sum(mine.values()), now + timedelta(seconds=left), rate.calls if rate else 0, per)


def _window(session: Session, mine: dict[int, int], here: Parts, now: datetime) -> Window | None:
    """The limit, and how much of it is used. Raises RedisError."""
    rate, spent = here.settings.circle_rate, here.pace.spent()
    if rate is None or spent is None:
        return None
    kept = keeping(rate) if lanes.others(session, mine, now) else Keeping()
    return Window(rate.calls, window_of(rate), spent, kept.kept, kept.unlent, kept.soon)
