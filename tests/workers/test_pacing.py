"""The limit over all workers: never more than so many in any window, a burst at full speed while there is room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from redis.exceptions import RedisError

from webapp.environment import Rate
from workers.pacing import KEY, Limited, Unlimited, pace


@pytest.fixture
def connection(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


def test_a_burst_goes_out_until_the_window_is_full_for_all_workers_together(connection: redis.Redis) -> None:
    one, other = Limited(connection, Rate(10, 300)), Limited(connection, Rate(10, 300))
    assert one.take(7) == (7, 0.0)
    given, wait = other.take(7)
    assert given == 3
    assert 290 < wait <= 300
    assert one.take(1)[0] == 0


def test_what_left_the_window_makes_room(connection: redis.Redis) -> None:
    limited = Limited(connection, Rate(10, 300))
    limited.take(10)
    oldest = connection.zrange(KEY, 0, 3)
    seconds, _ = connection.time()  # type: ignore[misc]
    connection.zadd(KEY, dict.fromkeys(oldest, (seconds - 301) * 1000))  # type: ignore[arg-type]
    assert limited.take(10)[0] == 4


def test_nothing_asked_takes_nothing(connection: redis.Redis) -> None:
    limited = Limited(connection, Rate(1, 300))
    assert limited.take(0) == (0, 0.0)
    assert limited.take(1)[0] == 1


def test_zero_is_no_limit(connection: redis.Redis) -> None:
    assert isinstance(pace(connection, None), Unlimited)
    assert pace(connection, None).take(10_000) == (10_000, 0.0)


def test_without_redis_it_says_so(tmp_path: object) -> None:
    gone = redis.Redis.from_url("unix:///nowhere/valkey.sock")
    with pytest.raises(RedisError):
        Limited(gone, Rate(10, 300)).take(1)
