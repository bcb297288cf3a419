"""Rules as a table: a product's own, or the global ones, with what each did lately. No page lives here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import rulebook
from webapp.engine.rulebook import Activity, Row
from webapp.ids import EPOCH
from webapp.parts import parts

LATELY = timedelta(days=30)


@dataclass(frozen=True)
class Table:
    """The rows and, by rule, what each did in the last 30 days."""

    rows: Sequence[Row]
    activity: Mapping[int, Activity]


def table(marketplace_id: int, product_id: int | None) -> Table:
    """The rules of a product, or (None) the global ones."""
    rows = rulebook.listing(db.session(), APPS, marketplace_id, product_id)
    return Table(rows, lately(marketplace_id, [row.id for row in rows]))


def lately(marketplace_id: int, rule_ids: Sequence[int]) -> Mapping[int, Activity]:
    """What these rules did in the last 30 days."""
    return rulebook.activity(db.session(), marketplace_id, rule_ids, _first_id(parts().now() - LATELY))


def failed_address(row: Row) -> str:
    """Where the log shows what of a rule has failed lately, as near as its filters come."""
    asked = {"q": row.product or "", "status": "failed", "trigger": row.trigger.key, "action": row.action.key}
    given = {**asked, "integration": row.integration_id, "date": "30d"}
    return "/logs?" + urlencode({key: value for key, value in given.items() if value != ""})


def _first_id(at: datetime) -> int:
    """The smallest id that a row made at that time may have (`webapp.ids`)."""
    return int((at - EPOCH).total_seconds() * 1000) << 22
