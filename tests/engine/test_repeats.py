"""Messages without an identity: the same words are a repeat for six hours, whenever these begin, and news after it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.shop import Shop
from webapp.engine.intake import Arrival, Taken, take
from webapp.engine.repeats import told_apart
from webapp.models import Event
from webapp.sources import Line, Message, NotUnderstood, Person, Problem

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
AGAIN = 6 * HOUR


def failed(shop: Shop, email: str = "mina@shop.test", again: timedelta | None = AGAIN) -> Message:
    return Message(f"failed-{email}", "failed", shop.now, Person(email), (Line("charge_failed", "club", subscription="s1"),), again=again)


def come(shop: Shop, *messages: Message | NotUnderstood) -> list[Taken]:
    with shop.write() as session:
        arrivals = [Arrival(shop.marketplace, shop.source, message, b"{}") for message in messages]
        return take(session, told_apart(session, arrivals, shop.now), shop.snapshots, shop.now, shop.new_id)


@pytest.mark.parametrize("hours", range(0, 7, 2))
def test_the_same_words_are_a_repeat_for_six_hours_and_news_after_it(shop: Shop, hours: int) -> None:
    shop.now += hours * HOUR
    begin = shop.now
    (first,) = come(shop, failed(shop))
    for after in (SECOND, 3 * HOUR, AGAIN - SECOND):
        shop.now = begin + after
        (repeat,) = come(shop, failed(shop))
        assert (repeat.duplicate, repeat.event_id) == (True, first.event_id)
    shop.now = begin + AGAIN
    (news,) = come(shop, failed(shop))
    assert (news.duplicate, news.event_id != first.event_id) == (False, True)
    shop.now += AGAIN - SECOND
    assert come(shop, failed(shop))[0].event_id == news.event_id
    assert len(shop.rows(Event)) == 2


def test_two_in_one_transaction_and_other_words_beside_them(shop: Shop) -> None:
    taken = come(shop, failed(shop), failed(shop), failed(shop, "ana@shop.test"))
    assert [one.duplicate for one in taken] == [False, True, False]


def test_a_message_with_an_identity_keeps_it_for_ever(shop: Shop) -> None:
    come(shop, failed(shop, again=None), failed(shop, "ana@shop.test"))
    shop.now += timedelta(days=400)
    assert [one.duplicate for one in come(shop, failed(shop, again=None), failed(shop, "ana@shop.test"))] == [True, False]


def test_what_was_not_understood_is_told_apart_in_the_same_way(shop: Shop) -> None:
    def mystery() -> NotUnderstood:
        return NotUnderstood("body-1", "Mystery", shop.now, (Problem("type", "is unknown"),), again=AGAIN)

    come(shop, mystery())
    shop.now += HOUR
    assert come(shop, mystery())[0].duplicate
    shop.now += AGAIN
    assert not come(shop, mystery())[0].duplicate
