"""Batches: one with its progress, which asks for itself while it moves; what can be done about it; and all of them in a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, abort, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.database import db, writing
from webapp.doorbell import BATCH
from webapp.engine import batches
from webapp.engine.batches import Items
from webapp.models import Batch
from webapp.pages import guard
from webapp.pages.render import is_fragment, leave, render
from webapp.parts import parts

pages = Blueprint("batches", __name__)


@pages.app_context_processor
def unfinished() -> dict[str, object]:
    """For the pages on which a batch that runs can be found again; asked for only where a template looks."""
    return {"unfinished_batches": lambda: batches.unfinished(db.session(), guard.here())}


@pages.get("/batches")
@guard.signed_in
def index() -> ResponseReturnValue:
    """The last ones, the newest first."""
    return render_template("batches/index.html", batches=batches.listing(db.session(), guard.here()))


@pages.get("/batches/<int:batch_id>")
@guard.signed_in
def show(batch_id: int) -> ResponseReturnValue:
    """How far it is, and what came of it."""
    try:
        batch = batches.find(db.session(), guard.here(), batch_id)
    except batches.NoBatch:
        abort(404)
    return render("batches/_batch.html", "batches/show.html", one=batches.progress(db.session(), batch, parts().now()))


@pages.post("/batches/<int:batch_id>/pause")
@guard.may_change
def pause(batch_id: int) -> ResponseReturnValue:
    """Begin nothing more until it is resumed."""
    return _changed(batch_id, lambda session: batches.pause(session, guard.here(), batch_id))


@pages.post("/batches/<int:batch_id>/resume")
@guard.may_change
def resume(batch_id: int) -> ResponseReturnValue:
    """Go on where it was paused."""
    answer = _changed(batch_id, lambda session: batches.resume(session, guard.here(), batch_id))
    parts().bell.chore(BATCH, batch_id)
    return answer


@pages.post("/batches/<int:batch_id>/stop")
@guard.may_change
def stop(batch_id: int) -> ResponseReturnValue:
    """Begin nothing more, for good."""
    return _changed(batch_id, lambda session: batches.stop(session, guard.here(), batch_id, guard.me().email, parts().now()))


def begin(session: Session, kind: str, items: Items, title: str, given: Mapping[str, Any]) -> Batch:
    """Start a batch on behalf of who is signed in."""
    here = parts()
    return batches.start(session, guard.here(), kind, items, title=title, given=given, by=guard.me().id, now=here.now(), new_id=here.new_id)


def begun(batch: Batch) -> ResponseReturnValue:
    """After a batch was started: to its page, and a worker is called for it."""
    parts().bell.chore(BATCH, batch.id)
    return leave(url_for("batches.show", batch_id=batch.id))


def _changed(batch_id: int, act: Callable[[Session], Batch]) -> ResponseReturnValue:
    try:
        with writing() as session:
            act(session)
    except batches.NoBatch:
        abort(404)
    return show(batch_id) if is_fragment() else leave(url_for("batches.show", batch_id=batch_id))
