"""Whoever is in no hurry rests again and again, and nobody else does."""

from __future__ import annotations

import threading

import pytest

from webapp import breath
from webapp.breath import REST, WORK, be_patient, breathe


class Time:
    """Stands still until somebody works or sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.rests: list[float] = []

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds

    def work(self, seconds: float, times: int) -> None:
        for _ in range(times):
            self.now += seconds
            breathe()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(breath, "time", made)
    return made


def in_a_thread(act: object) -> None:
    assert callable(act)
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


def test_a_thread_that_is_in_no_hurry_rests_whenever_it_has_worked_for_a_while(time: Time) -> None:
    def works() -> None:
        be_patient()
        time.work(WORK / 4, 3)
        assert time.rests == []
        time.work(WORK / 4, 7)

    in_a_thread(works)
    assert time.rests == [REST, REST]


def test_one_that_has_long_worked_without_a_breath_rests_once(time: Time) -> None:
    def works() -> None:
        be_patient()
        time.work(100 * WORK, 1)
        time.work(0, 3)

    in_a_thread(works)
    assert time.rests == [REST]


def test_whoever_is_in_a_hurry_does_not_rest(time: Time) -> None:
    in_a_thread(be_patient)
    time.work(WORK, 10)
    assert time.rests == []
