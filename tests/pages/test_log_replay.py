"""Replaying a filter of the log: the counts and the price first, then a batch."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Batch, BatchItem, Marketplace

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def shop(write: Write) -> Marketplace:
    """Three entries have failed, of two people; one has succeeded."""
    with write() as session:
        made = factories.make_marketplace(session, "Acme Courses")
        integration = factories.make_integration(session, made, "My community")
        space = factories.make_target(session, integration, "space", "VIP Room")
        tag = factories.make_target(session, integration, "tag", "Student")
        for email in ("mina@shop.test", "ana@shop.test"):
            lane = factories.make_lane(session, factories.make_customer(session, made, email), integration)
            about = {"lane_id": lane.id, "customer_id": lane.customer_id, "integration_id": integration.id, "action": "add_to_space"}
            factories.make_entry(session, made, **about, target_id=space.id, status="failed")
            other = "failed" if email.startswith("mina") else "succeeded"
            factories.make_entry(session, made, **about | {"action": "add_tag"}, target_id=tag.id, status=other)
    return made


@pytest.fixture
def owner(write: Write, shop: Marketplace, sign_in: SignIn) -> FlaskClient:
    with write() as session:
        person = factories.make_user(session, shop)
    return sign_in(person)


def said(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def batches(write: Write) -> list[Batch]:
    with write() as session:
        return list(session.scalars(select(Batch)))


@pytest.mark.parametrize("headers", [{}, PARTLY], ids=["whole", "partly"])
def test_it_asks_with_what_it_comes_to_and_then_begins(owner: FlaskClient, write: Write, headers: dict[str, str]) -> None:
    for page in (owner.get("/logs/replay?q=status:failed", headers=headers), owner.post("/logs/replay", data={"q": ""}, headers=headers)):
        assert "3 entries of 2 people" in said(page.text)
        assert "about 3 metered calls." in said(page.text)
    assert batches(write) == []
    answer = owner.post("/logs/replay", data={"q": "status:failed", "sure": "1"}, headers=headers)
    (batch,) = batches(write)
    assert (answer.headers.get("HX-Redirect") or answer.location) == f"/batches/{batch.id}"
    assert (batch.kind, batch.total, batch.given["query"]) == ("replay", 3, "status:failed")


def test_a_filter_narrows_it(owner: FlaskClient, write: Write) -> None:
    owner.post("/logs/replay", data={"q": "mina@shop.test action:add-tag", "sure": "1"})
    with write() as session:
        assert len(session.scalars(select(BatchItem)).all()) == 1


def test_where_nothing_has_failed_nothing_begins(owner: FlaskClient, write: Write) -> None:
    answer = owner.post("/logs/replay", data={"q": "status:succeeded", "sure": "1"})
    assert "Nothing to replay" in said(answer.text)
    assert batches(write) == []


def test_the_log_offers_it_where_failed_entries_are_shown(owner: FlaskClient) -> None:
    assert "/logs/replay?q=status%3Afailed" in owner.get("/logs?q=status:failed").text
    assert "/logs/replay" not in owner.get("/logs").text


def test_a_viewer_and_a_stranger_replay_nothing(shop: Marketplace, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
        stranger = factories.make_user(session, factories.make_marketplace(session))
    client = sign_in(viewer)
    assert client.post("/logs/replay", data={"q": "", "sure": "1"}).status_code == 403
    assert "/logs/replay" not in client.get("/logs?q=status:failed").text
    assert "Nothing to replay" in said(sign_in(stranger).post("/logs/replay", data={"q": "", "sure": "1"}).text)
    assert batches(write) == []
