"""Integration Setup: connecting a community with its key checked there and then, and everything that the list does."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sandbox.modes import Modes
from sandbox.server import CommunityServer, running
from tests import factories
from tests.factories import NOW
from tests.pages.conftest import Clock, SignIn, Write
from webapp import config
from webapp.apps import Community
from webapp.apps.circle import Circle
from webapp.database import db
from webapp.engine import integrations, loading
from webapp.models import Integration, LogEntry, Marketplace, Rule, Usage, User
from webapp.parts import parts
from webapp.vault import Vault

LIST, NEW = "/settings/integrations", "/settings/integrations/new/circle"
HTMX = {"HX-Request": "true"}
TYPED = {"name": "My community", "api_key": "sandbox-token", "community_url": "https://acme.circle.test"}


@dataclass
class Rung:
    """A bell that remembers what it was told."""

    rings: list[tuple[tuple[int, ...], bool]] = field(default_factory=list)
    chores: list[tuple[Any, ...]] = field(default_factory=list)

    def ring(self, marketplaces: tuple[int, ...] = (), work: bool = True) -> None:
        self.rings.append((tuple(marketplaces), work))

    def chore(self, *said: Any) -> None:
        self.chores.append(said)

    def close(self) -> None: ...


@pytest.fixture
def circle() -> Iterator[CommunityServer]:
    with running() as server:
        yield server


@pytest.fixture
def settings(settings: config.Settings, circle: CommunityServer) -> config.Settings:
    return replace(settings, circle_api_url=circle.api_url)


@pytest.fixture
def bell(app: Flask) -> Rung:
    rung = Rung()
    app.extensions["cartwheel"] = replace(app.extensions["cartwheel"], bell=rung)
    return rung


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        return factories.make_marketplace(session, "Acme Courses", time_zone="Europe/Berlin")


@pytest.fixture
def owner(write: Write, shop: Marketplace) -> User:
    with write() as session:
        return factories.make_user(session, shop)


@pytest.fixture
def client_in(owner: User, sign_in: SignIn) -> FlaskClient:
    return sign_in(owner)


@pytest.fixture
def one(app: Flask, write: Write, shop: Marketplace) -> Integration:
    """A connected integration, whose key is `old-key-0000`."""
    with write() as session:
        sealed = parts().vault.seal(json.dumps({"api_key": "old-key-0000"}))
        public = {"community_url": "https://old.circle.test"}
        return factories.make_integration(session, shop, "Alumni Club", credentials=sealed, public=public, catalog_at=NOW)


def stored(app: Flask) -> list[Integration]:
    with app.app_context():
        return list(db.session.scalars(select(Integration).order_by(Integration.id)))


def again(app: Flask, one: Integration) -> Integration:
    with app.app_context():
        return db.session.get_one(Integration, one.id)


def key_of(app: Flask, one: Integration) -> str:
    with app.app_context():
        vault: Vault = parts().vault
        return str(json.loads(vault.open(one.credentials))["api_key"])


def error(page: str, name: str) -> str:
    """What a field says is wrong with it."""
    found = re.search(rf'id="{name}-e">.*?<span>(.*?)</span>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def value(page: str, name: str) -> str:
    """What stands in a field."""
    control = re.search(rf'<input[^>]*\bname="{name}"[^>]*>', page)
    assert control, name
    found = re.search(r'\bvalue="([^"]*)"', control[0])
    return html.unescape(found[1]) if found else ""


def card(page: str, number: int) -> str:
    """One integration's card."""
    found = re.search(rf'<article[^>]*id="integration-{number}".*?</article>', page, re.DOTALL)
    assert found, number
    return found[0]


def words(text: str) -> str:
    """What a reader sees of it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def filled(one: Integration, **changes: Any) -> dict[str, Any]:
    """Edit's form as it is sent when nothing was touched."""
    given = {"name": one.name, "api_key": "", "community_url": "https://old.circle.test", "mode": "live", "send_invitation": "y"}
    return {**given, "quota": "5000", "batch_share": "80", **changes}


def test_two_steps_lead_to_a_connection(app: Flask, client_in: FlaskClient, bell: Rung, shop: Marketplace) -> None:
    assert "No community is connected" in client_in.get(LIST).text
    assert client_in.post("/settings/integrations/new", data={"app": "circle"}).location == NEW
    form = client_in.get(NEW).text
    assert [value(form, name) for name in TYPED] == ["", "", ""]
    answer = client_in.post(NEW, data={**TYPED, "community_url": "acme.circle.test"})
    assert (answer.status_code, answer.location) == (303, LIST)
    [made] = stored(app)
    assert (made.name, made.marketplace_id, made.public) == ("My community", shop.id, {"community_url": "https://acme.circle.test"})
    assert (key_of(app, made), made.key_tail) == ("sandbox-token", "oken")
    assert made.community
    assert bell.chores == [("workers.jobs.refresh_catalog", made.id)]
    page = client_in.get(LIST).text
    assert "My community is connected." in page
    assert "The catalog loads as soon as a worker is free." in card(page, made.id)
    assert "sandbox-token" not in page
    with app.app_context():
        assert [(row.calls, row.metered) for row in db.session.scalars(select(Usage))] == [(1, 1)]


def test_in_a_dialog_saving_leaves_it(client_in: FlaskClient, bell: Rung) -> None:
    step = client_in.get(NEW, headers=HTMX).text
    assert step.lstrip().startswith("<dialog")
    assert client_in.post(NEW, data=TYPED, headers=HTMX).headers["HX-Redirect"] == LIST


@pytest.mark.parametrize(
    ("modes", "key", "says"),
    [
        (Modes(), "another-key", "Circle does not accept this API key"),
        (Modes(key="wrong_kind"), "sandbox-token", "it is a token of another type"),
        (Modes(plan_without_api=True), "sandbox-token", "plan of this community does not include the API"),
        (Modes(trouble="error"), "sandbox-token", "503"),
    ],
)
def test_what_circle_refuses_is_said_at_the_key(
    app: Flask, client_in: FlaskClient, circle: CommunityServer, bell: Rung, modes: Modes, key: str, says: str
) -> None:
    circle.community.modes = modes
    answer = client_in.post(NEW, data={**TYPED, "api_key": key})
    assert answer.status_code == 422
    assert says in error(answer.text, "api_key")
    assert [value(answer.text, name) for name in TYPED] == ["My community", "", "https://acme.circle.test"]
    assert key not in answer.text
    assert stored(app) == []
    assert bell.chores == []


def test_a_host_that_is_not_there_is_said_at_the_key(app: Flask, client_in: FlaskClient, circle: CommunityServer) -> None:
    circle.stop()
    answer = client_in.post(NEW, data=TYPED)
    assert answer.status_code == 422
    assert "Circle" in error(answer.text, "api_key")
    assert stored(app) == []


def test_what_can_be_wrong_before_anybody_is_asked(app: Flask, client_in: FlaskClient, circle: CommunityServer) -> None:
    page = client_in.post(NEW, data={"name": " ", "api_key": "", "community_url": "javascript:alert(1)"}).text
    assert error(page, "name") == "Give it a name."
    assert error(page, "api_key") == "API Key is missing."
    assert error(page, "community_url") == "This is not the address of a web page."
    assert "Copy it once more" in error(client_in.post(NEW, data={**TYPED, "api_key": "two words"}).text, "api_key")
    assert "longer than 100" in error(client_in.post(NEW, data={**TYPED, "name": "n" * 101}).text, "name")
    assert circle.community.calls == []


def test_no_transaction_waits_for_circle(client_in: FlaskClient, bell: Rung, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def connect(*_: object) -> Community:
        seen.append(db.session.registry.has() and db.session().in_transaction())
        return Community("1", "Acme")

    monkeypatch.setattr(Circle, "connect", connect)
    assert client_in.post(NEW, data=TYPED).status_code == 303
    assert seen == [False]


def test_a_name_is_taken_once(app: Flask, client_in: FlaskClient, one: Integration, bell: Rung) -> None:
    page = client_in.post(NEW, data={**TYPED, "name": "Alumni Club"}).text
    assert error(page, "name") == "Another integration here has this name."
    assert len(stored(app)) == 1


def test_without_redis_the_clock_calls_for_the_catalog(app: Flask, client_in: FlaskClient, clock: Clock) -> None:
    assert client_in.post(NEW, data=TYPED).status_code == 303
    [made] = stored(app)
    with app.app_context():
        assert loading.wanted(db.session(), clock() + timedelta(seconds=11)) == [made.id]


def test_the_list_says_how_each_stands(app: Flask, write: Write, client_in: FlaskClient, shop: Marketplace, one: Integration) -> None:
    with write() as session:
        mine = session.get_one(Integration, one.id)
        space, gone = factories.make_target(session, mine), factories.make_target(session, mine, gone_at=NOW)
        factories.make_target(session, mine, "tag")
        product = factories.make_product(session, shop)
        factories.make_rule(session, space)
        factories.make_rule(session, space, product)
        factories.make_rule(session, gone, product, trigger="product_refunded")
        factories.make_rule(session, gone, deleted_at=NOW)
        session.add(Usage(integration_id=one.id, month="2026-11", calls=900, metered=850))
        session.add(Usage(integration_id=one.id, month="2026-10", calls=900, metered=4000))
        mine.created_at = NOW - timedelta(days=90)
        needy = factories.make_integration(session, shop, "Zebra")
        factories.make_entry(session, shop, factories.make_lane(session, factories.make_customer(session, shop), needy))
        integrations.needs_attention(session, needy, "dead_key", NOW)
        theirs = factories.make_integration(session, factories.make_marketplace(session), "Not ours")
    page = client_in.get(LIST).text
    shown = words(card(page, one.id))
    assert "Alumni Club Connected Circle · old.circle.test" in shown
    assert "Catalog 1 space, 1 tag refreshed just now" in shown
    assert "Rules 3 rules 1 global , 2 on 1 product 1 broken" in shown
    assert "Metered calls in November 850 of 5,000 about 1,100 by 1 December at this pace" in shown
    troubled = words(card(page, needy.id))
    assert "Needs attention" in troubled
    assert "Circle no longer accepts the API key of Zebra." in troubled
    assert "The one entry that waits then runs by itself. Reconnect See 1 entry that waits" in troubled
    assert f"/settings/integrations/{needy.id}/edit" in card(page, needy.id)
    assert page.index(f"integration-{needy.id}") < page.index(f"integration-{one.id}")
    assert "Not ours" not in page
    assert f"integration-{theirs.id}" not in page


@pytest.mark.parametrize(("metered", "says"), [(4200, "800 left"), (5000, "Used up until 1 December"), (0, "None so far")])
def test_the_meter_warns(write: Write, client_in: FlaskClient, one: Integration, metered: int, says: str) -> None:
    with write() as session:
        session.add(Usage(integration_id=one.id, month="2026-11", calls=metered, metered=metered))
    assert says in words(card(client_in.get(LIST).text, one.id))


@pytest.mark.parametrize(
    ("metered", "share", "says"),
    [
        (4100, 80, "82 % of the requests that the plan includes for November are used. Batches wait until 1 December"),
        (4100, 90, "82 % of the requests that the plan includes for November are used. Look at"),
        (5200, 100, "The requests that the plan includes for November are used up. Batches wait until 1 December"),
        (3999, 50, ""),
    ],
)
def test_from_80_percent_on_there_is_a_warning(
    write: Write, client_in: FlaskClient, one: Integration, metered: int, share: int, says: str
) -> None:
    with write() as session:
        session.add(Usage(integration_id=one.id, month="2026-11", calls=metered, metered=metered))
        session.get_one(Integration, one.id).batch_share = share
    shown = words(card(client_in.get(LIST).text, one.id))
    assert says in shown
    assert bool(says) == ("that the plan includes for November" in shown)


def test_where_batches_are_held_is_picked(app: Flask, client_in: FlaskClient, one: Integration) -> None:
    assert "when 80 % of them are used" in client_in.get(f"{LIST}/{one.id}/edit").text
    client_in.post(f"{LIST}/{one.id}/edit", data=filled(one, batch_share="0"))
    with app.app_context():
        assert db.session.get_one(Integration, one.id).batch_share == 0
    assert client_in.post(f"{LIST}/{one.id}/edit", data=filled(one, batch_share="7")).status_code == 422


def test_what_belongs_to_others_is_not_there(write: Write, client_in: FlaskClient) -> None:
    with write() as session:
        theirs = factories.make_integration(session, factories.make_marketplace(session))
    at = f"{LIST}/{theirs.id}"
    for address in (at, f"{at}/edit", f"{at}/delete"):
        assert client_in.get(address).status_code == 404
    for address, data in ((f"{at}/refresh", {}), (f"{at}/resume", {}), (f"{at}/start", {}), (f"{at}/delete", {"name": theirs.name})):
        assert client_in.post(address, data=data).status_code == 404
    assert client_in.post(f"{at}/edit", data=filled(theirs)).status_code == 404
    assert client_in.get("/settings/integrations/new/nothing").status_code == 404


def test_a_viewer_looks_and_changes_nothing(
    app: Flask, write: Write, sign_in: SignIn, shop: Marketplace, one: Integration, circle: CommunityServer
) -> None:
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
    client = sign_in(viewer)
    page = client.get(LIST).text
    assert "Alumni Club" in page
    assert "New Integration" not in page
    assert not re.search(r"<form|/edit|/delete", card(page, one.id))
    at = f"{LIST}/{one.id}"
    for address in ("/settings/integrations/new", NEW, f"{at}/edit", f"{at}/delete"):
        assert client.get(address).status_code == 403
    posts: dict[str, dict[str, str]] = {f"{at}/{what}": {} for what in ("refresh", "resume", "start")}
    for address, data in {**posts, NEW: TYPED, f"{at}/edit": filled(one, name="X"), f"{at}/delete": {"name": one.name}}.items():
        assert client.post(address, data=data).status_code == 403
    assert circle.community.calls == []
    assert [row.name for row in stored(app)] == ["Alumni Club"]


def load(write: Write, one: Integration, **progress: Any) -> None:
    with write() as session:
        session.get_one(Integration, one.id).catalog = progress


def test_refresh_is_wished_for_once_and_shows_how_far_it_is(
    app: Flask, write: Write, client_in: FlaskClient, one: Integration, bell: Rung, clock: Clock
) -> None:
    at = f"{LIST}/{one.id}"
    assert client_in.post(f"{at}/refresh").location == at
    assert f'hx-get="{at}"' in client_in.post(f"{at}/refresh", headers=HTMX).text
    assert bell.chores == [("workers.jobs.refresh_catalog", one.id)]
    with write() as session:
        run = loading.begin(session, one.id, clock())
        assert run
        loading.tell(session, one.id, run, ("space", 100, 230), clock())
    moving = client_in.get(at, headers=HTMX).text
    assert moving.lstrip().startswith("<article")
    assert "Loading spaces 100 of 230" in words(moving)
    assert f'hx-get="{at}" hx-trigger="every 1s"' in moving
    assert f'<noscript><p class="small"><a href="{at}">' in client_in.get(at).text
    clock.time += loading.DEAD_AFTER
    assert "Another one begins by itself." in client_in.get(at).text


def test_what_a_refresh_changed_is_said_for_an_hour(write: Write, client_in: FlaskClient, one: Integration, clock: Clock) -> None:
    load(write, one, sentence="3 new spaces, 1 gone: 2 rules are broken now.", names={"gone": ["Founders' Lounge"]})
    shown = card(client_in.get(f"{LIST}/{one.id}", headers=HTMX).text, one.id)
    assert "3 new spaces, 1 gone: 2 rules are broken now." in shown
    assert "Gone: Founders' Lounge" in html.unescape(shown)
    assert "hx-get" not in shown
    clock.time += timedelta(hours=1)
    assert "3 new spaces" not in client_in.get(LIST).text


def test_a_load_that_failed_says_why(write: Write, client_in: FlaskClient, one: Integration) -> None:
    load(write, one, error="Circle did not answer.", todo="Press Refresh to try again.")
    shown = words(card(client_in.get(LIST).text, one.id))
    assert "The catalog could not be loaded. Circle did not answer. Press Refresh to try again." in shown


def test_a_plan_without_api_is_mended_by_refresh(write: Write, client_in: FlaskClient, one: Integration) -> None:
    with write() as session:
        integrations.needs_attention(session, session.get_one(Integration, one.id), "no_api_plan", NOW)
    shown = card(client_in.get(LIST).text, one.id)
    assert "After the upgrade press Refresh" in shown
    assert shown.count(f'action="{LIST}/{one.id}/refresh"') == 2


def test_edit_changes_what_needs_no_question(app: Flask, client_in: FlaskClient, circle: CommunityServer, one: Integration) -> None:
    at = f"{LIST}/{one.id}/edit"
    form = client_in.get(at).text
    assert (value(form, "name"), value(form, "community_url"), value(form, "api_key")) == (one.name, "https://old.circle.test", "")
    assert "It ends with 7f3a." in form
    changes = {"name": "Club", "community_url": "", "mode": "watching", "quota": "30000"}
    sent = filled(one, **changes)
    del sent["send_invitation"]
    assert client_in.post(at, data=sent).location == LIST
    now = again(app, one)
    assert (now.name, now.public, now.watch_only, now.quota, now.send_invitation) == ("Club", {}, True, 30_000, False)
    assert key_of(app, now) == "old-key-0000"
    assert circle.community.calls == []


def test_another_key_reconnects(app: Flask, write: Write, client_in: FlaskClient, shop: Marketplace, one: Integration, bell: Rung) -> None:
    with write() as session:
        mine = session.get_one(Integration, one.id)
        lane = factories.make_lane(session, factories.make_customer(session, shop), mine)
        factories.make_entry(session, shop, lane)
        integrations.needs_attention(session, mine, "dead_key", NOW)
    at = f"{LIST}/{one.id}/edit"
    form = client_in.get(at).text
    assert re.search(r'<input[^>]*autofocus[^>]*name="api_key"', form)
    assert client_in.post(at, data=filled(one, api_key="sandbox-token")).location == LIST
    now = again(app, one)
    assert (now.attention, key_of(app, now), now.key_tail) == (None, "sandbox-token", "oken")
    with app.app_context():
        assert db.session.get_one(type(lane), lane.id).due_at == NOW
    assert bell.rings == [((shop.id,), True)]
    assert bell.chores == [("workers.jobs.refresh_catalog", one.id)]
    assert "Alumni Club is connected again." in client_in.get(LIST).text


def test_a_key_that_is_refused_changes_nothing_and_is_counted(app: Flask, client_in: FlaskClient, one: Integration, bell: Rung) -> None:
    answer = client_in.post(f"{LIST}/{one.id}/edit", data=filled(one, name="Renamed", api_key="wrong-key-9999"))
    assert answer.status_code == 422
    assert "does not accept this API key" in error(answer.text, "api_key")
    assert value(answer.text, "name") == "Renamed"
    assert "wrong-key-9999" not in answer.text
    now = again(app, one)
    assert (now.name, key_of(app, now)) == ("Alumni Club", "old-key-0000")
    with app.app_context():
        assert [row.metered for row in db.session.scalars(select(Usage))] == [1]
    assert bell.rings == []


def test_a_key_of_another_community_is_refused(app: Flask, write: Write, client_in: FlaskClient, one: Integration, bell: Rung) -> None:
    with write() as session:
        mine = session.get_one(Integration, one.id)
        mine.community_id, mine.community = "4711", "Alumni"
    page = client_in.post(f"{LIST}/{one.id}/edit", data=filled(one, api_key="sandbox-token")).text
    assert "This key opens another community" in error(page, "api_key")
    assert "about Alumni" in error(page, "api_key")
    assert key_of(app, again(app, one)) == "old-key-0000"


def test_edits_name_is_taken_once(app: Flask, write: Write, client_in: FlaskClient, shop: Marketplace, one: Integration) -> None:
    with write() as session:
        factories.make_integration(session, shop, "Taken")
    page = client_in.post(f"{LIST}/{one.id}/edit", data=filled(one, name="Taken", mode="paused")).text
    assert error(page, "name") == "Another integration here has this name."
    assert again(app, one).paused_at is None


def test_a_pause_ends_where_it_stands(
    app: Flask, write: Write, client_in: FlaskClient, shop: Marketplace, one: Integration, bell: Rung
) -> None:
    with write() as session:
        session.get_one(Integration, one.id).watch_only = True
    client_in.post(f"{LIST}/{one.id}/edit", data=filled(one, mode="paused"))
    assert (again(app, one).paused_at, again(app, one).watch_only) == (NOW, True)
    assert "Paused: nothing is called." in card(client_in.get(LIST).text, one.id)
    bell.rings.clear()
    shown = client_in.post(f"{LIST}/{one.id}/resume", headers=HTMX).text
    assert "Watch only" in shown
    assert again(app, one).paused_at is None
    assert bell.rings == [((shop.id,), True)]
    shown = client_in.post(f"{LIST}/{one.id}/start", headers=HTMX).text
    assert "Connected" in shown
    assert again(app, one).watch_only is False


def test_edit_ends_a_pause_too(app: Flask, write: Write, client_in: FlaskClient, one: Integration) -> None:
    with write() as session:
        integrations.pause(session, session.get_one(Integration, one.id), NOW)
    assert re.search(r'<input checked[^>]*value="paused"', client_in.get(f"{LIST}/{one.id}/edit").text)
    client_in.post(f"{LIST}/{one.id}/edit", data=filled(one))
    assert again(app, one).paused_at is None


def test_a_deletion_counts_what_goes_and_asks_for_the_name(
    app: Flask, write: Write, client_in: FlaskClient, shop: Marketplace, one: Integration, bell: Rung
) -> None:
    with write() as session:
        mine = session.get_one(Integration, one.id)
        for product in (None, factories.make_product(session, shop)):
            factories.make_rule(session, factories.make_target(session, mine), product)
        lane = factories.make_lane(session, factories.make_customer(session, shop), mine, due_at=NOW)
        entry = factories.make_entry(session, shop, lane)
    at = f"{LIST}/{one.id}/delete"
    asked = words(client_in.get(at).text)
    assert "2 rules go with it, and 1 waiting entry will never run." in asked
    assert "Delete with 2 rules" in asked
    wrong = client_in.post(at, data={"name": "Alumni"})
    assert (wrong.status_code, error(wrong.text, "name")) == (422, "This is not its name.")
    assert again(app, one).deleted_at is None
    assert client_in.post(at, data={"name": " Alumni Club "}).location == LIST
    assert again(app, one).deleted_at == NOW
    assert bell.rings == [((shop.id,), False)]
    page = client_in.get(LIST).text
    assert "Alumni Club is deleted, with 2 rules. Its log stays." in html.unescape(page)
    assert f"integration-{one.id}" not in page
    with app.app_context():
        assert all(rule.deleted_at for rule in db.session.scalars(select(Rule)))
        assert db.session.get_one(LogEntry, entry.id).status == "skipped"
    assert client_in.get(f"{LIST}/{one.id}").status_code == 404


def test_a_pause_that_circle_asked_for_is_told(write: Write, client_in: FlaskClient, one: Integration, clock: Clock) -> None:
    with write() as session:
        session.get_one(Integration, one.id).hold_until = NOW + timedelta(minutes=2)
    assert "Circle asked for a pause" in card(client_in.get(LIST).text, one.id)
    clock.time += timedelta(minutes=3)
    assert "asked for a pause" not in client_in.get(LIST).text


def test_a_circle_that_does_not_answer_is_told(write: Write, client_in: FlaskClient, one: Integration) -> None:
    with write() as session:
        row = session.get_one(Integration, one.id)
        row.failures, row.failing_since = 5, NOW - timedelta(minutes=5)
        row.hold_until, row.hold_reason = NOW + timedelta(minutes=2), "no_answer"
    assert "Circle has not answered since 24 Nov, 14:57" in words(card(client_in.get(LIST).text, one.id))


def test_the_tabs_count_the_global_rules(write: Write, client_in: FlaskClient, one: Integration) -> None:
    with write() as session:
        target = factories.make_target(session, session.get_one(Integration, one.id))
        factories.make_rule(session, target)
        factories.make_rule(session, target, trigger="product_refunded", deleted_at=NOW)
    assert "Global Rules 1 Logs" in words(client_in.get(LIST).text)
