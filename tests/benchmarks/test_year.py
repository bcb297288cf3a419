"""The year whose size is measured: some days of it, in which everything is understood and done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import select

from benchmarks.calls import RULES
from benchmarks.year import Place, play, year
from tests.conftest import make_settings
from webapp import create_app
from webapp.database import db
from webapp.models import LogEntry


def test_all_that_the_shop_tells_is_understood_and_done(database_url: str, redis_url: str, tmp_path: Path) -> None:
    app, messages = create_app(make_settings(database_url, redis_url, tmp_path)), year(6, 12)
    with app.app_context():
        at = Place(app, 90, RULES)
        play(at, messages, 6)
        statuses = Counter(db.session.scalars(select(LogEntry.status)))
        grown, tables = at.size() > at.empty, at.tables()
        db.session.remove()
        db.engine.dispose()
    assert len(messages) > 50
    assert grown
    assert tables["log_entries"] > 0
    assert set(statuses) <= {"succeeded", "unchanged", "no_rule", "nothing"}
    assert statuses["succeeded"] > len(messages)
