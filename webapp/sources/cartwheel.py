"""Cartwheel's own format: what a checkout that was made for Cartwheel sends, signed as Standard Webhooks. Its JSON Schema is `schema()`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from webapp.sources import Answers, Line, Message, NotUnderstood, Person, Problem, Refusal, Request, signing
from webapp.sources.cartwheel_format import (
    EVENT,
    TYPES,
    Cancellation,
    Charge,
    Order,
    Ping,
    Prospect,
    Refund,
    Subscription,
    examples,
    schema,
)
from webapp.sources.loose import loads, printable
from webapp.sources.names import NAMES
from webapp.sources.values import MOST_PROBLEMS, as_email, as_time, problem

__all__ = ["AHEAD", "CARTWHEEL", "Cartwheel", "examples", "is_secret", "new_secret", "schema", "signed"]

AHEAD = timedelta(days=366)
"""How far ahead of our clock an event may say that it happened. Later ones would outvote everything that comes after them."""

new_secret, signed, is_secret = signing.new_secret, signing.signed, signing.is_secret

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
T = TypeVar("T")


class Cartwheel:
    """The source: see the module."""

    key = "cartwheel"
    name = NAMES[key]
    signed = True
    answers = Answers()
    masked: frozenset[str] = frozenset()

    def read(self, request: Request, now: datetime) -> Message | NotUnderstood | None:
        """What a request says; None for a ping. Raises Refusal: 415 not JSON by its name, 401 not proven, 400 not JSON at all."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, {"error": "content-type"}, "The Content-Type is not application/json.")
        key = signing.check(request, now)
        try:
            event = _parse(request.body)
        except ValidationError as e:
            return _not_understood(key, request.body, e, now)
        if isinstance(event, Ping):
            return None
        if event.timestamp > now + AHEAD:
            ahead = Problem("timestamp", "is more than a year ahead")
            return NotUnderstood(key, event.type, now, (ahead,), event.data.customer.email)
        customer = event.data.customer
        person = Person(customer.email, customer.first_name, customer.last_name)
        return Message(key, event.type, event.timestamp, person, _lines(event), test=event.test)


CARTWHEEL = Cartwheel()


def _lines(event: Any) -> tuple[Line, ...]:
    data = event.data
    if isinstance(data, Order):
        return tuple(
            Line("purchased", i.product_id, i.product_name, order=data.order_id, subscription=i.subscription_id) for i in data.items
        )
    if isinstance(data, Refund):
        kind = "refunded" if data.full else "partially_refunded"
        return (Line(kind, data.product_id, order=data.order_id, ref=data.refund_id),)
    if isinstance(data, Prospect):
        return (Line("prospect", data.product_id, prospect=data.prospect_id, at_once=event.test),)  # nobody waits 2 hours for a test
    return (replace(_step(event.type.removeprefix("subscription."), data), named=event.test),)  # nor cancels, to test a restart


def _step(kind: str, data: Subscription) -> Line:
    line = Line(kind, data.product_id, subscription=data.subscription_id)
    if isinstance(data, Charge):
        return replace(line, number=data.charge_number, total=data.charges_total)
    return replace(line, access_until=data.access_until) if isinstance(data, Cancellation) else line


def _parse(body: bytes) -> Any:
    """The event. Raises Refusal 400 for what is not JSON, ValidationError for what is no event of ours."""
    try:
        return EVENT.validate_json(body)
    except ValidationError as e:
        if e.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid":
            raise
    return EVENT.validate_json(_mended(body))


def _mended(body: bytes) -> bytes:
    """JSON that pydantic's strict reader refuses, in words that it takes: half a character (`\\ud83d`, where a checkout has cut a name
    in the middle of an emoji) and a byte order mark keep nobody from what they bought. Raises Refusal for everything else."""
    try:
        mended = json.dumps(loads(body), ensure_ascii=False).encode()
    except ValueError as e:
        raise Refusal(400, {"error": "not JSON"}, str(e)) from None
    try:
        _ANYTHING.validate_json(mended)
    except ValidationError:
        raise Refusal(400, {"error": "not JSON"}, "The body has numbers too long or lists too deep to be read.") from None
    return mended


def _not_understood(key: str, body: bytes, error: ValidationError, now: datetime) -> NotUnderstood:
    """What could be made out of it, so that the merchant finds it in Logs."""
    said = json.loads(body.decode("utf-8-sig"))
    said = said if isinstance(said, dict) else {}
    given = said.get("type")
    errors = error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
    return NotUnderstood(
        key=key,
        type=printable(given)[:64] if isinstance(given, str) else "",
        at=_or_else(as_time, said.get("timestamp"), now),
        problems=_problems(errors, said, given),
        email=_or_else(as_email, _inside(said, "data", "customer", "email"), ""),
    )


def _problems(errors: Sequence[Any], said: Mapping[str, Any], given: object) -> tuple[Problem, ...]:
    first = errors[0]["type"]
    if first == "union_tag_not_found":
        return (Problem("type", "is missing"),)
    if first == "union_tag_invalid":
        known = ", ".join(sorted(TYPES))
        shown = f"“{printable(given)[:64]}”" if isinstance(given, str) else "This"
        return (Problem("type", f"{shown} is not a type that Cartwheel knows. It knows: {known}"),)
    if not said:
        return (Problem("body", "must be an object with type, timestamp and data"),)
    return tuple(problem(e, skip=1) for e in errors)


def _inside(said: object, *path: str) -> object:
    for part in path:
        said = said.get(part) if isinstance(said, dict) else None
    return said


def _or_else(read: Callable[[object], T], value: object, otherwise: T) -> T:
    try:
        return read(value)
    except ValueError:
        return otherwise
