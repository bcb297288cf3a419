"""The strip above the log: a chart of its last hours or days, how long purchases took, why entries failed or wait. Numbers in, none of it HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.database import db
from webapp.engine import causes, glance
from webapp.engine.causes import Group
from webapp.engine.glance import PERIODS, Bar, Glance
from webapp.pages import guard, log_address, times

LABELS = {"24h": "24 h", "7d": "7 d", "30d": "30 d"}
UP, DOWN, STEP, GAP = 68.0, 18.0, 24.0, 3.0
"""The chart's heights above and below its line, and a bar's share of its width."""
REASONS = 4


@dataclass(frozen=True)
class Drawn:
    """A bar as it is drawn: where it leads, what it says, its left edge, and (y, height) of its parts; None for what there is none of."""

    href: str
    says: str
    x: float
    good: tuple[float, float] | None
    open: tuple[float, float] | None
    poor: tuple[float, float] | None


@dataclass(frozen=True)
class Strip:
    """All that the strip shows."""

    period: str
    periods: Sequence[tuple[str, str, str]]
    glance: Glance
    bars: Sequence[Drawn]
    axis: Sequence[str]
    reasons: Sequence[tuple[Group, str]]
    more: int

    @property
    def width(self) -> float:
        """The chart's width."""
        return STEP * len(self.bars)


def strip(base: str, period: str, now: datetime) -> Strip:
    """The strip for one of PERIODS; for anything else that of the last day."""
    period = period if period in PERIODS else "24h"
    found = glance.glance(db.session(), guard.here(), period, times.here(), now)
    groups = causes.groups(db.session(), guard.here())
    periods = [(key, label, log_address.address(base, "", period=None if key == "24h" else key)) for key, label in LABELS.items()]
    reasons = [(one, log_address.query(**one.terms)) for one in groups[:REASONS]]
    return Strip(period, periods, found, list(_drawn(found.bars, base, period)), _axis(found.bars, period), reasons, len(groups))


def _drawn(bars: Sequence[Bar], base: str, period: str) -> list[Drawn]:
    highest = max((bar.good + bar.open for bar in bars), default=0) or 1
    deepest = max((bar.poor for bar in bars), default=0) or 1
    return [_draw(bar, number * STEP, UP / highest, min(UP / highest * 4, DOWN / deepest), base, period) for number, bar in enumerate(bars)]


def _draw(bar: Bar, x: float, up: float, down: float, base: str, period: str) -> Drawn:
    good, still, poor = (max(round(count * scale, 1), 2.0) for count, scale in ((bar.good, up), (bar.open, up), (bar.poor, down)))
    top = UP - (good if bar.good else 0)
    return Drawn(
        href=log_address.Asked(base).href(after=_typed(bar.since), before=_typed(bar.until)),
        says=_says(bar, period),
        x=x,
        good=(UP - good, good) if bar.good else None,
        open=(max(top - still, 0), still) if bar.open else None,
        poor=(UP + GAP, poor) if bar.poor else None,
    )


def _typed(at: datetime) -> str:
    """A moment as the query has it, in the marketplace's zone."""
    here = at.astimezone(times.here())
    return f"{here:%Y-%m-%d}" if (here.hour, here.minute) == (0, 0) else f"{here:%Y-%m-%dT%H:%M}"


def _says(bar: Bar, period: str) -> str:
    counts = [(bar.good, "succeeded"), (bar.open, "open"), (bar.poor, "failed")]
    told = ", ".join(f"{times.number(count)} {word}" for count, word in counts if count) or "nothing"
    return f"{_name(bar.since, period)}: {told}"


def _name(at: datetime, period: str) -> str:
    here = at.astimezone(times.here())
    return f"{here:%H:%M}" if period == "24h" else f"{here.day} {here:%b}, {here:%H:%M}" if period == "7d" else f"{here.day} {here:%b}"


def _axis(bars: Sequence[Bar], period: str) -> list[str]:
    """A few words below the line."""
    at = [bars[round(place * (len(bars) - 1) / 4)].since for place in range(5)]
    return [_name(one, "24h" if period == "24h" else "30d") for one in at]
