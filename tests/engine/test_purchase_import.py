"""Past purchases taken in: counted before, then as if the checkout had told of them; whatever is known changes nothing, before and after."""

from __future__ import annotations

from datetime import timedelta

from tests.engine import batching
from tests.engine.shop import Shop
from tests.factories import NOW
from webapp.apps import metered
from webapp.engine import batches, purchase_import
from webapp.engine.purchase_import import Plan
from webapp.models import Call, Event, Happening, Product, Purchase, Source
from webapp.sources import Line, Message, Person

MINA = "mina@shop.test"
BOUGHT = NOW - timedelta(days=100)


def line(email: str = MINA, product: str = "course", order: str | None = "1", at: int = 0) -> Message:
    key = f"import-{email}-{product}-{order or at}"
    return Message(key, "purchase.imported", BOUGHT + timedelta(days=at), Person(email), (Line("purchased", product, order=order),))


def planned(shop: Shop, *lines: Message) -> Plan:
    with shop.write() as session:
        snapshot = shop.snapshots.get(session, {shop.marketplace})[shop.marketplace]
        return purchase_import.plan(session, snapshot, dict(enumerate(lines, 1)), shop.now)


def begin(shop: Shop, *lines: Message) -> int:
    plan = planned(shop, *lines)
    with shop.write() as session:
        purchase_import.open_source(session, shop.marketplace, shop.now, shop.new_id)
        items = {number: purchase_import.packed(message) for number, message in plan.new.items()}
        more = {"title": "Import", "given": {}, "by": None, "now": shop.now, "new_id": shop.new_id}
        return batches.start(session, shop.marketplace, purchase_import.KEY, items, **more).id


def test_it_says_before_what_it_comes_to_and_then_it_does(shop: Shop) -> None:
    shop.rule("product_purchased", "add_to_space", shop.place("space", "VIP Room"), "course")
    shop.rule("product_purchased", "add_tag", shop.place("tag", "Student"), "course")
    shop.rule("product_purchased", "add_tag", shop.place("tag", "New"), "course", for_days=30)
    shop.rule("product_purchased", "rsvp_to_event", shop.place("event", "Party"), "party")
    lines = [line(), line("ana@shop.test", "party", "2"), line("tom@shop.test", "unheard", "3"), line(MINA, "party", "4", 1)]
    plan = planned(shop, *lines)
    assert (list(plan.new), plan.known, plan.products, plan.people, plan.ruleless, plan.calls) == ([1, 2, 3, 4], 0, ["unheard"], 3, 1, 4)
    told = batching.finish(shop, begin(shop, *lines))
    assert (told.batch.state, told.batch.done, told.batch.total) == ("done", 4, 4)
    assert told.came == {"succeeded": 4, "unchanged": 1, "no_rule": 1}
    assert (shop.holds(MINA), shop.holds("ana@shop.test")) == ({"member", "VIP Room", "Student", "Party"}, {"member", "Party"})
    assert sum(metered(call.status) for call in shop.rows(Call)) == plan.calls
    assert {purchase.bought_at for purchase in shop.rows(Purchase)} == {BOUGHT, BOUGHT + timedelta(days=1)}
    assert {event.type for event in shop.rows(Event)} == {"purchase.imported"}


def test_the_same_file_twice_changes_nothing(shop: Shop) -> None:
    lines = [line(), line("ana@shop.test", order=None)]
    batching.finish(shop, begin(shop, *lines))
    before = (len(shop.entries()), len(shop.rows(Event)))
    plan = planned(shop, *lines)
    assert (plan.new, plan.known, plan.calls) == ({}, 2, 0)
    with shop.write() as session:  # who begins it all the same, since another did so at the same moment
        items = {number: purchase_import.packed(message) for number, message in enumerate(lines, 1)}
        more = {"title": "Import", "given": {}, "by": None, "now": shop.now, "new_id": shop.new_id}
        batch = batches.start(session, shop.marketplace, purchase_import.KEY, items, **more).id
    assert batching.finish(shop, batch).came == {}
    assert (len(shop.entries()), len(shop.rows(Event))) == before


def test_a_later_message_about_the_same_order_is_a_repeat_and_one_before_it_too(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.tell("purchased", "ana@shop.test", "course", at=BOUGHT, order="2")
    assert planned(shop, line("ana@shop.test", order="2")).known == 1
    batching.finish(shop, begin(shop, line()))
    shop.tell("purchased", MINA, "course", at=BOUGHT + timedelta(hours=5), order="1")
    shop.work()
    assert len(shop.rows(Happening)) == len(shop.rows(Purchase)) == 2
    assert [entry.status for entry in shop.entries()] == ["succeeded", "succeeded", "nothing"]


def test_a_refund_of_an_imported_purchase_takes_back_also_without_its_order(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    shop.rule("product_refunded", "remove_member")
    batching.finish(shop, begin(shop, line(), line("ana@shop.test", order=None)))
    for email, order in ((MINA, "1"), ("ana@shop.test", "77")):
        shop.tell("refunded", email, "course", order=order)
    shop.work()
    assert (shop.holds(MINA), shop.holds("ana@shop.test")) == (set(), set())


def test_a_product_may_be_called_by_its_name(shop: Shop) -> None:
    with shop.write() as session:
        shop.product(session, "course")
    plan = planned(shop, line(product="COURSE"), line(product="courses"))
    assert [message.lines[0].product for message in plan.new.values()] == ["course", "courses"]
    assert plan.products == ["courses"]
    batching.finish(shop, begin(shop, line(product="COURSE")))
    assert [product.external_id for product in shop.rows(Product)] == ["course"]


def test_nobody_can_post_to_the_source_of_imports(shop: Shop) -> None:
    begin(shop, line())
    begin(shop, line("ana@shop.test"))
    (made,) = (source for source in shop.rows(Source) if source.kind == purchase_import.KEY)
    assert made.secret is None
