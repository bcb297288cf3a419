"""Products from a CSV file: read, compared with what is there, stored. A line that is wrong is told and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.csv_file import Unreadable, Wrong, rows
from webapp.engine import audit, versions
from webapp.engine.products import LONGEST_NAME, id_error, name_error
from webapp.models import Product

MOST_LINES = 5000
CHUNK = 400
"""How many ids one query asks for: SQLite takes some thousand values at most."""

IDS = frozenset({"id", "product id", "product_id", "productid", "sku", "external id", "external_id"})
NAMES = frozenset({"name", "product", "product name", "product_name", "productname", "title"})
"""What the first line's columns may be called, where it is a heading. Spreadsheets write them in many ways."""

NewId = Callable[[datetime], int]


@dataclass(frozen=True, slots=True)
class Line:
    """One good line: its number in the file, the checkout's id, the name."""

    number: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a file has: good lines, each id once, and wrong ones."""

    lines: tuple[Line, ...]
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the good lines would do: new products, products that get another name (with the present one), products that are so already."""

    new: tuple[Line, ...]
    renamed: tuple[tuple[Line, str], ...]
    same: int

    @property
    def changes(self) -> int:
        """How many products would be added or renamed."""
        return len(self.new) + len(self.renamed)


def read(text: str) -> Read:
    """The lines of a CSV text: `id,name`, by commas, semicolons or tabs, with or without a heading. Raises Unreadable."""
    found = list(rows(text))
    if not found:
        raise Unreadable("This file is empty. It needs a line for each product: its id, then its name.")
    columns = _columns(found[0][1])
    body = found[1:] if columns else found
    if not body:
        raise Unreadable("This file has a heading and no products.")
    if len(body) > MOST_LINES:
        raise Unreadable(f"This file has {len(body):,} lines; at most {MOST_LINES:,} can be imported at once. Split it.")
    return _sorted_out(body, *(columns or (0, 1)))


def compare(session: Session, marketplace_id: int, lines: Sequence[Line]) -> Plan:
    """What these lines would change."""
    known = _known(session, marketplace_id, lines)
    new = tuple(line for line in lines if line.id not in known)
    there = [(line, known[line.id].name) for line in lines if line.id in known]
    renamed = tuple((line, name) for line, name in there if line.name != name)
    return Plan(new, renamed, len(there) - len(renamed))


def store(session: Session, marketplace_id: int, lines: Sequence[Line], *, now: datetime, new_id: NewId) -> Plan:
    """Do what `compare` says, for how things are now. What somebody adds meanwhile is left as it is."""
    plan = compare(session, marketplace_id, lines)
    known = _known(session, marketplace_id, [line for line, _ in plan.renamed])
    for line, _ in plan.renamed:
        known[line.id].name = line.name
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[session.get_bind().dialect.name]
    for some in _chunks(plan.new):
        rows = [
            {"id": new_id(now), "marketplace_id": marketplace_id, "external_id": line.id, "name": line.name, "created_at": now}
            for line in some
        ]
        session.execute(insert(Product).values(rows).on_conflict_do_nothing())
    if plan.changes:
        done = {"added": len(plan.new), "renamed": len(plan.renamed)}
        audit.note(session, marketplace_id, "products_imported", "a file", after=done)
        versions.bump(session, marketplace_id)
    return plan


def _columns(cells: Sequence[str]) -> tuple[int, int] | None:
    """Where id and name stand, if this line is a heading."""
    called = [cell.casefold() for cell in cells]
    ids = next((at for at, cell in enumerate(called) if cell in IDS), None)
    names = next((at for at, cell in enumerate(called) if cell in NAMES), None)
    return None if ids is None or names is None else (ids, names)


def _sorted_out(rows: Iterable[tuple[int, list[str]]], ids: int, names: int) -> Read:
    lines: dict[str, Line] = {}
    wrong: list[Wrong] = []
    for number, cells in rows:
        line = Line(number, *(cells[at] if at < len(cells) else "" for at in (ids, names)))
        why = _error(line) or _repeated(lines.get(line.id))
        if why:
            wrong.append(Wrong(number, why))
        else:
            lines[line.id] = line
    return Read(tuple(lines.values()), tuple(wrong))


def _error(line: Line) -> str | None:
    if not line.id:
        return "There is no product id."
    if not line.name:
        return f"{line.id[:LONGEST_NAME]} has no name."
    return id_error(line.id) or name_error(line.name)


def _repeated(before: Line | None) -> str | None:
    return f"{before.id} is in line {before.number} already." if before else None


def _known(session: Session, marketplace_id: int, lines: Sequence[Line]) -> Mapping[str, Product]:
    found: dict[str, Product] = {}
    for some in _chunks(lines):
        query = select(Product).where(Product.marketplace_id == marketplace_id, Product.external_id.in_([line.id for line in some]))
        found.update((product.external_id, product) for product in session.scalars(query))
    return found


def _chunks(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    return (lines[at : at + CHUNK] for at in range(0, len(lines), CHUNK))
