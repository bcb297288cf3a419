"""SamCart: what its webhooks say, and what each means. They are not signed, have no identity and tell no time (docs/webhook.md).

SamCart publishes no body. What is read here is what public receivers have seen; everything else is kept, and not understood.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from webapp.sources import Answers, Line, Message, NotUnderstood, Person, Problem, Request
from webapp.sources.loose import loads, printable
from webapp.sources.names import NAMES
from webapp.sources.samcart_words import NOTHING, kind_of, plain
from webapp.sources.values import LONGEST_ID, MOST_PROBLEMS, Email, as_email, as_id, as_name, as_product_name, problem

AGAIN = timedelta(hours=6)
"""The same words within this time are a repeat, later ones are news: failed payments come hours or days apart, word for word alike."""

DATED = timedelta(days=1)
"""An order's own date is when it was bought, where it is not older than this. An older one is the date of something else."""

NOTHING_FOLLOWS = "Nothing for Circle in it: no rule can be about this."
LONGEST_WORD = 64


@dataclass(frozen=True, slots=True)
class _Trigger:
    """What a request is about: the word for it, the kind of line that it means (None: nobody knows), and whether the address said so."""

    word: str
    kind: str | None
    named: bool


class SamCart:
    """The source: see the module."""

    key = "samcart"
    name = NAMES[key]
    signed = False
    answers = Answers(taken=200, repeat=200, not_understood=200)
    masked = frozenset({"api_key"})

    def read(self, request: Request, now: datetime) -> Message | NotUnderstood | None:
        """What a request says; None for one without a body. `?trigger=` names the trigger for certain; without it `type` does."""
        if not request.body.strip():
            return None
        named = request.query.get("trigger", "").strip()
        try:
            said = loads(request.body)
        except ValueError as e:
            return _not_understood(request, named, now, (Problem("", str(e)),))
        if not isinstance(said, dict):
            return _not_understood(request, named, now, (Problem("", "The body must be an object with fields."),))
        trigger = _trigger(named, said)
        if trigger.kind is None:
            return _not_understood(request, trigger.word, now, (_unknown(trigger),), said)
        try:
            body = _BODY.validate_python(_folded(said))
        except ValidationError as e:
            if trigger.kind == NOTHING:
                return Message(_raw_key(request), trigger.word, now, note=NOTHING_FOLLOWS, again=AGAIN)
            return _not_understood(request, trigger.word, now, _problems(e), said)
        return _message(trigger, body, now)


SAMCART = SamCart()


# ---- fields


def _or_nothing(value: object) -> object:
    """What PHP makes of an object without fields is an empty list."""
    return value or {}


def _ids(value: object) -> list[str]:
    """The ids of an item: one, or where one message is a whole order, several with commas between them. Each once."""
    several = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    return list(dict.fromkeys(as_id(one) for one in several if not isinstance(one, str) or one.strip())) or [as_id("")]


def _maybe_id(value: object) -> str | None:
    return None if value in (None, "", 0, "0") or (isinstance(value, str) and not value.strip()) else as_id(value)


def _texts(value: object) -> list[str]:
    """The processor's ids of charges: one, several or none, of whatever kind. They only tell messages apart."""
    several = value if isinstance(value, list) else [value]
    return [printable(str(one))[:LONGEST_ID] for one in several if one not in (None, "")]


def _name(value: object) -> str:
    return as_name(value) if isinstance(value, str) else ""


_MaybeId = Annotated[str | None, BeforeValidator(_maybe_id)]
_Texts = Annotated[list[str], BeforeValidator(_texts)]
_Name = Annotated[str, BeforeValidator(_name)]
_ProductName = Annotated[str, BeforeValidator(lambda value: as_product_name(value) if isinstance(value, str) else "")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Item(_Part):
    id: Annotated[list[str], BeforeValidator(_ids)]
    name: _ProductName = ""
    transaction_id: _Texts = []


class _Customer(_Part):
    email: Email
    first_name: _Name = ""
    last_name: _Name = ""


class _Order(_Part):
    id: _MaybeId = None
    subscription_id: _MaybeId = None
    transaction_id: _Texts = []
    created_at: Any = None


class _Subscription(_Part):
    id: _MaybeId = None


class _Body(_Part):
    product: Annotated[list[_Item], Field(min_length=1)]
    customer: _Customer
    order: Annotated[_Order, BeforeValidator(_or_nothing)] = _Order()
    subscription: Annotated[_Subscription, BeforeValidator(_or_nothing)] = _Subscription()
    refund_transaction_id: _Texts = []


_BODY = TypeAdapter(_Body)


def _folded(said: Mapping[str, Any]) -> dict[str, Any]:
    """The body with its items in one place: `product`, or `products` in place of it; one, or a list."""
    items = said.get("product") or said.get("products")
    if not items:
        return {key: value for key, value in said.items() if key != "product"}
    return {**said, "product": items if isinstance(items, list) else [items]}


# ---- what it says


def _trigger(named: str, said: Mapping[str, Any]) -> _Trigger:
    if named:
        return _Trigger(_word(named), kind_of(named), True)
    given = next((said[key] for key in ("type", "event", "event_type") if said.get(key)), None)
    return _Trigger(_word(given), kind_of(given), False) if isinstance(given, str) else _Trigger("", None, False)


def _word(text: str) -> str:
    return printable(text)[:LONGEST_WORD]


def _unknown(trigger: _Trigger) -> Problem:
    if trigger.named:
        return Problem("trigger", f"“{trigger.word}”, at the end of the address, is no trigger")
    if not trigger.word:
        return Problem("type", "is missing, and the address names no trigger")
    return Problem(
        "type", f"“{trigger.word}” is nothing that Cartwheel knows of SamCart. An address that names the trigger settles what it is"
    )


def _message(trigger: _Trigger, body: _Body, now: datetime) -> Message:
    kind = trigger.kind or NOTHING
    customer, order = body.customer, body.order
    person = Person(customer.email, customer.first_name, customer.last_name)
    subscription = order.subscription_id or body.subscription.id
    items = _items(body)
    charges = [*(t for item in body.product for t in item.transaction_id), *order.transaction_id, *body.refund_transaction_id]
    key = _key(kind if kind != NOTHING else plain(trigger.word), customer.email, order.id, sorted(items), subscription, charges)
    if kind == NOTHING:
        return Message(key, trigger.word, now, person, note=NOTHING_FOLLOWS, again=AGAIN)
    at = _bought_at(order.created_at, now) if kind == "purchased" else now
    line = Line(kind, "", order=order.id, at_once=kind == "prospect", named=trigger.named)
    if kind == "prospect":
        line = replace(line, order=None)
    elif len(items) == 1:  # of several products nobody says whose the subscription is
        line = replace(line, subscription=subscription)
    if kind == "partially_refunded":
        line = replace(line, ref=next(iter(body.refund_transaction_id), None))
    lines = [replace(line, product=i, product_name=name) for i, name in items.items()]
    return Message(key, trigger.word, at, person, lines, again=AGAIN)


def _items(body: _Body) -> dict[str, str]:
    """The products' ids and names. Of several ids in one item nobody can say whose the name is."""
    return {i: item.name if len(item.id) == 1 else "" for item in body.product for i in item.id}


def _bought_at(given: object, now: datetime) -> datetime:
    """The order's own date, in UTC where it names no zone. It is not the message's: it counts only while it may be."""
    try:
        at = datetime.fromisoformat(given.strip()) if isinstance(given, str) else now
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return now
    return at if now - DATED <= at <= now else now


# ---- who it is


def _key(*parts: object) -> str:
    """An identity made of what is said, since SamCart gives none."""
    return f"{parts[0]}-{_digest(json.dumps(parts).encode())}"


def _raw_key(request: Request) -> str:
    return f"body-{_digest(request.query.get('trigger', '').encode(errors='replace'), request.body)}"


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


# ---- what was not understood


def _not_understood(
    request: Request, word: str, now: datetime, problems: Sequence[Problem], said: Mapping[str, Any] | None = None
) -> NotUnderstood:
    customer = (said or {}).get("customer")
    try:
        email = as_email(customer.get("email")) if isinstance(customer, dict) else ""
    except ValueError:
        email = ""
    return NotUnderstood(_raw_key(request), _word(word), now, problems, email, again=AGAIN)


def _problems(error: ValidationError) -> tuple[Problem, ...]:
    errors: Iterable[ErrorDetails] = error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
    return tuple(Problem(_place(found.field), found.message) for found in map(problem, errors))


def _place(field: str) -> str:
    """As SamCart writes it: a product that stands alone has no number."""
    return field.replace("product.0", "product", 1) if field.startswith("product.0") else field
