"""What one looks for in the log: the query, as conditions for the database and as a test of one row. How to find it fast is in log_search.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Boolean, Select, bindparam, false, func, or_, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from webapp.apps.registry import APPS
from webapp.engine.log_language import Term, moment, terms
from webapp.engine.log_rows import Row
from webapp.engine.sentences import label
from webapp.engine.triggers import TRIGGERS
from webapp.id_times import first_id
from webapp.models import Batch, Customer, Happening, Integration, LogEntry, Product, Purchase

STATUSES = (
    "failed", "retrying", "parked", "queued", "running", "not_understood", "no_rule", "skipped", "unchanged", "succeeded", "nothing",
)  # fmt: skip
"""As pages show them, what may need somebody first."""

ACTIONS = {action.key: action.label for app in APPS.values() for action in app.actions.values()}
"""The actions of all apps: their labels by key."""

ASTRAY = timedelta(minutes=5)
"""By so much an entry's id may tell another time than its arrival: clocks differ, and go back."""

_CLOCK = re.compile(r"\d{1,2}:\d{2}")


@dataclass(frozen=True, slots=True)
class Word:
    """A part of an e-mail address, a product or of what an entry says; or a whole order id: `happenings` are those of that order."""

    text: str
    happenings: frozenset[int] = frozenset()

    @property
    def in_sentences(self) -> bool:
        """Whether it is looked for in what entries say: times of day are not, they stand in every other sentence."""
        return not _CLOCK.search(self.text)


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; what is empty does not narrow. All words must be found. `since` ≤ arrival < `until`.

    `customer_id`: the one customer whose whole address was given. `batch_id`: what one batch did. `happenings`: those of the order
    that was named. `wrong`: why nothing can match, in sentences: a status, integration ... that does not exist, a time that is none.
    """

    words: tuple[Word, ...] = ()
    status: str = ""
    trigger: str = ""
    action: str = ""
    cause: str = ""
    integration_id: int | None = None
    rule_id: int | None = None
    product_id: int | None = None
    customer_id: int | None = None
    batch_id: int | None = None
    happenings: frozenset[int] | None = None
    since: datetime | None = None
    until: datetime | None = None
    wrong: tuple[str, ...] = field(default=())

    @property
    def narrows(self) -> bool:
        """Whether anything is looked for at all."""
        return self != Query()


def parse(session: Session, marketplace_id: int, text: str, zone: tzinfo, now: datetime) -> Query:
    """The query that a text means in a marketplace (the language: docs/search.md); its days are those of the zone."""
    found: dict[str, Any] = {"words": ()}
    wrong: list[str] = []
    for term in terms(text):
        if not term.key:
            found |= _word(session, marketplace_id, term.value, found)
            continue
        meant = _meant(session, marketplace_id, term, zone, now)
        found |= meant
        if not meant:
            wrong.append(_no_such(term))
    return Query(**found, wrong=tuple(wrong))


def conditions(marketplace_id: int, query: Query, leading: bool = True) -> list[ColumnElement[bool]]:
    """What an entry must be, but for its status as it shows (`webapp.engine.logs`) and what it must say.

    Where something else leads to the entries (`leading` is false), no index serves these conditions: databases would sooner go through all of a
    marketplace's entries in their order than sort a few.
    """
    if query.wrong:
        return [false()]
    entry, whose = (LogEntry.id, LogEntry.marketplace_id) if leading else (LogEntry.id + 0, LogEntry.marketplace_id + 0)
    # A customer is of one marketplace, and so is a batch: named beside it, SQLite would go through all of the marketplace's entries.
    led = [(LogEntry.customer_id, query.customer_id), (LogEntry.batch_id, query.batch_id)]
    found: list[ColumnElement[bool]] = [column == one for column, one in led if one is not None] or [whose == marketplace_id]
    wanted: Mapping[Any, Any] = {
        LogEntry.trigger: query.trigger or None, LogEntry.action: query.action or None, LogEntry.cause: query.cause or None,
        LogEntry.integration_id: query.integration_id, LogEntry.rule_id: query.rule_id, LogEntry.product_id: query.product_id,
    }  # fmt: skip
    found += [column == value for column, value in wanted.items() if value is not None]
    if query.happenings is not None:
        found += [LogEntry.happening_id.in_(query.happenings)]
    if query.since:
        found += [LogEntry.at >= query.since, entry >= first_id(query.since - ASTRAY)]
    if query.until:
        found += [LogEntry.at < query.until, entry < first_id(query.until + ASTRAY)]
    return found


def said(marketplace_id: int, query: Query) -> list[ColumnElement[bool]]:
    """That an entry says every word of the query."""
    return [_said(marketplace_id, word) for word in query.words]


def _said(marketplace_id: int, word: Word) -> ColumnElement[bool]:
    """That an entry says a word: in its customer's address, its product, its sentence; or that it is about the order of that id."""
    of: list[ColumnElement[bool]] = [
        LogEntry.customer_id.in_(people(marketplace_id, word)),
        LogEntry.product_id.in_(products(marketplace_id, word)),
    ]
    if word.in_sentences:
        of.append(has(LogEntry.sentence, word.text))
    if word.happenings:
        of.append(LogEntry.happening_id.in_(word.happenings))
    return or_(*of)


def people(marketplace_id: int, word: Word) -> Select[int]:
    """The customers in whose address a word is."""
    return select(Customer.id).where(Customer.marketplace_id == marketplace_id, has_plain(Customer.email, word.text.lower()))


def products(marketplace_id: int, word: Word) -> Select[int]:
    """The products in whose name or id a word is."""
    named = or_(has(Product.name, word.text), has(Product.external_id, word.text))
    return select(Product.id).where(Product.marketplace_id == marketplace_id, named)


class has(FunctionElement[bool]):  # noqa: N801  it reads as a function
    """That a column holds a text somewhere, in either case: SQLite's LIKE, which is half as dear as comparing lower(), and knows A to Z."""

    type = Boolean()
    inherit_cache = True
    operator = "ILIKE"
    """PostgreSQL's word for it."""

    def __init__(self, column: ColumnElement[str] | InstrumentedAttribute[str], text: str) -> None:
        escaped = re.sub(r"([%_\\])", r"\\\1", text)
        super().__init__(column, bindparam(None, f"%{escaped}%", unique=True))


class has_plain(has):  # noqa: N801  the same
    """The same of a column in lower case, and a text in lower case: for PostgreSQL a fifth of the work."""

    inherit_cache = True
    operator = "LIKE"


@compiles(has)
def _has(element: has, compiler: SQLCompiler, **given: Any) -> str:
    column, text = (compiler.process(clause, **given) for clause in element.clauses)
    return f"({column} {element.operator if compiler.dialect.name == 'postgresql' else 'LIKE'} {text} ESCAPE '\\')"


def could_match(query: Query, row: Row) -> bool:
    """Whether a row has what never changes about an entry and the query asks for. A customer's address and a product's name count as that."""
    same = (
        (query.customer_id, row.customer_id),
        (query.trigger or None, row.trigger),
        (query.action or None, row.action),
        (query.integration_id, row.integration_id),
        (query.rule_id, row.rule_id),
        (query.product_id, row.product_id),
        (query.batch_id, row.batch_id),
    )
    if query.wrong or any(wanted is not None and wanted != is_ for wanted, is_ in same):
        return False
    if query.happenings is not None and row.happening_id not in query.happenings:
        return False
    return (query.since is None or row.at >= query.since) and (query.until is None or row.at < query.until)


def matches(query: Query, row: Row) -> bool:
    """Whether a row is what the query asks for, now."""
    if query.status not in {"", row.status} or query.cause not in {"", row.cause}:
        return False
    return could_match(query, row) and all(_says(word, row) for word in query.words)


def _says(word: Word, row: Row) -> bool:
    wanted = word.text.lower()
    looked = [row.email, row.product, row.product_ref, *([row.sentence] if word.in_sentences else [])]
    return row.happening_id in word.happenings or any(wanted in text.lower() for text in looked)


def _word(session: Session, marketplace_id: int, text: str, found: dict[str, Any]) -> dict[str, Any]:
    """A word; one that is the whole address of a customer is that customer, and nothing else is searched, which an index does."""
    if "@" in text and "customer_id" not in found:
        customer = select(Customer.id).where(Customer.marketplace_id == marketplace_id, Customer.email == text.lower())
        known = session.scalar(customer)
        if known is not None:
            return {"customer_id": known}
    return {"words": (*found["words"], Word(text, _of_order(session, marketplace_id, text)))}


def _of_order(session: Session, marketplace_id: int, ref: str) -> frozenset[int]:
    """The happenings of the purchases that the checkout knows by this order or subscription id."""
    # Not `marketplace_id`, but `marketplace_id + 0`: by that SQLite would go through all purchases of the marketplace.
    mine = select(Purchase.id).where(Purchase.marketplace_id + 0 == marketplace_id)
    known = session.scalars(union_all(mine.where(Purchase.order_ref == ref), mine.where(Purchase.subscription_ref == ref))).all()
    return frozenset(session.scalars(select(Happening.id).where(Happening.purchase_id.in_(known)))) if known else frozenset()


def _meant(session: Session, marketplace_id: int, term: Term, zone: tzinfo, now: datetime) -> dict[str, Any]:
    """What a term with a key asks for; nothing where there is no such thing."""
    value, one = term.value, term.value.lower().replace("-", "_").replace(" ", "_")
    match term.key:
        case "status" | "trigger" | "action":
            known = {"status": STATUSES, "trigger": tuple(TRIGGERS), "action": tuple(ACTIONS)}[term.key]
            return {term.key: one} if one in known else {}
        case "after" | "before":
            at = moment(value, zone, now)
            return {"since" if term.key == "after" else "until": at} if at else {}
        case "cause":
            return {"cause": one[:32]}
        case "order":
            return {"happenings": _of_order(session, marketplace_id, value)}
        case "rule":
            return {"rule_id": int(value)} if _is_id(value) else {}
        case "batch":
            return {"batch_id": int(value)} if _is_id(value) and _has_batch(session, marketplace_id, int(value)) else {}
    name = {"integration": _integration, "product": _product}[term.key](session, marketplace_id, value)
    return {f"{term.key}_id": name} if name is not None else {}


def _has_batch(session: Session, marketplace_id: int, batch_id: int) -> bool:
    return session.scalar(select(Batch.id).where(Batch.id == batch_id, Batch.marketplace_id == marketplace_id)) is not None


def _integration(session: Session, marketplace_id: int, value: str) -> int | None:
    """An integration by its name or its id; a deleted one by its id, or by its name where no other has it."""
    mine = select(Integration.id, Integration.name).where(Integration.marketplace_id == marketplace_id).order_by(Integration.id.desc())
    wanted = value.lower()
    found = [(one, wanted in {name.lower(), label(name).lower()} or value == str(one)) for one, name in session.execute(mine)]
    return next((one for one, meant in found if meant), None)


def _product(session: Session, marketplace_id: int, value: str) -> int | None:
    """A product by the checkout's id for it, else by its whole name."""
    mine = select(Product.id).where(Product.marketplace_id == marketplace_id)
    found = session.scalar(mine.where(Product.external_id == value))
    named = or_(Product.name == value, func.lower(Product.name) == value.lower())
    return found if found is not None else session.scalar(mine.where(named).order_by(Product.id).limit(1))


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdecimal() and int(value) < 1 << 63


def _no_such(term: Term) -> str:
    """Why a term can't be meant."""
    if term.key in {"after", "before"}:
        return f"“{term.value}” is no time such as 2026-11-24, 2026-11-24T14:30, today, yesterday, 24h or 7d."
    return f"There is no {term.key} “{term.value}”."
