"""A customer is erased: nothing says who it was, wherever one looks; what is counted stays; and nothing is done for them any more."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import factories
from tests.engine.shop import Shop
from webapp.apps import Answer
from webapp.apps.registry import APPS
from webapp.engine import aliases, entries, erasing, granting, log_fold, past, purchase_import, replays
from webapp.engine.entries import Refused
from webapp.engine.holdings import find_customer
from webapp.engine.intake import Arrival, take
from webapp.engine.log_query import Query
from webapp.engine.rules import Draft
from webapp.models import (
    AuditLine,
    Base,
    Batch,
    BatchItem,
    Call,
    Customer,
    Event,
    Grant,
    Integration,
    LogEntry,
    Purchase,
    Receipt,
    Target,
)  # fmt: skip
from webapp.sources import Line, Message, NotUnderstood, Person, Problem

MINA, THERE, OTHER = "mina.okafor@shop.test", "m.okafor@home.test", "zmina.okafor@shop.test"
SAYS_WHO = (MINA, THERE, "mina", "okafor", "nine-thousand-and-one", "sub-of-hers")
"""What must be nowhere: addresses, names, the ids of her order and her subscription."""


def said(session: Session) -> Counter[tuple[str, str]]:
    """In which columns of which tables somebody would find out who it was, and how often."""
    found: Counter[tuple[str, str]] = Counter()
    for mapper in Base.registry.mappers:
        for row in session.scalars(sa.select(mapper.class_)):
            for column in mapper.columns:
                text = _text(getattr(row, mapper.get_property_by_column(column).key)).replace(OTHER, "")
                found[mapper.class_.__tablename__, column.name] += any(one in text for one in SAYS_WHO)
    return +found


def _text(value: Any) -> str:
    """Whatever a column holds, as one searches it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").lower()
    return (json.dumps(value) if isinstance(value, dict | list) else str(value)).lower()


def deliver(shop: Shop, message: Message | NotUnderstood, body: Any) -> None:
    with shop.write() as session:
        take(session, [Arrival(shop.marketplace, shop.source, message, json.dumps(body).encode())], shop.snapshots, shop.now, shop.new_id)


def tell(shop: Shop, kind: str, product: str, email: str = MINA, key: str = "", **more: Any) -> None:
    person = Person(email, "Mina", "Okafor") if email == MINA else Person(email, "Tom", "Berg")
    message = Message(key or f"m{factories.new_id()}", kind, shop.now, person, (Line(kind, product, **more),))
    deliver(shop, message, {"email": email.upper(), "name": f"{person.first_name} {person.last_name}", **more})


def customer(session: Session, shop: Shop, email: str = MINA) -> Customer:
    found = find_customer(session, shop.marketplace, email)
    assert found is not None
    return found


def erase(shop: Shop, email: str = MINA) -> str:
    with Session(shop.engine) as session:
        who = customer(session, shop, email)
        found, number = erasing.traces(session, who), who.id
    with shop.write() as session:
        return erasing.erase(session, shop.marketplace, number, found, "a digest", shop.now)


def count(shop: Shop) -> None:
    """What the keeper does."""
    shop.pass_time(minutes=1)
    with shop.write() as session:
        step = log_fold.due(session, shop.marketplace, shop.now)
        log_fold.write(session, shop.marketplace, log_fold.count(session, shop.marketplace, step.quarters), shop.now, shop.new_id)
        log_fold.done(session, shop.marketplace, step.until)


@pytest.fixture
def lived(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop in which a customer has left traces wherever one can."""
    monkeypatch.setattr(shop, "new_id", _ids())
    room, lounge = shop.place("space", "VIP Room"), shop.place("space", "Lounge")
    shop.rule("product_purchased", "add_to_space", room, "ads")
    shop.rule("product_purchased", "add_to_space", lounge, "pro", for_days=30)
    shop.rule("subscription_canceled", "remove_from_space", room, "club", after_days=3)
    tell(shop, "purchased", "ads", order="nine-thousand-and-one", key=f"of-{MINA}")
    shop.work()
    tell(shop, "purchased", "nothing-about-it")
    tell(shop, "charged", "club", subscription="sub-of-hers")
    shop.answers = [Answer(422, {"message": "no"}, f'{{"message": "{MINA} is Mina Okafor"}}')]
    tell(shop, "purchased", "pro")
    shop.work()
    tell(shop, "canceled", "club", subscription="sub-of-hers")
    deliver(shop, NotUnderstood("odd", "order", shop.now, (Problem("customer", f"{MINA} is odd"),), MINA), {"email": f"{MINA}"})
    deliver(shop, NotUnderstood("odder", "order", shop.now, (Problem("customer", "odd"),)), {"email": OTHER})
    deliver(shop, Message("void", "ping", shop.now, None, (), note="Nothing follows."), f"email={MINA.replace('@', '%40')}")
    with shop.write() as session:
        aliases.put(session, customer(session, shop), session.get_one(Integration, shop.integration), THERE, shop.now, shop.new_id)
        granting.grant(session, customer(session, shop), session.get_one(Target, lounge), None, "ana@shop.test", shop.now, shop.new_id)
        session.add(Receipt(id=1, source_id=shop.source, at=shop.now, status=200, reason=f"A repeat of {MINA}: nothing happens twice."))
        batch = factories.make_batch(session, session.get_one(factories.Marketplace, shop.marketplace), kind=purchase_import.KEY, total=3)
        for number, email in enumerate((MINA, OTHER, "tom@shop.test"), 1):
            session.add(BatchItem(batch_id=batch.id, number=number, data={"email": email, "order": str(number)}))
    shop.work()
    tell(shop, "purchased", "ads", "tom@shop.test", order="2")
    tell(shop, "refunded", "pro", order="nine-thousand-and-one")
    count(shop)
    return shop


def _ids() -> Any:
    """Ids that tell their time, as the log's counting needs them."""
    return lambda now: factories.first_id(now) + factories.new_id()


def test_nothing_says_who_it_was(lived: Shop) -> None:
    with Session(lived.engine) as session:
        before = said(session)
    assert {table for table, _ in before} >= {
        "customers", "lanes", "purchases", "happenings", "events", "log_entries", "calls", "audit_lines", "batch_items", "receipts", "shapes",
    }  # fmt: skip
    called = erase(lived)
    count(lived)
    with Session(lived.engine) as session:
        assert said(session) == {}
        assert session.scalars(sa.select(Customer.email).order_by(Customer.email)).all() == [called, "tom@shop.test"]


def test_what_is_counted_stays(lived: Shop) -> None:
    def counted() -> dict[str, Any]:
        with Session(lived.engine) as session:
            every = [Purchase, Grant, Event, LogEntry, Call, Customer]
            ended = sa.select(LogEntry.status, sa.func.count()).where(LogEntry.open_lane_id.is_(None)).group_by(LogEntry.status)
            return {model.__tablename__: session.scalar(sa.select(sa.func.count()).select_from(model)) for model in every} | {
                status: number for status, number in session.execute(ended) if status != "skipped"
            }

    before = counted()
    erase(lived)
    assert counted() == before


def test_what_waits_is_called_off_and_nothing_is_called_again(lived: Shop) -> None:
    waiting = [one.id for one in lived.entries() if one.open_lane_id and one.customer_id]
    erase(lived)
    mine = [one for one in lived.entries() if one.id in waiting and one.status == "skipped"]
    assert mine
    assert {(one.sentence, one.open_lane_id, one.due_at) for one in mine} == {(erasing.CANCELED, None, None)}
    lived.work()
    lived.calls.clear()
    lived.pass_time(days=40)
    lived.work()
    assert lived.calls == []


def test_nothing_can_be_asked_for_them_again(lived: Shop) -> None:
    erase(lived)
    asked = next(one for one in lived.entries() if one.status == "failed")
    with lived.write() as session, pytest.raises(Refused, match="The customer was erased"):
        entries.replay(session, lived.marketplace, asked.id, lived.now, lived.new_id)
    with lived.write() as session:
        assert replays.toll(session, lived.marketplace, Query(), lived.now).entries == []
        draft = Draft(None, "product_purchased", lived.integration, "invite_member")
        people = past.people(session, lived.marketplace, draft, APPS["circle"], lived.now)
        assert [session.get_one(Customer, one).email for one in people] == ["tom@shop.test"]
    with lived.write() as session, pytest.raises(LookupError):
        erasing.erase(session, lived.marketplace, asked.customer_id or 0, erasing.Traces((), ()), "x", lived.now)


def test_the_others_lines_of_a_file_stay(lived: Shop) -> None:
    erase(lived)
    assert [item.data["email"] for item in lived.rows(BatchItem)] == [OTHER, "tom@shop.test"]
    assert [batch.total for batch in lived.rows(Batch)] == [2]


def test_it_is_on_record_who_did_it_and_not_to_whom(lived: Shop) -> None:
    called = erase(lived)
    line = max(lived.rows(AuditLine), key=lambda one: one.id)
    assert (line.what, line.about, line.who) == ("customer_erased", called, "ana@shop.test")


def test_a_later_message_makes_them_somebody_new(lived: Shop) -> None:
    erase(lived)
    lived.pass_time(hours=1)
    tell(lived, "purchased", "ads", order="9002")
    lived.work()
    with Session(lived.engine) as session:
        again = customer(session, lived)
        assert session.scalars(sa.select(Purchase.order_ref).where(Purchase.customer_id == again.id)).all() == ["9002"]
        assert erasing.erased_before(session, lived.marketplace, "a digest") == lived.now - timedelta(hours=1)
        assert erasing.erased_before(session, lived.marketplace, "another's") is None
    erase(lived)
    with Session(lived.engine) as session:
        assert len(session.scalars(sa.select(Customer).where(Customer.erased_as == "a digest")).all()) == 2


def test_not_while_a_call_for_them_is_under_way(shop: Shop) -> None:
    shop.rule("product_purchased", "invite_member")
    tell(shop, "purchased", "ads", order="1")
    shop.claim()
    with pytest.raises(Refused, match="A call for them is under way"):
        erase(shop)
