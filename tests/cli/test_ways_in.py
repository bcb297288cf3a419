"""`flask setup-link`, `flask user reset-link` and `flask demo`: how one gets in, and what the demo is made of."""

from __future__ import annotations

import json
import re
import stat
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox import demo as sandbox_demo
from sandbox.community import Community
from sandbox.messages import from_file
from sandbox.server import running
from tests import factories
from tests.cli.conftest import Desk, opened
from tests.conftest import make_settings
from webapp.database import writing
from webapp.engine import accounts, sessions
from webapp.models import Integration, LogEntry, Marketplace, Product, Role, Rule, Target, User
from webapp.passwords import check_password

LINK = re.compile(r"http://cartwheel\.test(/link/\S+)")


def path_in(printed: str) -> str:
    found = LINK.search(printed)
    assert found is not None, printed
    return found[1]


@pytest.fixture
def shop(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Desk]:
    """An app as `make run` has it: the demo is wanted, and there is the sandbox's community."""
    community = Community(lambda: factories.NOW, name=sandbox_demo.NAME, tokens=(sandbox_demo.KEY,))
    sandbox_demo.fill(community)
    with running(community) as server:
        settings = make_settings(database_url, redis_url, tmp_path, CIRCLE_API_URL=server.api_url, DEMO="1", PORT="8123")
        with opened(settings, tmp_path) as made:
            yield made


# ---- setup-link


def test_a_fresh_deployment_is_set_up_by_its_link_alone(desk: Desk) -> None:
    first = path_in(desk.run("setup-link").out)
    second = path_in(desk.run("setup-link").out)
    client = desk.client
    assert client.get(first).status_code == 410  # only the newest works
    assert client.get(second).status_code == 200
    form = {"email": "first@shop.test", "password": "correct horse", "marketplace": "Acme", "time_zone": "UTC"}
    assert client.post(second, data=form).status_code == 303
    assert desk.one(Marketplace).name == "Acme"
    assert desk.client.get(second).status_code == 410


def test_a_set_up_link_ends_after_a_week(desk: Desk) -> None:
    link = path_in(desk.run("setup-link").out)
    desk.clock.time += timedelta(days=7, seconds=1)
    assert desk.client.get(link).status_code == 410


def test_where_there_are_accounts_it_says_where_to_sign_in(desk: Desk) -> None:
    desk.apply()
    assert desk.run("setup-link").out == "Sign in at http://cartwheel.test/sign-in\n"


# ---- user reset-link


def test_a_reset_link_takes_a_new_password_once(desk: Desk) -> None:
    desk.apply()
    done = desk.run("user", "reset-link", " Owner@Example.com")
    link = path_in(done.out)
    assert done.out == f"http://cartwheel.test{link}\n"  # nothing else: it can be handed on
    assert desk.client.post(link, data={"password": "battery staple"}).status_code == 303
    assert check_password(desk.one(User).password_hash, "battery staple").right
    assert desk.client.get(link).status_code == 410


def test_a_reset_link_for_nobody(desk: Desk) -> None:
    done = desk.run("user", "reset-link", "nobody@shop.test")
    assert (done.code, done.out, done.err) == (1, "", "Error: Nobody has an account as nobody@shop.test.\n")


# ---- user second-step-off


def test_who_has_lost_phone_and_codes_is_let_in_by_their_password(desk: Desk) -> None:
    desk.apply()
    with desk.app.app_context(), writing() as session:
        user = accounts.find_user(session, "owner@example.com")
        assert user
        sessions.switch_on(session, user.id, b"sealed", 0, ["hash"])
    done = desk.run("user", "second-step-off", " Owner@Example.com")
    assert (done.code, done.err) == (0, "A password is enough for owner@example.com now.\n")
    assert desk.one(User).totp is None
    assert desk.run("user", "second-step-off", "nobody@shop.test").code == 1


# ---- demo


def test_the_demo_is_a_marketplace_with_three_products_and_five_rules(shop: Desk) -> None:
    done = shop.run("demo")
    assert done.code == 0, done.err
    assert len(shop.rows(Product)) == 3
    assert len(shop.rows(Rule)) == 5
    community = shop.one(Integration)
    assert community.attention is None
    with urllib.request.urlopen(community.public["community_url"], timeout=10) as page:
        assert sandbox_demo.NAME in page.read().decode()
    assert all(target.gone_at is None for target in shop.rows(Target))


def test_the_sandbox_is_told_where_to_post_and_nobody_else(shop: Desk) -> None:
    shop.run("demo")
    file = shop.folder / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = from_file(file)
    assert told is not None
    assert told.url.startswith("http://127.0.0.1:8123/webhooks/")
    body = {
        "type": "order.created",
        "timestamp": "2026-11-24T14:00:00Z",
        "data": {"order_id": "1", "customer": {"email": "mina@shop.test"}, "items": [{"product_id": "ads-101", "kind": "primary"}]},
    }
    assert shop.post({"path": told.url.removeprefix("http://127.0.0.1:8123"), "secret": told.secret}, body) == 202
    assert len(shop.rows(LogEntry)) == 3


def test_what_was_changed_in_the_demo_stays_changed(shop: Desk) -> None:
    """`make run` calls it each time: what somebody has deleted or renamed while trying does not come back."""
    shop.run("demo")
    with shop.write() as session:
        session.delete(session.get_one(Rule, shop.rows(Rule)[0].id))
        session.get_one(Marketplace, shop.one(Marketplace).id).name = "My Shop"
    (shop.folder / "demo.json").unlink()
    assert shop.run("demo").code == 0
    assert (shop.one(Marketplace).name, len(shop.rows(Rule))) == ("My Shop", 4)
    assert json.loads((shop.folder / "demo.json").read_text())["webhook_url"]


def test_a_demo_that_was_deleted_stays_so(shop: Desk) -> None:
    shop.run("demo")
    with shop.write() as session:
        session.delete(session.get_one(Marketplace, shop.one(Marketplace).id))
    assert shop.run("demo").code == 0
    assert shop.rows(Marketplace) == []
    assert not (shop.folder / "demo.json").exists()


def test_the_demo_is_entered_by_a_link_that_works_once(shop: Desk) -> None:
    shop.run("demo")
    link = path_in(shop.run("setup-link").out)
    client = shop.client
    assert (client.get(link).status_code, client.get("/logs").status_code) == (303, 200)
    assert shop.client.get(link).status_code == 410
    assert shop.rows(Role)[0].role == "owner"


def test_no_demo_where_none_is_wanted_and_never_at_the_real_circle(desk: Desk, database_url: str, redis_url: str, tmp_path: Path) -> None:
    done = desk.run("demo")
    assert (done.code, done.err) == (1, "Error: There is no demo here: DEMO is 0.\n")
    with opened(make_settings(database_url, redis_url, tmp_path, DEMO="1"), tmp_path) as real:
        done = real.run("demo")
    assert (done.code, done.err) == (1, "Error: There is no sandbox here that the demo could be connected to. `make run` brings one.\n")
    assert desk.rows(User) == []


# ---- no database


def test_a_database_without_tables_is_a_sentence(empty_database_url: str, redis_url: str, tmp_path: Path) -> None:
    with opened(make_settings(empty_database_url, redis_url, tmp_path), tmp_path) as bare:
        for done in (bare.apply(), bare.run("logs"), bare.run("setup-link"), bare.run("user", "reset-link", "a@b.test")):
            assert (done.code, done.out) == (1, "")
            assert done.err.startswith("Error: The database can't be used: ")
            assert done.err.endswith("`flask --app wsgi db upgrade` brings it up to date.\n")
            assert done.err.count("\n") == 1
