"""How many calls an integration made this month, and what that comes to. Which answers an app meters is the app's word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.engine.ready import change
from webapp.models import Integration, Usage

HIGH = 0.8
"""The share of its quota from which on an integration's meter warns."""

SHORTEST = timedelta(days=1)
"""A pace is never read off less time than this: one busy minute says nothing about a month."""

Level = Literal["ok", "high", "over"]


@dataclass(frozen=True)
class Meter:
    """A month's metered calls (`used`) against the plan's `quota`, and what they come to when it `ends` at the pace so far."""

    used: int
    quota: int
    forecast: int
    ends: datetime

    @property
    def left(self) -> int:
        """How many calls the quota still has."""
        return max(0, self.quota - self.used)

    @property
    def level(self) -> Level:
        """`ok`, `high` from 80 % of the quota on, `over` when it is used up."""
        if self.used >= self.quota:
            return "over"
        return "high" if self.used >= HIGH * self.quota else "ok"

    @property
    def about(self) -> int:
        """The forecast as one would say it: two digits that mean something, and never less than was used."""
        step: int = 10 ** max(0, len(str(self.forecast)) - 2)
        return max(self.used, round(self.forecast / step) * step)

    def percent(self, calls: int) -> float:
        """What these calls are of the quota, in percent, at most 100: how far a bar goes."""
        return min(100.0, round(100 * calls / self.quota, 1))

    @property
    def share(self) -> int:
        """How much of the quota is used, in whole percent, rounded down: what reaches 80 % has reached it."""
        return 100 * self.used // self.quota

    def holds_batches(self, share: int) -> bool:
        """Whether batches wait for the next month, since this share of the quota (in percent; 0: never) is used."""
        return 0 < share <= self.share


def calls_words(calls: int) -> str:
    """An estimate as one would say it: `about 260 metered calls`, two digits that mean something."""
    step: int = 10 ** max(0, len(str(calls)) - 2)
    about = round(calls / step) * step
    return f"about {about:,} metered {'call' if about == 1 else 'calls'}" if about else "no metered call"


def month_of(now: datetime) -> str:
    """The month as `Usage` names it, in UTC: `2026-11`."""
    return f"{now:%Y-%m}"


def count(session: Session, integration_id: int, now: datetime, calls: int, metered: int) -> None:
    """Add calls to an integration's month."""
    row: dict[str, Any] = {"integration_id": integration_id, "month": month_of(now)}
    if _add(session, row, calls, metered):
        return
    try:
        with session.begin_nested():
            session.add(Usage(**row, calls=calls, metered=metered))
    except IntegrityError:  # somebody else was first
        _add(session, row, calls, metered)


def meters(session: Session, integrations: Iterable[Integration], now: datetime) -> dict[int, Meter]:
    """The month's meter of each of these, by id."""
    wanted = {one.id: one for one in integrations}
    rows = session.execute(
        select(Usage.integration_id, Usage.metered).where(Usage.integration_id.in_(wanted), Usage.month == month_of(now))
    )
    used = dict(rows.all())
    return {id_: _meter(used.get(id_, 0), one, now) for id_, one in wanted.items()}


def batches_may(session: Session, integration: Integration, now: datetime) -> bool:
    """Whether batches may go on there this month: the share of the quota at which the merchant has them held is not used yet."""
    return not meters(session, [integration], now)[integration.id].holds_batches(integration.batch_share)


def _meter(used: int, integration: Integration, now: datetime) -> Meter:
    begins = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ends = (begins + timedelta(days=32)).replace(day=1)
    measured = max(SHORTEST, now - max(begins, integration.created_at))
    forecast = used + used * ((ends - now) / measured)
    return Meter(used, integration.quota, round(forecast), ends)


def _add(session: Session, row: dict[str, Any], calls: int, metered: int) -> bool:
    return change(session, _ADD, which=row["integration_id"], when=row["month"], more=calls, more_metered=metered) > 0


_ADD = (
    update(Usage)
    .where(Usage.integration_id == bindparam("which"), Usage.month == bindparam("when"))
    .values(calls=Usage.calls + bindparam("more"), metered=Usage.metered + bindparam("more_metered"))
)
