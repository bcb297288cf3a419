"""The limit over all processes: by the app's own count never more than so many in any window, a burst at full speed while there is room."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import redis

from sandbox.community import Community
from sandbox.modes import Modes
from webapp import pacing
from webapp.environment import Rate
from webapp.pacing import KEY, PLENTY, Limited, Unlimited, admit, pace

RATE = Rate(2000, 300)
START = 1_800_000_000.0


class Time:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at

    def passes(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def connection(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


@pytest.fixture
def clock() -> Time:
    return Time()


def limited(connection: redis.Redis, clock: Time | None, rate: Rate = RATE, *known: tuple[float, int]) -> Limited:
    return Limited(connection, rate, lambda since: [one for one in known if one[0] >= since], clock)


def test_a_burst_goes_out_until_the_window_is_full_for_all_workers_together(connection: redis.Redis, clock: Time) -> None:
    one, other = limited(connection, clock), limited(connection, clock)
    assert one.take(1500).urgent == 1500
    found = other.take(1500)
    assert (found.urgent, found.urgent_left) == (500, 0)
    assert 300 < found.urgent_wait < 310
    assert one.take(1).urgent == 0


def test_by_redis_own_clock(connection: redis.Redis) -> None:
    found = limited(connection, None, Rate(10, 300)).take(12)
    assert found.urgent == 10
    assert 300 < found.urgent_wait < 310


@pytest.mark.parametrize("keep", [False, True])
def test_an_hour_of_backlog_uses_the_window_and_circle_never_objects(connection: redis.Redis, clock: Time, keep: bool) -> None:
    """Calls arrive up to five seconds after they were permitted, in any order: by Circle's own count none is too many. So it is, too, where a
    tenth of the window is kept for others: some of it is there at any moment, and all of it within thirty seconds."""
    dice, numbers = random.Random(7), itertools.count()
    community = Community(lambda: datetime.fromtimestamp(clock.at, UTC), modes=Modes(rate_calls=RATE.calls, rate_seconds=RATE.seconds))
    one = limited(connection, clock)
    under_way: list[tuple[float, int]] = []
    answers: list[int] = []

    def arrive(until: float) -> None:
        while under_way and under_way[0][0] <= until:
            clock.at = heapq.heappop(under_way)[0]
            answers.append(community.handle("GET", "/community", {}, {"Authorization": "Bearer sandbox-token"}, b"").status)

    end = clock.at + 3600
    while clock.at < end:
        allowed = one.take(0, 64, keep=keep)
        for _ in range(allowed.patient):
            heapq.heappush(under_way, (clock.at + dice.choice((0.02, 0.05, 0.4, 4.9)), next(numbers)))
        then = clock.at + (0.05 if allowed.patient_left else allowed.patient_wait)
        if keep:
            back = sum(count for at, count in one.spent() if at <= clock.at + 305 / 10)
            assert allowed.urgent_left >= 40
            assert allowed.urgent_left + back >= 200
        arrive(min(then, end))
        clock.at = then
    assert 429 not in answers
    assert len(answers) >= 0.95 * 12 * RATE.calls


def test_a_tenth_of_the_window_is_kept_for_who_has_no_backlog(connection: redis.Redis, clock: Time) -> None:
    one = limited(connection, clock)
    found = one.take(0, 5000)
    assert (found.patient, found.patient_left, found.urgent_left) == (1800, 0, 200)
    assert one.take(150, 10).urgent == 150
    assert one.take(150).urgent == 50


def test_what_is_kept_is_lent_on_calls_that_leave_the_window_soon(connection: redis.Redis, clock: Time) -> None:
    one = limited(connection, clock)
    one.take(0, 1800)
    clock.passes(5)
    found = one.take(0, 100)
    assert (found.patient, found.patient_left) == (0, 0)
    clock.passes(found.patient_wait - 1)
    assert one.take(0, 500).patient == 0
    clock.passes(1)
    found = one.take(0, 500)
    assert (found.patient, found.patient_left, found.urgent_left) == (160, 0, 40)
    clock.passes(found.patient_wait)
    found = one.take(0, 5000)
    assert (found.patient, found.urgent_left) == (1640, 200), "what was lent has come back"


@pytest.mark.parametrize(("rate", "there"), [(Rate(10, 60), 1), (Rate(40, 300), 1), (Rate(100, 60), 2), (Rate(9, 60), 0)])
def test_some_of_what_is_kept_is_never_lent(connection: redis.Redis, clock: Time, rate: Rate, there: int) -> None:
    one, least = limited(connection, clock, rate), rate.calls
    for _ in range(3000):
        least = min(least, one.take(0, 3).urgent_left)
        clock.passes(rate.seconds / 500)
    assert least == there


def test_where_there_is_nobody_else_nothing_is_kept(connection: redis.Redis, clock: Time) -> None:
    assert limited(connection, clock).take(0, 5000, keep=False).patient == 2000


def test_what_is_urgent_goes_first(connection: redis.Redis, clock: Time) -> None:
    found = limited(connection, clock, Rate(100, 300)).take(95, 10)
    assert (found.urgent, found.patient) == (95, 0)


def test_what_left_the_window_makes_room(connection: redis.Redis, clock: Time) -> None:
    one = limited(connection, clock)
    one.take(1200)
    clock.passes(100)
    first = one.take(800)
    clock.passes(first.urgent_wait)
    assert one.take(2000).urgent == 1200


def test_it_asks_what_had_to_be_forgotten(connection: redis.Redis, clock: Time) -> None:
    known = [(START - 400, 900), (START - 100, 700), (START - 3, 20)]
    one = limited(connection, clock, RATE, *known)
    assert one.take(2000).urgent == 2000 - 720
    connection.flushall()
    assert one.take(1).urgent_left == 2000 - 721


def test_it_is_small(connection: redis.Redis, clock: Time) -> None:
    one = limited(connection, clock)
    for _ in range(1500):
        one.take(1)
        clock.passes(0.2)
    assert connection.hlen(KEY) <= pacing.PARTS + 7
    assert sum(count for _, count in one.spent()) == 1500
    assert 0 < connection.pttl(KEY) < 310_000


def test_nothing_asked_takes_nothing(connection: redis.Redis, clock: Time) -> None:
    one = limited(connection, clock, Rate(1, 300))
    assert one.take(0, 0).urgent_left == 1
    assert one.take(1).urgent == 1


def test_a_short_window(connection: redis.Redis, clock: Time) -> None:
    one = limited(connection, clock, Rate(5, 1))
    sent = 0
    for _ in range(1000):
        sent += one.take(9, 0).urgent
        clock.passes(0.01)
    assert 45 <= sent <= 55


def test_zero_is_no_limit(connection: redis.Redis) -> None:
    found = pace(connection, None, lambda since: [])
    assert isinstance(found, Unlimited)
    assert found.take(10_000, 5).urgent_left == PLENTY


def test_without_redis_it_says_so() -> None:
    gone = Limited(redis.Redis.from_url("unix:///nowhere/valkey.sock"), Rate(10, 300), lambda since: [])
    with pytest.raises(redis.RedisError):
        gone.take(1)
    waits: list[float] = []
    assert admit(gone, 5, waits.append) == pacing.UNCOUNTED
    assert sum(waits) == 5


def test_who_waits_for_one_call_waits_as_long_as_they_will(connection: redis.Redis, clock: Time) -> None:
    one = limited(connection, clock, Rate(10, 60))
    one.take(10)
    assert admit(one, 5, clock.passes) == pacing.USED_UP
    assert admit(one, 65, clock.passes) == ""
    assert 60 < clock.at - START < 65
