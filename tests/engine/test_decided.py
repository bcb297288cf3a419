"""What was decided about an entry is told when it is opened: what should be, what was known, what is planned, which rules stayed out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import factories
from tests.engine.shop import Shop
from webapp.engine import decided, entries, story
from webapp.engine.decided import Decided
from webapp.id_times import first_id

MINA = "mina@shop.test"
FIRST_TIME = "Not known before: the log has nothing earlier about it."


def told(shop: Shop, number: int) -> Decided:
    """What is told of the entry with this number, from the oldest on."""
    entry = shop.entries()[number]
    with shop.write() as session:
        found = story.load(session, shop.marketplace, entry.id, shop.now)
        assert found is not None
        return decided.read(session, found, timedelta(hours=24), shop.now)


@pytest.fixture
def room(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose ids tell their time, as they do in an app."""
    monkeypatch.setattr(shop, "new_id", lambda now: first_id(now) + factories.new_id())
    place = shop.place("space", "VIP Room")
    shop.rule("product_purchased", "add_to_space", place, "ads")
    shop.rule("product_refunded", "remove_from_space", place, "ads")
    shop.tell("purchased", MINA, "ads", order="1")
    return shop


def test_of_what_waits_it_tells_what_would_be_called(room: Shop) -> None:
    one = told(room, 0)
    assert (one.should, one.known) == ("Should be there: Ads (bought 24 November) grants it.", FIRST_TIME)
    assert one.planned == [f"invite {MINA} to My community with the space VIP Room"]


def test_it_tells_what_was_known_before_and_by_which_entry(room: Shop) -> None:
    room.work()
    room.pass_time(minutes=5)
    room.tell("refunded", MINA, "ads", order="1")
    room.work()
    given, taken = told(room, 0), told(room, 1)
    assert (given.should, given.known) == ("Should be there: Ads (bought 24 November) grants it.", FIRST_TIME), "as it was then"
    assert taken.should == "Should not be there: refunded at 14:07."
    assert (taken.known, taken.known_by) == ("Known to be there since 14:02.", room.entries()[0].id)
    assert (given.planned, taken.planned) == ((), ())


def test_what_is_kept_and_what_is_replayed(room: Shop) -> None:
    room.tell("purchased", MINA, "ads", order="2")
    room.work()
    room.pass_time(minutes=5)
    room.tell("refunded", MINA, "ads", order="1")
    room.work()
    assert told(room, 2).should == "Should be there: Ads (bought 24 November) grants it."
    with room.write() as session:
        entries.replay(session, room.marketplace, room.entries()[0].id, room.now, room.new_id)
    assert told(room, 3).known == "Taken as unknown, since it was replayed."


def test_the_rules_that_came_close_are_named(room: Shop) -> None:
    room.rule("product_purchased", "invite_member", product="pro")
    assert {rule["why"] for rule in told(room, 0).close} == {
        "It is for Product Refunded, not Product Purchased.", "It is for another product than Ads.",
    }  # fmt: skip
