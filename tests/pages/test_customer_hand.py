"""Grant by hand, Take away and Leave to purchases on a customer's page: a dialog with the rule's picker, and what it asks of the engine."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Customer, Grant, Integration, LogEntry, Marketplace, Target

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}


@dataclass
class Place:
    client: FlaskClient
    write: Write
    marketplace: Marketplace
    customer: Customer
    integration: Integration
    space: Target

    def post(self, way: str, **data: object) -> tuple[int, str]:
        given = {"integration": self.integration.id, "next": "1", **data}
        answer = self.client.post(f"/customer/{self.customer.id}/{way}", data=given)
        return answer.status_code, answer.text

    def marks(self) -> list[tuple[str, int, bool]]:
        with self.write() as session:
            return [(mark.op, mark.target_id, mark.until is not None) for mark in session.query(Grant).order_by(Grant.id)]


@pytest.fixture
def place(write: Write, sign_in: SignIn) -> Place:
    with write() as session:
        marketplace = factories.make_marketplace(session)
        admin = factories.make_user(session, marketplace, "admin", "admin@shop.test")
        integration = factories.make_integration(session, marketplace, "My community", catalog_at=factories.NOW)
        factories.make_target(session, integration, "membership")
        space = factories.make_target(session, integration, "space", "VIP Room")
        customer = factories.make_customer(session, marketplace, "maya@shop.test")
    return Place(sign_in(admin), write, marketplace, customer, integration, space)


def test_a_grant_for_some_days_is_asked_for_and_shown(place: Place) -> None:
    page = place.client.get(f"/customer/{place.customer.id}/grant").text
    assert "VIP Room" in page
    assert "Remove from space" not in page
    assert place.post("grant", action="add_to_space")[1].count("Choose a space.") == 1
    assert "From 1 to 3,650 days" in place.post("grant", action="add_to_space", target=place.space.id, days="0")[1]
    assert place.marks() == []
    assert place.post("grant", action="add_to_space", target=place.space.id, days="30")[0] == 303
    assert place.marks() == [("open", place.space.id, True)]
    with place.write() as session:
        (entry,) = session.query(LogEntry)
        assert entry.sentence == "Add to space VIP Room. Granted by hand for 30 days by admin@shop.test."
        assert entry.open_lane_id is not None
    shown = place.client.get("/customers/maya@shop.test").text
    assert "Leave to purchases again" in shown
    assert "<small>By hand</small>" in shown
    assert "Granted by hand for 30 days by admin@shop.test" in place.client.get(f"/logs/{entry.id}").text


def test_what_is_taken_away_can_be_left_to_purchases_again(place: Place) -> None:
    assert "Add to space" not in place.client.get(f"/customer/{place.customer.id}/take-away").text
    assert place.post("take-away", action="remove_member")[0] == 303
    page = place.client.get("/customers/maya@shop.test").text
    assert "Leave to purchases again" in page
    with place.write() as session:
        membership = session.query(Target).filter(Target.kind == "membership").one().id
    address = f"/customer/{place.customer.id}/leave/{membership}"
    assert f'action="{address}"' in page
    assert place.client.post(address).location == "/customers/maya@shop.test"
    assert [op for op, _, _ in place.marks()] == ["veto", "lift"]
    place.client.post(address)
    assert "Nobody has decided this by hand" in place.client.get("/customers/maya@shop.test").text


def test_a_search_and_another_action_only_look(place: Place) -> None:
    status, page = place.post("grant", action="add_to_space", target=place.space.id, q="vip", searched="", search="1")
    assert status == 200
    assert "1 of 1" in page or "1 space" in page
    assert place.post("grant", action="add_tag", target=place.space.id, **{"for": f"{place.integration.id}:add_to_space"})[0] == 200
    assert place.marks() == []


def test_only_this_marketplaces_customers_and_targets_and_no_viewer(place: Place, sign_in: SignIn) -> None:
    with place.write() as session:
        other = factories.make_marketplace(session)
        theirs = factories.make_customer(session, other)
        there = factories.make_target(session, factories.make_integration(session, other), "space")
        viewer = factories.make_user(session, session.get_one(Marketplace, place.marketplace.id), "viewer")
    assert place.client.get(f"/customer/{theirs.id}/grant").status_code == 404
    assert place.client.post(f"/customer/{place.customer.id}/leave/{there.id}").status_code == 404
    assert place.post("grant", action="add_to_space", target=there.id)[0] == 422
    client = sign_in(viewer)
    assert client.get(f"/customer/{place.customer.id}/grant").status_code == 403
    assert "Grant by hand" not in client.get("/customers/maya@shop.test").text
