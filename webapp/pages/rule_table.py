"""Rules as a table: a product's own, or the global ones, with what each did lately. No page lives here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from webapp.apps.registry import APPS
from webapp.database import db
from webapp.engine import rulebook
from webapp.engine.rulebook import Activity, Row
from webapp.id_times import first_id
from webapp.pages import log_address
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
    return rulebook.activity(db.session(), marketplace_id, rule_ids, first_id(parts().now() - LATELY))


def failed_address(row: Row) -> str:
    """Where the log shows what of a rule has failed lately."""
    return log_address.query(status="failed", rule=row.id, after="30d")
