"""`flask holds`: what a customer should hold, because of what, and what is believed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests import factories
from tests.cli.conftest import MARKET, Desk
from webapp.models import Customer, Holding, Integration, Lane, Target

REFUND = "  - {trigger: product_refunded, integration: My community, action: remove_from_space, target: VIP Room}\n"
FIELDS = ["integration", "kind", "target", "held", "because", "believed"]


def order(number: int, at: str, product: str = "ads-101") -> dict[str, Any]:
    data = {"order_id": str(number), "customer": {"email": "mina@shop.test"}, "items": [{"product_id": product, "kind": "primary"}]}
    return {"type": "order.created", "timestamp": at, "data": data}


def refund(number: int, at: str) -> dict[str, Any]:
    data = {"order_id": str(number), "customer": {"email": "mina@shop.test"}, "product_id": "ads-101", "full": True}
    return {"type": "order.refunded", "timestamp": at, "data": data}


def test_everything_on_record_with_its_reasons(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, order(9001, "2026-11-24T08:00:00Z"), "m1")
    desk.post(webhook, order(9002, "2026-11-24T09:00:00+01:00"), "m2")
    done = desk.run("holds", " Mina@shop.test", "--json")
    membership, space = done.last
    assert list(membership) == list(space) == FIELDS
    assert {key: membership[key] for key in FIELDS[:4]} == {
        "integration": "My community", "kind": "membership", "target": None, "held": True,
    }  # fmt: skip
    assert (space["kind"], space["target"], space["held"], space["believed"]) == ("space", "VIP Room", True, "unknown")
    assert space["because"] == [
        {"product": "ads-101", "ground": "order:9001", "since": "2026-11-24T08:00:00.000+00:00"},
        {"product": "ads-101", "ground": "order:9002", "since": "2026-11-24T08:00:00.000+00:00"},
    ]


def test_what_was_taken_back_is_held_no_longer_and_was_before(desk: Desk) -> None:
    webhook = desk.apply(MARKET + REFUND).last["webhook"]
    desk.post(webhook, order(9001, "2026-11-24T08:00:00Z"), "m1")
    desk.post(webhook, refund(9001, "2026-11-24T12:00:00Z"), "m2")

    def held(*more: str) -> dict[str, bool]:
        return {one["kind"]: one["held"] for one in desk.run("holds", "mina@shop.test", "--json", *more).last}

    assert held() == {"membership": True, "space": False}
    assert held("--at", "2026-11-24T10:00:00Z") == {"membership": True, "space": True}
    assert held("--at", "2026-11-24T13:00:00+02:00") == {"membership": True, "space": True}
    assert held("--at", "2026-11-24T12:00:00") == {"membership": True, "space": False}  # without an offset it is UTC
    assert held("--at", "2026-11-24") == {}


def test_what_is_believed_is_what_was_heard(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, order(9001, "2026-11-24T08:00:00Z"))
    targets = {target.kind if not target.name else target.name: target.id for target in desk.rows(Target)}
    with desk.write() as session:
        lane = desk.one(Lane).id
        for name, held in (("VIP Room", "held"), ("membership", "not_held")):
            row = Holding(lane_id=lane, target_id=targets[name], held=held, since=factories.NOW, heard_at=factories.NOW, word="call")
            session.add(row)
    assert [one["believed"] for one in desk.run("holds", "mina@shop.test", "--json").last] == ["not_held", "held"]


def test_a_person_reads_a_table(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, order(9001, "2026-11-24T08:00:00Z"))
    heading, membership, space = desk.run("holds", "mina@shop.test").out.splitlines()
    assert heading.split("  ")[0] == "INTEGRATION"
    assert space[heading.index("TARGET") :].startswith("VIP Room ")
    assert membership[heading.index("TARGET") :].startswith("- ")
    assert space.endswith("ads-101, order:9001, since 2026-11-24 09:00:00")


def test_nobody_holds_nothing(desk: Desk) -> None:
    desk.apply()
    assert desk.run("holds", "nobody@shop.test", "--json").last == []
    done = desk.run("holds", "nobody@shop.test")
    assert (done.code, done.err) == (1, "Error: Acme Courses has no customer nobody@shop.test.\n")


def test_another_marketplaces_customer_is_not_ours(desk: Desk) -> None:
    desk.apply()
    webhook = desk.apply(MARKET.replace("Acme Courses", "Second")).last["webhook"]
    desk.post(webhook, order(9001, "2026-11-24T08:00:00Z"))
    assert desk.run("holds", "mina@shop.test", "--json", "--marketplace", "Acme Courses").last == []
    assert len(desk.run("holds", "mina@shop.test", "--json", "--marketplace", "Second").last) == 2


def test_a_deleted_integration_is_left_out(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, order(9001, "2026-11-24T08:00:00Z"))
    with desk.write() as session:
        session.get_one(Integration, desk.one(Integration).id).deleted_at = datetime(2026, 11, 24, tzinfo=UTC)
    assert desk.rows(Customer)
    assert desk.run("holds", "mina@shop.test", "--json").last == []


def test_a_time_that_is_none(desk: Desk) -> None:
    desk.apply()
    done = desk.run("holds", "mina@shop.test", "--at", "yesterday")
    assert done.code == 2
    assert "yesterday is no time such as 2026-11-24T08:00:00Z." in done.err
