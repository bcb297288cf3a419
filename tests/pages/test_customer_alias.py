"""The dialog for a customer's address in Circle: asked, checked, stored, taken away; nobody else's customer, and no viewer."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Customer, Integration, Lane


@pytest.fixture
def people(write: Write, sign_in: SignIn) -> tuple[FlaskClient, Customer, Integration]:
    with write() as session:
        marketplace = factories.make_marketplace(session)
        admin = factories.make_user(session, marketplace, "admin")
        integration = factories.make_integration(session, marketplace, "My community")
        factories.make_target(session, integration, "membership")
        customer = factories.make_customer(session, marketplace, "maya@shop.test")
    return sign_in(admin), customer, integration


def aliases(write: Write) -> list[str | None]:
    with write() as session:
        return [lane.alias for lane in session.query(Lane)]


def test_it_is_set_changed_and_taken_away(people: tuple[FlaskClient, Customer, Integration], write: Write) -> None:
    client, customer, integration = people
    address = f"/customer/{customer.id}/alias/{integration.id}"
    assert f'href="{address}"' in client.get("/customers/maya@shop.test").text
    assert "maya@shop.test is in <strong>My community</strong> under which address?" in client.get(address).text
    wrong = client.post(address, data={"email": "not one"})
    assert wrong.status_code == 422
    assert "This is not an e-mail address." in wrong.text
    assert client.post(address, data={"email": " Maya@Home.test "}).location == "/customers/maya@shop.test"
    page = client.get("/customers/maya@shop.test").text
    assert "In Circle as maya@home.test" in page
    assert "set by hand on" in page
    assert 'value="maya@home.test"' in client.get(address).text
    client.post(address, data={"remove": "1", "email": "maya@home.test"})
    assert aliases(write) == [None]


def test_what_the_engine_refuses_is_said_where_it_was_typed(people: tuple[FlaskClient, Customer, Integration], write: Write) -> None:
    client, customer, integration = people
    with write() as session:
        factories.make_lane(session, customer, integration, claim="worker", claimed_until=factories.NOW.replace(hour=15))
    answer = client.post(f"/customer/{customer.id}/alias/{integration.id}", data={"email": "maya@home.test"})
    assert answer.status_code == 422
    assert "A call for them is under way." in answer.text


def test_nobody_elses_customer_and_no_viewer(people: tuple[FlaskClient, Customer, Integration], write: Write, sign_in: SignIn) -> None:
    client, customer, integration = people
    with write() as session:
        other = factories.make_marketplace(session)
        theirs, there = factories.make_customer(session, other), factories.make_integration(session, other)
        viewer = factories.make_user(session, session.get_one(type(other), customer.marketplace_id), "viewer")
    for address in (f"{theirs.id}/alias/{integration.id}", f"{customer.id}/alias/{there.id}", f"{customer.id}/alias/1"):
        assert client.post(f"/customer/{address}", data={"email": "a@shop.test"}).status_code == 404
    assert sign_in(viewer).get(f"/customer/{customer.id}/alias/{integration.id}").status_code == 403
    assert aliases(write) == []
