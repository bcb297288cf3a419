"""A rule and the past: what it would change is said before it is made or changed, and a tick applies it to those who did it before."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.engine.intake import Arrival, take
from webapp.engine.snapshots import Snapshots
from webapp.models import Batch, BatchItem, Integration, Marketplace, Product, Rule, Source, Target, Usage
from webapp.parts import parts
from webapp.sources import Line, Message, Person

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}


@dataclass
class Shop:
    """A shop where three have bought the course, one of them was refunded; nobody made a rule yet."""

    client: FlaskClient
    write: Write
    marketplace: Marketplace
    integration: Integration
    space: Target
    product: Product

    def answers(self, **more: str) -> dict[str, str]:
        given = {"product": str(self.product.id), "integration": str(self.integration.id), "action": "add_to_space"}
        return {**given, "target": str(self.space.id), "trigger": "product_purchased", **more}

    def confirm(self, **more: str) -> str:
        return said(self.client.get("/rules/new/confirm", query_string=self.answers(**more)).text)

    def batches(self) -> list[Batch]:
        with self.write() as session:
            return list(session.scalars(select(Batch)))


def said(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def shop(write: Write, sign_in: SignIn) -> Shop:
    with write() as session:
        marketplace = factories.make_marketplace(session, "Acme Courses")
        owner = factories.make_user(session, marketplace)
        integration = factories.make_integration(session, marketplace, "My community", catalog_at=factories.NOW)
        factories.make_target(session, integration, "membership")
        space = factories.make_target(session, integration, "space", "VIP Room")
        product = factories.make_product(session, marketplace, "Ads 101", external_id="ads")
        source = Source(id=factories.new_id(), marketplace_id=marketplace.id, kind="cartwheel", address="here", created_at=factories.NOW)
        session.add(source)
        session.flush()
        told = [("purchased", email) for email in ("mina", "ana", "tom")] + [("refunded", "tom")]
        arrivals = [
            Arrival(
                marketplace.id,
                source.id,
                Message(
                    f"{kind}-{name}",
                    kind,
                    factories.NOW + timedelta(minutes=number - 10),
                    Person(f"{name}@shop.test"),
                    (Line(kind, "ads", order=name),),
                ),
                b"{}",
            )
            for number, (kind, name) in enumerate(told)
        ]
        take(session, arrivals, Snapshots(), factories.NOW, parts().new_id)
    return Shop(sign_in(owner), write, marketplace, integration, space, product)


def test_before_it_is_made_it_says_what_it_would_mean(shop: Shop) -> None:
    page = shop.confirm()
    assert "2 customers did this before. It would change access for 2 people: 2 gain; about 2 metered calls." in page
    assert "Also apply it to the 2 customers who did this before" in page


def test_where_nobody_did_it_nothing_is_said(shop: Shop) -> None:
    assert "did this before" not in shop.confirm(trigger="subscription_charged")


def test_with_another_timing_it_is_counted_anew_and_the_tick_stays(shop: Shop) -> None:
    part = shop.client.get("/rules/readback", query_string=shop.answers(lasts="days", days="30", past="1"), headers=PARTLY).text
    assert '<div class="stack-s" id="past" hx-swap-oob="outerMorph">' in part
    assert re.search(r'name="past" value="1" id="past-too" checked', part)
    assert "2 customers did this before" in part


def test_more_calls_than_the_month_has_left_are_told(shop: Shop) -> None:
    with shop.write() as session:
        session.add(Usage(integration_id=shop.integration.id, month="2026-11", calls=4999, metered=4999))
    assert "That is more than the 1 that this month has left." in shop.confirm()


def test_submitted_without_the_tick_it_is_for_what_happens_from_now_on(shop: Shop) -> None:
    shop.client.post("/rules/new/confirm", data=shop.answers(next="1"))
    assert shop.batches() == []


@pytest.mark.parametrize("headers", [{}, PARTLY], ids=["whole", "partly"])
def test_submitted_with_the_tick_a_batch_begins_and_is_shown(shop: Shop, headers: dict[str, str]) -> None:
    answer = shop.client.post("/rules/new/confirm", data=shop.answers(next="1", past="1"), headers=headers)
    (batch,) = shop.batches()
    assert (answer.headers.get("HX-Redirect") or answer.location) == f"/batches/{batch.id}"
    assert (batch.kind, batch.total, batch.state, batch.given["integrations"]) == ("past", 2, "running", [shop.integration.id])
    page = shop.client.get(f"/batches/{batch.id}").text
    assert "For past customers: When Ads 101 is purchased, add the customer to the space VIP Room in My community." in page
    with shop.write() as session:
        assert len(session.scalars(select(BatchItem)).all()) == 2


def test_a_rule_that_is_changed_can_be_applied_too(shop: Shop) -> None:
    shop.client.post("/rules/new/confirm", data=shop.answers(next="1"))
    with shop.write() as session:
        rule = session.scalars(select(Rule)).one().id
    page = said(shop.client.get(f"/rules/{rule}/edit/confirm", query_string=shop.answers(lasts="days", days="30")).text)
    assert "It would change access for 2 people: 2 gain" in page
    shop.client.post(f"/rules/{rule}/edit/confirm", data=shop.answers(lasts="days", days="30", past="1", next="1"))
    (batch,) = shop.batches()
    assert batch.given["was"][-2:] == [30, 0]


def test_a_duplicate_begins_nothing_and_keeps_the_tick(shop: Shop) -> None:
    shop.client.post("/rules/new/confirm", data=shop.answers(next="1"))
    answer = shop.client.post("/rules/new/confirm", data=shop.answers(next="1", past="1"))
    assert (answer.status_code, shop.batches()) == (422, [])
    assert 'id="past-too" checked' in answer.text


def test_a_viewer_begins_none(shop: Shop, sign_in: SignIn) -> None:
    with shop.write() as session:
        viewer = factories.make_user(session, shop.marketplace, "viewer")
    assert sign_in(viewer).post("/rules/new/confirm", data=shop.answers(next="1", past="1")).status_code == 403
    assert shop.batches() == []
