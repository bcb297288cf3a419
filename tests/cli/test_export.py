"""`flask export`: a marketplace as the file that `apply` takes."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
import yaml

from sandbox.community import Community
from sandbox.server import CommunityServer
from tests import factories
from tests.cli.conftest import KEY, MARKET, Desk, opened
from tests.conftest import make_settings
from webapp.database import options
from webapp.models import Base, Integration, Marketplace, Product, Rule, Source, Target

MORE = """\
  - {product: ads-101, trigger: product_purchased, integration: My community, action: add_tag, target: Student, for: 30d}
  - {trigger: product_refunded, integration: My community, action: remove_from_space, target: VIP Room, removal: always, after: 3d}
  - {trigger: subscription_canceled, integration: My community, action: remove_member, after: paid_period, switched_off: true}
"""


def test_what_is_exported_is_what_was_applied(desk: Desk) -> None:
    desk.apply(MARKET + MORE)
    exported = desk.run("export")
    assert (exported.code, exported.err) == (0, "")
    assert yaml.safe_load(exported.out) == yaml.safe_load(MARKET + MORE)
    done = desk.apply(exported.out)
    assert done.code == 0, done.err
    assert (done.last["created"], done.last["changed"], done.last["unchanged"]) == (0, 0, 10)


def test_no_secret_is_in_it(desk: Desk) -> None:
    secret = desk.apply().last["webhook"]["secret"]
    exported = desk.run("export").out
    assert all(word not in exported for word in (KEY, secret, factories.PASSWORD, "whsec_"))


def test_it_makes_the_same_marketplace_elsewhere(desk: Desk, redis_url: str, circle: CommunityServer, tmp_path: Path) -> None:
    desk.apply(MARKET + MORE)
    with desk.write() as session:
        integration = session.get_one(Integration, desk.one(Integration).id)
        integration.watch_only, integration.send_invitation = True, False
        integration.paused_at, integration.quota, integration.batch_share = factories.NOW, 30_000, 0
        session.get_one(Product, desk.one(Product).id).archived_at = factories.NOW
        factories.make_source(session, desk.one(Marketplace).id, "samcart")
    exported = desk.run("export").out
    assert desk.apply(exported).last["changed"] == 0
    assert desk.apply(exported, "--prune").last["deleted"] == 0
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    url = f"sqlite+pysqlite:///{folder / 'cartwheel.db'}"
    engine = sa.create_engine(url, **options(url))
    Base.metadata.create_all(engine)
    engine.dispose()
    with opened(make_settings(url, redis_url, folder, CIRCLE_API_URL=circle.api_url), folder) as other:
        done = other.apply(exported)
        assert done.code == 0, done.err
        assert other.run("export").out == exported
        made = other.one(Integration)
        assert (made.watch_only, made.send_invitation, made.quota, made.batch_share) == (True, False, 30_000, 0)
        assert (made.paused_at, other.one(Product).archived_at) == (factories.NOW, factories.NOW)
        assert {source.kind for source in other.rows(Source)} == {"cartwheel", "samcart"}
        assert [rule.off_at is not None for rule in other.rows(Rule)] == [False, False, False, False, True]


def test_names_that_look_like_something_else_come_back_as_they_are(desk: Desk) -> None:
    desk.apply()
    names = ["Save ${PRICE}", "yes", "007", "a: b # c", "'quoted' \"twice\"", "{x}", "学び 👩‍💻", "~", "*star", "- dash"]
    with desk.write() as session:
        shop = session.get_one(Marketplace, desk.one(Marketplace).id)
        for number, name in enumerate(names):
            factories.make_product(session, shop, name, external_id=f"{number:03}")
    exported = desk.run("export").out
    assert {one["id"] for one in yaml.safe_load(exported)["products"]} == {"ads-101", *(f"{number:03}" for number in range(len(names)))}
    done = desk.apply(exported)
    assert done.code == 0, done.err
    assert (done.last["created"], done.last["changed"]) == (0, 0)
    assert {product.name for product in desk.rows(Product)} == {"Ads 101", *names}


def test_where_names_repeat_the_id_stands(desk: Desk, community: Community) -> None:
    second = [space.id for space in community.state.of_kind("space") if space.name == "Q&A"][1]
    desk.apply(f"{MARKET}  - {{trigger: product_purchased, integration: My community, action: add_to_space, target: {second}}}\n")
    exported = desk.run("export").out
    assert yaml.safe_load(exported)["rules"][2]["target"] == str(second)
    assert desk.apply(exported).last["unchanged"] == 8


def test_a_rule_whose_target_has_gone_stands_as_a_comment(desk: Desk) -> None:
    desk.apply()
    with desk.write() as session:
        targets = {target.name: target.id for target in desk.rows(Target)}
        session.get_one(Target, targets["VIP Room"]).gone_at = factories.NOW
    exported = desk.run("export").out
    assert [rule["action"] for rule in yaml.safe_load(exported)["rules"]] == ["invite_member"]
    assert [line for line in exported.splitlines() if line.startswith("#")] == [
        "# These rules are about what is no longer there:",
        "#  - {product: ads-101, trigger: product_purchased, integration: My community, action: add_to_space, target: VIP Room}",
    ]
    done = desk.apply(exported)
    assert (done.code, done.last["unchanged"]) == (0, 6)


def test_archived_products_are_left_out_unless_a_rule_is_about_them(desk: Desk) -> None:
    desk.apply()
    with desk.write() as session:
        session.get_one(Product, desk.one(Product).id).archived_at = factories.NOW
        factories.make_product(session, session.get_one(Marketplace, desk.one(Marketplace).id), archived_at=factories.NOW)
    assert [one["id"] for one in yaml.safe_load(desk.run("export").out)["products"]] == ["ads-101"]


def test_each_of_several_integrations_has_a_variable_of_its_own(desk: Desk) -> None:
    desk.apply()
    with desk.write() as session:
        shop = session.get_one(Marketplace, desk.one(Marketplace).id)
        for name in ("my-community", "学び", "Second"):
            factories.make_integration(session, shop, name)
        factories.make_integration(session, shop, "Gone", deleted_at=factories.NOW)
    found = yaml.safe_load(desk.run("export").out)["integrations"]
    assert {one["name"]: one["api_key"] for one in found} == {
        "my-community": "${CIRCLE_KEY_MY_COMMUNITY}",
        "学び": "${CIRCLE_KEY}",
        "Second": "${CIRCLE_KEY_SECOND}",
        "My community": "${CIRCLE_KEY_MY_COMMUNITY__2}",
    }
