"""The threads that make calls. They are nobody's to wait for: a worker that ends leaves a call that hangs to itself."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Callers:
    """So many threads at most, one more begun whenever all are busy.

    An executor of the library's would hold up the end of the process by a call that hangs."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._begun = 0

    def submit(self, task: Callable[[], None]) -> None:
        """Have a task done. It must not raise. Called from one thread."""
        if not self._idle.acquire(blocking=False) and self._begun < self.size:
            self._begun += 1
            threading.Thread(target=self._work, name=f"call-{self._begun}", daemon=True).start()
        self._tasks.put(task)

    def _work(self) -> None:
        while True:
            self._tasks.get()()
            self._idle.release()
