"""Group commit: whoever comes while a transaction is being written is written by the next one, together with all who wait.

Nobody waits on purpose, and everybody answers after their own commit (docs/decisions has what it brings).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")


class _Slot(Generic[T, R]):
    """One item on its way: its result or what went wrong. `woken` is let go once it is done, or once its thread is to lead."""

    __slots__ = ("done", "error", "item", "result", "woken")

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = False
        self.result: R | None = None
        self.error: BaseException | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class Group(Generic[T, R]):
    """Writes items by `write`, which takes many and gives a result for each, in their order. Safe to call from many threads.

    `hopeless`: errors that are nobody's own (the database is gone): all who were to be written together get them at once.
    """

    def __init__(self, write: Callable[[Sequence[T]], Sequence[R]], most: int = 64, hopeless: tuple[type[Exception], ...] = ()) -> None:
        self._write = write
        self._hopeless = hopeless
        self._most = most
        self._waiting: list[_Slot[T, R]] = []
        self._led = False
        self._list = threading.Lock()

    def __call__(self, item: T) -> R:
        """Have it written. Returns when it is committed; raises what `write` raised for it when it was written alone."""
        mine: _Slot[T, R] = _Slot(item)
        with self._list:
            self._waiting.append(mine)
            first, self._led = not self._led, True
        if not first:
            mine.woken.acquire()
        if not mine.done:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return cast(R, mine.result)

    def _lead(self) -> None:
        """Write all who wait, of whom this thread is the first. Whoever has come meanwhile leads next, and begins before these answer."""
        with self._list:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            self._write_all(batch)
        except BaseException as error:
            for slot in batch:
                slot.error, slot.done = slot.error or error, True
            raise
        finally:
            with self._list:
                self._led = bool(self._waiting)
                following = self._waiting[:1]
            for slot in [*following, *batch[1:]]:
                slot.woken.release()

    def _write_all(self, batch: list[_Slot[T, R]]) -> None:
        try:
            self._together(batch)
        except Exception as error:
            if len(batch) == 1 or isinstance(error, self._hopeless):
                for slot in batch:
                    slot.error = error
                    slot.done = True
            else:
                self._each(batch)

    def _together(self, batch: list[_Slot[T, R]]) -> None:
        for slot, result in zip(batch, self._write([slot.item for slot in batch]), strict=True):
            slot.result = result
            slot.done = True

    def _each(self, batch: list[_Slot[T, R]]) -> None:
        """One of them can't be written: each alone, so that it answers for itself."""
        for slot in batch:
            try:
                self._together([slot])
            except Exception as error:
                slot.error = error
                slot.done = True
