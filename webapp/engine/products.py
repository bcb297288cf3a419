"""Products: listed, added, renamed, archived. How many come at once from a file is in product_csv.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import Tuple

from webapp.engine import audit, versions
from webapp.models import Product, Purchase, Rule, Target

NewId = Callable[[datetime], int]

LONGEST_ID = 200
LONGEST_NAME = 300
"""Characters, as the columns have them."""

PART = 50
"""How many products one part of the list has."""

MOST_COUNTED = 10_000


class Taken(Exception):
    """The marketplace has a product with this id already: `product`."""

    def __init__(self, product: Product) -> None:
        super().__init__(product.external_id)
        self.product = product


class NoProduct(LookupError):
    """No product of this marketplace has that id."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the list, by name, and whether there is more after it."""

    products: list[Product]
    more: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """How many rules of its own a product has, and how many of them are broken or off."""

    all: int = 0
    broken: int = 0
    off: int = 0


def listing(
    session: Session, marketplace_id: int, text: str = "", *, archived: bool = False, after: int | None = None, limit: int = PART
) -> Part:
    """The products whose name or id has every word of the text, by name; below the product `after` if there is one."""
    there = Product.archived_at.is_not(None) if archived else Product.archived_at.is_(None)
    query = select(Product).where(Product.marketplace_id == marketplace_id, there, *map(_has, text.split()))
    if after is not None:
        query = query.where(_place() > _place_of(marketplace_id, after))
    found = list(session.scalars(query.order_by(func.lower(Product.name), Product.id).limit(limit + 1)))
    return Part(found[:limit], len(found) > limit)


def count(session: Session, marketplace_id: int, *, archived: bool) -> int:
    """How many products are archived, or are not."""
    there = Product.archived_at.is_not(None) if archived else Product.archived_at.is_(None)
    return session.scalar(select(func.count()).where(Product.marketplace_id == marketplace_id, there)) or 0


def rules(session: Session, product_ids: Collection[int]) -> Mapping[int, Rules]:
    """The rules of each of these products that has any."""
    broken = Target.gone_at.is_not(None) & Rule.off_at.is_(None)
    rows = session.execute(
        select(Rule.product_id, func.count(), func.count().filter(broken), func.count(Rule.off_at))
        .join(Target, Target.id == Rule.target_id)
        .where(Rule.product_id.in_(product_ids), Rule.deleted_at.is_(None))
        .group_by(Rule.product_id)
    )
    return {product: Rules(every, bad, off) for product, every, bad, off in rows if product is not None}


def bought(session: Session, product: Product) -> int:
    """How many purchases of it are on record, test ones aside; counts no further than MOST_COUNTED."""
    some = select(Purchase.id).where(
        Purchase.marketplace_id == product.marketplace_id,
        Purchase.product_id == product.id,
        Purchase.on_record.is_(True),
        Purchase.test.is_(False),
    )
    return session.scalar(select(func.count()).select_from(some.limit(MOST_COUNTED).subquery())) or 0


def find(session: Session, marketplace_id: int, external_id: str) -> Product | None:
    """A product by the checkout's own id."""
    return session.scalar(_of(marketplace_id).where(Product.external_id == external_id))


def get(session: Session, marketplace_id: int, product_id: int) -> Product:
    """A product of this marketplace by our id. Raises NoProduct."""
    found = session.scalar(_of(marketplace_id).where(Product.id == product_id))
    if found is None:
        raise NoProduct(product_id)
    return found


def add(session: Session, marketplace_id: int, external_id: str, name: str, *, now: datetime, new_id: NewId) -> Product:
    """Make a product; without a name it is called like its id, until somebody renames it. Raises Taken."""
    made = Product(id=new_id(now), marketplace_id=marketplace_id, external_id=external_id, name=name or external_id, created_at=now)
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        other = find(session, marketplace_id, external_id)
        if other is None:
            raise
        session.expunge(other)
        raise Taken(other) from None
    audit.note(session, marketplace_id, "product_added", external_id, after={"name": made.name})
    versions.bump(session, marketplace_id)
    return made


def rename(session: Session, marketplace_id: int, product_id: int, name: str) -> Product:
    """Give a product another name; its id stays the checkout's. Raises NoProduct."""
    product = get(session, marketplace_id, product_id)
    audit.note(session, marketplace_id, "product_renamed", product.external_id, {"name": product.name}, {"name": name})
    product.name = name
    versions.bump(session, marketplace_id)
    return product


def archive(session: Session, marketplace_id: int, product_id: int, *, away: bool, now: datetime) -> Product:
    """Take a product out of the list, or put it back. Its rules go on: a checkout may still sell it. Raises NoProduct."""
    product = get(session, marketplace_id, product_id)
    what = "product_archived" if away else "product_unarchived"
    audit.note(session, marketplace_id, what, product.external_id, {"archived": product.archived_at is not None}, {"archived": away})
    if away and product.archived_at is None:
        product.archived_at = now
    elif not away:
        product.archived_at = None
    versions.bump(session, marketplace_id)
    return product


def id_error(external_id: str) -> str | None:
    """Why this can't be a product's id at a checkout; None where it can. The same that messages are held to."""
    if not external_id:
        return "Type the product id."
    if len(external_id) > LONGEST_ID:
        return f"The product id is longer than {LONGEST_ID} characters."
    if not external_id.isprintable():
        return "The product id has a character that cannot be shown."
    return None


def name_error(name: str) -> str | None:
    """Why this can't be a product's name; None where it can."""
    if len(name) > LONGEST_NAME:
        return f"The name is longer than {LONGEST_NAME} characters."
    if not name.isprintable():
        return "The name has a character that cannot be shown."
    return None


def _of(marketplace_id: int) -> Select[Product]:
    return select(Product).where(Product.marketplace_id == marketplace_id)


def _has(word: str) -> ColumnElement[bool]:
    """Whether name or id has the word, whatever its case. SQLite knows no case beyond ASCII, so it is given each spelling."""
    spellings = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
    return or_(*(column.icontains(one, autoescape=True) for one in sorted(spellings) for column in (Product.name, Product.external_id)))


def _place() -> Tuple:
    return tuple_(func.lower(Product.name), Product.id)


def _place_of(marketplace_id: int, product_id: int) -> Tuple:
    """Where a product stands in the list, as the database itself orders: names are not compared here."""
    one = Product.__table__.alias("one")
    own = (one.c.id == product_id, one.c.marketplace_id == marketplace_id)
    return tuple_(select(func.lower(one.c.name)).where(*own).scalar_subquery(), select(one.c.id).where(*own).scalar_subquery())
