"""The chore of looking, marketplace by marketplace, for what needs a person, and of having people told."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.orm import Session

from webapp import telling
from webapp.database import db, writing
from webapp.engine import alerts, outbox
from webapp.journal import about
from webapp.models import Marketplace
from webapp.parts import Parts, parts
from webapp.sources.names import NAMES

log = logging.getLogger(__name__)


def watch() -> None:
    """Look after every marketplace that is due. A mistake in one leaves the others their turn."""
    here = parts()
    for marketplace_id in _due(here):
        try:
            with about(marketplace=marketplace_id), writing() as session:
                _look(session, marketplace_id, here)
        except Exception:
            log.exception("A marketplace could not be looked after")
    with writing() as session:
        outbox.forget(session, here.now())


def _due(here: Parts) -> Sequence[int]:
    found = alerts.due_marketplaces(db.session(), here.now())
    db.session.rollback()
    return found


def _look(session: Session, marketplace_id: int, here: Parts) -> None:
    now = here.now()
    marketplace = session.get_one(Marketplace, marketplace_id)
    news = alerts.look(session, marketplace_id, NAMES, now, here.new_id)
    if news:
        telling.news(session, marketplace, news, here)
    morning = alerts.morning(session, marketplace_id, marketplace.time_zone, now)
    if morning:
        telling.digest(session, marketplace, *morning, here)
