"""Alerts as they are written down: what is found, what is told once, what is over, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import NOW
from webapp.engine import alerts
from webapp.engine.alerting import ATTENTION, BROKEN, FAILED, KINDS, NOT_UNDERSTOOD, QUIET, SILENT
from webapp.engine.alerts import News
from webapp.id_times import first_id
from webapp.models import Alert, Event, Heard, Integration, LogEntry, Marketplace, Source

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Look = Callable[[datetime], News]
NAMES = {"cartwheel": "Cartwheel's own format"}


@pytest.fixture
def shop(session: Session) -> Marketplace:
    return factories.make_marketplace(session, "Acme")


@pytest.fixture
def circle(session: Session, shop: Marketplace) -> Integration:
    return factories.make_integration(session, shop, "My community")


@pytest.fixture
def source(session: Session, shop: Marketplace) -> Source:
    made = Source(id=factories.new_id(), marketplace_id=shop.id, kind="cartwheel", address=f"a{shop.id}", created_at=NOW)
    session.add(made)
    session.flush()
    return made


@pytest.fixture
def look(session: Session, shop: Marketplace) -> Look:
    return lambda now: alerts.look(session, shop.id, NAMES, now, lambda _: factories.new_id())


def fail(session: Session, shop: Marketplace, circle: Integration, at: datetime, **more: Any) -> LogEntry:
    given = {"cause": "refused", "status": "failed", "integration_id": circle.id, "changed_at": at, "finished_at": at, **more}
    return factories.make_entry(session, shop, **given)


def hear(session: Session, shop: Marketplace, source: Source, at: datetime, number: int = 0, **more: Any) -> int:
    """One message of the checkout."""
    made = Event(
        id=first_id(at) + number, marketplace_id=shop.id, source_id=source.id, key=f"k{at}{number}", type="t", at=at, received_at=at,
        body=b"{}", test=more.get("test", False),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made.id


def titles(news: News) -> tuple[list[str], list[str], list[str]]:
    return tuple([one.title for one in ones] for ones in (news.begun, news.still, news.over))  # type: ignore[return-value]


def test_an_integration_that_needs_attention_is_told_once_and_when_it_works_again(
    session: Session, shop: Marketplace, circle: Integration, look: Look
) -> None:
    assert not look(NOW)
    circle.attention, circle.attention_at = "dead_key", NOW
    title = "Circle no longer accepts the API key of My community."
    assert titles(look(NOW + MINUTE)) == ([title], [], [])
    assert not look(NOW + 2 * MINUTE)
    circle.attention = circle.attention_at = None
    assert titles(look(NOW + 3 * MINUTE)) == ([], [], [title])
    assert not look(NOW + 4 * MINUTE)
    (kept,) = alerts.history(session, shop.id, 5)
    assert (kept.kind, kept.opened_at, kept.recovered_at) == (ATTENTION, NOW + MINUTE, NOW + 3 * MINUTE)
    assert alerts.standing(session, shop.id) == []


def test_of_two_workers_one_looks(look: Look, circle: Integration) -> None:
    circle.attention, circle.attention_at = "dead_key", NOW
    assert look(NOW)
    assert not look(NOW + timedelta(seconds=1))


def test_an_outage_is_one_alert_however_many_entries_fail(session: Session, shop: Marketplace, circle: Integration, look: Look) -> None:
    look(NOW)
    for number in range(40):
        fail(session, shop, circle, NOW + timedelta(seconds=number))
    fail(session, shop, circle, NOW, test=True)
    fail(session, shop, circle, NOW, cause="invalid_email")
    one = "An entry has failed at My community: an e-mail address was refused."
    assert sorted(titles(look(NOW + MINUTE))[0]) == ["40 entries have failed at My community: Circle refused.", one]
    for number in range(300):
        fail(session, shop, circle, NOW + HOUR + timedelta(seconds=number))
    assert not look(NOW + 2 * HOUR)
    (alert,) = [one for one in alerts.standing(session, shop.id) if one.subject.endswith(":refused")]
    assert (alert.count, alert.first_at, alert.last_at) == (340, NOW, NOW + HOUR + timedelta(seconds=299))
    assert titles(look(NOW + QUIET + MINUTE))[2] == [one]
    assert titles(look(NOW + HOUR + QUIET + 5 * MINUTE))[2] == ["340 entries have failed at My community: Circle refused."]
    fail(session, shop, circle, NOW + DAY)
    assert titles(look(NOW + DAY + MINUTE))[0] == ["An entry has failed at My community: Circle refused."]


def test_what_failed_before_anybody_looked_is_not_told(session: Session, shop: Marketplace, circle: Integration, look: Look) -> None:
    fail(session, shop, circle, NOW - 3 * DAY)
    assert not look(NOW)


def test_a_broken_rule_is_told_until_it_is_repaired(session: Session, shop: Marketplace, circle: Integration, look: Look) -> None:
    space = factories.make_target(session, circle, name="VIP Room", gone_at=NOW)
    factories.make_rule(session, space, off_at=NOW)
    assert not look(NOW)
    rules = [factories.make_rule(session, space) for _ in range(2)]
    title = "The space VIP Room no longer exists in My community: 2 rules are broken."
    news = look(NOW + MINUTE)
    assert (titles(news), news.begun[0].kind) == (([title], [], []), BROKEN)
    for rule in rules:
        rule.deleted_at = NOW
    assert titles(look(NOW + 2 * MINUTE))[2] == [title]


def test_messages_that_are_not_understood_are_told_by_checkout(session: Session, shop: Marketplace, source: Source, look: Look) -> None:
    look(NOW)
    for number in range(3):
        event = hear(session, shop, source, NOW, number)
        factories.make_entry(session, shop, status="not_understood", event_id=event, at=NOW, changed_at=NOW)
    news = look(NOW + MINUTE)
    assert titles(news)[0] == ["3 messages of your checkout (Cartwheel's own format) were not understood."]
    assert news.begun[0].kind == NOT_UNDERSTOOD
    assert len(look(NOW + QUIET + MINUTE).over) == 1


def test_a_checkout_that_falls_silent_is_told_and_when_it_speaks_again(
    session: Session, shop: Marketplace, source: Source, look: Look
) -> None:
    for hour in range(1, 24 * 15):
        hear(session, shop, source, NOW - hour * HOUR)
    assert not look(NOW)
    for hour in range(1, 6):
        hear(session, shop, source, NOW + hour * HOUR, test=True)  # a test is not the checkout's word
        news = look(NOW + hour * HOUR)
        if news:
            break
    assert (news.begun[0].kind, hour) == (SILENT, 5)
    assert news.begun[0].first_at.hour == (NOW - HOUR).hour
    hear(session, shop, source, NOW + 5 * HOUR + MINUTE)
    assert len(look(NOW + 5 * HOUR + 2 * MINUTE).over) == 1


def test_hours_in_which_nobody_looked_prove_no_silence(session: Session, shop: Marketplace, source: Source, look: Look) -> None:
    for hour in range(1, 24 * 15):
        hear(session, shop, source, NOW - hour * HOUR)
    look(NOW)
    assert not look(NOW + DAY)  # Cartwheel itself was away
    assert sum(row.missed.bit_count() for row in session.scalars(select(Heard))) == 23


def test_acknowledged_nobody_is_told_again_and_snoozed_later(session: Session, shop: Marketplace, circle: Integration, look: Look) -> None:
    user = factories.make_user(session, shop)
    circle.attention, circle.attention_at = "dead_key", NOW
    (alert,) = look(NOW).begun
    assert alerts.snooze(session, shop.id, alert.id, NOW + HOUR)
    assert not look(NOW + HOUR - MINUTE)
    assert len(look(NOW + HOUR).still) == 1
    session.refresh(alert)
    assert (alert.snoozed_until, alert.told_at) == (None, NOW + HOUR)
    assert alerts.acknowledge(session, shop.id, alert.id, user.id, NOW + HOUR)
    assert not look(NOW + DAY)
    assert alerts.reopen(session, shop.id, alert.id)
    circle.attention = None
    assert len(look(NOW + DAY + HOUR).over) == 1
    assert not alerts.acknowledge(session, shop.id, alert.id, user.id, NOW)


def test_an_alert_of_another_marketplace_is_out_of_reach(session: Session, shop: Marketplace, circle: Integration, look: Look) -> None:
    circle.attention, circle.attention_at = "dead_key", NOW
    (alert,) = look(NOW).begun
    other = factories.make_marketplace(session)
    assert alerts.find(session, [other.id], alert.id) is None
    assert not alerts.acknowledge(session, other.id, alert.id, 1, NOW)
    assert not alerts.snooze(session, other.id, alert.id, NOW)


def test_owners_are_told_unless_others_are_chosen_and_nobody_who_has_left(session: Session, shop: Marketplace) -> None:
    people = {role: factories.make_user(session, shop, role, email=f"{role}@shop.test") for role in ("owner", "admin")}
    stranger = factories.make_user(session, factories.make_marketplace(session))
    assert alerts.listener(session, shop.id).people == ["owner@shop.test"]
    alerts.change_watch(session, shop.id, [people["admin"].id, stranger.id], KINDS, digest=True)
    assert alerts.listener(session, shop.id).people == ["admin@shop.test"]
    alerts.change_watch(session, shop.id, [], [ATTENTION], digest=False)
    assert alerts.listener(session, shop.id).people == []
    assert alerts.watch_of(session, shop.id).muted == [FAILED, BROKEN, NOT_UNDERSTOOD, SILENT]


def test_the_digest_comes_once_in_the_morning_of_the_shop_if_there_is_anything(
    session: Session, shop: Marketplace, circle: Integration, look: Look
) -> None:
    zone, seven = "America/New_York", datetime(2026, 11, 25, 12, tzinfo=NOW.tzinfo)
    circle.attention, circle.attention_at = "dead_key", NOW
    look(NOW)
    assert alerts.morning(session, shop.id, zone, seven) is None
    stands, over = alerts.morning(session, shop.id, zone, seven + HOUR) or ((), ())
    assert ([one.kind for one in stands], over) == ([ATTENTION], [])
    assert alerts.morning(session, shop.id, zone, seven + 2 * HOUR) is None
    circle.attention = None
    look(seven + 3 * HOUR)
    stands, over = alerts.morning(session, shop.id, zone, seven + DAY + HOUR) or ((), ())
    assert (stands, [one.kind for one in over]) == ([], [ATTENTION])
    assert alerts.morning(session, shop.id, zone, seven + 2 * DAY + HOUR) is None


def test_every_marketplace_is_due_a_minute_after_it_was_looked_after(session: Session, shop: Marketplace, look: Look) -> None:
    assert list(alerts.due_marketplaces(session, NOW)) == [shop.id]
    look(NOW)
    assert list(alerts.due_marketplaces(session, NOW + timedelta(seconds=59))) == []
    assert list(alerts.due_marketplaces(session, NOW + MINUTE)) == [shop.id]
    assert session.scalars(select(Alert)).all() == []
