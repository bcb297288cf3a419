"""`flask case`: what decided about one customer, without saying who it is."""

from __future__ import annotations

import json
import re

from tests.cli.conftest import Desk
from tests.cli.test_holds import order

WHO = re.compile(r"mina|okafor|\b9001\b", re.IGNORECASE)
"""Who must not be told; the order's number as a word, since an id of ours may have it within."""


def test_it_tells_what_came_and_what_it_started_and_not_to_whom(desk: Desk) -> None:
    webhook = desk.apply().last["webhook"]
    message = order(9001, "2026-11-24T08:00:00Z")
    message["data"]["customer"] |= {"first_name": "Mina", "last_name": "Okafor"}
    desk.post(webhook, message, "message-of-mina")
    desk.post(webhook, order(9002, "2026-11-24T09:00:00Z", "unheard-of"), "another")
    done = desk.run("case", " Mina@shop.test")
    case = json.loads(done.out)
    assert WHO.findall(done.out) == []
    first, second = case["events"]
    assert (first["understood"]["key"], second["understood"]["key"]) == ("m2", "m1"), "they sort as they did"
    assert [(rule["trigger"], rule["action"]) for rule in first["started"]] == [
        ("product_purchased", "add_to_space"), ("product_purchased", "invite_member"),
    ]  # fmt: skip
    assert [line["order"] for line in first["understood"]["lines"]] == ["ref-1"]
    assert [purchase["ground"] for purchase in case["purchases"]] == ["order:ref-1", "order:ref-2"]
    assert {entry["sentence"] for entry in case["entries"]} >= {"Add to space VIP Room.", "Invite to My community."}
    assert desk.run("case", "nobody@shop.test").err == "Error: Acme Courses has no customer nobody@shop.test.\n"
