"""Failures by cause: what failed or waits, in groups, each with one thing to do."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from webapp.database import db
from webapp.engine import causes
from webapp.engine.causes import Group
from webapp.pages import guard, log_address
from webapp.pages.render import render

pages = Blueprint("log_causes", __name__)


@pages.get("/logs/causes")
@guard.signed_in
def index() -> ResponseReturnValue:
    """All groups, those of most entries first."""
    found = causes.groups(db.session(), guard.here())
    return render("logs/_causes.html", "logs/causes.html", groups=[(one, log_address.query(**one.terms), _remedy(one)) for one in found])


def _remedy(group: Group) -> tuple[str, str, str] | None:
    """What to do about a group: label, address and icon; None where nothing is to be done but to wait."""
    match group:
        case Group(rule_id=int(rule)):
            return "Repair rule", f"/rules/{rule}/edit", "wrench"
        case Group(stop="attention"):
            return "Reconnect", f"/settings/integrations/{group.integration_id}/edit", "key"
        case Group(stop="paused"):
            return "Go to Integrations", f"/settings/integrations#integration-{group.integration_id}", "sliders"
    if group.status == "failed":
        return "Replay", log_address.address("/logs/replay", log_address.Asked("/logs").other(**group.terms).text), "replay"
    return None
