"""What a dead worker's lanes cost whoever takes them over: only what a call of its may have changed is asked for again."""

from __future__ import annotations

from tests.engine.shop import Shop

MINA = "mina@shop.test"


def taken_over(shop: Shop) -> None:
    """A worker dies with what is due in its hands, and another does it when the claims have run out."""
    assert shop.claim("dead")
    shop.pass_time(seconds=30)
    shop.calls.clear()
    shop.work()


def test_what_is_on_record_as_it_is_wanted_is_not_asked_again(shop: Shop) -> None:
    shop.rule("product_purchased", "add_to_space", shop.place("space", "VIP Room"))
    shop.tell("purchased", MINA, "club", order="1")
    shop.work()
    shop.tell("purchased", MINA, "club", order="2")
    taken_over(shop)
    assert shop.calls == []
    assert shop.said()[-1] == ("unchanged", "Was already in the space VIP Room: nothing to do.")


def test_a_member_is_not_invited_again_for_another_place(shop: Shop) -> None:
    shop.rule("product_purchased", "add_to_space", shop.place("space", "VIP Room"), product="club")
    shop.rule("product_purchased", "add_to_space", shop.place("space", "Lounge"), product="pro")
    shop.tell("purchased", MINA, "club", order="1")
    shop.work()
    shop.tell("purchased", MINA, "pro", order="2")
    taken_over(shop)
    assert [(call.method, call.path.strip("/")) for call in shop.calls] == [("POST", "space_members")]
    assert shop.holds(MINA) == {"member", "VIP Room", "Lounge"}


def test_a_removal_that_may_have_been_made_is_doubted(shop: Shop) -> None:
    vip = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_refunded", "remove_from_space", vip)
    shop.tell("purchased", MINA, "club", order="1")
    shop.work()
    shop.tell("refunded", MINA, "club", order="1")
    (work,) = shop.claim("dead")
    call = work.next_call()
    assert call
    shop.send(call)  # it is made, and never recorded
    shop.pass_time(seconds=30)
    shop.tell("purchased", MINA, "club", order="2")
    shop.work()
    assert shop.holds(MINA) == {"member", "VIP Room"}
