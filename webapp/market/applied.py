"""What applying a file has come to so far."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Applied:
    """What was done: how many things were made, changed or as they should be, and the addresses. `secret` only if it is new.

    `woken`: whether work that was parked can go on. `deleted`: how many things the file did not name; None where that was not asked for.
    """

    marketplace: str
    id: int = 0
    path: str = ""
    secret: str | None = field(default=None, repr=False)
    sources: dict[str, str] = field(default_factory=dict)
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    woken: bool = False
    deleted: int | None = None

    def count(self, outcome: str) -> None:
        """One more thing that was created, changed or unchanged."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def as_json(self) -> dict[str, object]:
        """As `flask apply` prints it."""
        webhook = {"path": self.path} | ({"secret": self.secret} if self.secret else {})
        sources = {name: {"path": path} for name, path in self.sources.items()}
        counts = {"created": self.created, "changed": self.changed, "unchanged": self.unchanged}
        deleted = {} if self.deleted is None else {"deleted": self.deleted}
        return {"marketplace": self.marketplace, "webhook": webhook, "sources": sources, **counts, **deleted}
