"""What a rule gave, taken back from its dialogs: people and calls are told first, then a batch."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.engine.intake import Arrival, take
from webapp.engine.snapshots import Snapshots
from webapp.models import Batch, Marketplace, Rule, Source
from webapp.parts import parts
from webapp.sources import Line, Message, Person


@dataclass
class Shop:
    """A shop with a rule that has given its space to two."""

    client: FlaskClient
    write: Write
    marketplace: Marketplace
    rule: Rule

    def change(self, **columns: object) -> None:
        with self.write() as session:
            row = session.get_one(Rule, self.rule.id)
            for name, value in columns.items():
                setattr(row, name, value)

    def batches(self) -> list[Batch]:
        with self.write() as session:
            return list(session.scalars(select(Batch)))


@pytest.fixture
def shop(write: Write, sign_in: SignIn) -> Shop:
    with write() as session:
        marketplace = factories.make_marketplace(session, "Acme Courses")
        owner = factories.make_user(session, marketplace)
        integration = factories.make_integration(session, marketplace, "My community")
        factories.make_target(session, integration, "membership")
        rule = factories.make_rule(session, factories.make_target(session, integration, "space", "VIP Room"))
        source = Source(id=factories.new_id(), marketplace_id=marketplace.id, kind="cartwheel", address="here", created_at=factories.NOW)
        session.add(source)
        session.flush()
        messages = [
            Message(f"m-{name}", "order", factories.NOW, Person(f"{name}@shop.test"), (Line("purchased", "ads", order=name),))
            for name in ("mina", "ana")
        ]
        take(session, [Arrival(marketplace.id, source.id, m, b"{}") for m in messages], Snapshots(), factories.NOW, parts().new_id)
    return Shop(sign_in(owner), write, marketplace, rule)


def said(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_rule_that_is_off_offers_it_in_its_menu(shop: Shop) -> None:
    link = f"/rules/{shop.rule.id}/take-back"
    assert link not in shop.client.get("/settings/integrations/rules").text
    shop.change(off_at=factories.NOW)
    assert link in shop.client.get("/settings/integrations/rules").text
    shop.change(action="remove_from_space", removal="spare")
    assert link not in shop.client.get("/settings/integrations/rules").text


def test_people_and_calls_are_told_then_it_begins(shop: Shop) -> None:
    shop.change(off_at=factories.NOW)
    page = said(shop.client.get(f"/rules/{shop.rule.id}/take-back").text)
    assert "2 people lose what it gave: about 2 metered calls." in page
    answer = shop.client.post(f"/rules/{shop.rule.id}/take-back")
    (batch,) = shop.batches()
    assert answer.location == f"/batches/{batch.id}"
    assert (batch.kind, batch.total, batch.given["rule"]) == ("take_back", 2, shop.rule.id)


def test_a_rule_that_is_on_takes_nothing_back(shop: Shop) -> None:
    assert "Switch it off first" in said(shop.client.get(f"/rules/{shop.rule.id}/take-back").text)
    assert shop.client.post(f"/rules/{shop.rule.id}/take-back").status_code == 409
    assert shop.batches() == []


def test_where_it_gave_nothing_there_is_nothing_to_take(shop: Shop) -> None:
    shop.change(off_at=factories.NOW, id=shop.rule.id + 100_000)
    page = said(shop.client.get(f"/rules/{shop.rule.id + 100_000}/take-back").text)
    assert "Nobody has anything by this rule now." in page
    shop.client.post(f"/rules/{shop.rule.id + 100_000}/take-back")
    assert shop.batches() == []


@pytest.mark.parametrize("ticked", [True, False])
def test_a_rule_that_is_deleted_takes_it_back_where_that_is_ticked(shop: Shop, ticked: bool) -> None:
    page = said(shop.client.get(f"/rules/{shop.rule.id}/delete").text)
    assert "Also take it back: 2 people lose what it gave: about 2 metered calls" in page
    answer = shop.client.post(f"/rules/{shop.rule.id}/delete", data={"take_back": "1"} if ticked else {})
    begun = shop.batches()
    assert answer.location == (f"/batches/{begun[0].id}" if ticked else "/settings/integrations/rules")
    assert len(begun) == ticked
    with shop.write() as session:
        assert session.get_one(Rule, shop.rule.id).deleted_at is not None


def test_a_viewer_and_a_stranger_take_nothing(shop: Shop, sign_in: SignIn) -> None:
    shop.change(off_at=factories.NOW)
    with shop.write() as session:
        viewer = factories.make_user(session, shop.marketplace, "viewer")
        stranger = factories.make_user(session, factories.make_marketplace(session))
    assert sign_in(viewer).post(f"/rules/{shop.rule.id}/take-back").status_code == 403
    assert sign_in(stranger).post(f"/rules/{shop.rule.id}/take-back").status_code == 404
    assert shop.batches() == []
