"""What a rule would change for those who did before what it is about, said before it is made; and the batch that applies it to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import forecast, past, readback, rulebook, usage
from webapp.engine.forecast import Forecast
from webapp.engine.rules import Draft
from webapp.models import Batch, Integration, Rule
from webapp.pages import batches, guard
from webapp.parts import parts


@dataclass(frozen=True)
class Past:
    """What the dialog says of the past: the forecast, whether the tick is set, and how many calls of the month are left where these are
    fewer than it takes."""

    forecast: Forecast
    ticked: bool
    left: int | None


def told(draft: Draft, *, ticked: bool) -> Past:
    """What a draft that has been checked would change for them."""
    session, here, now = db.session(), parts(), parts().now()
    integration = session.get_one(Integration, draft.integration_id)
    found = forecast.forecast(session, APPS[integration.app], guard.here(), draft, now, timedelta(hours=here.settings.belief_hours))
    left = usage.meters(session, [integration], now)[integration.id].left if found.calls else None
    return Past(found, ticked, left if left is not None and left < found.calls else None)


def people(draft: Draft) -> list[int]:
    """Those who did it before, by their ids."""
    session = db.session()
    app = APPS[session.get_one(Integration, draft.integration_id).app]
    return past.people(session, guard.here(), draft, app, parts().now())


def begin(session: Session, rule: Rule, draft: Draft, customers: list[int]) -> Batch:
    """Apply the rule that was just stored to these customers, in its transaction."""
    title = f"For past customers: {readback.plain(rulebook.sentence(session, APPS, guard.here(), draft))}"
    return batches.begin(session, past.KEY, customers, title, past.given(rule))
