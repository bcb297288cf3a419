"""The geometry of the bars in the glance strip: numbers in, rectangles out. What is counted is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, UP, DOWN, GAP = 720.0, 62.0, 18.0, 3.0
"""In the drawing's units: its width; the most that a bar may rise above the line and hang below it; what stays between parts."""
ZERO, TOP = 70.0, 73.0
"""Where bars stand on the line, and where failures begin to hang below it."""


@dataclass(frozen=True)
class Count:
    """What happened in one span of time: its name (said aloud before the numbers), the numbers, and the address of its filter."""

    label: str
    succeeded: int
    open: int
    failed: int
    href: str


@dataclass(frozen=True)
class Part:
    """One rectangle: `kind` is good, open or poor."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One span: its slot for the pointer, its address, what is said of it, and its rectangles."""

    left: float
    slot: float
    href: str
    label: str
    parts: tuple[Part, ...]


def bars(counts: Sequence[Count]) -> list[Bar]:
    """A bar for each count, from left to right, all to one scale."""
    slot = round(WIDTH / max(len(counts), 1), 2)
    most = max([1, *(count.succeeded + count.open for count in counts)])
    worst = max([1, *(count.failed for count in counts)])
    return [_bar(count, round(place * slot, 2), slot, UP / most, DOWN / worst) for place, count in enumerate(counts)]


def _bar(count: Count, left: float, slot: float, up: float, down: float) -> Bar:
    x, width = round(left + slot * 0.13, 2), round(slot * 0.74, 2)
    good = _height(count.succeeded, up)
    waiting = _height(count.open, up)
    lift = GAP if good else 1.0
    found = [
        Part("good", x, round(ZERO - good, 1), width, good),
        Part("open", x + 1, round(ZERO - good - lift - waiting + 1, 1), round(width - 2, 2), waiting),
        Part("poor", x, TOP, width, _height(count.failed, down)),
    ]
    return Bar(left, slot, count.href, f"{count.label}: {_said(count)}", tuple(part for part in found if part.height))


def _height(number: int, scale: float) -> float:
    """At least so much that one entry among thousands can be seen."""
    return round(max(number * scale, 2.0), 1) if number else 0.0


def _said(count: Count) -> str:
    told = [f"{count.succeeded} succeeded"]
    told += [f"{count.open} open"] if count.open else []
    told += [f"{count.failed} failed"] if count.failed else []
    return ", ".join(told)
