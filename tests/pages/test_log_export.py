"""The log as a file, what stands above it, and failures by cause: what a page shows of what the engine tells."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import SignIn, Write
from webapp.models import Marketplace
from webapp.pages import log_export


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, time_zone="Europe/Berlin")


@pytest.fixture
def client_in(write: Write, shop: Marketplace, sign_in: SignIn) -> FlaskClient:
    with write() as session:
        owner = factories.make_user(session, shop)
    return sign_in(owner)


def test_a_query_is_a_file_that_no_spreadsheet_computes(
    write: Write, shop: Marketplace, client_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_export, "PART", 2)
    with write() as session:
        for number, name in enumerate(("=1+1", "+2", "-3", "@x", "\tx", 'a "b", c')):
            product = factories.make_product(session, shop, name)
            factories.make_entry(session, shop, product_id=product.id, status="failed", at=NOW + timedelta(seconds=number))
        factories.make_entry(session, shop)
    answer = client_in.get("/logs/export.csv?q=status:failed")
    assert (answer.mimetype, answer.headers["Content-Disposition"]) == ("text/csv", 'attachment; filename="log.csv"')
    heading, *rows = csv.reader(io.StringIO(answer.text))
    assert heading == list(log_export.COLUMNS)
    assert [row[4] for row in rows] == ['a "b", c', "'\tx", "'@x", "'-3", "'+2", "'=1+1"]
    assert rows[-1][1] == "2026-11-24T15:02:08+01:00"
    assert len(list(csv.reader(io.StringIO(client_in.get("/logs/export.csv?q=status:odd").text)))) == 1


def test_bars_lead_to_their_entries_and_say_what_they_are(write: Write, shop: Marketplace, client_in: FlaskClient) -> None:
    with write() as session:
        factories.make_entry(session, shop)
        old = factories.make_entry(session, shop, at=NOW - timedelta(hours=3), status="failed", cause="odd", sentence="It broke.")
    page = client_in.get("/logs").text
    assert "<li>1 succeeded</li>" in page
    href = re.search(r'<a href="([^"]+)" aria-label="12:00: 1 failed">', page)
    assert href
    assert re.findall(r'id="entry-(\d+)"', client_in.get(href[1].replace("&amp;", "&")).text) == [str(old.id)]
    assert "It broke.</a>" in page
    assert "24 Nov: 1 succeeded, 1 failed" in client_in.get("/logs?period=30d").text
    assert "At a glance" not in client_in.get("/logs?q=status:failed").text
    causes = client_in.get("/logs/causes").text
    assert "It broke." in causes
    assert 'href="/logs/replay?q=status%3Afailed+cause%3Aodd" data-dialog' in causes
