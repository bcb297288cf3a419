"""What can be picked in a connected community: what an app lists is merged into targets. Loading it is told in loading.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Item, Kind
from webapp.models import Rule, Target

What = Literal["new", "renamed", "back", "gone"]
ORDER: tuple[What, ...] = ("new", "renamed", "back", "gone")
SAID = {"renamed": "renamed", "back": "back again", "gone": "gone"}

NAMES_KEPT = 8
"""How many names of each sort of change are kept for the reader."""

Key = tuple[str, str]


@dataclass
class Merge:
    """What a load changed: how many of each kind became what, some of their names, and the rules it broke or mended."""

    first: bool
    counts: Counter[tuple[str, What]] = field(default_factory=Counter)
    names: dict[What, list[str]] = field(default_factory=dict)
    broken: int = 0
    mended: int = 0

    def note(self, what: What, kind: str, name: str) -> None:
        """One more target that became this."""
        self.counts[kind, what] += 1
        names = self.names.setdefault(what, [])
        if len(names) < NAMES_KEPT:
            names.append(name)

    def sentence(self, kinds: Sequence[Kind]) -> str:
        """What the merchant reads: "3 new spaces, 1 gone: 2 rules are broken now."."""
        if self.first:
            return _loaded({kind: self.counts[kind, "new"] for kind, _ in self.counts}, kinds)
        told = ", ".join(self._parts(kinds))
        if not told:
            return "Nothing has changed."
        rules = ", ".join(self._rules())
        return f"{told}: {rules}." if rules else f"{told}."

    def _parts(self, kinds: Sequence[Kind]) -> list[str]:
        """A part names its kind unless the part before was about the same."""
        parts, last = [], ""
        for kind in kinds:
            for what in ORDER:
                count = self.counts[kind.key, what]
                if not count:
                    continue
                word = kind.one if count == 1 else kind.many
                named = "" if kind.key == last else f" {word}"
                parts.append(f"{count:,} new {word}" if what == "new" else f"{count:,}{named} {SAID[what]}")
                last = kind.key
        return parts

    def _rules(self) -> list[str]:
        told = []
        if self.broken:
            told.append(f"{self.broken:,} {'rule is' if self.broken == 1 else 'rules are'} broken now")
        if self.mended:
            word = "" if told else " rule" if self.mended == 1 else " rules"
            told.append(f"{self.mended:,}{word} {'works' if self.mended == 1 else 'work'} again")
        return told


def merge(
    session: Session,
    integration_id: int,
    items: Iterable[Item],
    now: datetime,
    new_id: Callable[[datetime], int],
    *,
    first: bool = False,
) -> Merge:
    """Bring an integration's targets into agreement with everything its app lists. Whoever is not listed is gone, not deleted."""
    result = Merge(first)
    listed: dict[Key, Item] = {(item.kind, item.remote_id): item for item in items}
    known: dict[Key, Target] = {(target.kind, target.remote_id): target for target in _targets(session, integration_id)}
    ruled = _ruled(session, integration_id)
    for key, item in listed.items():
        target = known.get(key)
        if target is None:
            session.add(_target(item, integration_id, new_id(now)))
            result.note("new", item.kind, item.name)
        else:
            _agree(target, item, result, ruled)
    for key, target in known.items():
        if key not in listed and target.gone_at is None:
            target.gone_at = now
            result.note("gone", target.kind, target.name)
            result.broken += ruled[target.id]
    session.flush()
    return result


def contents(session: Session, integration_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many targets of each kind each of these integrations has, without the membership and what is gone."""
    ids = list(integration_ids)
    rows = session.execute(
        select(Target.integration_id, Target.kind, func.count())
        .where(Target.integration_id.in_(ids), Target.gone_at.is_(None), Target.kind != MEMBERSHIP)
        .group_by(Target.integration_id, Target.kind)
    )
    found: dict[int, dict[str, int]] = {id_: {} for id_ in ids}
    for integration_id, kind, count in rows:
        found[integration_id][kind] = count
    return found


def told(counts: Mapping[str, int], kinds: Sequence[Kind]) -> str:
    """Counts by kind in words: "34 spaces, 6 space groups, 9 events, 21 tags"; "" for none."""
    return ", ".join(f"{counts[kind.key]:,} {kind.one if counts[kind.key] == 1 else kind.many}" for kind in kinds if counts.get(kind.key))


def _loaded(counts: Mapping[str, int], kinds: Sequence[Kind]) -> str:
    return f"Loaded: {told(counts, kinds)}." if any(counts.values()) else "There is nothing to pick there yet."


def _agree(target: Target, item: Item, result: Merge, ruled: Mapping[int, int]) -> None:
    """Tell of a target that is still listed, or again, what has changed about it."""
    if target.gone_at is not None:
        target.gone_at = None
        result.note("back", target.kind, item.name)
        result.mended += ruled[target.id]
    elif target.name != item.name[:300]:
        result.note("renamed", target.kind, f"{target.name} → {item.name}")
    target.name, target.group = item.name[:300], item.group


def _target(item: Item, integration_id: int, key: int) -> Target:
    return Target(
        id=key,
        integration_id=integration_id,
        kind=item.kind,
        remote_id=item.remote_id,
        name=item.name[:300],
        group=item.group,
    )


def _targets(session: Session, integration_id: int) -> Iterable[Target]:
    return session.scalars(select(Target).where(Target.integration_id == integration_id, Target.kind != MEMBERSHIP)).all()


def _ruled(session: Session, integration_id: int) -> Counter[int]:
    """How many living rules are about each target."""
    return Counter(session.scalars(select(Rule.target_id).where(Rule.integration_id == integration_id, Rule.deleted_at.is_(None))))
