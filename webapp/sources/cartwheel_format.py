"""The words of Cartwheel's own format: its types and their fields as pydantic models, and its JSON Schema. How it is read: cartwheel.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter, WithJsonSchema

from webapp.sources.values import Count, Email, Id, MaybeId, MaybeTime, Name, ProductName, Time

_Free = Annotated[Any, WithJsonSchema({"description": "Kept with the event. Cartwheel does nothing with it."})]


class _Part(BaseModel):
    """Unknown fields are ignored: the event is kept as it came."""

    model_config = ConfigDict(extra="ignore")


class Customer(_Part):
    """Who it is about. The address, trimmed and in lower case, is who they are."""

    email: Email
    first_name: Name = ""
    last_name: Name = ""


class Item(_Part):
    """One product of an order."""

    product_id: Id
    product_name: ProductName = ""
    kind: Literal["primary", "upsell", "order_bump", "payment_option"] = "primary"
    amount: _Free = None
    currency: _Free = None
    subscription_id: MaybeId = None


class Order(_Part):
    """Something was bought."""

    order_id: Id
    customer: Customer
    items: Annotated[list[Item], Field(min_length=1)]


class Refund(_Part):
    """Money was given back for one product of an order, all of it or a part."""

    order_id: Id
    refund_id: MaybeId = None
    customer: Customer
    product_id: Id
    amount: _Free = None
    full: StrictBool


class Prospect(_Part):
    """Somebody left their address at the checkout."""

    prospect_id: Id
    customer: Customer
    product_id: Id


class Subscription(_Part):
    """Something happened to a subscription."""

    subscription_id: Id
    customer: Customer
    product_id: Id


class Charge(Subscription):
    """A successful recurring charge: the how manieth, of how many where they are limited."""

    charge_number: Count | None = None
    charges_total: Count | None = None


class Cancellation(Subscription):
    """A cancellation, and until when it leaves access."""

    access_until: MaybeTime = None


class _Event(_Part):
    timestamp: Time
    test: bool = False


class OrderCreated(_Event):
    """Product Purchased, for each item."""

    type: Literal["order.created"]
    data: Order


class OrderRefunded(_Event):
    """Product Refunded or Product Partially Refunded."""

    type: Literal["order.refunded"]
    data: Refund


class ProspectCreated(_Event):
    """Prospect Created, 2 hours after `timestamp`, unless the product is bought by then."""

    type: Literal["prospect.created"]
    data: Prospect


class SubscriptionCharged(_Event):
    """Subscription Charged; Recovered where payments were failing; Completed where it was the last of a limited one."""

    type: Literal["subscription.charged"]
    data: Charge


class SubscriptionCanceled(_Event):
    """Subscription Canceled, if it was not canceled or delinquent already."""

    type: Literal["subscription.canceled"]
    data: Cancellation


class SubscriptionStep(_Event):
    """What the type names, if the subscription was not in that state already. The 4th failed charge in a row makes it delinquent."""

    type: Literal[
        "subscription.charge_failed",
        "subscription.restarted",
        "subscription.delinquent",
        "subscription.recovered",
        "subscription.completed",
    ]
    data: Subscription


class Ping(_Part):
    """Nothing but whether the address works."""

    type: Literal["ping"]
    timestamp: _Free = None
    data: _Free = None


Event = Annotated[
    OrderCreated | OrderRefunded | ProspectCreated | SubscriptionCharged | SubscriptionCanceled | SubscriptionStep | Ping,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Any] = TypeAdapter(Event)
"""Reads a message, and knows its schema."""

_ANA = {"email": "ana@example.com", "first_name": "Ana", "last_name": "Silva"}
_WHAT = {"subscription_id": "sub-77", "customer": _ANA, "product_id": "ads-101"}
_DATA: Mapping[str, Mapping[str, object]] = {
    "order.created": {
        "order_id": "9001",
        "customer": _ANA,
        "items": [
            {"product_id": "ads-101", "product_name": "Ads 101", "kind": "primary", "amount": 4900, "currency": "EUR"},
            {"product_id": 202, "product_name": "Templates", "kind": "order_bump"},
        ],
    },
    "order.refunded": {
        "order_id": "9001", "refund_id": "re-1", "customer": _ANA, "product_id": "ads-101", "amount": 4900, "full": True,
    },
    "prospect.created": {"prospect_id": "p-5", "customer": _ANA, "product_id": "ads-101"},
    "subscription.charged": {**_WHAT, "charge_number": 2, "charges_total": 12},
    "subscription.charge_failed": _WHAT,
    "subscription.canceled": {**_WHAT, "access_until": "2026-12-24T08:00:00Z"},
    "subscription.restarted": _WHAT,
    "subscription.delinquent": _WHAT,
    "subscription.recovered": _WHAT,
    "subscription.completed": _WHAT,
}  # fmt: skip
TYPES = (*_DATA, "ping")
"""Every type that is understood."""


def examples() -> list[dict[str, object]]:
    """One message of each type, `ping` last."""
    at = "2026-11-24T08:00:00Z"
    return [{"type": kind, "timestamp": at, "data": _DATA.get(kind, {})} for kind in TYPES]


@cache
def schema() -> dict[str, Any]:
    """The format as a JSON Schema (2020-12), with examples. Whoever gets it must not change it: it is made once."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Cartwheel's own webhook format",
        "description": "POST it as application/json, at most 256 KiB, signed as Standard Webhooks. Unknown fields are kept and ignored.",
        **EVENT.json_schema(),
        "examples": examples(),
    }
