"""Failures by cause: what has the same cause is one group, with its first and last entry and its people."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from tests import factories
from tests.factories import NOW
from webapp.engine import causes, logs
from webapp.engine.log_language import Term, text
from webapp.engine.log_query import parse


def test_what_has_the_same_cause_is_one_group(session: Session) -> None:
    market = factories.make_marketplace(session)
    works, dead = (factories.make_integration(session, market, name, attention=why) for name, why in (("One", None), ("Two", "dead_key")))
    maya, emil = (factories.make_customer(session, market) for _ in range(2))
    rule = factories.make_rule(session, factories.make_target(session, works))
    gone = {"status": "failed", "cause": "target_gone", "integration_id": works.id, "rule_id": rule.id, "sentence": "It is gone."}
    for hours, customer in ((3, maya), (2, maya), (1, emil)):
        factories.make_entry(session, market, at=NOW - timedelta(hours=hours), customer_id=customer.id, **gone)
    factories.make_entry(session, market, status="failed", cause="odd", integration_id=works.id, sentence="Odd.", customer_id=maya.id)
    lanes = [factories.make_lane(session, maya, dead), factories.make_lane(session, emil, dead)]
    for lane, status in zip(lanes, ("queued", "retrying"), strict=True):
        factories.make_entry(session, market, lane, status=status, customer_id=lane.customer_id)
    factories.make_entry(session, market, factories.make_lane(session, maya, works))  # waits for its turn alone
    factories.make_entry(session, factories.make_marketplace(session), status="failed")
    found = causes.groups(session, market.id)
    assert [(one.label, one.status, one.number, one.people, one.rule_id) for one in found] == [
        ("One: no longer exists", "failed", 3, 2, rule.id),
        ("Two: waits to be connected again", "parked", 2, 2, None),
        ("Odd.", "failed", 1, 1, None),
    ]
    assert (found[0].first, found[0].last) == (NOW - timedelta(hours=3), NOW - timedelta(hours=1))
    for one in found:
        typed = text(Term(key, value) for key, value in one.terms.items() if value)
        query = parse(session, market.id, typed, factories.UTC, NOW)
        assert len(logs.part(session, market.id, query, NOW).rows) == one.number
