"""An entry of the log: its story, and what a merchant does about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp import forgetting
from webapp.database import db, writing
from webapp.engine import audit, decided, entries, story
from webapp.engine.decided import Decided
from webapp.engine.headlines import headline
from webapp.engine.story import Story
from webapp.engine.triggers import TRIGGERS
from webapp.models import LogEntry
from webapp.pages import guard, log_story, product_address
from webapp.pages.render import leave, render
from webapp.pages.toasts import toast
from webapp.parts import parts

pages = Blueprint("log_entry", __name__)


@pages.get("/logs/<int:entry_id>")
@guard.signed_in
def entry(entry_id: int) -> ResponseReturnValue:
    """An entry's story. Who asks with what the page has (`seen`) gets 204 while that is how it stands."""
    return _show(entry_id, request.args.get("seen"))


@pages.post("/logs/<int:entry_id>/replay")
@guard.may_change
def replay(entry_id: int) -> ResponseReturnValue:
    """Do again what the entry asked for; the new entry is shown."""
    here, now = guard.here(), parts().now()
    return _act(
        entry_id, lambda session: entries.replay(session, here, entry_id, now, parts().new_id), "entry_replayed", "This is the replay."
    )


@pages.post("/logs/<int:entry_id>/skip")
@guard.may_change
def skip(entry_id: int) -> ResponseReturnValue:
    """Put an entry that waits or failed aside."""

    def skipped(session: Session) -> int:
        entries.skip(session, guard.here(), entry_id, guard.me().email, parts().now())
        return entry_id

    return _act(entry_id, skipped, "entry_skipped", "Skipped.")


@pages.post("/logs/<int:entry_id>/cancel")
@guard.may_change
def cancel(entry_id: int) -> ResponseReturnValue:
    """Call off what waits for its time."""

    def canceled(session: Session) -> int:
        entries.cancel(session, guard.here(), entry_id, guard.me().email, parts().now())
        return entry_id

    return _act(entry_id, canceled, "entry_canceled", "Canceled.")


@pages.post("/logs/<int:entry_id>/remove-anyway")
@guard.may_change
def remove_anyway(entry_id: int) -> ResponseReturnValue:
    """Remove what another purchase kept; the new entry is shown."""
    here, now = guard.here(), parts().now()
    return _act(
        entry_id,
        lambda session: entries.remove_anyway(session, here, entry_id, now, parts().new_id),
        "removed_anyway",
        "This is the removal.",
    )


def _act(entry_id: int, act: Callable[[Session], int], what: str, done: str) -> ResponseReturnValue:
    """Do it in one transaction, ring, and show the entry that came of it; a refusal is said on the entry's own page."""
    try:
        with writing() as session:
            shown = act(session)
            audit.note(session, guard.here(), what, f"entry {shown}: {session.get_one(LogEntry, shown).sentence}")
    except entries.NoEntry:
        abort(404)
    except entries.Refused as refused:
        return _show(entry_id, refused=refused.sentence)
    parts().bell.ring(marketplaces=(guard.here(),), work=True)
    toast(done)
    return leave(url_for("log_entry.entry", entry_id=shown))


def _show(entry_id: int, seen: str | None = None, refused: str = "") -> ResponseReturnValue:
    told = story.load(db.session(), guard.here(), entry_id, parts().now())
    if told is None:
        abort(404)
    if seen == log_story.version(told):
        return "", 204
    trigger = TRIGGERS.get(told.row.trigger or "")
    return render(
        "logs/_entry.html",
        "logs/entry.html",
        409 if refused else 200,
        story=told,
        row=told.row,
        headline=headline(told),
        entry=log_story.page(told, _decided(told), forgetting.erased_before(told.customer) if told.customer else None),
        trigger=trigger.label if trigger else None,
        product_href=product_address.by_key(told.row.product_ref, told.row.product_id) if told.row.product_id else None,
        status_line=log_story.status_line,
        refused=refused,
    )


def _decided(told: Story) -> Decided:
    here = parts()
    return decided.read(db.session(), told, timedelta(hours=here.settings.belief_hours), here.now())
