"""The keeper: one of many, and it counts the log."""

from __future__ import annotations

import threading
from dataclasses import replace

from sqlalchemy import func, select

from tests.workers.conftest import Bench
from webapp.database import db, writing
from webapp.engine import log_fold
from webapp.models import Quarter, Tally
from webapp.parts import parts
from workers.clock import take_lease
from workers.keeper import HELD_FOR, NAME, Keeper


def test_only_who_holds_the_lease_counts(bench: Bench) -> None:
    bench.order("mina@shop.test")
    with bench.app.app_context():
        later = parts().now() + log_fold.LATE
        bench.app.extensions["cartwheel"] = replace(parts(), now=lambda: later)
        keeper = Keeper(bench.app, "one", threading.Event())
        with writing() as session:
            take_lease(session, NAME, "another", later, HELD_FOR)
        keeper.round()
        assert db.session.scalar(select(func.count()).select_from(Tally)) == 0
        later += HELD_FOR
        keeper.round()
        assert [one.statuses for one in db.session.scalars(select(Quarter))] == [{"queued": 1}]
        assert log_fold.lagging(db.session(), later) == []
