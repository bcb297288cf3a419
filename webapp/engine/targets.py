"""What can be picked from an integration's catalog: a search over its targets, by group. How it is loaded is not here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.apps import Kind
from webapp.models import Target

NO_GROUP = "No group"


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be picked. `group`: its group's name, "" where its kind has none. `repeats`: others have its name."""

    id: int
    name: str
    remote_id: str
    group: str = ""
    repeats: bool = False
    gone: bool = False

    @property
    def detail(self) -> str:
        """What tells it from others of the same name: its group and the app's own id."""
        return " · ".join(part for part in (self.group, f"id {self.remote_id}") if part) if self.repeats else ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: as many `choices` as asked for, in the order of their groups; how many matched, of how many.

    `chosen` is what had been picked, also where the search hides it or the app no longer has it; None for nothing.
    """

    choices: tuple[Choice, ...]
    matched: int
    total: int
    chosen: Choice | None = None

    @property
    def hides_chosen(self) -> bool:
        """Whether what was picked is not among the choices."""
        return self.chosen is not None and all(choice.id != self.chosen.id for choice in self.choices)


def search(session: Session, integration_id: int, kind: Kind, text: str = "", *, limit: int = 100, chosen_id: int | None = None) -> Found:
    """The integration's targets of a kind whose name, group or id has every word of the text, whatever its case."""
    every = _choices(session, integration_id, kind)
    there = [choice for choice in every if not choice.gone]
    words = text.casefold().split()
    matching = [choice for choice in there if _matches(choice, words)]
    chosen = next((choice for choice in every if choice.id == chosen_id), None)
    return Found(tuple(matching[:limit]), len(matching), len(there), chosen)


def _matches(choice: Choice, words: Iterable[str]) -> bool:
    looked_at = f"{choice.name} {choice.group}".casefold()
    return all(word in looked_at or word == choice.remote_id.casefold() for word in words)


def _choices(session: Session, integration_id: int, kind: Kind) -> list[Choice]:
    """Every target of the kind, also those that have gone, ordered by group (without one last) and name."""
    rows = session.execute(
        select(Target.id, Target.name, Target.remote_id, Target.group, Target.gone_at).where(
            Target.integration_id == integration_id, Target.kind == kind.key
        )
    ).all()
    groups = _group_names(session, integration_id, kind)
    names = Counter(row.name.casefold() for row in rows if row.gone_at is None)
    made = [
        Choice(
            row.id,
            row.name,
            row.remote_id,
            groups.get(row.group or "", NO_GROUP) if groups else "",
            names[row.name.casefold()] > 1,
            row.gone_at is not None,
        )
        for row in rows
    ]
    return sorted(made, key=lambda one: (one.group == NO_GROUP, one.group.casefold(), one.name.casefold(), one.id))


def _group_names(session: Session, integration_id: int, kind: Kind) -> Mapping[str, str]:
    if kind.grouped_by is None:
        return {}
    rows = session.execute(
        select(Target.remote_id, Target.name).where(Target.integration_id == integration_id, Target.kind == kind.grouped_by)
    )
    return {row.remote_id: row.name for row in rows}
