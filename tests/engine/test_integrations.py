"""Integrations: made, changed, paused, deleted; what waits for one wakes when nothing stands in the way any longer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOW, make_customer, make_entry, make_integration, make_lane, make_marketplace, make_rule, make_target, new_id
from webapp.apps import MEMBERSHIP, Community
from webapp.engine import integrations, sentences
from webapp.engine.integrations import Changes, Connection, NameTaken, OtherCommunity, Toll
from webapp.models import Integration, Lane, LogEntry, Marketplace, Target

LATER = NOW + timedelta(hours=1)
KEY = "key-of-the-community-7f3a"


def seal(secret: str) -> bytes:
    return f"sealed:{secret}".encode()


def connection(key: str = KEY, remote_id: str = "11", name: str = "Acme") -> Connection:
    return Connection("circle", Community(remote_id, name), {"api_key": key}, {"community_url": "https://acme.test"})


@dataclass
class Shop:
    """A marketplace with an integration."""

    session: Session
    marketplace: Marketplace
    integration: Integration

    def create(self, name: str = "My community", **more: Any) -> Integration:
        return integrations.create(self.session, self.marketplace.id, name, connection(**more), seal, lambda _: new_id(), NOW)

    def lane(self, **fields: Any) -> Lane:
        return make_lane(self.session, make_customer(self.session, self.marketplace), self.integration, **fields)

    def waits(self, lane: Lane, **fields: Any) -> LogEntry:
        return make_entry(self.session, self.marketplace, lane, **fields)

    def version(self) -> int:
        self.session.refresh(self.marketplace)
        return self.marketplace.version


@pytest.fixture
def shop(session: Session) -> Shop:
    marketplace = make_marketplace(session)
    return Shop(session, marketplace, make_integration(session, marketplace, community_id="11"))


def test_a_new_one_has_its_key_sealed_and_its_membership(shop: Shop) -> None:
    before = shop.version()
    made = shop.create("  My community ")
    assert (made.name, made.app, made.community, made.community_id) == ("My community", "circle", "Acme", "11")
    assert made.credentials == seal(json.dumps({"api_key": KEY}))
    assert (made.key_tail, made.public) == ("7f3a", {"community_url": "https://acme.test"})
    kinds = shop.session.scalars(select(Target.kind).where(Target.integration_id == made.id)).all()
    assert kinds == [MEMBERSHIP]
    assert shop.version() > before


def test_a_short_key_is_not_given_away_by_its_end(shop: Shop) -> None:
    assert shop.create(key="abc1234").key_tail == ""


def test_a_connection_does_not_show_its_secret() -> None:
    assert KEY not in repr(connection())


def test_a_name_is_unique_in_its_marketplace_alone(shop: Shop) -> None:
    shop.create()
    with pytest.raises(NameTaken):
        shop.create()
    other = make_marketplace(shop.session)
    integrations.create(shop.session, other.id, "My community", connection(), seal, lambda _: new_id(), NOW)


def test_what_can_be_changed_without_asking(shop: Shop) -> None:
    before = shop.version()
    changes = Changes(" Other ", {"community_url": "https://b.test"}, send_invitation=False, watch_only=True, quota=30_000)
    integrations.edit(shop.session, shop.integration, changes)
    one = shop.integration
    assert (one.name, one.public, one.send_invitation, one.watch_only, one.quota) == (
        "Other", {"community_url": "https://b.test"}, False, True, 30_000,
    )  # fmt: skip
    assert shop.version() > before


def test_a_taken_name_changes_nothing(shop: Shop) -> None:
    shop.create()
    name = shop.integration.name
    with pytest.raises(NameTaken):
        integrations.edit(shop.session, shop.integration, Changes("My community", {}, send_invitation=False, watch_only=True, quota=1))
    shop.session.flush()
    shop.session.refresh(shop.integration)
    assert (shop.integration.name, shop.integration.watch_only) == (name, False)


def test_another_key_of_the_same_community_ends_the_trouble(shop: Shop) -> None:
    integrations.needs_attention(shop.session, shop.integration, "dead_key", NOW)
    lane = shop.lane(due_at=None, retry_at=LATER)
    shop.waits(lane)
    assert integrations.replace_key(shop.session, shop.integration, connection("another-key-9999"), seal, LATER) == 1
    assert (shop.integration.attention, shop.integration.key_tail) == (None, "9999")
    shop.session.refresh(lane)
    assert (lane.due_at, lane.retry_at) == (NOW, None)  # since it arrived: what waited goes on in order


def test_a_key_of_another_community_is_refused(shop: Shop) -> None:
    with pytest.raises(OtherCommunity) as other:
        integrations.replace_key(shop.session, shop.integration, connection(remote_id="12", name="Rival"), seal, NOW)
    assert other.value.name == "Rival"
    assert shop.integration.credentials == b"sealed"


def test_trouble_is_told_once(shop: Shop) -> None:
    integrations.needs_attention(shop.session, shop.integration, "dead_key", NOW)
    version = shop.version()
    integrations.needs_attention(shop.session, shop.integration, "dead_key", LATER)
    assert (shop.integration.attention_at, shop.version()) == (NOW, version)
    integrations.needs_attention(shop.session, shop.integration, "no_api_plan", LATER)
    assert (shop.integration.attention, shop.integration.attention_at) == ("no_api_plan", LATER)


def test_a_pause_and_its_end(shop: Shop) -> None:
    integrations.pause(shop.session, shop.integration, NOW)
    integrations.pause(shop.session, shop.integration, LATER)
    assert shop.integration.paused_at == NOW
    shop.integration.failures, shop.integration.hold_until = 4, LATER
    shop.waits(shop.lane(due_at=None))
    assert integrations.resume(shop.session, shop.integration, LATER) == 1
    assert (shop.integration.paused_at, shop.integration.failures, shop.integration.hold_until) == (None, 0, None)


def test_what_waits_is_told_to_have_changed_with_it(shop: Shop) -> None:
    waits, done = shop.waits(shop.lane()), make_entry(shop.session, shop.marketplace, integration_id=shop.integration.id)
    turns: tuple[Callable[[datetime], object], ...] = (
        lambda at: integrations.needs_attention(shop.session, shop.integration, "dead_key", at),
        lambda at: integrations.works(shop.session, shop.integration, at),
        lambda at: integrations.pause(shop.session, shop.integration, at),
        lambda at: integrations.resume(shop.session, shop.integration, at),
    )
    for hours, turn in enumerate(turns, 1):
        at = NOW + timedelta(hours=hours)
        turn(at)
        shop.session.refresh(waits)
        assert waits.changed_at == at
    shop.session.refresh(done)
    assert done.changed_at == NOW


def test_nothing_wakes_while_something_else_stands_in_the_way(shop: Shop) -> None:
    integrations.pause(shop.session, shop.integration, NOW)
    integrations.needs_attention(shop.session, shop.integration, "dead_key", NOW)
    lane = shop.lane(due_at=None)
    shop.waits(lane)
    assert integrations.resume(shop.session, shop.integration, LATER) == 0
    shop.session.refresh(lane)
    assert lane.due_at is None
    assert integrations.works(shop.session, shop.integration, LATER) == 1


def test_who_wakes_and_when(shop: Shop) -> None:
    idle = shop.lane(due_at=None)
    ripens = shop.lane(due_at=None)
    shop.waits(ripens, due_at=LATER + timedelta(hours=2))
    several = shop.lane(due_at=None)
    shop.waits(several, due_at=LATER + timedelta(hours=2))
    shop.waits(several)
    busy = shop.lane(due_at=LATER, claim="worker", claimed_until=LATER + timedelta(seconds=1))
    shop.waits(busy)
    dropped = shop.lane(due_at=None, claim="dead", claimed_until=LATER - timedelta(seconds=1))
    shop.waits(dropped)
    assert integrations.works(shop.session, shop.integration, LATER) == 3
    shop.session.expire_all()
    assert [lane.due_at for lane in (idle, ripens, several, busy, dropped)] == [
        None,
        LATER + timedelta(hours=2),
        NOW,
        LATER,  # left to its worker
        NOW,
    ]


def test_another_integrations_lanes_sleep_on(shop: Shop) -> None:
    other = make_integration(shop.session, shop.marketplace)
    lane = make_lane(shop.session, make_customer(shop.session, shop.marketplace), other, due_at=None)
    shop.waits(lane)
    assert integrations.works(shop.session, shop.integration, LATER) == 0
    shop.session.refresh(lane)
    assert lane.due_at is None


def test_more_lanes_than_one_statement_takes(shop: Shop) -> None:
    customer = make_customer(shop.session, shop.marketplace)
    customers = [
        {"id": new_id(), "marketplace_id": shop.marketplace.id, "email": f"c{n}@shop.test", "first_name": "", "last_name": "", "seen_at": NOW,
         "created_at": NOW}
        for n in range(1001)
    ]  # fmt: skip
    shop.session.bulk_insert_mappings(type(customer).__mapper__, customers)
    lanes = [
        {"id": new_id(), "marketplace_id": shop.marketplace.id, "customer_id": c["id"], "integration_id": shop.integration.id, "attempts": 0}
        for c in customers
    ]  # fmt: skip
    shop.session.bulk_insert_mappings(Lane.__mapper__, lanes)
    entries = [
        {"id": new_id(), "marketplace_id": shop.marketplace.id, "open_lane_id": lane["id"], "status": "queued", "sentence": "", "todo": "",
         "cause": "", "at": NOW, "changed_at": NOW, "attempts": 0, "test": False}
        for lane in lanes
    ]  # fmt: skip
    shop.session.bulk_insert_mappings(LogEntry.__mapper__, entries)
    assert integrations.works(shop.session, shop.integration, LATER) == 1001
    assert set(shop.session.scalars(select(Lane.due_at))) == {NOW}


def test_what_goes_with_it_is_told_before_and_goes(shop: Shop) -> None:
    rule = make_rule(shop.session, make_target(shop.session, shop.integration))
    make_rule(shop.session, make_target(shop.session, shop.integration), deleted_at=NOW)
    lane = shop.lane(due_at=NOW)
    entry, done = shop.waits(lane, todo="wait"), make_entry(shop.session, shop.marketplace)
    assert integrations.toll(shop.session, shop.integration.id) == Toll(rules=1, entries=1)
    name, before = shop.integration.name, shop.version()
    assert integrations.delete(shop.session, shop.integration, seal, LATER) == Toll(rules=1, entries=1)
    shop.session.flush()
    shop.session.expire_all()
    assert (rule.deleted_at, rule.identity) == (LATER, None)
    assert (entry.status, entry.sentence, entry.todo) == ("skipped", integrations.DELETED, "")
    assert (entry.open_lane_id, entry.finished_at, entry.changed_at) == (None, LATER, LATER)
    assert (done.status, done.changed_at) == ("succeeded", NOW)
    assert lane.due_at is None
    assert (shop.integration.deleted_at, shop.integration.key_tail) == (LATER, "")
    assert shop.integration.credentials == seal("{}")
    assert sentences.label(shop.integration.name) == f"{name} (deleted)"
    assert integrations.living(shop.session, shop.marketplace.id) == []
    assert shop.version() > before
    shop.create(name)  # the name is free again


def test_deleting_leaves_the_others_alone(shop: Shop) -> None:
    other = make_integration(shop.session, shop.marketplace)
    rule = make_rule(shop.session, make_target(shop.session, other))
    lane = make_lane(shop.session, make_customer(shop.session, shop.marketplace), other, due_at=NOW)
    entry = shop.waits(lane)
    integrations.delete(shop.session, shop.integration, seal, LATER)
    shop.session.flush()
    shop.session.expire_all()
    assert (rule.deleted_at, entry.status, lane.due_at, other.deleted_at) == (None, "queued", NOW, None)


def test_a_name_that_only_looks_deleted_is_shown_as_it_is() -> None:
    assert sentences.label("Old (deleted)") == "Old (deleted)"
    assert sentences.label("Old (deleted 3) club") == "Old (deleted 3) club"


def test_those_that_need_a_person_come_first(shop: Shop) -> None:
    shop.integration.name = "beta"
    for name, attention in (("Alpha", None), ("Zulu", "dead_key")):
        make_integration(shop.session, shop.marketplace, name, attention=attention)
    make_integration(shop.session, shop.marketplace, "Gone", deleted_at=NOW)
    make_integration(shop.session, make_marketplace(shop.session), "Elsewhere")
    assert [one.name for one in integrations.living(shop.session, shop.marketplace.id)] == ["Zulu", "Alpha", "beta"]


def test_somebody_elses_is_not_found(shop: Shop) -> None:
    other = make_marketplace(shop.session)
    assert integrations.find(shop.session, shop.marketplace.id, shop.integration.id, lock=True) is shop.integration
    assert integrations.find(shop.session, other.id, shop.integration.id) is None
    assert integrations.find(shop.session, shop.marketplace.id, -1) is None
    shop.integration.deleted_at = NOW
    shop.session.flush()
    assert integrations.find(shop.session, shop.marketplace.id, shop.integration.id) is None
