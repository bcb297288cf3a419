"""The sandbox as one thing: a community and a checkout, the lock that both are used under, and where they are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.community import Community
from sandbox.shop import Shop

Keep = Callable[[Mapping[str, Any]], None]


class Box:
    """One community and one checkout. Whoever reads or changes them from a thread does it inside `open()`."""

    def __init__(self, community: Community, shop: Shop, keep: Keep | None = None) -> None:
        """`keep` is given everything, as JSON can hold it, after each change and before anybody is answered."""
        self.community = community
        self.shop = shop
        self._keep = keep
        self._lock = threading.RLock()
        self._pristine = community.snapshot()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Hold the lock; what has changed is kept when it is let go, also where an error ends it."""
        with self._lock:
            before = self.revision
            try:
                yield
            finally:
                if self._keep is not None and self.revision != before:
                    self._keep(self.snapshot())

    @property
    def revision(self) -> int:
        """Grows with every change of community or checkout."""
        return self.community.state.revision + self.shop.revision

    def snapshot(self) -> dict[str, Any]:
        """All that there is, secrets included."""
        return {"community": self.community.snapshot(), "checkout": self.shop.snapshot()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Be as `snapshot` says."""
        self.community.restore(snapshot["community"])
        self.shop.restore(snapshot["checkout"])

    def reset(self) -> None:
        """The community as it was when the sandbox began, without calls and violations; the checkout without orders."""
        self.community.restore(self._pristine)
        self.community.calls.clear()
        self.community.violations.clear()
        self.shop.clear()
