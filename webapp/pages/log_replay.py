"""Replay all that has failed in a filter of the log: how many entries, people and calls that is, a confirmation, then a batch."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from webapp.database import db, writing
from webapp.engine import log_query, replays
from webapp.engine.replays import Toll
from webapp.pages import batches, guard, log_address, times
from webapp.pages.log_address import Asked
from webapp.pages.render import render_dialog
from webapp.parts import parts

TITLE = "Replay what has failed"

pages = Blueprint("log_replay", __name__)


@pages.route("/logs/replay", methods=["GET", "POST"])
@guard.may_change
def replay() -> ResponseReturnValue:
    """Ask, with what it comes to; who has been asked (`sure`) begins it. `q` is the log's query."""
    asked = log_address.read("/logs", request.values)
    query = log_query.parse(db.session(), guard.here(), asked.text, times.here(), parts().now())
    toll = replays.toll(db.session(), guard.here(), query, parts().now())
    if request.method == "GET" or "sure" not in request.form or not toll.entries:
        return render_dialog("logs/_replay.html", TITLE, asked=asked, toll=toll, most=replays.MOST, nav="logs")
    return _begin(asked, toll)


def _begin(asked: Asked, toll: Toll) -> ResponseReturnValue:
    title = f"Replay {times.plural(len(toll.entries), 'failed entry', 'failed entries')}"
    given = {"integrations": list(toll.integrations), "query": asked.text}
    with writing() as session:
        begun = batches.begin(session, replays.KEY, toll.entries, title, given)
    return batches.begun(begun)
