"""Where a rule is listed. No page lives here."""

from __future__ import annotations

from flask import url_for

from webapp.engine.rulebook import Row
from webapp.pages import product_address


def address(row: Row) -> str:
    """The page that lists a rule: its product's, or that of the global ones."""
    if row.product_id is None or row.product_key is None:
        return url_for("rules.index")
    return product_address.by_key(row.product_key, row.product_id)
