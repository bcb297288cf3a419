"""Check with Circle on a customer's page: its price, the way it goes on without the reader, what it found, and Put right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.pages.conftest import Clock, SignIn, Write
from webapp.engine import checks
from webapp.models import Check, Customer, Grant, Holding, Integration, Lane, Marketplace, Purchase

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}
MAYA = "/customers/maya@shop.test"


@dataclass
class Place:
    client: FlaskClient
    write: Write
    marketplace: Marketplace
    customer: Customer
    integration: Integration
    lane: Lane

    @property
    def address(self) -> str:
        return f"/customer/{self.customer.id}/check/{self.integration.id}"

    def end(self, **columns: object) -> None:
        """What a worker leaves behind."""
        with self.write() as session:
            row = session.get_one(Check, self.lane.id)
            row.wanted_at, row.ended_at, row.metered, row.found = None, factories.NOW, 2, [{}]
            for name, value in columns.items():
                setattr(row, name, value)


@pytest.fixture
def place(write: Write, sign_in: SignIn) -> Place:
    with write() as session:
        marketplace = factories.make_marketplace(session)
        admin = factories.make_user(session, marketplace, "admin")
        integration = factories.make_integration(session, marketplace, "My community")
        factories.make_target(session, integration, "membership")
        space = factories.make_target(session, integration, "space", "VIP Room")
        customer = factories.make_customer(session, marketplace, "maya@shop.test")
        lane = factories.make_lane(session, customer, integration)
        purchase = Purchase(
            id=factories.new_id(), marketplace_id=marketplace.id, customer_id=customer.id, ground="order:1", on_record=True,
            state_at=factories.NOW, bought_at=factories.NOW,
        )  # fmt: skip
        session.add(purchase)
        session.flush()
        about = {"lane_id": lane.id, "target_id": space.id}
        session.add(Grant(id=factories.new_id(), purchase_id=purchase.id, entry_id=1, op="open", at=factories.NOW, tie="w", **about))
        session.add(Holding(held="not_held", since=factories.NOW, heard_at=factories.NOW, word="check", **about))
    return Place(sign_in(admin), write, marketplace, customer, integration, lane)


def test_it_is_asked_for_and_shown_when_it_is_there(place: Place, clock: Clock) -> None:
    assert "costs 2 metered calls or a few more" in place.client.get(MAYA).text
    assert place.client.post(place.address).location == f"{MAYA}#place-{place.integration.id}"
    page = place.client.get(MAYA).text
    assert "Asking Circle" in page
    watched = re.search(r'hx-get="([^"]+)" hx-trigger="every 1s"', page)
    assert watched
    assert place.client.get(watched[1], headers=PARTLY).status_code == 204
    place.end()
    part = place.client.get(watched[1], headers=PARTLY).text
    assert part.lstrip().startswith("<section")
    assert "every 1s" not in part
    assert "1 thing was other than believed, 2 metered calls" in part
    assert "Missing there: <strong>VIP Room</strong>" in part
    assert place.client.get(watched[1]).location == f"{MAYA}#place-{place.integration.id}"


def test_what_went_wrong_is_told_and_nobody_is_asked_for_ever(place: Place, clock: Clock) -> None:
    place.client.post(place.address)
    clock.time += checks.WAITS_FOR
    page = place.client.get(MAYA).text
    assert "every 1s" not in page
    assert "no worker has answered yet" in page
    place.end(error="Circle answered with an error (503).", todo="Try again later.")
    assert "Circle answered with an error (503)." in place.client.get(MAYA).text


def test_what_differs_is_put_right_by_the_lane(place: Place) -> None:
    place.client.post(f"/customer/{place.customer.id}/put-right/{place.integration.id}")
    with place.write() as session:
        lane = session.get_one(Lane, place.lane.id)
        assert lane.look_at == lane.due_at == factories.NOW


def test_one_that_is_paused_is_not_asked(place: Place) -> None:
    with place.write() as session:
        session.get_one(Integration, place.integration.id).paused_at = factories.NOW - timedelta(days=1)
    page = place.client.get(MAYA).text
    assert "Can’t be checked now. Paused: nothing is called." in page
    assert "Check with Circle" not in page
    place.client.post(place.address)
    with place.write() as session:
        assert session.query(Check).count() == 0


def test_nobody_elses_and_no_viewer(place: Place, sign_in: SignIn) -> None:
    with place.write() as session:
        other = factories.make_customer(session, factories.make_marketplace(session))
        viewer = factories.make_user(session, session.get_one(Marketplace, place.marketplace.id), "viewer")
    assert place.client.post(f"/customer/{other.id}/check/{place.integration.id}").status_code == 404
    client = sign_in(viewer)
    assert client.post(place.address).status_code == 403
    assert "Check with Circle" not in client.get(MAYA).text
