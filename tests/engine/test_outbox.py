"""The outbox: a message is taken by one worker at a time, tried again, and given up when it is too late."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOW, make_marketplace
from webapp.engine import outbox
from webapp.engine.outbox import KEPT, LATE, TAKEN_FOR, WAITS, Letter
from webapp.models import Outgoing

_ids = count(1)


def write(session: Session, **more: timedelta) -> int:
    return outbox.put(session, outbox.MAIL, {"to": "mina@shop.test"}, str.encode, lambda _: next(_ids), NOW, **more)  # type: ignore[arg-type]


def test_a_message_is_taken_once_and_again_when_its_worker_has_died(session: Session) -> None:
    assert not outbox.waiting(session, NOW)
    number = write(session)
    assert outbox.waiting(session, NOW)
    post = outbox.take(session, NOW)
    assert post
    assert (post.id, post.kind, json.loads(post.content)) == (number, "mail", {"to": "mina@shop.test"})
    assert outbox.take(session, NOW) is None
    assert not outbox.waiting(session, NOW + TAKEN_FOR - timedelta(seconds=1))
    assert outbox.take(session, NOW + TAKEN_FOR)


def test_what_has_left_is_kept_without_what_it_said_for_a_month(session: Session) -> None:
    number = write(session)
    assert outbox.take(session, NOW)
    outbox.sent(session, number, NOW)
    row = session.get_one(Outgoing, number, populate_existing=True)
    assert (row.sent_at, row.due_at, row.content, row.given_up_at) == (NOW, None, None, None)
    outbox.forget(session, NOW + KEPT)
    assert session.get(Outgoing, number)
    outbox.forget(session, NOW + KEPT + timedelta(seconds=1))
    assert session.get(Outgoing, number, populate_existing=True) is None


def test_it_is_tried_again_ever_later_until_it_is_too_late(session: Session) -> None:
    number, now, waits = write(session, good_for=timedelta(hours=3)), NOW, []
    while True:
        assert outbox.take(session, now)
        if outbox.failed(session, number, "nobody answers", now):
            break
        due = session.get_one(Outgoing, number).due_at
        assert due
        waits.append(due - now)
        now = due
    assert waits == [*WAITS[:3], *[WAITS[3]] * 2]
    row = session.get_one(Outgoing, number)
    assert (row.content, row.due_at, row.given_up_at, row.fault) == (None, None, now, "nobody answers")


def test_a_refusal_for_good_is_not_tried_again(session: Session) -> None:
    number = write(session)
    assert outbox.take(session, NOW)
    assert outbox.failed(session, number, "nobody here", NOW, for_good=True)
    assert not outbox.waiting(session, NOW + timedelta(days=1))


@pytest.mark.parametrize("fault", ["", "nobody answers"])
def test_what_nobody_sent_in_time_is_given_up(session: Session, fault: str) -> None:
    number = write(session, good_for=timedelta(hours=1))
    session.get_one(Outgoing, number).fault = fault
    assert outbox.take(session, NOW + timedelta(hours=1)) is None
    row = session.get_one(Outgoing, number, populate_existing=True)
    assert (row.given_up_at, row.fault, row.content) == (NOW + timedelta(hours=1), fault or LATE, None)


def test_a_marketplace_sees_what_became_of_its_own(session: Session) -> None:
    ours, others = make_marketplace(session), make_marketplace(session)
    for shop in (ours, others):
        outbox.mail(session, f"owner@{shop.id}.test", Letter("Hello", "…"), str.encode, lambda _: next(_ids), NOW, shop.id)
    assert [(row.recipient, row.subject) for row in outbox.latest(session, ours.id, 5)] == [(f"owner@{ours.id}.test", "Hello")]
