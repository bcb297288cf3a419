"""Times in the database: in UTC whatever the zone they came in, aware when they come back, never naive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from webapp.database import options, prepare
from webapp.models import Lease

BERLIN = timezone(timedelta(hours=1))
MOMENT = datetime(2026, 11, 24, 14, 2, 8, 123456, tzinfo=BERLIN)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = sa.create_engine(database_url, **options(database_url))
    prepare(engine)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def test_a_time_comes_back_as_the_same_moment_in_utc(session: Session) -> None:
    session.add(Lease(name="a", holder="x", until=MOMENT))
    session.flush()
    session.expire_all()
    read = session.scalars(sa.select(Lease.until)).one()
    assert read == MOMENT
    assert read.utcoffset() == timedelta(0)
    assert read.isoformat() == "2026-11-24T13:02:08.123456+00:00"


def test_times_of_different_zones_are_compared_by_their_moment(session: Session) -> None:
    session.add(Lease(name="a", holder="x", until=MOMENT))
    session.add(Lease(name="b", holder="x", until=(MOMENT - timedelta(minutes=1)).astimezone(UTC)))
    session.flush()
    assert list(session.scalars(sa.select(Lease.name).order_by(Lease.until))) == ["b", "a"]
    assert list(session.scalars(sa.select(Lease.name).where(Lease.until >= MOMENT))) == ["a"]


def test_a_naive_time_is_refused(session: Session) -> None:
    session.add(Lease(name="a", holder="x", until=MOMENT.replace(tzinfo=None)))
    with pytest.raises(StatementError, match="a time without a zone"):
        session.flush()
    session.rollback()
