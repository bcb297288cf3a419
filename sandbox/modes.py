"""The condition that a community is in as a whole: its key, its plan, its limits. No behaviour lives here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Modes:
    """How the community stands today. All off by default."""

    key: Literal["good", "dead", "wrong_kind"] = "good"
    """`dead`: the token was deleted. `wrong_kind`: it is a token for another of Circle's APIs. Both answer 401."""
    plan_without_api: bool = False
    """403 for everything: the plan does not include the API."""
    daily_limit: int | None = None
    """New members a day (UTC); beyond it an invite is answered 403 "Daily member limit exceeded."."""
    member_limit: int | None = None
    """Active members that the plan allows; beyond it an invite is answered 403."""
    rate_calls: int | None = None
    """Calls that are let through in any `rate_seconds`; the next ones are answered 429. Circle says 2000 in 300."""
    rate_seconds: float = 300.0
    trouble: Literal["none", "error", "hang"] = "none"
    """`error`: every call is answered 503 by a proxy. `hang`: none is answered for half a minute, then 504. Circle sees none of them."""
    trouble_until: float | None = None
    """When the trouble is over by itself, in Unix seconds; None: never."""
    blocked_domains: tuple[str, ...] = ()
    """Domains whose addresses are answered 422 "Invalid email address."."""

    def changed(self, wanted: Mapping[str, Any]) -> Modes:
        """These modes with some of them changed. ValueError for an unknown one or a wrong value."""
        values = {**wanted}
        if "blocked_domains" in values:
            values["blocked_domains"] = tuple(values["blocked_domains"])
        for name, value in values.items():
            _check(name, value)
        return replace(self, **values)

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it; `Modes().changed(plain)` brings it back."""
        return {**asdict(self), "blocked_domains": list(self.blocked_domains)}


def _check(name: str, value: object) -> None:
    allowed: dict[str, bool] = {
        "key": value in ("good", "dead", "wrong_kind"),
        "plan_without_api": isinstance(value, bool),
        "rate_seconds": isinstance(value, int | float) and value > 0,
        "trouble": value in ("none", "error", "hang"),
        "trouble_until": value is None or isinstance(value, int | float),
        "blocked_domains": isinstance(value, tuple) and all(isinstance(one, str) for one in value),
    }
    count = value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    if name not in {field.name for field in fields(Modes)} or not allowed.get(name, count):
        raise ValueError(f"{name}={value!r} is no mode of a community")
