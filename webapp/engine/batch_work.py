"""What a kind of batch is made of: what its step is given, and what it says of it. The kinds themselves are each in a module of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.engine.book import NewId
from webapp.engine.snapshots import Snapshots
from webapp.models import Batch, BatchItem


@dataclass(frozen=True, slots=True)
class Tools:
    """What a step needs beside its transaction."""

    snapshots: Snapshots
    now: datetime
    new_id: NewId


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of some items: whether lanes were made due, and how many could not be taken care of.

    `stop`: nothing was done, nor can anything further be: why, for the merchant.
    """

    work: bool = False
    left_out: int = 0
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of batch: what its items are called, one and many, and how some of them are taken care of, in the caller's transaction."""

    key: str
    one: str
    many: str
    work: Callable[[Session, Batch, Sequence[BatchItem], Tools], Worked]
