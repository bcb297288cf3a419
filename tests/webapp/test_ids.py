"""Ids sort by the time they were made, never repeat in a process, and fit into 63 bits."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from webapp.id_times import EPOCH, first_id, made_at
from webapp.ids import Ids

NOW = datetime(2026, 11, 24, 14, 2, 8, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def test_ids_grow_also_where_the_clock_stands_or_goes_back() -> None:
    ids = Ids()
    made = [ids(NOW), ids(NOW), ids(NOW - timedelta(hours=1)), ids(NOW + MILLISECOND), ids(NOW)]
    assert made == sorted(set(made))


def test_more_ids_than_a_millisecond_has_room_for_are_still_different() -> None:
    ids = Ids()
    made = [ids(NOW) for _ in range(3 * 4096)]
    assert made == sorted(set(made))
    assert ids(NOW + 10 * MILLISECOND) > made[-1]


def test_ids_of_different_processes_sort_by_time() -> None:
    many = [Ids() for _ in range(50)]
    early, late = [ids(NOW) for ids in many], [ids(NOW + MILLISECOND) for ids in many]
    assert max(early) < min(late)
    assert len(set(early)) > 1  # each has drawn a number of its own


def test_ids_carry_their_time() -> None:
    made = Ids()(NOW)
    assert made_at(made) == NOW
    assert first_id(NOW) <= made < first_id(NOW + MILLISECOND)


def test_ids_fit_for_69_years() -> None:
    assert 0 < Ids()(EPOCH + timedelta(days=365 * 69)) < 1 << 63


def test_threads_never_get_the_same_id() -> None:
    ids, made = Ids(), []

    def take() -> None:
        made.extend([ids(NOW) for _ in range(2000)])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000
