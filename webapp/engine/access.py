"""What a customer should hold at one integration, and because of what: pure functions over marks on record (docs/access.md).

Every target is a last-writer-wins register over event time, so nothing here depends on the order in which messages came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

Op = Literal["open", "close", "clear", "veto", "lift"]
FOR_GOOD = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of the record: `models.Grant` as a value. `order` decides which of two is newer: a remove loses to an add of the same event."""

    id: int
    target: int
    purchase: int
    op: Op
    at: datetime
    tie: str = ""
    until: datetime | None = None
    asked_at: datetime | None = None
    recoverable: bool = False
    void: bool = False
    entry: int = 0

    @property
    def order(self) -> tuple[datetime, str, bool]:
        """The newest is the largest."""
        return (self.at, self.tie, self.op in ("open", "lift"))


@dataclass(frozen=True, slots=True)
class Ground:
    """What `desired` needs to know of a purchase: `models.Purchase` as a value.

    `named`: an order or a subscription is on record for it. `on_record`: something that makes a purchase named it. `recoveries`: when it
    was charged, recovered or restarted, with the tie of that event; `setbacks`: when it was refunded, canceled, not paid or delinquent.
    `person`: a person's own doing, which no rule but a clearing ends.
    """

    id: int
    product: int | None
    named: bool = True
    on_record: bool = True
    person: bool = False
    recoveries: tuple[tuple[datetime, str], ...] = ()
    setbacks: tuple[tuple[datetime, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target should be held. `because`: the newest opening of each purchase that grants it now. `ended`: the mark that took the
    last grant away (a close, clear or veto; or an opening that ran out, `expired`; or one that was refuted)."""

    held: bool
    because: tuple[Mark, ...] = ()
    ended: Mark | None = None
    expired: bool = False


@dataclass(frozen=True)
class Record:
    """All marks of one lane, with the purchases they are about. `membership` is the target that is the membership itself."""

    membership: int
    marks: Sequence[Mark]
    grounds: Mapping[int, Ground] = field(default_factory=dict)


def desired(record: Record, now: datetime, at: datetime | None = None) -> dict[int, Verdict]:
    """What is desired of every target that the record names, and of the membership where anything is on record.

    With `at`, as it was desired then: marks of later events are left out. Without, marks that wait are left out until their time.
    """
    moment = at or now
    marks = [m for m in record.marks if m.at <= moment or (at is None and m.asked_at is None)]
    told = [m for m in marks if undone_by(m, record) is None]
    stands = [m for m in told if not m.void]
    targets = {m.target for m in told} | ({record.membership} if told else set())
    return {target: _verdict(target, stands, told, record, moment) for target in targets}


def _verdict(target: int, stands: Sequence[Mark], marks: Sequence[Mark], record: Record, moment: datetime) -> Verdict:
    reach = (target, record.membership)  # what ends the membership ends everything at that integration
    veto = taken_away(target, stands, record.membership)
    if veto:
        return Verdict(False, ended=veto)
    clear = _newest(m for m in stands if m.op == "clear" and m.target in reach)
    because, ends = [], [clear] if clear else []
    for purchase, openings in _openings(target, stands, record).items():
        end = _newest(m for m in (_closed(purchase, reach, stands, record), clear) if m)
        alive = [m for m in openings if end is None or m.order > end.order]
        opened = _deciding(alive, target)
        if opened is None:
            ends += [end] if end else []
        elif _ends_at(opened, target) <= moment:
            ends.append(opened)
        else:
            because.append(opened)
    if because:
        return Verdict(True, tuple(sorted(because, key=lambda m: m.order)))
    last = _last(ends) or _newest(m for m in marks if _tells_why_not(m, target, record))
    return Verdict(False, ended=last, expired=bool(last and last.op == "open" and not last.void))


def _tells_why_not(mark: Mark, target: int, record: Record) -> bool:
    """Whether a mark may be why nothing grants the target: what reached it without ending anything, or an opening of it that was refuted."""
    if mark.op == "open":
        return mark.void and target in (mark.target, record.membership)
    return mark.target in (target, record.membership)


def taken_away(target: int, marks: Iterable[Mark], membership: int) -> Mark | None:
    """The word of a person that keeps a target from a customer: their last one about itself, or about the membership without which it can't be
    held. Whoever gives a place back gives the membership back with it; what else was taken stays taken until it is given back itself."""
    words = [m for m in marks if m.op in ("veto", "lift")]
    own = _newest(m for m in words if m.target == target != membership)
    over = _newest(m for m in words if m.target == membership or (m.op == "lift" and target in (m.target, membership)))
    return _newest(m for m in (own, over) if m and m.op == "veto")


def _openings(target: int, stands: Iterable[Mark], record: Record) -> dict[int, list[Mark]]:
    """What opened the target, by purchase. Every add is an opening of the membership, too."""
    found: dict[int, list[Mark]] = {}
    for mark in stands:
        if mark.op == "open" and target in (mark.target, record.membership):
            found.setdefault(mark.purchase, []).append(mark)
    return found


def _deciding(openings: Iterable[Mark], target: int) -> Mark | None:
    """The opening that decides: the newest, and of equal ones the one that holds longer.

    A membership that came with a place has no end of its own: no other opening shortens it.
    """
    return max(openings, key=lambda m: (m.target != target, m.at, m.tie, _ends_at(m, target)), default=None)


def _ends_at(opening: Mark, target: int) -> datetime:
    """Until when an opening holds. The membership that came with a place stays when the place goes (docs/access.md)."""
    return opening.until if opening.until and opening.target == target else FOR_GOOD


def _last(ends: Iterable[Mark]) -> Mark | None:
    """What came last of all that took a grant away: a mark at its time, an opening when it ran out."""
    return max(ends, key=lambda m: (m.until or m.at if m.op == "open" else m.at, m.tie), default=None)


def _closed(purchase: int, reach: tuple[int, ...], stands: Iterable[Mark], record: Record) -> Mark | None:
    """The newest close that is meant for this purchase on one of these targets."""
    return _newest(m for m in stands if m.op == "close" and m.target in reach and _meant(m, purchase, record))


def _meant(close: Mark, purchase: int, record: Record) -> bool:
    """Whether a close is about this purchase: its own, or of a ground that is not on record while this one has no name to tell it by."""
    if close.purchase == purchase:
        return True
    theirs, mine = record.grounds.get(close.purchase), record.grounds.get(purchase)
    if theirs is None or mine is None or theirs.person or mine.person:
        return False
    return not theirs.on_record and theirs.named and not mine.named and theirs.product == mine.product


def undone_by(mark: Mark, record: Record) -> tuple[datetime, str] | None:
    """Time and tie of the first recovery, or new add on its purchase, that undid a removal which waits, before its time came.

    What a rule adds for bad news (a tag for who doesn't pay) is no sign that the purchase is paid for again.
    """
    if not mark.recoverable or mark.asked_at is None:
        return None
    ground = record.grounds.get(mark.purchase)
    recoveries, setbacks = (ground.recoveries, ground.setbacks) if ground else ((), ())
    adds = ((m.at, m.tie) for m in record.marks if m.op == "open" and m.purchase == mark.purchase and not m.void)
    good = [*recoveries, *(one for one in adds if one not in setbacks)]
    again = [one for one in good if (mark.asked_at, mark.tie) < one and one[0] <= mark.at]
    return min(again, default=None)


@dataclass(frozen=True, slots=True)
class CalledOff:
    """A removal that waited, and the time and tie of what undid it."""

    mark: Mark
    at: datetime
    tie: str


def called_off(record: Record) -> dict[int, CalledOff]:
    """The removals that were undone before their time, by the entry that asked for them."""
    return {mark.entry: CalledOff(mark, *again) for mark in record.marks if (again := undone_by(mark, record)) is not None}


def next_change(record: Record, now: datetime) -> datetime | None:
    """When time alone may change what is desired: when the next opening runs out, or the next mark that waits comes due."""
    stands = [m for m in record.marks if not m.void]
    times = [m.at for m in stands if m.asked_at is not None] + [m.until for m in stands if m.until is not None]
    return min((at for at in times if at > now), default=None)


def _newest(marks: Iterable[Mark]) -> Mark | None:
    return max(marks, key=lambda m: m.order, default=None)
