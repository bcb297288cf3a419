"""An entry's page: the answer first, what there is to do, the story; and replaying, skipping, removing anyway."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.factories import NOW
from tests.pages.conftest import Clock, SignIn, Write
from webapp.models import Call, CallEntry, Event, Grant, Integration, LogEntry, Marketplace, Purchase, Rule, Source, Target, User


class Scene:
    """A marketplace with a rule, and what its checkout sent."""

    def __init__(self, write: Write) -> None:
        self.write = write
        with write() as session:
            self.shop = factories.make_marketplace(session, "Acme Courses", time_zone="Europe/Berlin")
            self.integration = factories.make_integration(session, self.shop, "My community", key_tail="7f3a")
            self.target = factories.make_target(session, self.integration, name="VIP Room")
            self.product = factories.make_product(session, self.shop, "Ads 101", external_id="ads/101")
            self.rule = factories.make_rule(session, self.target, self.product)
            self.customer = factories.make_customer(session, self.shop, "maya@shop.test", first_name="Maya")
            self.lane = factories.make_lane(session, self.customer, self.integration)
            self.source = Source(id=factories.new_id(), marketplace_id=self.shop.id, kind="cartwheel", address="here", created_at=NOW)
            session.add(self.source)

    def event(self, body: bytes = b'{"type": "order.created"}', **fields: Any) -> Event:
        given = {"type": "order.created", "key": "msg_1", "at": NOW, "received_at": NOW, **fields}
        with self.write() as session:
            made = Event(id=factories.new_id(), marketplace_id=self.shop.id, source_id=self.source.id, body=body, **given)
            session.add(made)
        return made

    def entry(self, status: str = "succeeded", **fields: Any) -> LogEntry:
        waits = (
            {"open_lane_id": self.lane.id} if status in {"queued", "retrying", "parked"} else {"finished_at": NOW + timedelta(seconds=2)}
        )
        about = {
            "customer_id": self.customer.id, "product_id": self.product.id, "integration_id": self.integration.id, "rule_id": self.rule.id,
            "target_id": self.target.id, "lane_id": self.lane.id, "trigger": "product_purchased", "action": "add_to_space",
        }  # fmt: skip
        with self.write() as session:
            return factories.make_entry(session, self.shop, status=status, **{**about, **waits, **fields})

    def call(self, *entries: LogEntry, **fields: Any) -> None:
        given = {"at": NOW, "method": "POST", "path": "/space_members", "says": "add maya@shop.test to the space VIP Room", **fields}
        with self.write() as session:
            made = Call(id=factories.new_id(), lane_id=self.lane.id, integration_id=self.integration.id, **given)
            session.add(made)
            session.flush()
            session.add_all(CallEntry(entry_id=entry.id, call_id=made.id) for entry in entries)


@pytest.fixture
def scene(write: Write) -> Scene:
    return Scene(write)


@pytest.fixture
def owner(write: Write, scene: Scene, sign_in: SignIn) -> FlaskClient:
    with write() as session:
        user = factories.make_user(session, scene.shop, email="owner@shop.test")
    return sign_in(user)


def told(answer: Any) -> str:
    """What a page says, without its markup."""
    main = answer.text[answer.text.index("<main") :]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)))


def steps(answer: Any) -> list[str]:
    """The story's headings."""
    return [html.unescape(re.sub(r"<small>.*", "", title)) for title in re.findall(r"<h3>(.*?)</h3>", answer.text)]


def buttons(answer: Any) -> list[str]:
    """What can be done, in the page's order."""
    main = answer.text[answer.text.index('class="answer"') : answer.text.index('class="split"')]
    return [label.strip() for label in re.findall(r"<(?:button|a class=\"btn)[^>]*>(?:<svg.*?</svg>)?(?:<span>)?([^<]+)", main)]


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        ("succeeded", "Maya was added to the space VIP Room"),
        ("failed", "Maya could not be added to the space VIP Room"),
        ("unchanged", "Nothing had to be done for Maya"),
        ("skipped", "Skipped: Maya was not added to the space VIP Room"),
        ("queued", "Maya is to be added to the space VIP Room"),
        ("retrying", "Maya is to be added to the space VIP Room"),
    ],
)
def test_the_answer_comes_first(scene: Scene, owner: FlaskClient, status: str, headline: str) -> None:
    made = scene.entry(status, sentence="This is what happened.", todo="This is what to do.")
    answer = owner.get(f"/logs/{made.id}")
    assert re.findall(r"<h1>(.*?)</h1>", answer.text) == [headline]
    assert "What happened This is what happened." in told(answer)
    assert "What to do This is what to do." in told(answer)
    assert f"<title>{headline} · Acme Courses · Cartwheel</title>" in answer.text


def test_without_a_first_name_it_is_the_address(scene: Scene, owner: FlaskClient, write: Write) -> None:
    with write() as session:
        unnamed = factories.make_customer(session, scene.shop, "x@shop.test")
    made = scene.entry(customer_id=unnamed.id)
    assert "<h1>x@shop.test was added to the space VIP Room</h1>" in owner.get(f"/logs/{made.id}").text


@pytest.mark.parametrize(
    ("status", "fields", "offered"),
    [
        ("failed", {}, ["Replay", "Skip"]),
        ("succeeded", {}, ["Replay"]),
        ("skipped", {}, ["Replay"]),
        ("unchanged", {}, ["Replay"]),
        ("unchanged", {"details": {"kept": True}}, ["Replay", "Remove anyway"]),
        ("queued", {}, ["Skip"]),
        ("retrying", {}, ["Skip"]),
        ("no_rule", {"rule_id": None, "action": None, "integration_id": None, "target_id": None}, ["New Rule"]),
        ("nothing", {"rule_id": None, "action": None, "integration_id": None, "target_id": None}, []),
    ],
)
def test_what_can_be_done_is_offered(scene: Scene, owner: FlaskClient, status: str, fields: dict[str, Any], offered: list[str]) -> None:
    assert buttons(owner.get(f"/logs/{scene.entry(status, **fields).id}")) == offered


def test_what_runs_now_is_left_alone(scene: Scene, owner: FlaskClient, write: Write) -> None:
    made = scene.entry("queued")
    with write() as session:
        session.get_one(factories.Lane, scene.lane.id).claimed_until = NOW + timedelta(seconds=20)
    answer = owner.get(f"/logs/{made.id}")
    assert buttons(answer) == []
    assert steps(answer)[-1] == "A call is under way"


def test_viewers_look(scene: Scene, write: Write, sign_in: SignIn) -> None:
    made = scene.entry("failed")
    with write() as session:
        viewer = factories.make_user(session, scene.shop, "viewer")
    client = sign_in(viewer)
    assert buttons(client.get(f"/logs/{made.id}")) == []
    for act in ("replay", "skip", "cancel", "remove-anyway"):
        assert client.post(f"/logs/{made.id}/{act}").status_code == 403


def test_a_rule_whose_target_is_gone_is_repaired_first(scene: Scene, owner: FlaskClient, write: Write) -> None:
    made = scene.entry("failed", cause="target_gone")
    with write() as session:
        session.get_one(Target, scene.target.id).gone_at = NOW
    answer = owner.get(f"/logs/{made.id}")
    assert buttons(answer) == ["Repair rule", "Skip"]
    assert f'href="/rules/{scene.rule.id}/edit"' in answer.text
    assert "Broken" in told(answer)
    with write() as session:
        elsewhere = factories.make_target(session, session.get_one(Integration, scene.integration.id), name="Lounge")
        session.get_one(Rule, scene.rule.id).target_id = elsewhere.id
    assert buttons(owner.get(f"/logs/{made.id}")) == ["Replay", "Skip"]


def test_a_dead_key_is_answered_with_reconnect(scene: Scene, owner: FlaskClient, write: Write) -> None:
    made = scene.entry("queued")
    with write() as session:
        session.get_one(Integration, scene.integration.id).attention = "dead_key"
    answer = owner.get(f"/logs/{made.id}")
    assert buttons(answer) == ["Reconnect", "Skip"]
    assert f'href="/settings/integrations/{scene.integration.id}/edit"' in answer.text
    assert "This entry then runs by itself, in its turn." in told(answer)
    assert steps(answer)[-1] == "Waits until My community is connected again"


def test_the_story_goes_from_the_message_to_the_calls(scene: Scene, owner: FlaskClient) -> None:
    event = scene.event(b'{"type": "order.created", "name": "<script>alert(1)</script>"}')
    made, other = scene.entry(event_id=event.id), scene.entry(event_id=event.id, sentence="Second.")
    scene.call(made, other, status=0, answer="No answer within 20 s.", duration_ms=20000)
    scene.call(made, at=NOW + timedelta(minutes=1), status=201, answer='{"id": 5}', body='{"space_id": 41}', duration_ms=412)
    answer = owner.get(f"/logs/{made.id}")
    assert steps(answer) == [
        "Your checkout sent a message",
        "Signature checked and message understood",
        "2 rules matched",
        "2 calls were needed",
        "Call 1: Add maya@shop.test to the space VIP Room",
        "Call 2: Add maya@shop.test to the space VIP Room",
    ]
    text = told(answer)
    said = ("No answer within 20 s.", "1 other entry was served by the same call.", "201 Created", "201 · 0.4 s", "POST /space_members")
    for words in said:
        assert words in text
    assert "Authorization: Bearer ••••7f3a" in text
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert f'href="/logs/{other.id}">succeeded</a>' in answer.text
    assert re.findall(r'<details class="more"[^>]*?( open)?>', answer.text) == ["", "", " open"], (
        "only the last call's evidence is unfolded"
    )
    assert 'class="gap"' in answer.text, "a minute passed between the calls"


def test_a_body_that_is_no_text_is_shown_as_well_as_it_goes(scene: Scene, owner: FlaskClient) -> None:
    event = scene.event(b"\xff\x00 not json", errors=[{"field": "data.items", "message": "It is missing."}], type="order.odd")
    made = scene.entry("not_understood", event_id=event.id, rule_id=None, action=None, integration_id=None, customer_id=None)
    answer = owner.get(f"/logs/{made.id}")
    assert answer.status_code == 200
    assert steps(answer) == ["Your checkout sent a message", "Signature checked, but the message was not understood"]
    assert "data.items : It is missing." in told(answer)
    assert "not json" in answer.text


def test_rules_that_came_close_are_named(scene: Scene, owner: FlaskClient) -> None:
    close = [{"rule": scene.rule.id, "asks": "Add to space VIP Room.", "why": "It is switched off."}]
    bare = {"rule_id": None, "action": None, "integration_id": None, "target_id": None}
    answer = owner.get(f"/logs/{scene.entry('no_rule', details={'close': close}, **bare).id}")
    assert "Add to space VIP Room : It is switched off." in told(answer)
    assert f'href="/rules/{scene.rule.id}/edit"' in answer.text


def test_facts_lead_on(scene: Scene, owner: FlaskClient) -> None:
    page = owner.get(f"/logs/{scene.entry().id}").text
    links = {unquote(href) for href in re.findall(r'href="([^"]+)"', page)}
    wanted = {"/customers/maya@shop.test", "/products/ads/101", f"/rules/{scene.rule.id}/edit"}
    assert wanted | {f"/settings/integrations#integration-{scene.integration.id}"} < links


def test_an_open_entry_asks_again_until_it_has_ended(scene: Scene, owner: FlaskClient, write: Write) -> None:
    made = scene.entry("queued")
    page = owner.get(f"/logs/{made.id}").text
    found = re.search(r'hx-get="([^"]+)" hx-trigger="every 2s"', page)
    assert found
    again = html.unescape(found[1])
    assert owner.get(again, headers={"HX-Request": "true"}).status_code == 204
    with write() as session:
        row = session.get_one(LogEntry, made.id)
        row.status, row.open_lane_id, row.changed_at = "succeeded", None, NOW + timedelta(seconds=1)
    part = owner.get(again, headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div class="stack-l" id="entry"')
    assert "every 2s" not in part.text


def test_replay_makes_an_entry_of_its_own_and_shows_it(scene: Scene, owner: FlaskClient, clock: Clock, write: Write) -> None:
    made = scene.entry("failed")
    answer = owner.post(f"/logs/{made.id}/replay")
    assert answer.status_code == 303
    replay = int(answer.headers["Location"].rsplit("/", 1)[1])
    assert replay != made.id
    page = owner.get(answer.headers["Location"])
    assert "Replayed by hand" in steps(page)
    assert f'href="/logs/{made.id}"' in page.text
    with write() as session:
        assert session.get_one(LogEntry, replay).replays_id == made.id


def test_what_is_refused_says_why_where_one_is(scene: Scene, owner: FlaskClient) -> None:
    made = scene.entry("queued")
    answer = owner.post(f"/logs/{made.id}/replay")
    assert answer.status_code == 409
    assert "It has not ended yet." in told(answer)
    assert "Maya is to be added" in told(answer)


def test_skip_says_who(scene: Scene, owner: FlaskClient) -> None:
    made = scene.entry("failed", sentence="Circle refused it.")
    answer = owner.post(f"/logs/{made.id}/skip", follow_redirects=True)
    assert "Skipped by owner@shop.test. Circle refused it." in told(answer)


def test_what_waits_for_its_time_is_canceled_by_name(scene: Scene, owner: FlaskClient, write: Write, clock: Clock) -> None:
    at = clock() + timedelta(days=3)
    made = scene.entry("queued", action="remove_from_space", due_at=at, sentence="Will be removed on 27 November.")
    with write() as session:
        bought = Purchase(id=factories.new_id(), marketplace_id=scene.shop.id, customer_id=scene.customer.id, ground="order:1", state_at=at)
        bought.product_id, bought.bought_at = scene.product.id, at
        mark = Grant(
            id=factories.new_id(), lane_id=scene.lane.id, target_id=scene.target.id, purchase_id=bought.id, entry_id=made.id, tie="m"
        )
        mark.op, mark.at, mark.asked_at = "close", at, clock()
        session.add(bought)
        session.flush()
        session.add(mark)
    answer = owner.get(f"/logs/{made.id}")
    assert buttons(answer) == ["Cancel"]
    assert "Maya is to be removed from the space VIP Room" in told(answer)
    answer = owner.post(f"/logs/{made.id}/cancel", follow_redirects=True)
    assert "Canceled by owner@shop.test: nothing is taken." in told(answer)
    assert "Skipped: Maya was not removed from the space VIP Room" in told(answer)
    assert owner.post(f"/logs/{made.id}/cancel").status_code == 409


def test_remove_anyway_makes_an_entry_of_its_own(scene: Scene, owner: FlaskClient, write: Write) -> None:
    made = scene.entry("unchanged", action="remove_from_space", details={"kept": True})
    answer = owner.post(f"/logs/{made.id}/remove-anyway")
    assert answer.status_code == 303
    with write() as session:
        removal = session.scalars(select(LogEntry).where(LogEntry.replays_id == made.id)).one()
    assert answer.headers["Location"] == f"/logs/{removal.id}"
    assert buttons(owner.get(f"/logs/{made.id}")) == ["Replay"]


def test_nothing_is_done_to_somebody_elses_entry(scene: Scene, write: Write, sign_in: SignIn) -> None:
    made = scene.entry("failed")
    with write() as session:
        stranger: User = factories.make_user(session, factories.make_marketplace(session))
    client = sign_in(stranger)
    assert client.get(f"/logs/{made.id}").status_code == 404
    for act in ("replay", "skip", "cancel", "remove-anyway"):
        assert client.post(f"/logs/{made.id}/{act}").status_code == 404
    with write() as session:
        assert session.scalars(select(LogEntry.status)).all() == ["failed"]
        assert session.get_one(Marketplace, scene.shop.id)
