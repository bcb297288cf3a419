"""Products: the list, a product's page under whatever id its checkout gave it, and what is done to one."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp import csv_file
from webapp.engine import product_csv
from webapp.engine.products import PART
from webapp.models import Marketplace, Product, User

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, "Acme Courses")


@pytest.fixture
def owner(write: Write, shop: Marketplace) -> User:
    with write() as session:
        return factories.make_user(session, shop)


@pytest.fixture
def owners(owner: User, sign_in: SignIn) -> FlaskClient:
    return sign_in(owner)


@pytest.fixture
def ads(write: Write, shop: Marketplace) -> Product:
    with write() as session:
        return factories.make_product(session, shop, "Ads 101", external_id="ads-101")


@pytest.fixture
def theirs(write: Write) -> Product:
    with write() as session:
        return factories.make_product(session, factories.make_marketplace(session, "Others"), "Theirs", external_id="theirs")


def stored(write: Write, shop: Marketplace) -> dict[str, str]:
    with write() as session:
        rows = session.execute(select(Product.external_id, Product.name).where(Product.marketplace_id == shop.id))
        return dict(rows.all())


def names(page: str) -> list[str]:
    return [html.unescape(name) for name in re.findall(r'<a class="name"[^>]*>([^<]*)</a>', page)]


def sent(field: str, content: bytes, name: str | None = None) -> dict[str, Any]:
    """A form of one field, as a browser sends it with a file in it. (The test client leaves a large one's temporary file open.)"""
    named = f'; filename="{name}"' if name is not None else ""
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"{named}\r\n\r\n'
    return {"data": head.encode() + content + b"\r\n--edge--\r\n", "content_type": "multipart/form-data; boundary=edge"}


def upload(client: FlaskClient, content: bytes, name: str = "products.csv", **headers: str) -> TestResponse:
    return client.post("/import-products", headers=headers, **sent("file", content, name))


def test_the_list_says_what_is_there(owners: FlaskClient, write: Write, shop: Marketplace, ads: Product, theirs: Product):
    with write() as session:
        integration = factories.make_integration(session, shop)
        factories.make_rule(session, factories.make_target(session, integration, gone_at=factories.NOW), ads)
        factories.make_product(session, shop, "Away", archived_at=factories.NOW)
    page = owners.get("/products").text
    assert names(page) == ["Ads 101"]
    assert "1 rule<" in page
    assert "1 broken" in page
    assert names(owners.get("/products?show=archived").text) == ["Away"]


def test_an_empty_list_says_what_will_be_there(owners: FlaskClient):
    page = owners.get("/products").text
    assert "No product yet" in page
    assert "/add-product" in page


def test_a_search_that_finds_nothing_offers_to_be_cleared(owners: FlaskClient, ads: Product):
    assert names(owners.get("/products?q=101").text) == ["Ads 101"]
    page = owners.get("/products?q=%3Cb%3E").text
    assert "No product matches “&lt;b&gt;”" in page
    assert 'href="/products"' in page


def test_a_long_list_goes_on(owners: FlaskClient, write: Write, shop: Marketplace):
    with write() as session:
        for number in range(PART + 3):
            factories.make_product(session, shop, f"Product {number:03}")
    page = owners.get("/products")
    more = re.search(r'class="older".*?href="([^"]+)"', page.text)
    assert len(names(page.text)) == PART
    assert more
    rest = owners.get(html.unescape(more[1]), headers=PARTLY)
    assert names(rest.text) == [f"Product {PART + number:03}" for number in range(3)]
    assert "<html" not in rest.text
    assert "older" not in rest.text
    whole = owners.get(html.unescape(more[1])).text
    assert "Back to the beginning" in whole
    assert "<html" in whole


@pytest.mark.parametrize(
    "key",
    ["ads-101", "a/b", "a//b", "/a", "a/", "x y", "Kurs é/日本", "new", "a?b#c%2F", "..", "a/../b", "+&=;", '"<b>', "42", "a\\b", "./."],
)
def test_a_product_is_found_under_any_id(owners: FlaskClient, write: Write, shop: Marketplace, key: str):
    with write() as session:
        made = factories.make_product(session, shop, "The one", external_id=key)
        factories.make_product(session, shop, "Another", external_id="a" if key != "a" else "b")
    link = re.search(r'<a class="name" href="([^"]+)">The one</a>', owners.get("/products").text)
    assert link
    address = html.unescape(link[1])
    page = owners.get(address)
    assert page.status_code == 200
    assert "<h1>The one</h1>" in page.text
    assert f"<code>{html.escape(key)}</code>".replace("&quot;", "&#34;") in page.text
    if made.external_id not in {"..", "a/../b", "./."}:
        assert address.startswith("/products/")
        assert owners.get(f"/products/{quote(key, safe='')}").status_code == 200
    details = re.search(r'<a href="([^"]+)">Details</a>', page.text)
    assert details
    assert "Purchases on record" in owners.get(html.unescape(details[1])).text


def test_what_is_not_there_or_somebody_elses_is_not_found(owners: FlaskClient, theirs: Product, ads: Product):
    for address in ("/products/nothing", "/products/theirs", f"/product/{theirs.id}", "/product/1234567", "/products/ads-101?tab=x"):
        assert owners.get(address).status_code == 404, address
    for act in ("rename", "archive", "unarchive"):
        assert owners.post(f"/product/{theirs.id}/{act}", data={"name": "Mine"}).status_code == 404


def test_strangers_are_asked_to_sign_in(client: FlaskClient, ads: Product):
    for address in ("/products", "/products/ads-101", "/add-product", "/import-products"):
        assert client.get(address).location.startswith("/sign-in")


def test_viewers_see_and_change_nothing(sign_in: SignIn, write: Write, shop: Marketplace, ads: Product):
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
        factories.make_rule(session, factories.make_target(session, factories.make_integration(session, shop)), ads)
    client = sign_in(viewer)
    for address in ("/products", "/products/ads-101", "/products/ads-101?tab=details"):
        page = client.get(address).text
        assert "Ads 101" in page
        for act in ("/add-product", "/import-products", "/rename", "/archive", "/rules/new", "/edit", "/off", "/delete"):
            assert act not in page, (address, act)
    for address in ("/add-product", "/import-products", f"/product/{ads.id}/rename"):
        assert client.get(address).status_code == 403
        assert client.post(address, data={"external_id": "x", "name": "x"}).status_code == 403
    for address in (f"/product/{ads.id}/archive", f"/product/{ads.id}/unarchive", "/import-products/confirm"):
        assert client.post(address, data={"text": "a,b"}).status_code == 403
    assert stored(write, shop) == {"ads-101": "Ads 101"}


def test_one_is_added_by_hand(owners: FlaskClient, write: Write, shop: Marketplace):
    page = owners.get("/add-product").text
    assert "<html" in page
    part = owners.get("/add-product", headers=PARTLY).text
    assert "<html" not in part
    answer = owners.post("/add-product", data={"external_id": " a/b ", "name": " Ads 101 "})
    assert (answer.status_code, answer.location) == (303, "/products/a/b")
    assert stored(write, shop) == {"a/b": "Ads 101"}
    assert "Ads 101 added." in owners.get("/products/a/b").text
    answer = owners.post("/add-product", data={"external_id": "202", "name": ""}, headers=PARTLY)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/products/202")
    assert stored(write, shop)["202"] == "202"


@pytest.mark.parametrize("headers", [{}, PARTLY])
def test_an_id_that_is_taken_is_linked_and_nothing_typed_is_lost(owners: FlaskClient, ads: Product, headers: dict[str, str]):
    answer = owners.post("/add-product", data={"external_id": "ads-101", "name": "Typed <i>"}, headers=headers)
    assert answer.status_code == 422
    assert "There is a product with this id already." in answer.text
    assert 'href="/products/ads-101"' in answer.text
    assert 'value="Typed &lt;i&gt;"' in answer.text


def test_what_cannot_be_an_id_or_a_name_says_why(owners: FlaskClient, write: Write, shop: Marketplace):
    for data, says in (
        ({"external_id": " ", "name": "x"}, "Type the product id."),
        ({"external_id": "x" * 201, "name": "x"}, "longer than 200"),
        ({"external_id": "x", "name": "n" * 301}, "longer than 300"),
        ({"external_id": "x\x07", "name": "x"}, "cannot be shown"),
    ):
        answer = owners.post("/add-product", data=data)
        assert answer.status_code == 422
        assert says in answer.text
    assert stored(write, shop) == {}


def test_a_product_gets_another_name(owners: FlaskClient, write: Write, shop: Marketplace, ads: Product):
    assert 'value="Ads 101"' in owners.get(f"/product/{ads.id}/rename").text
    assert owners.post(f"/product/{ads.id}/rename", data={"name": " "}).status_code == 422
    answer = owners.post(f"/product/{ads.id}/rename", data={"name": "Ads 2"})
    assert (answer.status_code, answer.location) == (303, "/products/ads-101")
    assert stored(write, shop) == {"ads-101": "Ads 2"}


def test_a_product_is_archived_and_put_back(owners: FlaskClient, ads: Product):
    answer = owners.post(f"/product/{ads.id}/archive")
    assert (answer.status_code, answer.location) == (303, "/products/ads-101")
    page = owners.get("/products/ads-101?tab=details").text
    assert f'action="/product/{ads.id}/unarchive"' in page
    assert "out of the list" in page
    assert "Every product is archived" in owners.get("/products").text
    owners.post(f"/product/{ads.id}/unarchive")
    assert names(owners.get("/products").text) == ["Ads 101"]


def test_the_apps_tab_has_its_own_rules_and_the_global_ones(owners: FlaskClient, write: Write, shop: Marketplace, ads: Product):
    page = owners.get("/products/ads-101").text
    assert "Connect your community first" in page
    assert "/rules/new" not in page
    with write() as session:
        integration = factories.make_integration(session, shop, "My <community>")
        own = factories.make_rule(session, factories.make_target(session, integration, name="VIP <Room>"), ads)
    page = owners.get("/products/ads-101").text
    assert f'href="/rules/new?product={ads.id}"' in page
    assert "Add to space <em>VIP &lt;Room&gt;</em>" in page
    assert f"/rules/{own.id}/edit" in page
    assert "Global rules that also apply" not in page
    with write() as session:
        everywhere = factories.make_rule(session, factories.make_target(session, integration, name="Lobby"))
        factories.make_rule(session, factories.make_target(session, integration, name="Elsewhere"), factories.make_product(session, shop))
    page = owners.get("/products/ads-101").text
    assert "Global rules that also apply" in page
    assert "<em>Lobby</em>" in page
    assert f"/rules/{everywhere.id}/edit" not in page
    assert "Elsewhere" not in page


def test_a_file_is_previewed_then_imported(owners: FlaskClient, write: Write, shop: Marketplace, ads: Product):
    assert 'enctype="multipart/form-data"' in owners.get("/import-products").text
    content = "\ufeffid;name\nads-101;Ads <2>\n202;Templates\n;Nobody\n".encode()
    preview = upload(owners, content)
    assert preview.status_code == 200
    assert "Line 4</strong>: There is no product id." in preview.text
    assert "Ads 101 → <strong>Ads &lt;2&gt;</strong>" in preview.text
    assert "<code>202</code> Templates" in preview.text
    assert "Import 2 products" in preview.text
    assert stored(write, shop) == {"ads-101": "Ads 101"}
    text = re.search(r'name="text" value="([^"]*)"', preview.text)
    assert text
    answer = owners.post("/import-products/confirm", **sent("text", html.unescape(text[1]).encode()))
    assert (answer.status_code, answer.location) == (303, "/products")
    assert stored(write, shop) == {"ads-101": "Ads <2>", "202": "Templates"}
    assert "1 product added, 1 renamed." in owners.get("/products").text


def test_the_largest_file_goes_all_the_way(owners: FlaskClient, write: Write, shop: Marketplace):
    content = "".join(f"{number},{'ü' * 100}\n" for number in range(product_csv.MOST_LINES)).encode()
    assert 1_000_000 < len(content) < csv_file.MOST_BYTES
    preview = upload(owners, content)
    assert "Import 5,000 products" in preview.text
    assert "and 4,980 more" in preview.text
    answer = owners.post("/import-products/confirm", **sent("text", content))
    assert answer.status_code == 303
    assert len(stored(write, shop)) == product_csv.MOST_LINES


@pytest.mark.parametrize("headers", [{}, PARTLY])
@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "This file is empty."), ("Café".encode("latin-1"), "not in UTF-8"), (b"x" * (csv_file.MOST_BYTES + 1), "larger than 1 MiB")],
)
def test_a_file_that_cannot_be_read_says_why(owners: FlaskClient, headers: dict[str, str], content: bytes, says: str):
    answer = upload(owners, content, **headers)
    assert answer.status_code == 422
    assert says in answer.text
    assert ("<html" in answer.text) != bool(headers)


def test_no_file_says_so(owners: FlaskClient):
    assert "Choose a file." in owners.post("/import-products", data={}, content_type="multipart/form-data").text
    assert "Choose a file." in upload(owners, b"a,b", name="").text


def test_a_file_that_changes_nothing_has_nothing_to_submit(owners: FlaskClient, ads: Product):
    preview = upload(owners, b"ads-101,Ads 101\n").text
    assert "There is nothing to import" in preview
    assert "/import-products/confirm" not in preview
    assert "no line of the file can be used" in upload(owners, b"only\n").text


def test_a_confirmation_of_nonsense_says_why(owners: FlaskClient, write: Write, shop: Marketplace):
    for text in ("", '"', "a,b\n" * 6000):
        assert owners.post("/import-products/confirm", data={"text": text}).status_code == 422
    assert stored(write, shop) == {}
