"""Loading a catalog: every page, told on the way, merged at once; what goes wrong is written down with the integration."""

from __future__ import annotations

from sqlalchemy import select

from sandbox.faults import Fault
from tests.workers.conftest import Bench
from webapp.database import db, writing
from webapp.engine import loading
from webapp.models import Integration, Target, Usage
from webapp.parts import parts
from workers.loading import refresh_catalog


def load(bench: Bench) -> loading.Progress:
    with bench.app.app_context():
        with writing() as session:
            loading.want(session.get_one(Integration, bench.integration), parts().now())
        refresh_catalog(bench.integration)
        row = db.session.get_one(Integration, bench.integration)
        return loading.progress(row, parts().now())


def test_all_pages_are_loaded_and_their_calls_counted(bench: Bench) -> None:
    for number in range(230):
        bench.circle.community.add_space(f"Space {number}")
    bench.circle.community.add_tag("Student")
    told = load(bench)
    assert (told.state, told.sentence) == ("done", "Loaded: 230 spaces, 1 tag.")
    with bench.app.app_context():
        kinds = [kind for (kind,) in db.session.execute(select(Target.kind))]
    assert kinds.count("space") == 230
    assert bench.rows(Usage)[0].metered == len(bench.circle.community.calls) == 6


def test_a_second_load_says_what_changed(bench: Bench) -> None:
    gone = bench.circle.community.add_space("Old")
    load(bench)
    bench.circle.community.delete(gone)
    bench.circle.community.add_space("New")
    assert load(bench).sentence == "1 new space, 1 gone."


def test_a_dead_key_is_found_out_by_it(bench: Bench) -> None:
    bench.circle.community.tokens.clear()
    told = load(bench)
    assert told.state == "failed"
    assert bench.rows(Integration)[0].attention == "dead_key"


def test_circle_being_down_loses_nothing(bench: Bench) -> None:
    bench.circle.community.add_space("Kept")
    load(bench)
    bench.circle.community.push(Fault.error(503).on(times=100))
    told = load(bench)
    assert told.state == "failed"
    assert told.todo
    assert [target.gone_at for target in bench.rows(Target)] == [None, None]


def test_nobody_asked_nothing_called(bench: Bench) -> None:
    with bench.app.app_context():
        refresh_catalog(bench.integration)
    assert bench.circle.community.calls == []
