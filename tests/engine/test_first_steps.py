"""How far a new marketplace is, step by step, each seen by what is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOW, make_customer, make_integration, make_marketplace, make_product, make_rule, make_target, new_id
from webapp.engine.first_steps import FirstSteps, first_steps
from webapp.models import Event, Marketplace, Purchase


def hear(session: Session, marketplace: Marketplace) -> None:
    session.add(Event(id=new_id(), marketplace_id=marketplace.id, key="e", type="t", at=NOW, received_at=NOW, body=b"{}", test=True))
    session.flush()


def sell(session: Session, marketplace: Marketplace) -> None:
    customer, product = make_customer(session, marketplace), make_product(session, marketplace)
    session.add(
        Purchase(
            id=new_id(), marketplace_id=marketplace.id, customer_id=customer.id, product_id=product.id, ground="product",
            state_at=NOW, bought_at=NOW,
        )
    )  # fmt: skip
    session.flush()


@pytest.mark.parametrize("heard", [hear, sell])
def test_three_steps(session: Session, heard: Callable[[Session, Marketplace], None]) -> None:
    mine = make_marketplace(session)
    told = [first_steps(session, mine.id)]
    target = make_target(session, make_integration(session, mine))
    told.append(first_steps(session, mine.id))
    make_rule(session, target)
    told.append(first_steps(session, mine.id))
    heard(session, mine)
    told.append(first_steps(session, mine.id))
    assert told == [
        FirstSteps(connected=False, ruled=False, heard=False),
        FirstSteps(connected=True, ruled=False, heard=False),
        FirstSteps(connected=True, ruled=True, heard=False),
        FirstSteps(connected=True, ruled=True, heard=True),
    ]
    assert [steps.next for steps in told] == [1, 2, 3, 0]
    assert [steps.done for steps in told] == [False, False, False, True]


def test_the_first_that_is_missing_is_next() -> None:
    assert FirstSteps(connected=False, ruled=True, heard=True).next == 1
    assert FirstSteps(connected=True, ruled=False, heard=True).next == 2


def test_what_was_deleted_or_is_somebody_elses_does_not_count(session: Session) -> None:
    mine, other = make_marketplace(session), make_marketplace(session)
    make_rule(session, make_target(session, make_integration(session, mine, deleted_at=NOW)), deleted_at=NOW)
    make_rule(session, make_target(session, make_integration(session, other)))
    hear(session, other)
    sell(session, other)
    assert first_steps(session, mine.id) == FirstSteps(connected=False, ruled=False, heard=False)
