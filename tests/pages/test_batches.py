"""A batch's page: how far it is, what can be done about it, and where it is found again."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.pages.conftest import SignIn, Write
from webapp.models import Batch, Marketplace

PARTLY = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, "Acme Courses")


@pytest.fixture
def owner(write: Write, shop: Marketplace, sign_in: SignIn) -> FlaskClient:
    with write() as session:
        person = factories.make_user(session, shop)
    return sign_in(person)


@pytest.fixture
def batch(write: Write, shop: Marketplace) -> int:
    with write() as session:
        made = factories.make_batch(session, shop, done=4)
        for status in ("succeeded", "succeeded", "failed"):
            factories.make_entry(session, shop, status=status, batch_id=made.id)
        return made.id


def state(write: Write, batch: int) -> tuple[str, str]:
    with write() as session:
        found = session.get_one(Batch, batch)
        return found.state, found.sentence


def test_it_says_how_far_it_is_and_asks_for_itself_while_it_moves(owner: FlaskClient, batch: int, write: Write) -> None:
    page = owner.get(f"/batches/{batch}").text
    assert "<h1>Apply a rule to 10 people</h1>" in page
    assert "4 of 10" in page
    assert f'hx-get="/batches/{batch}" hx-trigger="every 1s"' in page
    assert f'<noscript><p><a href="/batches/{batch}">' in page
    assert '<dt>Succeeded</dt><dd class="num">2</dd>' in page
    part = owner.get(f"/batches/{batch}", headers=PARTLY).text
    assert part.startswith('<div class="stack-l" id="batch"')
    with write() as session:
        session.get_one(Batch, batch).state = "done"
    assert "every 1s" not in owner.get(f"/batches/{batch}").text


@pytest.mark.parametrize("headers", [{}, PARTLY], ids=["whole", "partly"])
def test_paused_resumed_and_stopped(owner: FlaskClient, batch: int, write: Write, headers: dict[str, str]) -> None:
    for press, then, offered in (("pause", "paused", "Resume"), ("resume", "running", "Pause")):
        answer = owner.post(f"/batches/{batch}/{press}", headers=headers, follow_redirects=True)
        assert f"<span>{offered}</span>" in answer.text
        assert state(write, batch)[0] == then
    answer = owner.post(f"/batches/{batch}/stop", headers=headers, follow_redirects=True)
    assert state(write, batch)[0] == "stopped"
    assert "6 people were not reached. What was done stays." in answer.text
    assert "Stopped by " in answer.text
    assert "every 1s" not in answer.text


def test_it_is_found_above_the_log_and_on_integrations_while_it_goes_on(owner: FlaskClient, batch: int, write: Write) -> None:
    link = f'<a href="/batches/{batch}">Apply a rule to 10 people</a>'
    pages = ("/logs", "/settings/integrations", "/settings/integrations/logs")
    assert all(link in owner.get(page).text for page in pages)
    owner.post(f"/batches/{batch}/stop")
    assert not any(link in owner.get(page).text for page in pages)
    assert f'href="/batches/{batch}"' in owner.get("/batches").text


def test_without_any_the_list_says_what_will_be_there(owner: FlaskClient) -> None:
    assert "No batch yet" in owner.get("/batches").text


def test_a_viewer_looks_and_changes_nothing(shop: Marketplace, batch: int, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
    client = sign_in(viewer)
    page = client.get(f"/batches/{batch}").text
    assert "4 of 10" in page
    assert "Pause" not in page
    assert {client.post(f"/batches/{batch}/{press}").status_code for press in ("pause", "resume", "stop")} == {403}
    assert state(write, batch)[0] == "running"


def test_somebody_elses_is_not_there(batch: int, write: Write, sign_in: SignIn) -> None:
    with write() as session:
        stranger = factories.make_user(session, factories.make_marketplace(session))
    client = sign_in(stranger)
    assert client.get(f"/batches/{batch}").status_code == 404
    assert {client.post(f"/batches/{batch}/{press}").status_code for press in ("pause", "resume", "stop")} == {404}
    assert "Apply a rule" not in client.get("/batches").text + client.get("/logs").text
    assert state(write, batch)[0] == "running"


def test_its_page_leads_to_its_entries_in_the_log(owner: FlaskClient, batch: int, shop: Marketplace, write: Write) -> None:
    with write() as session:
        other = factories.make_entry(session, shop, sentence="Somebody else's.")
    assert f'href="/logs?q=batch:{batch}"' in owner.get(f"/batches/{batch}").text
    page = owner.get(f"/logs?q=batch:{batch}").text
    assert page.count('id="entry-') > 0
    assert f"entry-{other.id}" not in page
    assert f"Batch {batch}" in page
    assert "There is no batch" in owner.get("/logs?q=batch:1").text
