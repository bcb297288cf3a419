"""Grant by hand, take away, leave it to purchases: a person's word stands against everything that rules say later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.shop import Shop
from webapp.engine import granting
from webapp.engine.entries import Refused
from webapp.engine.holdings import find_customer
from webapp.models import Grant, LogEntry, Target

MINA, OWNER = "mina@shop.test", "owner@shop.test"


class Hand:
    """A shop where Ads 101 gives the VIP Room and its refund takes it back; `grant`, `take` and `leave` are what a person does about it."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.room = shop.place("space", "VIP Room")
        shop.rule("product_purchased", "add_to_space", self.room)
        shop.rule("product_refunded", "remove_from_space", self.room)

    def buy(self, order: str = "9001") -> None:
        self.shop.pass_time(hours=1)
        self.shop.tell("purchased", MINA, "ads-101", order=order)
        self.shop.work()

    def refund(self, order: str = "9001") -> None:
        self.shop.pass_time(hours=1)
        self.shop.tell("refunded", MINA, "ads-101", order=order)
        self.shop.work()

    def grant(self, target: int | None = None, days: int | None = None) -> LogEntry:
        return self._do(lambda *about: granting.grant(*about[:3], days, *about[3:]), target)

    def take(self, target: int | None = None) -> LogEntry:
        return self._do(granting.take_away, target)

    def leave(self, target: int | None = None) -> LogEntry:
        return self._do(granting.leave_to_purchases, target)

    def _do(self, act: Callable[..., int], target: int | None = None) -> LogEntry:
        self.shop.pass_time(hours=1)
        with self.shop.write() as session:
            customer = find_customer(session, self.shop.marketplace, MINA)
            made = act(session, customer, session.get_one(Target, target or self.room), OWNER, self.shop.now, self.shop.new_id)
        self.shop.work()
        return next(entry for entry in self.shop.entries() if entry.id == made)

    @property
    def there(self) -> bool:
        return "VIP Room" in self.shop.holds(MINA)


@pytest.fixture
def hand(shop: Shop) -> Hand:
    made = Hand(shop)
    with shop.write() as session:
        made.shop.product(session, "ads-101")
    return made


def test_what_is_granted_by_hand_no_refund_takes(hand: Hand) -> None:
    hand.buy()
    entry = hand.grant()
    assert (entry.status, entry.sentence) == ("unchanged", "Was already in the space VIP Room: nothing to do.")
    hand.refund()
    assert hand.there
    assert hand.shop.said()[-1] == ("unchanged", "Kept: VIP Room was granted by hand.")


def test_somebody_who_never_bought_is_invited(hand: Hand) -> None:
    hand.shop.tell("refunded", MINA, "ads-101", order="1")
    hand.shop.work()
    entry = hand.grant()
    assert hand.there
    assert (entry.status, entry.sentence) == ("succeeded", "Added to space VIP Room. It was granted by hand.")
    assert entry.details == {"by": f"Granted by hand by {OWNER}"}
    assert [call.purpose for call in hand.shop.calls[-1:]] == ["invite"]


def test_a_grant_ends_by_itself_after_its_days(hand: Hand) -> None:
    hand.buy()
    hand.refund()
    entry = hand.grant(days=30)
    assert entry.details == {"by": f"Granted by hand for 30 days by {OWNER}"}
    hand.shop.pass_time(days=29)
    hand.shop.work()
    assert hand.there
    hand.shop.pass_time(days=2)
    hand.shop.work()
    assert not hand.there
    assert hand.shop.said()[-1][1].startswith("Removed from space VIP Room. Its time was over")
    assert hand.shop.holds(MINA) == {"member"}, "the membership that came with it stays"


def test_what_is_taken_away_no_purchase_gives_back(hand: Hand) -> None:
    hand.buy()
    entry = hand.take()
    assert not hand.there
    assert (entry.status, entry.sentence.split(" at ")[0]) == ("succeeded", "Removed from space VIP Room. It was taken away by hand")
    hand.buy("9002")
    assert not hand.there
    assert hand.shop.said()[-1][1].startswith("Superseded: taken away by hand")


def test_left_to_purchases_again_what_they_grant_comes_back(hand: Hand) -> None:
    hand.buy()
    hand.take()
    entry = hand.leave()
    assert hand.there
    assert (entry.action, entry.status, entry.details) == ("add_to_space", "succeeded", {"by": f"Left to purchases again by {OWNER}"})


def test_left_to_purchases_again_what_only_a_person_granted_goes(hand: Hand) -> None:
    hand.buy()
    hand.refund()
    hand.grant()
    assert hand.there
    entry = hand.leave()
    assert not hand.there
    assert entry.action == "remove_from_space"
    assert entry.sentence.startswith("Removed from space VIP Room. Nothing grants it any longer: ended by hand")
    with pytest.raises(Refused, match="Nobody has decided"):
        hand.leave()


def test_a_grant_lifts_what_was_taken_away_and_taking_away_ends_a_grant_for_good(hand: Hand) -> None:
    hand.buy()
    hand.refund()
    hand.take()
    hand.grant()
    assert hand.there
    hand.take()
    assert not hand.there
    hand.leave()
    assert not hand.there, "the grant of before does not come back"
    assert [mark.op for mark in hand.shop.rows(Grant)][2:] == ["veto", "lift", "open", "close", "veto", "lift"]


def test_a_removal_in_any_case_ends_a_grant_by_hand(hand: Hand) -> None:
    hand.buy()
    hand.grant()
    hand.shop.rule("product_purchased", "remove_from_space", hand.room, "pro")
    hand.shop.pass_time(hours=1)
    hand.shop.tell("purchased", MINA, "pro", order="77")
    hand.shop.work()
    assert hand.there is True, "the purchase itself gives it by the global rule: of one message an add counts"
    hand.shop.tell("charged", MINA, "pro", subscription="77")
    hand.shop.rule("subscription_charged", "remove_from_space", hand.room, "pro")
    hand.shop.pass_time(hours=1)
    hand.shop.tell("charged", MINA, "pro", subscription="77", number=2)
    hand.shop.work()
    assert not hand.there


def test_the_whole_membership_can_be_taken_away_and_given_back(hand: Hand) -> None:
    hand.buy()
    with hand.shop.write() as session:
        hand.room = session.query(Target).filter(Target.kind == "membership").one().id
    hand.take()
    assert hand.shop.holds(MINA) == set()
    hand.buy("9002")
    assert hand.shop.holds(MINA) == set()
    hand.leave()
    assert hand.shop.holds(MINA) == {"member", "VIP Room"}


def test_what_is_gone_in_the_community_is_refused(hand: Hand) -> None:
    hand.buy()
    with hand.shop.write() as session:
        session.get_one(Target, hand.room).gone_at = hand.shop.now
    with pytest.raises(Refused, match="VIP Room no longer exists in My community"):
        hand.grant()


def test_where_the_membership_was_taken_away_a_grant_gives_both_though_nothing_is_on_record_of_the_place(hand: Hand) -> None:
    hand.shop.tell("refunded", MINA, "ads-101", order="1")
    hand.take(hand.shop.membership)
    hand.grant()
    assert hand.shop.holds(MINA) == {"member", "VIP Room"}


@pytest.mark.parametrize("again", ["leave", "take"])
def test_a_grant_that_counts_for_nothing_just_now_is_ended_too(hand: Hand, again: str) -> None:
    hand.buy()
    hand.refund()
    hand.grant()
    hand.take(hand.shop.membership)
    getattr(hand, again)()
    if again == "take":
        hand.leave()
    assert hand.shop.holds(MINA) == {"member"}, "the purchase still grants the membership"


def test_a_membership_that_came_back_with_a_place_is_given_back_for_the_others_too(hand: Hand) -> None:
    hand.buy()
    hand.take(hand.shop.membership)
    hand.grant(hand.shop.place("tag", "Fan"))
    assert hand.shop.holds(MINA) == {"member", "Fan"}, "what else was taken stays taken"
    hand.leave(hand.shop.membership)
    assert hand.shop.holds(MINA) == {"member", "Fan", "VIP Room"}


def test_what_was_taken_for_itself_is_not_given_with_the_membership(hand: Hand) -> None:
    hand.buy()
    hand.take()
    hand.take(hand.shop.membership)
    hand.grant(hand.shop.membership)
    assert hand.shop.holds(MINA) == {"member"}
    hand.leave()
    assert hand.shop.holds(MINA) == {"member", "VIP Room"}
