"""Past purchases from a file, as a merchant imports them: a preview with a reason per line, then a batch."""

from __future__ import annotations

import html
import io
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Batch, BatchItem, Marketplace

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}
FILE = "email,product,date,order\nmina@shop.test,ads,2026-05-12,1\nnobody,ads,2026-05-12,2\nana@shop.test,new,2026-05-13,3\n"


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        made = factories.make_marketplace(session, "Acme Courses")
        integration = factories.make_integration(session, made, "My community")
        product = factories.make_product(session, made, "Ads 101", external_id="ads")
        factories.make_rule(session, factories.make_target(session, integration, "space", "VIP Room"), product)
    return made


@pytest.fixture
def owner(write: Write, shop: Marketplace, sign_in: SignIn) -> FlaskClient:
    with write() as session:
        person = factories.make_user(session, shop)
    return sign_in(person)


def said(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def upload(client: FlaskClient, content: str | bytes = FILE, headers: dict[str, str] | None = None) -> TestResponse:
    data = content.encode() if isinstance(content, str) else content
    return client.post("/import-purchases", data={"file": (io.BytesIO(data), "past.csv")}, headers=headers)


def batches(write: Write) -> list[Batch]:
    with write() as session:
        return list(session.scalars(select(Batch)))


@pytest.mark.parametrize("headers", [{}, PARTLY], ids=["whole", "partly"])
def test_a_preview_then_a_batch(owner: FlaskClient, write: Write, headers: dict[str, str]) -> None:
    page = upload(owner, headers=headers)
    words = said(page.text)
    assert "Line 3 : The e-mail is not an e-mail address." in words
    assert "New purchases 2 People 2 Metered calls about 1 On record already 0" in words
    assert "No rule is about 1 purchase of these: it is only put on record." in words
    assert "Products that would be new: 1 new" in words
    assert batches(write) == []
    answer = owner.post("/import-purchases/confirm", data={"text": FILE}, headers=headers)
    (batch,) = batches(write)
    assert (answer.headers.get("HX-Redirect") or answer.location) == f"/batches/{batch.id}"
    assert (batch.kind, batch.total, batch.given["title"]) == ("import", 2, "Import 2 past purchases")
    with write() as session:
        items = {item.number: item.data for item in session.scalars(select(BatchItem))}
    assert {number: (data or {})["email"] for number, data in items.items()} == {2: "mina@shop.test", 4: "ana@shop.test"}


@pytest.mark.parametrize(
    ("content", "why"), [("", "This file is empty."), (b"\xff\xfe", "not in UTF-8"), ("email,order\na@b.test,1\n", "no column for")]
)
def test_a_file_that_can_not_be_used(owner: FlaskClient, content: str | bytes, why: str) -> None:
    answer = upload(owner, content)
    assert answer.status_code == 422
    assert why in said(answer.text)


def test_where_no_line_is_good_there_is_nothing_to_import(owner: FlaskClient, write: Write) -> None:
    page = upload(owner, "nobody,ads,2026-05-12,2\n")
    assert "no line of the file can be used" in said(page.text)
    assert owner.post("/import-purchases/confirm", data={"text": "nobody,ads,2026-05-12,2\n"}).status_code == 422
    assert owner.post("/import-purchases/confirm", data={"text": ""}).status_code == 422
    assert batches(write) == []


def test_it_is_offered_to_who_may_change_things_alone(owner: FlaskClient, shop: Marketplace, write: Write, sign_in: SignIn) -> None:
    assert 'href="/import-purchases"' in owner.get("/products").text
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
    client = sign_in(viewer)
    assert "/import-purchases" not in client.get("/products").text
    assert client.get("/import-purchases").status_code == upload(client).status_code == 403
    assert client.post("/import-purchases/confirm", data={"text": FILE}).status_code == 403
    assert batches(write) == []
