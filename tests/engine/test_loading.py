"""How far a load of the catalog is: one worker does it, a dead one is replaced, and the page always knows."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.engine.an_app import KINDS
from tests.factories import NOW, make_integration, make_marketplace, new_id
from webapp.apps import Item
from webapp.engine import loading
from webapp.engine.catalog import Merge
from webapp.engine.loading import CALLED_FOR, DEAD_AFTER, Progress
from webapp.models import Integration, Marketplace

LATER = NOW + timedelta(minutes=1)
DEAD = NOW + DEAD_AFTER
ITEMS = [Item("space", "1", "VIP Room")]


@pytest.fixture
def integration(session: Session) -> Integration:
    return make_integration(session, make_marketplace(session))


def begun(session: Session, integration: Integration, now: datetime = NOW) -> str:
    loading.want(integration, now)
    session.flush()
    run = loading.begin(session, integration.id, now)
    assert run is not None
    session.flush()
    return run


def finish(session: Session, integration: Integration, run: str, now: datetime = LATER) -> Merge | None:
    return loading.finish(session, integration.id, run, ITEMS, KINDS, now, lambda _: new_id())


def test_nobody_has_wanted_one(integration: Integration) -> None:
    assert loading.progress(integration, NOW) == Progress("none")
    assert not Progress("none").moving


def test_from_the_wish_to_the_end(session: Session, integration: Integration) -> None:
    assert loading.want(integration, NOW)
    assert loading.progress(integration, NOW) == Progress("waiting")
    run = loading.begin(session, integration.id, NOW)
    assert run is not None
    assert loading.progress(integration, NOW).state == "running"
    assert loading.tell(session, integration.id, run, ("space", 100, 180), NOW)
    assert loading.tell(session, integration.id, run, ("space", 180, 180), NOW)
    assert loading.tell(session, integration.id, run, ("tag", 3, None), NOW)
    assert loading.progress(integration, NOW) == Progress("running", "tag", 3, None, {"space": 180, "tag": 3})
    assert finish(session, integration, run) is not None
    done = loading.progress(integration, LATER)
    assert (done.state, done.sentence, done.moving) == ("done", "Loaded: 1 space.", False)
    assert integration.catalog_at == LATER


def test_a_later_load_says_what_has_changed(session: Session, integration: Integration) -> None:
    finish(session, integration, begun(session, integration))
    run = begun(session, integration)
    items = [Item("space", "2", "Lounge")]
    loading.finish(session, integration.id, run, items, KINDS, LATER, lambda _: new_id())
    done = loading.progress(integration, LATER)
    assert done.sentence == "1 new space, 1 gone."
    assert done.names == {"new": ["Lounge"], "gone": ["VIP Room"]}


def test_a_wish_while_one_waits_or_runs_joins_it(session: Session, integration: Integration) -> None:
    loading.want(integration, NOW)
    assert not loading.want(integration, NOW)
    run = begun(session, integration)
    assert not loading.want(integration, NOW)
    assert finish(session, integration, run) is not None
    assert loading.want(integration, NOW)


def test_one_worker_does_it(session: Session, integration: Integration) -> None:
    begun(session, integration)
    assert loading.begin(session, integration.id, NOW) is None


def test_nobody_begins_what_nobody_wants(session: Session, integration: Integration) -> None:
    assert loading.begin(session, integration.id, NOW) is None
    assert loading.begin(session, -1, NOW) is None
    loading.want(integration, NOW)
    integration.deleted_at = NOW
    session.flush()
    assert loading.begin(session, integration.id, NOW) is None


def test_a_dead_worker_is_replaced_and_told_to_stop(session: Session, integration: Integration) -> None:
    dead = begun(session, integration)
    assert loading.progress(integration, DEAD).state == "stalled"
    assert loading.progress(integration, DEAD).moving
    another = loading.begin(session, integration.id, DEAD)
    assert another is not None
    assert not loading.tell(session, integration.id, dead, ("space", 1, 1), DEAD)
    assert finish(session, integration, dead, DEAD) is None
    assert not loading.fail(session, integration.id, dead, "It broke.", "", DEAD)
    assert finish(session, integration, another, DEAD) is not None


def test_who_tells_something_lives(session: Session, integration: Integration) -> None:
    run = begun(session, integration)
    loading.tell(session, integration.id, run, ("space", 1, None), NOW + timedelta(minutes=9))
    assert loading.progress(integration, DEAD).state == "running"


def test_a_person_can_want_it_again_where_it_has_stalled(session: Session, integration: Integration) -> None:
    dead = begun(session, integration)
    assert loading.want(integration, DEAD)
    session.flush()
    assert not loading.tell(session, integration.id, dead, ("space", 1, 1), DEAD)
    assert loading.begin(session, integration.id, DEAD) is not None


def test_a_failure_keeps_what_was_known(session: Session, integration: Integration) -> None:
    finish(session, integration, begun(session, integration), NOW)
    run = begun(session, integration, LATER)
    assert loading.fail(session, integration.id, run, "Circle does not answer.", "Try it later.", LATER)
    failed = loading.progress(integration, LATER)
    assert (failed.state, failed.sentence, failed.todo, failed.moving) == ("failed", "Circle does not answer.", "Try it later.", False)
    assert integration.catalog_at == NOW
    assert integration.attention is None


def test_a_dead_key_needs_a_person(session: Session, integration: Integration) -> None:
    run = begun(session, integration)
    loading.fail(session, integration.id, run, "The key is dead.", "", LATER, attention="dead_key")
    assert (integration.attention, integration.attention_at) == ("dead_key", LATER)


def test_a_load_that_comes_through_shows_that_the_key_works(session: Session, integration: Integration) -> None:
    integration.attention, integration.attention_at, integration.failures = "dead_key", NOW, 3
    finish(session, integration, begun(session, integration))
    assert (integration.attention, integration.attention_at, integration.failures) == (None, None, 0)


def test_what_is_picked_from_is_published(session: Session, integration: Integration) -> None:
    marketplace = session.get_one(Marketplace, integration.marketplace_id)
    before = marketplace.version
    finish(session, integration, begun(session, integration))
    session.refresh(marketplace)
    assert marketplace.version > before


def test_a_deleted_integration_stops_its_load(session: Session, integration: Integration) -> None:
    run = begun(session, integration)
    integration.deleted_at = NOW
    session.flush()
    assert not loading.tell(session, integration.id, run, ("space", 1, 1), NOW)
    assert finish(session, integration, run) is None


def test_the_clock_calls_again_for_what_nobody_began(session: Session, integration: Integration) -> None:
    assert loading.wanted(session, NOW) == []
    loading.want(integration, NOW)
    session.flush()
    assert loading.wanted(session, NOW) == []  # a worker has just been called
    assert loading.wanted(session, NOW + CALLED_FOR) == [integration.id]
    run = begun(session, integration, NOW + CALLED_FOR)
    assert loading.wanted(session, NOW + 2 * CALLED_FOR) == []
    assert loading.wanted(session, NOW + CALLED_FOR + DEAD_AFTER) == [integration.id]
    finish(session, integration, run)
    session.flush()
    assert loading.wanted(session, NOW + 2 * DEAD_AFTER) == []
