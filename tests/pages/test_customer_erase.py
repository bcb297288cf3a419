"""A customer is erased on their page: it says what it does, does it, and what comes later of the same address says that it was done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import SignIn, Write
from webapp.models import Customer, Integration, LogEntry, Marketplace


@pytest.fixture
def people(write: Write, sign_in: SignIn) -> tuple[FlaskClient, Customer, Integration]:
    with write() as session:
        marketplace = factories.make_marketplace(session)
        integration = factories.make_integration(session, marketplace, "My community")
        factories.make_target(session, integration, "membership")
        customer = factories.make_customer(session, marketplace, "maya@shop.test", first_name="Maya", last_name="Okafor")
        lane = factories.make_lane(session, customer, integration)
        about = {"customer_id": customer.id, "integration_id": integration.id, "action": "add_to_space", "lane_id": lane.id}
        factories.make_entry(session, marketplace, status="failed", sentence="Circle refused maya@shop.test.", todo="Replay.", **about)
        admin = factories.make_user(session, marketplace, "admin")
    return sign_in(admin), customer, integration


def test_it_says_what_it_does_and_does_it(people: tuple[FlaskClient, Customer, Integration], write: Write) -> None:
    client, customer, _ = people
    address = f"/customer/{customer.id}/erase"
    assert f'href="{address}"' in client.get("/customers/maya@shop.test").text
    asked = client.get(address).text
    assert "Everything that says who <strong>maya@shop.test</strong> is goes" in asked
    assert "In My community nothing changes" in asked
    left = client.post(address)
    assert left.location == f"/customers/erased-{customer.id}"
    page = client.get(left.location).text
    assert "Erased customer" in page
    assert "Circle refused (erased)" in page
    assert "Grant by hand" not in page
    assert client.get(address).status_code == 404
    assert client.get("/customers/maya@shop.test").status_code == 404
    with write() as session:
        entry = session.query(LogEntry).one().id
    story = client.get(f"/logs/{entry}").text
    assert "Nothing: the customer was erased." in story
    assert "/replay" not in story
    assert "erased the customer" in client.get("/settings/audit").text


def test_what_comes_later_says_that_they_were_erased(people: tuple[FlaskClient, Customer, Integration], write: Write) -> None:
    client, customer, _ = people
    client.post(f"/customer/{customer.id}/erase")
    with write() as session:
        marketplace = session.get_one(Marketplace, customer.marketplace_id)
        again = factories.make_customer(session, marketplace, "maya@shop.test")
        later = factories.make_entry(session, marketplace, customer_id=again.id, action="add_to_space", at=NOW + timedelta(minutes=1))
        stranger = factories.make_customer(session, marketplace, "tom@shop.test")
        other = factories.make_entry(session, marketplace, customer_id=stranger.id, action="add_to_space")
    said = "A customer with this address was erased before"
    assert said in client.get(f"/logs/{later.id}").text
    assert said not in client.get(f"/logs/{other.id}").text
    assert "Somebody with this address was erased" in client.get("/customers/maya@shop.test").text


def test_a_refusal_is_said_and_a_viewer_erases_nobody(
    people: tuple[FlaskClient, Customer, Integration], write: Write, sign_in: SignIn
) -> None:
    client, customer, integration = people
    with write() as session:
        other = factories.make_customer(session, session.get_one(Marketplace, customer.marketplace_id))
        factories.make_lane(session, other, integration, claim="worker", claimed_until=NOW + timedelta(seconds=20))
        viewer = factories.make_user(session, session.get_one(Marketplace, customer.marketplace_id), "viewer")
    refused = client.post(f"/customer/{other.id}/erase")
    assert (refused.status_code, "A call for them is under way." in refused.text) == (409, True)
    assert sign_in(viewer).post(f"/customer/{customer.id}/erase").status_code == 403
    assert "Erase…" not in client.get("/customers/maya@shop.test").text
