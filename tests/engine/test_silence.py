"""Whether a checkout has fallen silent: a year of made-up shops, few false alarms, and real silence found."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from statistics import median

import pytest

from webapp.engine.silence import LEAST_SILENCE, WINDOW, Rhythm, hour_of, moment_of

START = hour_of(datetime(2026, 1, 5, tzinfo=UTC))
YEAR = 24 * 365
BY_HOUR = [0.15, 0.1, 0.08, 0.06, 0.06, 0.1, 0.3, 0.6, 1, 1.3, 1.4, 1.5, 1.4, 1.3, 1.4, 1.5, 1.5, 1.6, 1.7, 1.9, 2, 1.7, 1, 0.5]


def rate(kind: str, hour: int, a_day: float, launches: list[int]) -> float:
    """How many orders an hour brings on average: days and nights, summer and Christmas, and what is particular to a kind of shop."""
    day, weekday, of_day = (hour - START) // 24, (hour // 24 + 3) % 7, hour % 24
    usual = a_day / 24 * BY_HOUR[of_day] * 24 / sum(BY_HOUR)
    if day >= 350 or 200 <= day <= 215:
        usual *= 0.3
    return (
        usual
        * {
            "usual": 1.0,
            "office hours": 1.35 if weekday < 5 and 8 <= of_day <= 18 else 0.01,
            "weekends": 2.0 if weekday >= 5 else 0.6,
            "launches": 40.0 if any(0 <= hour - launch < 72 for launch in launches) else 1.0,
            "shrinking": 1.7 - 1.5 * day / 365,
            "monthly": 50.0 if day % 30 == 0 and 6 <= of_day < 9 else 0.1,
        }[kind]
    )


def year(kind: str, a_day: float, seed: int) -> list[int]:
    """The hours of a year in which something came."""
    dice = random.Random(f"{kind} {a_day} {seed}")
    launches = [START + dice.randrange(YEAR) for _ in range(5)]
    return [hour for hour in range(START, START + YEAR) if dice.random() < 1 - math.exp(-rate(kind, hour, a_day, launches))]


def known(heard: list[int]) -> Rhythm:
    return Rhythm([hour for hour in heard if hour >= heard[-1] - WINDOW])


def false_alarms(heard: list[int]) -> int:
    """How often the year would have had an alarm: at the end of each pause, when it is longest. Of the many short ones not all are asked."""
    pauses = [place for place in range(1, len(heard)) if heard[place] - heard[place - 1] > (LEAST_SILENCE if place % 10 == 0 else 8)]
    return sum(Rhythm(heard[max(0, place - WINDOW) : place]).silent(moment_of(heard[place])) for place in pauses)


def hours_until_told(heard: list[int], broken: int) -> int:
    """How long a checkout that broke at some hour stays unnoticed: asked ever more rarely."""
    rhythm = known([hour for hour in heard if hour < broken])
    after = 1
    while not rhythm.silent(moment_of(broken + after)):
        after += max(1, after // 20)
        assert after < 24 * 120, "nobody ever noticed"
    return after


SHOPS = [(kind, a_day) for kind in ("usual", "office hours", "weekends", "launches", "shrinking", "monthly") for a_day in (60, 4)]


def test_a_year_of_quiet_and_busy_shops_cries_wolf_seldom() -> None:
    years = {(kind, a_day): false_alarms(year(kind, a_day, seed=1)) for kind, a_day in SHOPS}
    assert sum(years.values()) <= len(years) / 4  # one alarm in four years
    assert max(years.values()) <= 2


@pytest.mark.parametrize(("a_day", "most"), [(100, 12), (10, 60), (1, 24 * 21)])
def test_real_silence_is_found(a_day: float, most: int) -> None:
    dice = random.Random(a_day)
    found = [hours_until_told(year("usual", a_day, seed), START + dice.randrange(24 * 120, YEAR)) for seed in range(3) for _ in range(2)]
    assert median(found) <= most
    assert max(found) <= 3 * most


def test_a_shop_that_is_hardly_known_is_left_alone() -> None:
    week = [START + hour for hour in range(24 * 7)]
    assert not Rhythm(week).silent(moment_of(week[-1] + 24 * 30))
    rare = [START + 24 * day for day in range(0, 60, 3)]
    assert not Rhythm(rare).silent(moment_of(rare[-1] + 24 * 300))
    assert not Rhythm([]).silent(moment_of(START))


def test_hours_in_which_nobody_listened_count_for_nothing() -> None:
    steady = [START + hour for hour in range(24 * 28)]
    now = moment_of(steady[-1] + 9)
    assert Rhythm(steady).silent(now)
    assert not Rhythm(steady, missed=range(steady[-1] + 1, steady[-1] + 9)).silent(now)


def test_a_few_quiet_hours_are_nobodys_business() -> None:
    steady = [START + hour for hour in range(24 * 28)]
    assert not Rhythm(steady).silent(moment_of(steady[-1] + LEAST_SILENCE))
