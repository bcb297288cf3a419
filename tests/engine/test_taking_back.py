"""What a rule gave is taken back: counted before, what anything else grants is spared, what was held before stays on record."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from tests.engine import batching
from tests.engine.shop import TRUST, Shop
from webapp.apps import metered
from webapp.engine import holdings, rules, taking_back
from webapp.engine.taking_back import Toll
from webapp.models import Call, Rule

MINA, ANA, TOM = "mina@shop.test", "ana@shop.test", "tom@shop.test"


def off(shop: Shop, rule: Rule, *, on: bool = False) -> None:
    with shop.write() as session:
        rules.switch(session, shop.marketplace, rule.id, on=on, now=shop.now)


def toll(shop: Shop, rule: Rule) -> Toll:
    with Session(shop.engine) as session:
        return taking_back.toll(session, session.get_one(Rule, rule.id), shop.now, TRUST)


def take_back(shop: Shop, rule: Rule) -> int:
    return batching.start(shop, taking_back.KEY, toll(shop, rule).lanes, rule=rule.id, integrations=[shop.integration])


def bought(shop: Shop, *what: tuple[str, str]) -> None:
    for email, product in what:
        shop.tell("purchased", email, product, order=f"{email}-{product}")
    shop.work()


def test_who_has_it_by_this_rule_alone_loses_it_and_the_others_keep_it(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    rule = shop.rule("product_purchased", "add_to_space", vip, "course")
    shop.rule("product_purchased", "add_to_space", vip, "other")
    bought(shop, (MINA, "course"), (ANA, "course"), (ANA, "other"), (TOM, "other"))
    off(shop, rule)
    said = toll(shop, rule)
    assert (said.people, said.lose, said.keep, said.calls, len(said.lanes)) == (2, 1, 1, 1, 2)
    shop.pass_time(hours=1)
    calls = len(shop.rows(Call))
    told = batching.finish(shop, take_back(shop, rule))
    assert (told.batch.state, told.came) == ("done", {"succeeded": 1, "unchanged": 1})
    assert [shop.holds(email) for email in (MINA, ANA, TOM)] == [{"member"}, {"member", "VIP Room"}, {"member", "VIP Room"}]
    assert sum(metered(call.status) for call in shop.rows(Call)[calls:]) == said.calls
    assert [entry.sentence for entry in shop.entries()][-1].startswith("Kept: Other (bought")


def test_what_a_purchase_gave_by_another_rule_too_is_spared(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    rule = shop.rule("product_purchased", "add_to_space", vip, "course")
    shop.rule("product_purchased", "add_to_space", vip)
    bought(shop, (MINA, "course"))
    off(shop, rule)
    assert (toll(shop, rule).lose, toll(shop, rule).keep) == (0, 1)
    entries = len(shop.entries())
    batching.finish(shop, take_back(shop, rule))
    assert (shop.holds(MINA), len(shop.entries())) == ({"member", "VIP Room"}, entries)


def test_what_it_gave_is_closed_also_where_another_grants_it_now(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    rule = shop.rule("product_purchased", "add_to_space", vip, "course")
    shop.rule("product_purchased", "add_to_space", vip, "other")
    shop.rule("product_refunded", "remove_from_space", vip, "other")
    bought(shop, (MINA, "course"), (MINA, "other"))
    off(shop, rule)
    batching.finish(shop, take_back(shop, rule))
    shop.pass_time(hours=1)
    shop.tell("refunded", MINA, "other", order=f"{MINA}-other")
    shop.work()
    assert shop.holds(MINA) == {"member"}


def test_a_membership_goes_where_nothing_else_needs_it(shop: Shop) -> None:
    rule = shop.rule("product_purchased", "invite_member", None, "course")
    shop.rule("product_purchased", "add_tag", shop.place("tag", "Student"), "other")
    bought(shop, (MINA, "course"), (ANA, "course"), (ANA, "other"))
    off(shop, rule)
    assert (toll(shop, rule).lose, toll(shop, rule).keep) == (1, 1)
    batching.finish(shop, take_back(shop, rule))
    assert (shop.holds(MINA), shop.holds(ANA)) == (set(), {"member", "Student"})


def test_what_was_taken_or_has_run_out_is_not_taken_again(shop: Shop) -> None:
    tag = shop.place("tag", "Student")
    rule = shop.rule("product_purchased", "add_tag", tag, "course", for_days=3)
    shop.rule("product_refunded", "remove_tag", tag, "course")
    bought(shop, (MINA, "course"), (ANA, "course"))
    shop.pass_time(days=1)
    shop.tell("refunded", MINA, "course", order=f"{MINA}-course")
    shop.work()
    off(shop, rule)
    assert (toll(shop, rule).lose, toll(shop, rule).calls) == (1, 1)
    shop.pass_time(days=3)
    assert toll(shop, rule).people == 0


def test_it_stays_on_record_what_was_held_before(shop: Shop) -> None:
    rule = shop.rule("product_purchased", "add_tag", shop.place("tag", "Student"), "course")
    bought(shop, (MINA, "course"))
    then = shop.now
    shop.pass_time(days=2)
    off(shop, rule)
    batching.finish(shop, take_back(shop, rule))
    with Session(shop.engine) as session:
        customer = holdings.find_customer(session, shop.marketplace, MINA)
        assert customer
        held = {at: [one.held for one in holdings.holdings(session, customer.id, shop.now, at) if one.kind == "tag"] for at in (then, None)}
    assert held == {then: [True], None: [False]}


def test_a_deleted_rule_takes_back_too_and_one_that_is_on_again_stops_it(shop: Shop) -> None:
    rule = shop.rule("product_purchased", "invite_member")
    bought(shop, (MINA, "course"), (ANA, "course"))
    off(shop, rule)
    batch = take_back(shop, rule)
    off(shop, rule, on=True)
    told = batching.finish(shop, batch)
    assert (told.batch.state, told.batch.sentence) == ("stopped", taking_back.ON_AGAIN)
    with shop.write() as session:
        rules.delete(session, shop.marketplace, rule.id, now=shop.now + timedelta(0))
    assert batching.finish(shop, take_back(shop, rule)).came == {"succeeded": 2}
    assert shop.holds(MINA) == set()
