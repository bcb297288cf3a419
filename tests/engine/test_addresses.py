"""A marketplace's address: its secrets while they change, and what came to it lately."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOW, make_entry, make_marketplace, new_id
from webapp.engine import addresses
from webapp.models import Event, Marketplace, Receipt, Source
from webapp.sources import Answers

DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


@pytest.fixture
def shop(session: Session) -> Marketplace:
    return make_marketplace(session)


@pytest.fixture
def source(session: Session, shop: Marketplace) -> Source:
    made = Source(id=new_id(), marketplace_id=shop.id, kind="cartwheel", address="here", created_at=NOW)
    session.add(made)
    session.flush()
    return made


def event(session: Session, source: Source, after: int, **fields: Any) -> Event:
    given = {"key": f"m{after}", "type": "order.created", "at": NOW, "received_at": NOW + after * SECOND, "body": b"{}", **fields}
    made = Event(id=new_id(), marketplace_id=source.marketplace_id, source_id=source.id, **given)
    session.add(made)
    session.flush()
    return made


def receipt(session: Session, source: Source, after: int, status: int, reason: str) -> None:
    session.add(Receipt(id=new_id(), source_id=source.id, at=NOW + after * SECOND, status=status, reason=reason))
    session.flush()


def test_an_address_is_found_by_its_marketplace_and_kind(session: Session, shop: Marketplace, source: Source) -> None:
    assert addresses.find(session, shop.id, "cartwheel", lock=True) is source
    assert addresses.find(session, shop.id, "samcart") is None
    assert addresses.find(session, make_marketplace(session).id, "cartwheel") is None


def test_the_first_secret_has_none_before_it(session: Session, source: Source) -> None:
    addresses.rotate(session, source, b"first", NOW)
    assert (source.secret, source.previous_secret, addresses.previous_until(source, NOW)) == (b"first", None, None)


def test_the_secret_before_stays_good_for_a_day(session: Session, source: Source) -> None:
    addresses.rotate(session, source, b"first", NOW)
    addresses.rotate(session, source, b"second", NOW)
    assert (source.secret, source.previous_secret) == (b"second", b"first")
    assert addresses.previous_until(source, NOW + DAY - SECOND) == NOW + DAY
    assert addresses.previous_until(source, NOW + DAY) is None
    addresses.rotate(session, source, b"third", NOW + SECOND)
    assert (source.previous_secret, source.previous_until) == (b"second", NOW + DAY + SECOND)
    addresses.end_previous(session, source)
    assert (source.secret, source.previous_secret, source.previous_until) == (b"third", None, None)


def test_what_came_is_told_in_the_order_of_its_coming(session: Session, shop: Marketplace, source: Source) -> None:
    receipt(session, source, 3, 401, "The signature does not match.")
    bought = event(session, source, 1, test=True)
    first = make_entry(session, shop, event_id=bought.id)
    make_entry(session, shop, event_id=bought.id)
    receipt(session, source, 2, 200, "A repeat of m1.")
    event(session, source, 4, type="", errors=[{"field": "type", "message": "is missing"}])
    event(session, source, 5, errors=[{"field": "", "message": "is no order"}])
    came = addresses.lately(session, source, Answers(taken=202, not_understood=422))
    assert [(one.status, one.outcome, one.why) for one in came] == [
        (422, "not_understood", "is no order"),
        (422, "not_understood", "type: is missing"),
        (401, "refused", "The signature does not match."),
        (200, "nothing", "A repeat of m1."),
        (202, "taken", ""),
    ]
    assert (came[-1].key, came[-1].entries, came[-1].entry_id, came[-1].test) == ("m1", 2, first.id, True)
    assert [one.key for one in addresses.lately(session, source, Answers(), limit=2)] == ["m5", "m4"]


def test_another_addresses_requests_are_not_told(session: Session, source: Source) -> None:
    other = Source(id=new_id(), marketplace_id=source.marketplace_id, kind="samcart", address="there", created_at=NOW)
    session.add(other)
    session.flush()
    event(session, other, 1)
    receipt(session, other, 2, 401, "No.")
    assert addresses.lately(session, source, Answers()) == []


def test_all_addresses_of_a_marketplace_and_one_taken_away(session: Session, shop: Marketplace, source: Source) -> None:
    other = Source(id=new_id(), marketplace_id=shop.id, kind="samcart", address="there", created_at=NOW)
    session.add(other)
    session.flush()
    came = event(session, other, 1)
    receipt(session, other, 2, 200, "A repeat.")
    assert addresses.of(session, shop.id) == {"cartwheel": source, "samcart": other}
    assert addresses.of(session, make_marketplace(session).id) == {}
    addresses.remove(session, other)
    session.expire_all()
    assert addresses.of(session, shop.id) == {"cartwheel": source}
    assert session.get_one(Event, came.id).source_id is None
