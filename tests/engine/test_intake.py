"""Events → happenings → rules → entries, in one transaction."""

from __future__ import annotations

from datetime import timedelta

from tests.engine.shop import Shop
from webapp.models import Event, Grant, Happening, Lane, Product, Purchase
from webapp.sources import Line, Message, NotUnderstood, Person, Problem

MINA = "mina@shop.test"


def test_an_order_makes_an_event_an_entry_for_each_rule_and_a_lane_that_is_due(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip, "ads-101")
    shop.rule("product_purchased", "invite_member")
    taken = shop.tell("purchased", MINA, "ads-101", order="9001")
    assert (taken.entries, taken.duplicate, taken.work) == (2, False, True)
    assert shop.said() == [("queued", "Add to space VIP Room."), ("queued", "Invite to My community.")]
    assert shop.lane().due_at == shop.now
    (purchase,) = shop.rows(Purchase)
    assert (purchase.ground, purchase.order_ref, purchase.on_record, purchase.state) == ("order:9001", "9001", True, "active")
    assert {grant.op for grant in shop.rows(Grant)} == {"open"}


def test_the_same_message_twice_happens_once_also_within_one_transaction(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    message = Message("m1", "order.created", shop.now, Person(MINA), (Line("purchased", "ads-101", order="1"),))
    first, second = shop.deliver(message, message)
    (third,) = shop.deliver(message)
    assert [first.duplicate, second.duplicate, third.duplicate] == [False, True, True]
    assert first.event_id == second.event_id == third.event_id
    assert len(shop.rows(Event)) == len(shop.entries()) == 1


def test_the_same_order_in_another_message_fires_nothing_and_says_so(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="9001")
    taken = shop.tell("purchased", MINA, "ads-101", order="9001")
    assert taken.entries == 1
    assert shop.said()[1] == ("nothing", "Nothing new: what the message says was known already.")


def test_two_orders_of_one_product_are_two_purchases(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.tell("purchased", MINA, "ads-101", order="2")
    assert len(shop.rows(Happening)) == len(shop.rows(Purchase)) == 2


def test_many_people_in_one_transaction_each_have_a_lane(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    people = [f"p{n}@shop.test" for n in range(20)]
    messages = [
        Message(f"m{n}", "order.created", shop.now, Person(email), (Line("purchased", "ads-101", order=str(n)),))
        for n, email in enumerate(people)
    ]
    assert [taken.entries for taken in shop.deliver(*messages)] == [1] * 20
    assert len({lane.customer_id for lane in shop.rows(Lane)}) == 20


def test_an_unknown_product_is_made_with_the_name_the_checkout_gave(shop: Shop) -> None:
    shop.tell("purchased", MINA, "new-7", product_name="Brand New", order="1")
    shop.tell("purchased", MINA, "new-7", product_name="Other Name", order="2")
    assert [(p.external_id, p.name) for p in shop.rows(Product)] == [("new-7", "Brand New")]


def test_what_no_rule_is_about_is_in_the_log_with_the_rules_that_came_close(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip, "ads-101")
    shop.rule("product_refunded", "remove_from_space", vip)
    shop.tell("purchased", MINA, "ads-102", product_name="Ads 102", order="1")
    (entry,) = shop.entries()
    assert (entry.status, entry.sentence) == ("no_rule", "Mina bought Ads 102. No rule is about that.")
    assert [close["why"] for close in entry.details["close"]] == [
        "It is for Product Refunded, not Product Purchased.",
        "It is for another product than Ads 102.",
    ]


def test_what_was_not_understood_is_kept_and_says_which_field_and_why(shop: Shop) -> None:
    problem = Problem("data.items.0.product_id", "is missing")
    (taken,) = shop.deliver(NotUnderstood("m1", "order.created", shop.now, (problem,)))
    assert taken.entries == 1
    assert shop.said() == [("not_understood", "data.items.0.product_id: is missing")]
    assert shop.rows(Event)[0].errors == [{"field": "data.items.0.product_id", "message": "is missing"}]


def test_an_order_and_a_subscription_that_turn_out_to_be_one_purchase_are_merged(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("charged", MINA, "club", subscription="s1")
    shop.tell("refunded", MINA, "club", order="9001")
    shop.tell("purchased", MINA, "club", order="9001", subscription="s1", at=shop.now - timedelta(days=1))
    (purchase,) = shop.rows(Purchase)
    assert (purchase.order_ref, purchase.subscription_ref) == ("9001", "s1")
    assert {happening.purchase_id for happening in shop.rows(Happening)} == {purchase.id}


def test_failures_fire_once_and_the_fourth_in_a_row_makes_it_delinquent(shop: Shop) -> None:
    for day in range(4):
        shop.tell("charge_failed", MINA, "club", subscription="s1", at=shop.now + timedelta(days=day))
    assert [h.trigger for h in shop.rows(Happening)] == ["subscription_charge_failed", "subscription_delinquent", "subscription_canceled"]


def test_a_late_charge_refutes_what_it_shows_not_to_have_happened(shop: Shop) -> None:
    for day in range(4):
        shop.tell("charge_failed", MINA, "club", subscription="s1", at=shop.now + timedelta(days=day))
    shop.tell("charged", MINA, "club", subscription="s1", at=shop.now + timedelta(days=2, hours=1))
    told = {h.trigger: h.refuted for h in sorted(shop.rows(Happening), key=lambda h: h.id)}
    assert told["subscription_delinquent"] is True
    assert told["subscription_canceled"] is True
    assert told["subscription_recovered"] is False


def test_a_prospect_waits_two_hours_and_a_purchase_by_then_ends_it(shop: Shop) -> None:
    tag = shop.place("tag", "Abandoned")
    shop.rule("prospect_created", "add_tag", tag)
    shop.tell("prospect", MINA, "ads-101", prospect="p1")
    assert shop.entries()[0].due_at == shop.now + timedelta(hours=2)
    shop.pass_time(hours=1)
    shop.tell("purchased", MINA, "ads-101", order="1")
    shop.work()
    assert shop.calls == []
    assert shop.said()[0] == ("unchanged", "Bought at 15:02, before the 2 hours were over: no abandoned cart.")


def test_a_prospect_who_has_not_bought_is_tagged_after_two_hours(shop: Shop) -> None:
    tag = shop.place("tag", "Abandoned")
    shop.rule("prospect_created", "add_tag", tag)
    shop.tell("prospect", MINA, "ads-101", prospect="p1")
    shop.work()
    assert shop.calls == []
    shop.pass_time(hours=2)
    shop.work()
    assert shop.holds(MINA) == {"member", "Abandoned"}


def test_a_purchase_that_comes_after_the_tag_was_given_but_was_earlier_takes_it_back(shop: Shop) -> None:
    tag = shop.place("tag", "Abandoned")
    shop.rule("prospect_created", "add_tag", tag)
    shop.tell("prospect", MINA, "ads-101", prospect="p1")
    shop.pass_time(hours=3)
    shop.work()
    shop.tell("purchased", MINA, "ads-101", order="1", at=shop.now - timedelta(hours=2))
    shop.work()
    assert shop.holds(MINA) == set()
    assert shop.said()[-1] == ("succeeded", "Removed from My community. What it was given for did not happen, as a later message told.")
