"""Everything that is sealed, sealed anew with the newest key: in small transactions, while all else goes on. No key is known here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.models import Integration, Outgoing, Source, User, Watch

SEALED: tuple[InstrumentedAttribute[Any], ...] = (
    Integration.credentials, Source.secret, Source.previous_secret, Outgoing.content, Watch.chat, User.totp,
)  # fmt: skip
"""Every column that holds something sealed."""

PART = 100
"""How many rows one transaction takes: a writer that waits for it does not notice."""

Writing = Callable[[], AbstractContextManager[Session]]
Rotate = Callable[[bytes], bytes | None]


@dataclass
class Rekeyed:
    """What came of it: how many secrets are under the newest key, and how many no key opens any longer."""

    done: int = 0
    lost: int = 0


def rekey(writing: Writing, rotate: Rotate) -> Rekeyed:
    """Seal everything anew. `rotate` gives a secret under the newest key, None where no key opens it."""
    total = Rekeyed()
    for column in SEALED:
        for sealed_anew in _parts(writing, column, rotate):
            total.done += sealed_anew.done
            total.lost += sealed_anew.lost
    return total


def _parts(writing: Writing, column: InstrumentedAttribute[Any], rotate: Rotate) -> Iterator[Rekeyed]:
    after: int | None = -1
    while after is not None:
        with writing() as session:
            after, came = _part(session, column, after, rotate)
        yield came


def _part(session: Session, column: InstrumentedAttribute[Any], after: int, rotate: Rotate) -> tuple[int | None, Rekeyed]:
    """One transaction: the id that the next one goes on after, None at the end."""
    of: Any = column.class_
    (key,) = of.__mapper__.primary_key
    rows = session.execute(select(key, column).where(key > after, column.is_not(None)).order_by(key).limit(PART)).all()
    came = Rekeyed()
    for number, sealed in rows:
        anew = rotate(sealed)
        if anew is None:
            came.lost += 1
            continue
        # Only what is still as it was read: somebody may have given it another one, under the newest key, meanwhile.
        changed = update(of).where(key == number, column == sealed).values({column.key: anew})
        session.execute(changed.execution_options(synchronize_session=False))
        came.done += 1
    return (rows[-1][0] if len(rows) == PART else None), came
