"""`flask logs`: the log for a script and for a terminal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests import factories
from tests.cli.conftest import MARKET, Desk
from webapp.models import Integration, Lane, LogEntry, Marketplace

FIELDS = ["id", "at", "email", "product", "trigger", "integration", "action", "target", "status", "sentence", "event"]


def order(number: int, email: str = "mina@shop.test", product: str = "ads-101") -> dict[str, Any]:
    data = {"order_id": str(number), "customer": {"email": email}, "items": [{"product_id": product, "kind": "primary"}]}
    return {"type": "order.created", "timestamp": "2026-11-24T14:00:00Z", "data": data}


def by_action(entries: list[Any]) -> dict[str, Any]:
    return {entry["action"]: entry for entry in entries}


def shop_of(desk: Desk, session: Session) -> Marketplace:
    return session.get_one(Marketplace, desk.one(Marketplace).id)


def test_each_entry_is_one_object_with_its_fields_in_order(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    assert desk.post(webhook, order(9001)) == 202
    entries = desk.run("logs", "--json").lines
    assert [list(entry) for entry in entries] == [FIELDS, FIELDS]
    found = by_action(entries)
    add, invite = found["add_to_space"], found["invite_member"]
    assert {key: add[key] for key in FIELDS[1:9]} == {
        "at": "2026-11-24T14:02:08.000+00:00",
        "email": "mina@shop.test",
        "product": "ads-101",
        "trigger": "product_purchased",
        "integration": "My community",
        "action": "add_to_space",
        "target": "VIP Room",
        "status": "queued",
    }
    assert invite["target"] is None
    assert add["event"] == invite["event"]
    assert add["sentence"]
    stored = {str(entry.id): entry for entry in desk.rows(LogEntry)}
    assert set(stored) == {add["id"], invite["id"]}
    assert str(stored[add["id"]].event_id) == add["event"]


def test_an_entry_without_a_rule_has_no_action_and_no_target(desk: Desk) -> None:
    webhook = desk.apply(MARKET[: MARKET.index("rules:")]).last["webhook"]
    desk.post(webhook, order(9001))
    (entry,) = desk.run("logs", "--json").lines
    assert (entry["status"], entry["action"], entry["target"], entry["integration"]) == ("no_rule", None, None, None)
    desk.post(webhook, {"type": "order.created", "timestamp": "2026-11-24T14:00:00Z", "data": {}}, "m2")
    newest = desk.run("logs", "--json").lines[0]
    assert (newest["status"], newest["email"], newest["product"], newest["trigger"]) == ("not_understood", None, None, None)


def test_the_newest_come_first_by_their_arrival_and_all_of_them(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    with desk.write() as session:
        shop = shop_of(desk, session)
        for number in range(1100):  # more than are read at once
            factories.make_entry(session, shop, at=factories.NOW - timedelta(days=1) + timedelta(seconds=number))
    desk.clock.time += timedelta(minutes=1)
    desk.post(webhook, order(9001))
    times = [datetime.fromisoformat(entry["at"]) for entry in desk.run("logs", "--json").lines]
    assert len(times) == 1102
    assert times == sorted(times, reverse=True)


def test_a_query_finds_a_customer_however_the_address_is_written(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, order(9001))
    desk.post(webhook, order(9002, "mina@shop.test.example"), "m2")
    for query in ("mina@shop.test", "  MINA@shop.test "):
        assert {entry["email"] for entry in desk.run("logs", query, "--json").lines} == {"mina@shop.test"}
    assert len(desk.run("logs", "mina@", "--json").lines) == 4
    assert desk.run("logs", "nobody@shop.test", "--json").out == ""


def test_a_query_is_what_one_would_type_on_the_page(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, order(9001))
    desk.post(webhook, order(9002, "emil@shop.test"), "m2")
    for query in (
        "9001",
        "order:9001 status:queued",
        "mina ads action:add_to_space",
        'integration:"My community" mina',
        "after:today mina",
    ):
        assert {entry["email"] for entry in desk.run("logs", query, "--json").lines} == {"mina@shop.test"}
    assert desk.run("logs", "mina before:yesterday", "--json").lines == []
    done = desk.run("logs", "status:odd")
    assert (done.code, done.out, done.err) == (1, "", "Error: There is no status “odd”.\n")


def test_statuses_are_those_that_show(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, order(9001))
    with desk.write() as session:
        lane = session.get_one(Lane, desk.one(Lane).id)
        lane.claim, lane.claimed_until = "worker", desk.clock() + timedelta(seconds=25)
    assert {entry["status"] for entry in desk.run("logs", "--json").lines} == {"running"}
    desk.clock.time += timedelta(minutes=1)
    with desk.write() as session:
        session.get_one(Integration, desk.one(Integration).id).attention = "dead_key"
    found = desk.run("logs", "--json").lines
    assert {entry["status"] for entry in found} == {"parked"}
    assert {entry["sentence"] for entry in found} == {"Waits until My community is connected again."}


def test_a_person_reads_a_table_in_the_marketplaces_time(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    desk.post(webhook, order(9001, "a.very.long.address.of.somebody@shop.test"))
    heading, *lines = desk.run("logs").out.splitlines()
    assert heading.split() == ["WHEN", "STATUS", "CUSTOMER", "PRODUCT", "WHAT", "HAPPENED"]
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("2026-11-24 15:02:08  queued          a.very.long.address.of.somebo…  ads-101 ")
    assert {line.index(line[heading.index("WHAT") :]) for line in lines} == {heading.index("WHAT")}
    assert desk.run("logs", "nobody@shop.test").out == ""


def test_what_a_checkout_sent_can_not_move_a_terminals_cursor(desk: Desk) -> None:
    desk.apply()
    with desk.write() as session:
        shop = shop_of(desk, session)
        factories.make_entry(session, shop, sentence="Paid\x1b[2J\x9b for \u202egnp.exe\n and a new line")
    out = desk.run("logs").out
    assert "Paid\ufffd[2J\ufffd for \ufffdgnp.exe\ufffd and a new line\n" in out
    assert out.count("\n") == 2


def test_where_there_is_more_than_one_marketplace_one_is_named(desk: Desk) -> None:
    assert desk.run("logs").err == "Error: There is no marketplace yet.\n"
    with desk.write() as session:
        for name in ("Second", "First"):
            shop = factories.make_marketplace(session, name)
            factories.make_entry(session, shop, sentence=f"Of {name}.")
    for command in (("logs",), ("export",), ("holds", "a@b.test")):
        done = desk.run(*command)
        assert (done.code, done.out) == (1, "")
        assert done.err == "Error: There is more than one marketplace: choose with --marketplace NAME. They are: First, Second.\n"
    assert [entry["sentence"] for entry in desk.run("logs", "--json", "--marketplace", "First").lines] == ["Of First."]
    done = desk.run("logs", "--marketplace", "Third")
    assert (done.code, done.err) == (1, "Error: There is no marketplace Third. They are: First, Second.\n")
