"""The chore that checks one customer with the app: at the integration's pace, counted, its outcome there for the page."""

from __future__ import annotations

import threading
from dataclasses import replace

from sqlalchemy import select

from tests.workers.conftest import Bench
from webapp.database import db, writing
from webapp.engine import checks
from webapp.models import Check, Customer, Integration, Usage
from webapp.pacing import Allowed, Unlimited
from webapp.parts import parts
from workers import checking
from workers.clients import Clients


class UsedUp(Unlimited):
    """A pace that allows nothing for a long while."""

    def take(self, urgent: int, patient: int = 0, *, keep: bool = True) -> Allowed:
        return Allowed(0, 0, urgent_wait=600.0)


def check(bench: Bench, pace: Unlimited) -> Check:
    bench.app.extensions["cartwheel"] = replace(bench.app.extensions["cartwheel"], pace=pace)
    with bench.app.app_context():
        here = parts()
        with writing() as session:
            customer, integration = session.scalars(select(Customer)).one(), session.get_one(Integration, bench.integration)
            lane = checks.want(session, customer, integration, here.now(), here.new_id)
        checking.check(lane, Clients(here), threading.Event())
        found = db.session.get_one(Check, lane)
        db.session.remove()
        return found


def test_it_is_asked_and_counted(bench: Bench) -> None:
    bench.order("mina@shop.test")
    bench.drain()
    done = check(bench, Unlimited())
    assert (done.wanted_at, done.error, done.metered, done.found) == (None, "", 1, [])
    assert bench.rows(Usage)[0].metered == 2


def test_where_the_pace_allows_nothing_it_is_given_up(bench: Bench) -> None:
    bench.order("mina@shop.test")
    assert check(bench, UsedUp()).error == "Cartwheel has made all the calls that Circle allows in a while."


def test_a_key_that_nothing_opens_is_told(bench: Bench) -> None:
    bench.order("mina@shop.test")
    bench.change(credentials=b"nothing opens this")
    assert check(bench, Unlimited()).error == "Cartwheel can no longer read the API key."
    assert bench.rows(Integration)[0].attention == "unreadable_key"


def test_nobody_wishes_for_it(bench: Bench) -> None:
    bench.order("mina@shop.test")
    with bench.app.app_context():
        checking.check(1, Clients(parts()), threading.Event())
    assert bench.rows(Check) == []
