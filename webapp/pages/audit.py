"""Marketplace Settings → Audit: who changed what. For who may change things; nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from webapp.database import db
from webapp.engine import audit
from webapp.models import AuditLine
from webapp.pages import guard
from webapp.pages.render import is_fragment, render
from webapp.pages.rule_answers import number

pages = Blueprint("audit", __name__)


@pages.get("/settings/audit")
@guard.may_change
def show() -> ResponseReturnValue:
    """The newest changes first. Below a line (`before`) the next part."""
    before = number(request.args.get("before"))
    part = audit.lines(db.session(), guard.here(), before)
    older = url_for("audit.show", before=part.lines[-1].id) if part.more else None
    names: dict[str, Any] = {"lines": part.lines, "older": older, "before": before, "words": audit.WORDS, "changes": changes}
    return render("audit/_rows.html" if before is not None and is_fragment() else "audit/_list.html", "audit/show.html", **names)


def changes(line: AuditLine) -> list[tuple[str, str, str]]:
    """What differs, in words: each thing with what it was and what it is, "" where it was or is nothing."""
    before, after = line.before or {}, line.after or {}
    return [(key.replace("_", " "), _said(before, key), _said(after, key)) for key in {**before, **after}]


def _said(facts: Mapping[str, Any], key: str) -> str:
    value = facts.get(key)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
