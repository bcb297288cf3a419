"""Why, and why not, on a customer's page: everybody may pick any target and is told one sentence, with the entries that prove it."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Customer, Grant, Integration, Purchase, Target

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}
NOW = factories.NOW


@pytest.fixture
def asked(write: Write, sign_in: SignIn) -> tuple[FlaskClient, Customer, Integration, Target, int]:
    """A viewer, and a customer whose Ads 101 was refunded."""
    with write() as session:
        marketplace = factories.make_marketplace(session)
        viewer = factories.make_user(session, marketplace, "viewer")
        integration = factories.make_integration(session, marketplace, "My community", catalog_at=NOW)
        factories.make_target(session, integration, "membership")
        space = factories.make_target(session, integration, "space", "VIP Room")
        product = factories.make_product(session, marketplace, "Ads 101")
        customer = factories.make_customer(session, marketplace, "maya@shop.test", first_name="Maya")
        lane = factories.make_lane(session, customer, integration)
        purchase = Purchase(
            id=factories.new_id(), marketplace_id=marketplace.id, customer_id=customer.id, product_id=product.id, ground="order:1",
            on_record=True, state_at=NOW, bought_at=NOW,
        )  # fmt: skip
        session.add(purchase)
        session.flush()
        entry = factories.make_entry(
            session, marketplace, customer_id=customer.id, trigger="product_refunded", action="remove_from_space", target_id=space.id,
            integration_id=integration.id, sentence="Removed from space VIP Room.",
        )  # fmt: skip
        about = {"lane_id": lane.id, "target_id": space.id, "purchase_id": purchase.id, "tie": "w"}
        session.add(Grant(id=factories.new_id(), entry_id=1, op="open", at=NOW.replace(hour=9), **about))
        session.add(Grant(id=factories.new_id(), entry_id=entry.id, op="close", at=NOW.replace(hour=10), **about))
    return sign_in(viewer), customer, integration, space, entry.id


def test_one_sentence_and_the_entry_that_proves_it(asked: tuple[FlaskClient, Customer, Integration, Target, int]) -> None:
    client, _, _, space, entry = asked
    page = client.get("/customers/maya@shop.test").text
    (address,) = {html.unescape(one) for one in re.findall(r'href="(/customer/\d+/why\?[^"]+)"', page) if f"target={space.id}" in one}
    told = client.get(address).text
    assert "Maya has the space VIP Room no longer: Ads 101 was refunded at 10:02." in told
    assert f'href="/logs/{entry}"' in told


def test_anything_can_be_picked_by_everybody(asked: tuple[FlaskClient, Customer, Integration, Target, int]) -> None:
    client, customer, integration, _, _ = asked
    address = f"/customer/{customer.id}/why"
    assert "VIP Room" in client.get(address).text
    about = f"integration={integration.id}&action=add_to_space"
    assert "Pick one." in client.get(f"{address}?{about}&next=1").text
    assert "<mark>VIP</mark> Room" in client.get(f"/rules/targets?{about}&q=vip", headers=PARTLY).text
    assert client.post(address, data={"integration": integration.id, "action": "add_to_space", "next": "1"}).location.endswith("&next=1")
    assert "next" not in client.post(address, data={"action": "add_to_space", "q": "vip", "search": "1"}).location
    told = client.get(f"{address}?integration={integration.id}&action=invite_member&next=1").text
    assert "Maya should have the membership in My community" in told


def test_nobody_elses(asked: tuple[FlaskClient, Customer, Integration, Target, int], write: Write) -> None:
    client, customer, integration, _, _ = asked
    with write() as session:
        other = factories.make_marketplace(session)
        theirs = factories.make_customer(session, other)
        there = factories.make_target(session, factories.make_integration(session, other), "space", "Their Room")
    assert client.get(f"/customer/{theirs.id}/why").status_code == 404
    page = client.get(f"/customer/{customer.id}/why?integration={integration.id}&action=add_to_space&target={there.id}&next=1").text
    assert "Their Room" not in page
