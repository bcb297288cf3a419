"""Marketplace Settings → Alerts: what stands, who sees to it, who is told, and where a chat is told."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import Clock, SignIn, Write
from webapp.engine import alerts, outbox
from webapp.engine.alerting import BROKEN, FAILED, KINDS, NOT_UNDERSTOOD, SILENT
from webapp.models import Alert, Marketplace, Outgoing, User, Watch
from webapp.parts import parts

ADDRESS = "https://hooks.slack.com/services/T0/B0/hush"


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, "Acme Courses")


@pytest.fixture
def people(write: Write, shop: Marketplace) -> dict[str, User]:
    with write() as session:
        return {role: factories.make_user(session, shop, role, email=f"{role}@shop.test") for role in ("owner", "admin", "viewer")}


def make_alert(write: Write, shop: Marketplace, kind: str = SILENT, subject: str = "1", title: str = "Silent.", **fields: object) -> int:
    with write() as session:
        number = factories.new_id()
        given = {"open_key": f"{shop.id}:{kind}:{subject}", "todo": "Look.", "first_at": NOW, "last_at": NOW, "opened_at": NOW, **fields}
        session.add(Alert(id=number, marketplace_id=shop.id, kind=kind, subject=subject, title=title, **given))
        return number


def kept(write: Write, number: int) -> Alert:
    with write() as session:
        return session.get_one(Alert, number)


def watch(write: Write, shop: Marketplace) -> Watch:
    with write() as session:
        return alerts.watch_of(session, shop.id)


def test_what_stands_and_what_is_over_is_listed(write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn):
    client = sign_in(people["viewer"])
    assert "Nothing needs anybody" in client.get("/settings/alerts").text
    make_alert(write, shop, title="It is silent & gone.")
    make_alert(write, shop, subject="2", title="It was silent.", open_key=None, recovered_at=NOW)
    with write() as session:
        make_alert_of_others = factories.make_marketplace(session)
    make_alert(write, make_alert_of_others, title="Not ours.")
    page = client.get("/settings/alerts").text
    assert "It is silent &amp; gone." in page
    assert page.index("It is silent") < page.index("It was silent.")
    assert "Not ours." not in page
    assert 'aria-current="page">Alerts' in page


def test_a_link_changes_nothing_and_a_button_does(write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn, clock: Clock):
    number = make_alert(write, shop)
    client, address = sign_in(people["admin"]), f"/settings/alerts/{number}"
    for _ in range(2):
        assert "Acknowledge" in client.get(address).text
    assert client.get(f"{address}/acknowledge").status_code == 405
    assert kept(write, number).acknowledged_at is None
    assert client.post(f"{address}/acknowledge").location == address
    assert kept(write, number).acknowledged_by == people["admin"].id
    assert "admin@shop.test" in client.get(address).text
    client.post(f"{address}/snooze", data={"for": "1d"})
    row = kept(write, number)
    assert (row.snoozed_until, row.acknowledged_at) == (clock.time + timedelta(days=1), None)
    assert client.post(f"{address}/snooze", data={"for": "ever"}).status_code == 400
    client.post(f"{address}/reopen")
    assert kept(write, number).snoozed_until is None


def test_a_viewer_sees_and_changes_nothing(write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn):
    number = make_alert(write, shop)
    client = sign_in(people["viewer"])
    assert "Acknowledge" not in client.get(f"/settings/alerts/{number}").text
    assert "Send a test" not in client.get("/settings/alerts").text
    for path in ("", "/chat", "/chat/remove", "/test", f"/{number}/acknowledge", f"/{number}/snooze", f"/{number}/reopen"):
        assert client.post(f"/settings/alerts{path}", data={"for": "1h"}).status_code == 403
    assert kept(write, number).acknowledged_at is None


def test_an_alert_of_another_marketplace(write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn):
    with write() as session:
        mine, strange = factories.make_marketplace(session, "Zebra Shop"), factories.make_marketplace(session)
        factories.give_role(session, people["owner"], mine, "owner")
    in_mine, in_strange = make_alert(write, mine), make_alert(write, strange)
    client = sign_in(people["owner"])
    page = client.get(f"/settings/alerts/{in_mine}").text
    assert "This is about Zebra Shop" in page
    assert client.post(f"/settings/alerts/{in_mine}/acknowledge").location
    assert kept(write, in_mine).acknowledged_at is None  # one is not in it
    entered = client.post(f"/marketplaces/{mine.id}/enter", data={"next": f"/settings/alerts/{in_mine}"})
    assert entered.location == f"/settings/alerts/{in_mine}"
    assert "Acknowledge" in client.get(entered.location).text
    assert client.get(f"/settings/alerts/{in_strange}").status_code == 404
    assert client.post(f"/settings/alerts/{in_strange}/acknowledge").status_code == 404
    assert client.post(f"/marketplaces/{mine.id}/enter", data={"next": "//evil.test"}).location == "/logs"


def test_an_alert_that_is_over_can_no_longer_be_taken(write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn):
    number = make_alert(write, shop, open_key=None, recovered_at=NOW)
    client = sign_in(people["owner"])
    assert "Acknowledge" not in client.get(f"/settings/alerts/{number}").text
    client.post(f"/settings/alerts/{number}/acknowledge")
    assert kept(write, number).acknowledged_at is None


@pytest.mark.parametrize(
    ("kind", "subject", "href"),
    [
        (FAILED, "7:refused", "/logs?q=status%3Afailed+cause%3Arefused"),
        (NOT_UNDERSTOOD, "7", "/logs?q=status%3Anot_understood"),
        (SILENT, "7", "/settings/webhook"),
        ("attention", "7", "/settings/integrations#integration-7"),
    ],
)
def test_each_leads_to_where_it_is_seen_to(
    write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn, kind: str, subject: str, href: str
):
    number = make_alert(write, shop, kind, subject)
    assert f'href="{href}"' in sign_in(people["owner"]).get(f"/settings/alerts/{number}").text


def test_a_broken_rule_leads_to_its_repair(write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn):
    with write() as session:
        target = factories.make_target(session, factories.make_integration(session, shop), gone_at=NOW)
        rule = factories.make_rule(session, target)
        ids = target.id, rule.id
    number = make_alert(write, shop, BROKEN, str(ids[0]))
    assert f'href="/rules/{ids[1]}/edit"' in sign_in(people["owner"]).get(f"/settings/alerts/{number}").text


def test_who_is_told_of_what(write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn):
    client = sign_in(people["admin"])
    ticked = re.findall(r'<input checked[^>]*name="(\w+)"[^>]*value="([^"]*)"', client.get("/settings/alerts").text)
    assert {name: value for name, value in ticked if name == "people"} == {"people": str(people["owner"].id)}
    assert len([value for name, value in ticked if name == "kinds"]) == len(KINDS)
    answer = client.post("/settings/alerts", data={"people": [people["viewer"].id], "kinds": [FAILED]})
    assert answer.location == "/settings/alerts"
    row = watch(write, shop)
    assert (row.people, set(row.muted), row.digest) == ([people["viewer"].id], set(KINDS) - {FAILED}, False)
    with write() as session:
        stranger = factories.make_user(session)
    assert client.post("/settings/alerts", data={"people": [stranger.id], "kinds": ["x"]}).status_code == 422
    assert watch(write, shop).people == [people["viewer"].id]


def test_the_address_of_a_chat_is_sealed_and_never_shown(write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn):
    client = sign_in(people["admin"])
    assert client.post("/settings/alerts/chat", data={"address": ADDRESS}).status_code == 303
    row = watch(write, shop)
    with write():
        assert parts().vault.open(row.chat or b"") == ADDRESS
    page = client.get("/settings/alerts").text
    assert "hooks.slack.com</strong> is told." in page
    assert "hush" not in page
    client.post("/settings/alerts/chat/remove")
    assert (watch(write, shop).chat, watch(write, shop).chat_host) == (None, "")


@pytest.mark.parametrize(
    "address", ["", "http://hooks.slack.com/x", "https://127.0.0.1/x", "https://[::1]/", "https://user:hush@slack.com/"]
)
def test_an_address_inside_is_no_chat(
    write: Write, shop: Marketplace, people: dict[str, User], client: FlaskClient, sign_in: SignIn, address: str
):
    answer = sign_in(people["owner"]).post("/settings/alerts/chat", data={"address": address})
    assert answer.status_code == 422
    assert 'class="err"' in answer.text
    assert watch(write, shop).chat is None


def test_a_test_goes_to_all_who_would_be_told_and_its_fate_is_shown(
    write: Write, shop: Marketplace, people: dict[str, User], sign_in: SignIn
):
    client = sign_in(people["owner"])
    client.post("/settings/alerts/chat", data={"address": ADDRESS})
    assert client.post("/settings/alerts/test").location == "/settings/alerts#messages"
    with write() as session:
        rows = session.scalars(select(Outgoing).order_by(Outgoing.id)).all()
        assert [(row.kind, row.recipient) for row in rows] == [("mail", "owner@shop.test"), ("chat", "hooks.slack.com")]
        outbox.take(session, NOW)
        outbox.failed(session, rows[0].id, "The mail server refused.", NOW)
        outbox.sent(session, rows[1].id, NOW)
    page = client.get("/settings/alerts").text
    assert "The mail server refused. Tried again 24 Nov, 14:03." in page
    assert "Sent</span>" in page
    assert [client.post("/settings/alerts/test").status_code for _ in range(10)][-1] == 429
