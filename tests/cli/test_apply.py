"""`flask apply`: a marketplace from a file, all of it or nothing, as often as one likes."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
import redis

from sandbox.community import Community, Modes
from sandbox.server import CommunityServer
from tests import factories
from tests.cli.conftest import ENVIRON, KEY, MARKET, Desk
from webapp.doorbell import FLAG
from webapp.models import PAID_PERIOD, Integration, Lane, Marketplace, Product, Role, Rule, Source, Target, Usage, User
from webapp.parts import parts
from webapp.passwords import check_password

SECRET, OTHER = (f"whsec_{base64.b64encode(word * 24).decode()}" for word in (b"a", b"b"))
ORDER = {
    "type": "order.created",
    "timestamp": "2026-11-24T14:00:00Z",
    "data": {"order_id": "9001", "customer": {"email": "mina@shop.test"}, "items": [{"product_id": "ads-101", "kind": "primary"}]},
}


def changed(before: str, after: str, text: str = MARKET) -> str:
    assert before in text
    return text.replace(before, after)


def with_rules(*rules: str) -> str:
    """The file with these rules after its own, from line 11 on."""
    return MARKET + "".join(f"  - {{{one}, integration: My community}}\n" for one in rules)


# ---- what it makes


def test_a_marketplace_is_made_from_the_file(desk: Desk, community: Community) -> None:
    done = desk.apply()
    assert done.code == 0, done.err
    printed = done.last
    assert list(printed) == ["marketplace", "webhook", "sources", "created", "changed", "unchanged"]
    assert (printed["marketplace"], printed["sources"]) == ("Acme Courses", {})
    assert (printed["created"], printed["changed"], printed["unchanged"]) == (7, 0, 0)
    assert printed["webhook"]["path"] == f"/webhooks/{desk.one(Source).address}"
    assert printed["webhook"]["secret"].startswith("whsec_")

    shop, user, product = desk.one(Marketplace), desk.one(User), desk.one(Product)
    assert (shop.name, shop.time_zone) == ("Acme Courses", "Europe/Berlin")
    assert (product.external_id, product.name) == ("ads-101", "Ads 101")
    with desk.write() as session:
        assert session.get_one(Role, (user.id, shop.id)).role == "owner"
    integration = desk.one(Integration)
    assert (integration.community, integration.key_tail, integration.attention) == ("My community", KEY[-4:], None)
    assert integration.public == {"community_url": "https://acme.circle.so"}
    targets = {target.id: target for target in desk.rows(Target)}
    assert len([one for one in targets.values() if one.kind == "space"]) == 120  # two pages of them
    own, everywhere = desk.rows(Rule)
    assert (own.product_id, targets[own.target_id].name) == (product.id, "VIP Room")
    assert (everywhere.product_id, targets[everywhere.target_id].kind) == (None, "membership")
    assert not community.violations


def test_what_is_not_json_goes_to_standard_error(desk: Desk) -> None:
    done = desk.apply()
    assert done.out.count("\n") == 1
    assert done.err.splitlines() == [
        "Checking the key of My community ...",
        "Loading the catalog of My community ...",
        "Loaded: 120 spaces, 2 space groups, 1 event, 1 tag.",
        "7 created, 0 changed, 0 unchanged.",
    ]


def test_the_owner_signs_in_and_the_checkout_is_heard(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    answer = desk.client.post("/sign-in", data={"email": "owner@example.com", "password": ENVIRON["OWNER_PASSWORD"]})
    assert (answer.status_code, answer.location) == (303, "/logs")
    assert desk.post(webhook, ORDER) == 202
    assert {entry["action"] for entry in desk.run("logs", "--json").lines} == {"add_to_space", "invite_member"}


def test_the_second_time_nothing_is_done_and_nobody_is_called(desk: Desk, community: Community) -> None:
    first = desk.apply().last
    version, calls = desk.one(Marketplace).version, len(community.calls)
    second = desk.apply().last
    assert (second["created"], second["changed"], second["unchanged"]) == (0, 0, 7)
    assert second["webhook"] == {"path": first["webhook"]["path"]}  # the secret was told once
    assert len(community.calls) == calls
    assert desk.one(Marketplace).version == version
    assert (len(desk.rows(Rule)), len(desk.rows(User)), len(desk.rows(Source))) == (2, 1, 1)


def test_marketplace_and_owner_are_enough(desk: Desk, community: Community) -> None:
    done = desk.apply('marketplace: Bare\nowner: {email: a@b.test, password: "${OWNER_PASSWORD}"}\n')
    assert (done.code, done.last["created"], desk.one(Marketplace).time_zone) == (0, 3, "UTC")
    assert community.calls == []


def test_calls_are_counted_in_the_months_meter(desk: Desk, community: Community) -> None:
    desk.apply()
    with desk.write() as session:
        used = session.get_one(Usage, (desk.one(Integration).id, "2026-11"))
        assert used.calls == used.metered == len(community.calls)


# ---- what it changes


def test_only_what_differs_is_changed(desk: Desk) -> None:
    desk.apply()
    done = desk.apply(changed("name: Ads 101", "name: Ads 102", changed("Europe/Berlin", "Asia/Tokyo"))).last
    assert (done["created"], done["changed"], done["unchanged"]) == (0, 2, 5)
    assert desk.one(Product).name == "Ads 102"
    assert desk.one(Marketplace).time_zone == "Asia/Tokyo"


def test_a_time_zone_that_is_not_named_stays(desk: Desk) -> None:
    desk.apply()
    desk.apply(changed("time_zone: Europe/Berlin\n", ""))
    assert desk.one(Marketplace).time_zone == "Europe/Berlin"


def test_what_intake_keeps_in_memory_is_read_anew_after_a_change(desk: Desk) -> None:
    webhook = desk.apply(changed("  - {trigger: product_purchased, integration: My community, action: invite_member}", "  #")).last[
        "webhook"
    ]
    desk.post(webhook, ORDER)
    desk.apply()
    desk.post(webhook, ORDER | {"timestamp": "2026-11-24T14:01:00Z", "data": ORDER["data"] | {"order_id": "9002"}}, "m2")  # type: ignore[operator]
    assert [entry["action"] for entry in desk.run("logs", "--json").lines].count("invite_member") == 1


def test_rules_that_the_file_names_no_longer_stay(desk: Desk) -> None:
    desk.apply()
    done = desk.apply(MARKET[: MARKET.index("rules:")]).last
    assert (done["unchanged"], len([rule for rule in desk.rows(Rule) if rule.deleted_at is None])) == (5, 2)


def test_a_rules_timing_is_made_and_changed(desk: Desk) -> None:
    timed = (
        "trigger: product_purchased, action: add_tag, target: Student, for: 30d",
        "trigger: subscription_canceled, action: remove_tag, target: Student, after: paid_period",
        "trigger: product_refunded, action: remove_from_space, target: VIP Room, removal: always, after: 3d",
        "trigger: product_purchased, action: rsvp_to_event, target: Kick-off",
        "trigger: product_purchased, action: add_to_space_group, target: Masterclass",
    )
    desk.apply(with_rules(*timed))
    made = [(rule.removal, rule.for_days, rule.after_days) for rule in desk.rows(Rule)[2:]]
    assert made == [(None, 30, 0), ("spare", None, PAID_PERIOD), ("always", None, 3), (None, None, 0), (None, None, 0)]
    done = desk.apply(changed("removal: always, after: 3d", "after: 4d", changed("for: 30d", "for: 31d", with_rules(*timed)))).last
    assert (done["created"], done["changed"], done["unchanged"]) == (0, 2, 10)
    assert [(rule.removal, rule.for_days, rule.after_days) for rule in desk.rows(Rule)[2:5]] == [
        (None, 31, 0), ("spare", None, PAID_PERIOD), ("spare", None, 4),
    ]  # fmt: skip


def test_a_rule_is_switched_only_where_the_file_says_so(desk: Desk) -> None:
    off = changed("action: invite_member}", "action: invite_member, switched_off: true}")
    assert desk.apply(off).last["created"] == 7
    assert [rule.off_at is not None for rule in desk.rows(Rule)] == [False, True]
    assert desk.apply(off).last["unchanged"] == 7
    assert desk.apply(MARKET).last["unchanged"] == 7  # not said: as it is
    assert desk.apply(changed("switched_off: true", "switched_off: false", off)).last["changed"] == 1
    assert all(rule.off_at is None for rule in desk.rows(Rule))


def test_an_integrations_settings_are_changed_without_a_call(desk: Desk, community: Community) -> None:
    desk.apply()
    calls = len(community.calls)
    done = desk.apply(changed('"https://acme.circle.so"}', '"https://new.circle.so", watch_only: true, send_invitation: false}')).last
    integration = desk.one(Integration)
    assert (done["changed"], len(community.calls)) == (1, calls)
    assert integration.public == {"community_url": "https://new.circle.so"}
    assert (integration.watch_only, integration.send_invitation) == (True, False)
    assert desk.apply(changed(', community_url: "https://acme.circle.so"', "")).last["unchanged"] == 7  # not said: as it is
    assert desk.one(Integration).watch_only


def test_an_integration_can_begin_by_watching(desk: Desk) -> None:
    assert desk.apply(changed('"https://acme.circle.so"}', '"https://acme.circle.so", watch_only: true}')).last["created"] == 7
    assert desk.one(Integration).watch_only


# ---- the owner


def test_an_account_keeps_its_password_where_the_files_is_the_same(desk: Desk) -> None:
    desk.apply()
    before = desk.one(User)
    desk.apply()
    assert (desk.one(User).password_hash, desk.one(User).session_epoch) == (before.password_hash, before.session_epoch)


def test_another_password_is_taken_and_ends_the_sessions_of_the_old_one(desk: Desk) -> None:
    desk.apply()
    desk.environ["OWNER_PASSWORD"] = "another one"
    done = desk.apply().last
    user = desk.one(User)
    assert (done["changed"], done["unchanged"], user.session_epoch) == (1, 6, 1)
    assert check_password(user.password_hash, "another one").right


def test_who_has_an_account_already_becomes_the_owner(desk: Desk) -> None:
    with desk.write() as session:
        shop = factories.make_marketplace(session, "Acme Courses", time_zone="Europe/Berlin")
        user = factories.make_user(session, shop, "viewer", "owner@example.com").id
    done = desk.apply(changed("email: owner@example.com", "email: Owner@Example.com")).last
    assert (done["created"], done["changed"], done["unchanged"]) == (5, 1, 1)
    with desk.write() as session:
        assert session.get_one(Role, (user, desk.one(Marketplace).id)).role == "owner"


# ---- the webhook


def test_the_files_secret_is_taken_and_told_when_it_changes(desk: Desk) -> None:
    def apply(secret: str) -> dict[str, str]:
        done = desk.apply(f"{MARKET}webhook: {{secret: {secret}}}\n")
        assert done.code == 0, done.err
        webhook: dict[str, str] = done.last["webhook"]
        return webhook

    assert apply(SECRET)["secret"] == SECRET
    first = apply(SECRET)
    assert "secret" not in first
    second = apply(OTHER)
    assert (second["secret"], second["path"]) == (OTHER, first["path"])
    assert desk.post(second, ORDER) == 202
    assert desk.post({**first, "secret": SECRET}, ORDER, "m2") == 202  # the checkout does not have the new one yet
    desk.clock.time += timedelta(hours=25)
    assert desk.post({**first, "secret": SECRET}, ORDER, "m3") == 401
    assert "secret" not in desk.apply().last["webhook"]  # a file without one asks for no other


def test_a_changed_secret_counts_as_a_change(desk: Desk) -> None:
    desk.apply()
    done = desk.apply(f"{MARKET}webhook: {{secret: {SECRET}}}\n").last
    assert (done["created"], done["changed"], done["unchanged"]) == (0, 1, 6)


def test_an_address_without_a_secret_gets_one(desk: Desk) -> None:
    desk.apply()
    with desk.write() as session:
        session.get_one(Source, desk.one(Source).id).secret = None
    done = desk.apply().last
    assert (done["changed"], done["webhook"]["secret"][:6]) == (1, "whsec_")


# ---- keys and catalogs


def test_a_changed_key_is_checked_again_and_its_catalog_loaded(desk: Desk, community: Community) -> None:
    desk.apply()
    community.add_token("another-token")
    community.add_space("New Space")
    community.calls.clear()
    desk.environ["CIRCLE_KEY"] = "another-token"
    done = desk.apply().last
    assert (done["changed"], done["unchanged"]) == (1, 6)
    assert community.calls[0].path == "/community"
    assert "New Space" in {target.name for target in desk.rows(Target)}
    assert desk.one(Integration).key_tail == "oken"
    community.calls.clear()
    assert desk.apply().last["unchanged"] == 7
    assert community.calls == []


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ({"key": "dead"}, "key"),
        ({"key": "wrong_kind"}, "Admin V2"),
        ({"plan_without_api": True}, "plan"),
        ({"rate_calls": 0}, "pause"),
        ({"rate_calls": 2}, "The catalog of `My community` could not be loaded."),
        ({"trouble": "error"}, "Nothing was changed: try again in a moment."),
    ],
)
def test_what_circle_refuses_is_a_sentence_at_its_line(desk: Desk, community: Community, modes: dict[str, object], said: str) -> None:
    community.modes = Modes().changed(modes)
    (complaint,) = desk.complaints(MARKET)
    assert complaint.startswith("line 5: ")
    assert said in complaint
    assert "What you typed" not in complaint
    assert desk.rows(Marketplace) == desk.rows(User) == []


def test_an_unreachable_circle_is_a_sentence_at_its_line(desk: Desk, circle: CommunityServer) -> None:
    circle.stop()
    (complaint,) = desk.complaints(MARKET)
    assert complaint.startswith("line 5: Circle could not be reached: no connection to 127.0.0.1. Nothing was changed")


def test_a_wrong_key_changes_nothing_and_is_printed_nowhere(desk: Desk) -> None:
    desk.apply()
    desk.environ["CIRCLE_KEY"] = "canary-key"
    done = desk.apply(changed("name: Ads 101", "name: Ads 102"))
    assert (done.code, done.out, desk.one(Product).name) == (1, "", "Ads 101")
    assert "canary" not in done.err
    assert desk.one(Integration).key_tail == "oken"


@pytest.mark.parametrize("key", ["ключ", "two words", "broken\nin two"])
def test_what_can_be_no_key_is_a_sentence_as_well(desk: Desk, key: str) -> None:
    desk.environ["CIRCLE_KEY"] = key
    (complaint,) = desk.complaints(MARKET)
    assert complaint.startswith("line 5: ")
    assert key not in complaint


def test_a_key_of_another_community_is_refused(desk: Desk, community: Community) -> None:
    desk.apply()
    with desk.write() as session:
        session.get_one(Integration, desk.one(Integration).id).community_id = "another"
    community.add_token("another-token")
    desk.environ["CIRCLE_KEY"] = "another-token"
    (complaint,) = desk.complaints(MARKET)
    assert complaint.startswith("line 5: This key opens another community (My community)")


def test_a_key_that_works_again_is_found_out_and_what_waits_goes_on(desk: Desk, redis_url: str) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, ORDER)
    with desk.write() as session:
        integration = session.get_one(Integration, desk.one(Integration).id)
        integration.attention, integration.attention_at = "dead_key", factories.NOW
        session.get_one(Lane, desk.one(Lane).id).due_at = None
    with redis.Redis.from_url(redis_url) as bell:
        bell.delete(FLAG)
        assert desk.apply().last["changed"] == 1
        assert bell.exists(FLAG)
    assert desk.one(Integration).attention is None
    assert desk.one(Lane).due_at is not None


def test_where_nothing_waits_no_bell_is_rung(desk: Desk, redis_url: str) -> None:
    desk.apply()
    with redis.Redis.from_url(redis_url) as bell:
        assert not bell.exists(FLAG)


def test_a_key_that_can_no_longer_be_read_is_checked_and_sealed_anew(desk: Desk) -> None:
    desk.apply()
    with desk.write() as session:
        for row in (session.get_one(Integration, desk.one(Integration).id), session.get_one(Source, desk.one(Source).id)):
            setattr(row, "credentials" if isinstance(row, Integration) else "secret", b"sealed with a key that was lost")
    done = desk.apply().last
    assert (done["changed"], done["unchanged"]) == (2, 5)
    assert "secret" in done["webhook"]
    with desk.app.app_context():
        assert KEY in parts().vault.open(desk.one(Integration).credentials)


def test_a_target_that_is_not_known_yet_has_the_catalog_loaded_again(desk: Desk, community: Community) -> None:
    desk.apply()
    community.add_space("New Space")
    community.calls.clear()
    done = desk.apply(with_rules("trigger: product_purchased, action: add_to_space, target: New Space"))
    assert (done.code, done.last["created"]) == (0, 1)
    assert {call.path for call in community.calls} == {"/space_groups", "/spaces", "/events", "/member_tags"}  # the key was not checked


def test_a_name_of_another_kind_is_no_target(desk: Desk, community: Community) -> None:
    """A tag may be called like a space that is known already."""
    desk.apply()
    community.add_tag("VIP Room")
    assert desk.apply(with_rules("trigger: product_purchased, action: add_tag, target: VIP Room")).last["created"] == 1


def test_rules_may_be_about_an_integration_that_is_connected_already(desk: Desk, community: Community) -> None:
    desk.apply()
    community.add_space("New Space")
    text = MARKET[: MARKET.index("integrations:")] + MARKET[MARKET.index("rules:") :].replace("VIP Room", "New Space")
    del desk.environ["CIRCLE_KEY"]
    done = desk.apply(text)
    assert (done.code, done.last["created"], done.last["unchanged"]) == (0, 1, 4)


# ---- targets by their names


def test_where_names_repeat_the_ids_are_told_and_an_id_is_taken(desk: Desk, community: Community) -> None:
    first, second = (space.id for space in community.state.of_kind("space") if space.name == "Q&A")
    wanted = "trigger: product_purchased, action: add_to_space, target: Q&A"
    assert desk.complaints(with_rules(wanted)) == [
        f"line 11: 2 spaces in My community are called `Q&A`. Name one by its id: {first} (Ads 101), {second} (Masterclass)."
    ]
    done = desk.apply(with_rules(wanted.replace("Q&A", str(second))))
    assert done.code == 0, done.err
    targets = {target.id: target.remote_id for target in desk.rows(Target)}
    assert targets[desk.rows(Rule)[2].target_id] == str(second)


def test_one_rule_by_name_and_by_id_stands_twice(desk: Desk, community: Community) -> None:
    (lounge,) = (space.id for space in community.state.of_kind("space") if space.name == "Lounge")
    rules = [f"trigger: product_purchased, action: add_to_space, target: {target}" for target in ("Lounge", lounge)]
    assert desk.complaints(with_rules(*rules)) == ["line 12: This rule stands on line 11 already."]


def test_spaces_that_nobody_sees_in_a_name_make_no_difference(desk: Desk, community: Community) -> None:
    community.add_space("  Inner  Circle ")
    wanted = with_rules("trigger: product_purchased, action: add_to_space, target: Inner Circle")
    assert desk.apply(wanted).code == 0
    community.calls.clear()
    assert desk.apply(wanted).last["created"] == 0
    assert community.calls == []


def test_a_target_that_is_not_there_is_complained_of(desk: Desk) -> None:
    assert desk.complaints(changed("target: VIP Room", "target: VIP Rom")) == [
        "line 9: There is no space `VIP Rom` in My community. Did you mean `VIP Room`?"
    ]


# ---- all or nothing


def test_one_wrong_rule_and_nothing_is_made(desk: Desk) -> None:
    assert len(desk.complaints(with_rules("trigger: product_purchased, action: add_tag, target: Nobody"))) == 1
    for model in (Marketplace, User, Source, Integration, Product, Rule, Target):
        assert desk.rows(model) == []


def test_one_wrong_rule_and_nothing_is_changed(desk: Desk) -> None:
    desk.apply()
    desk.environ["OWNER_PASSWORD"] = "another one"
    before = desk.one(User).password_hash
    broken = changed("name: Ads 101", "name: Ads 102", changed("target: VIP Room", "target: Nowhere"))
    desk.complaints(broken)
    assert (desk.one(Product).name, desk.one(User).password_hash, len(desk.rows(Rule))) == ("Ads 101", before, 2)


def test_no_call_is_made_for_a_file_that_is_wrong_anyway(desk: Desk, community: Community) -> None:
    desk.complaints(changed("trigger: product_purchased, integration", "trigger: bought, integration"))
    desk.complaints(changed("{product: ads-101", "{product: ads-102"))
    assert community.calls == []


def test_everything_that_is_wrong_is_said_at_once(desk: Desk) -> None:
    text = """\
marketplace: Acme Courses
time_zone: Mars/Olympus
owner: {email: nobody, password: "${NOT_SET}"}
products:
  - {id: ads-101}
rules:
  - {product: ads-102, trigger: product_bought, integration: My comunity, action: invite_member}
  - {product: ads-101, trigger: product_purchased, integration: My community, action: add_to_space}
integrations:
  - {name: My community, app: circle, api_key: "${CIRCLE_KEY}", community: x}
"""
    assert desk.complaints(text) == [
        "line 2: There is no time zone `Mars/Olympus`; one is called like Europe/Berlin.",
        "line 3: `email` is no e-mail address.",
        "line 3: `password` needs the variable NOT_SET, which is not set.",
        "line 5: `name` is missing in an entry of `products`.",
        "line 7: There is no integration `My comunity`. Did you mean `My community`?",
        "line 7: There is no product `ads-102`. A rule names a product by its id. Did you mean `ads-101`?",
        "line 7: There is no trigger `product_bought`. Did you mean `product_purchased`?",
        "line 8: `target` is missing in an entry of `rules`.",
        "line 10: `community` is not known in an entry of `integrations`. Did you mean `community_url`?",
    ]


def test_what_circle_says_and_what_the_rules_lack_is_said_together(desk: Desk, community: Community) -> None:
    text = with_rules("trigger: product_purchased, action: add_tag, target: Nobody") + (
        "  - {trigger: product_purchased, integration: Second, action: add_tag, target: Student}\n"
    )
    text = changed("products:", '  - {name: Second, app: circle, api_key: "wrong"}\nproducts:', text)
    first, second = desk.complaints(text)
    assert first.startswith("line 6: Circle does not accept this")
    assert second == "line 12: There is no tag `Nobody` in My community. It must be one of: Student."


def test_a_source_that_is_not_there_yet_is_a_clear_error(desk: Desk) -> None:
    assert desk.complaints(f"{MARKET}sources: [{{source: kajabi}}]\n") == [
        "line 11: There is no source `kajabi`. This version of Cartwheel understands: cartwheel, samcart."
    ]


def test_another_checkout_has_an_address_of_its_own_and_keeps_it(desk: Desk) -> None:
    file = f"{MARKET}sources: [{{source: samcart}}]\n"
    printed = desk.apply(file).last
    (path,) = {source["path"] for source in printed["sources"].values()}
    assert list(printed["sources"]) == ["samcart"]
    assert path.startswith("/webhooks/")
    assert path != printed["webhook"]["path"]
    assert f"/webhooks/{next(s for s in desk.rows(Source) if s.kind == 'samcart').address}" == path
    again = desk.apply(file).last
    assert (again["sources"], again["created"], again["changed"]) == (printed["sources"], 0, 0)


def test_a_file_that_is_no_text_or_not_there(desk: Desk) -> None:
    file = desk.folder / "market.yaml"
    file.write_bytes(b"marketplace: A\nowner: \xff\n")
    done = desk.run("apply", str(file))
    assert (done.code, done.err) == (1, f"{file}, line 2: This is no text in UTF-8.\n")
    assert desk.run("apply", str(desk.folder / "nothing.yaml")).code == 2


def test_two_marketplaces_stand_side_by_side(desk: Desk) -> None:
    desk.apply()
    done = desk.apply(changed("Acme Courses", "Second Shop")).last
    assert (done["marketplace"], done["created"], done["unchanged"]) == ("Second Shop", 6, 0)  # the owner has an account
    assert len({source.address for source in desk.rows(Source)}) == 2
