"""Group commit: together where it goes, each for itself where not."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from webapp.group import Group


def test_one_alone_gets_its_result() -> None:
    group: Group[int, int] = Group(lambda items: [item * 2 for item in items])
    assert group(21) == 42


def test_those_who_come_while_one_is_written_are_written_together_in_their_order() -> None:
    began, go, batches = threading.Event(), threading.Event(), []

    def write(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        if len(batches) == 1:
            began.set()
            go.wait(10)
        return [item * 2 for item in items]

    group: Group[int, int] = Group(write)
    results: dict[int, int] = {}
    first = threading.Thread(target=lambda: results.update({0: group(0)}))
    first.start()
    began.wait(10)
    others = [threading.Thread(target=lambda n=n: results.update({n: group(n)})) for n in range(1, 6)]
    for thread in others:
        thread.start()
    while len(group._waiting) < 5:
        pass
    go.set()
    for thread in [first, *others]:
        thread.join(10)
    assert results == {n: 2 * n for n in range(6)}
    assert batches[0] == [0]
    assert sorted(batches[1]) == [1, 2, 3, 4, 5]
    assert len(batches) == 2


def test_one_that_cant_be_written_answers_for_itself() -> None:
    def write(items: Sequence[str]) -> list[str]:
        if "bad" in items:
            raise ValueError("bad")
        return [item.upper() for item in items]

    group: Group[str, str] = Group(write)
    with pytest.raises(ValueError, match="bad"):
        group("bad")
    assert group("good") == "GOOD"


def test_a_bad_one_among_others_fails_alone() -> None:
    began, go, calls = threading.Event(), threading.Event(), []

    def write(items: Sequence[str]) -> list[str]:
        calls.append(list(items))
        if len(calls) == 1:
            began.set()
            go.wait(10)
        if "bad" in items:
            raise ValueError("bad")
        return [item.upper() for item in items]

    group: Group[str, str] = Group(write)
    told: dict[str, str] = {}

    def send(item: str) -> None:
        try:
            told[item] = group(item)
        except ValueError:
            told[item] = "refused"

    threads = [threading.Thread(target=send, args=("first",))]
    threads[0].start()
    began.wait(10)
    threads += [threading.Thread(target=send, args=(item,)) for item in ("a", "bad", "b")]
    for thread in threads[1:]:
        thread.start()
    while len(group._waiting) < 3:
        pass
    go.set()
    for thread in threads:
        thread.join(10)
    assert told == {"first": "FIRST", "a": "A", "bad": "refused", "b": "B"}


def test_what_is_nobodys_own_fault_fails_all_at_once() -> None:
    calls = []

    def write(items: Sequence[int]) -> list[int]:
        calls.append(items)
        raise ConnectionError

    group: Group[int, int] = Group(write, hopeless=(ConnectionError,))
    with pytest.raises(ConnectionError):
        group(1)
    assert len(calls) == 1


def test_a_thread_that_is_ended_while_it_writes_takes_nobody_else_into_the_dark() -> None:
    began, go, told = threading.Event(), threading.Event(), []

    def write(items: Sequence[int]) -> list[int]:
        if items == [0]:
            began.set()
            go.wait(10)
        elif 1 in items:
            raise SystemExit
        return list(items)

    group: Group[int, int] = Group(write)

    def send(item: int) -> None:
        try:
            told.append(group(item))
        except SystemExit:
            told.append(-item)

    threads = [threading.Thread(target=send, args=(0,))]
    threads[0].start()
    began.wait(10)
    for item in (1, 2):
        threads.append(threading.Thread(target=send, args=(item,)))
        threads[-1].start()
        while len(group._waiting) < item:
            pass
    go.set()
    for thread in threads:
        thread.join(10)
    assert sorted(told) == [-2, -1, 0]
    assert group(3) == 3


def test_many_threads_at_once_each_get_their_own() -> None:
    written: list[int] = []

    def write(items: Sequence[int]) -> list[int]:
        written.extend(items)
        return [-item for item in items]

    group: Group[int, int] = Group(write, most=5)
    got: list[bool] = []
    threads = [
        threading.Thread(target=lambda first=first: got.extend(group(item) == -item for item in range(first, first + 50)))
        for first in range(0, 800, 50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == [True] * 800
    assert sorted(written) == list(range(800))
