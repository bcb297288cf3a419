"""Marketplace Settings → Audit: who sees it, what a line says, how it goes on."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.engine import audit
from webapp.models import AuditLine, Marketplace


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, "Acme Courses")


@pytest.fixture
def owner(write: Write, shop: Marketplace, sign_in: SignIn) -> FlaskClient:
    with write() as session:
        user = factories.make_user(session, shop, email="owner@shop.test")
    return sign_in(user)


def rows(page: str) -> list[str]:
    """What each change says, without its markup."""
    cells = re.findall(r'<td role="cell"><p>(.*?)</td></tr>', page, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cell)).strip() for cell in cells]


def test_nothing_has_been_changed_yet(owner: FlaskClient) -> None:
    assert "Nothing has been changed yet" in owner.get("/settings/audit").text


def test_a_change_on_a_page_is_told_with_who_did_it(owner: FlaskClient) -> None:
    owner.post("/add-product", data={"external_id": "ads-101", "name": "Ads 101"})
    owner.post("/settings/general", data={"name": "Acme School", "time_zone": "Europe/Berlin"})
    page = owner.get("/settings/audit").text
    assert rows(page) == [
        "changed the marketplace Acme Courses name: Acme Courses → Acme School time zone: UTC → Europe/Berlin",
        "added the product ads-101 name: Ads 101",
    ]
    assert page.count("<strong>owner@shop.test</strong>") == 2


def test_what_was_changed_is_shown_as_text(owner: FlaskClient) -> None:
    owner.post("/add-product", data={"external_id": "x", "name": "<b>bold</b>"})
    page = owner.get("/settings/audit").text
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold</b>" not in page


def test_the_list_goes_on(owner: FlaskClient, write: Write, shop: Marketplace) -> None:
    with write() as session:
        for number in range(audit.PART + 3):
            audit.note(session, shop.id, "product_added", f"product-{number}")
    first = owner.get("/settings/audit").text
    older = re.search(r'href="(/settings/audit\?before=\d+)"', first)
    assert older
    assert len(rows(first)) == audit.PART
    rest = owner.get(older[1], headers={"HX-Request": "true"}).text
    assert [row.split()[3] for row in rows(rest)] == ["product-2", "product-1", "product-0"]
    assert "<html" not in rest
    assert "Back to the newest" in owner.get(older[1]).text


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("viewer", 403)])
def test_who_may_change_things_sees_it(write: Write, shop: Marketplace, sign_in: SignIn, role: str, status: int) -> None:
    with write() as session:
        user = factories.make_user(session, shop, role)
    client = sign_in(user)
    assert client.get("/settings/audit").status_code == status
    assert ('href="/settings/audit"' in client.get("/settings/team").text) is (status == 200)


def test_a_transaction_without_a_page_is_cartwheels_own(write: Write, shop: Marketplace) -> None:
    with write() as session:
        audit.note(session, shop.id, "product_added", "x")
        session.flush()
        assert session.scalars(select(AuditLine.who)).one() == "Cartwheel"
