"""The sandbox as one thing: a community and a checkout, and the lock that both are used under."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.community import Community
from sandbox.shop import Shop


class Box:
    """One community and one checkout. Whoever reads or changes them from a thread does it inside `open()`."""

    def __init__(self, community: Community, shop: Shop) -> None:
        self.community = community
        self.shop = shop
        self.on_change: Callable[[], None] | None = None
        """Called after each change, before anybody is answered and with the lock held: it must be quick."""
        self._lock = threading.RLock()
        self._pristine = community.snapshot()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Hold the lock; a change is told when it is let go, also where an error ends it."""
        with self._lock:
            before = self.revision
            try:
                yield
            finally:
                if self.on_change is not None and self.revision != before:
                    self.on_change()

    @property
    def revision(self) -> int:
        """Grows with every change of community or checkout."""
        return self.community.state.revision + self.shop.revision

    def snapshot(self) -> dict[str, Any]:
        """All that there is, secrets included."""
        with self._lock:
            return {"community": self.community.snapshot(), "checkout": self.shop.snapshot()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Be as `snapshot` says."""
        with self.open():
            self.community.restore(snapshot["community"])
            self.shop.restore(snapshot["checkout"])

    def reset(self) -> None:
        """The community as it was when the sandbox began, without calls and violations; the checkout without orders."""
        with self.open():
            self.community.restore(self._pristine)
            self.community.calls.clear()
            self.community.called = 0
            self.community.violations.clear()
            self.shop.clear()
