"""The eleven triggers, one table. What a trigger takes back or moves on is explained in docs/access.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trigger:
    """A commerce happening that can start a rule.

    `when` reads it back with `{product}`: "{product} is purchased". `did` says it of a customer: "bought {product}".
    `takes_back`: a removal on it is by default meant for this purchase only (spare), else for everybody's grants (always).
    """

    key: str
    label: str
    when: str
    did: str
    takes_back: bool = False


_ALL = (
    Trigger("product_purchased", "Product Purchased", "{product} is purchased", "bought {product}"),
    Trigger("product_refunded", "Product Refunded", "{product} is refunded in full", "was refunded for {product}", True),
    Trigger(
        "product_partially_refunded", "Product Partially Refunded", "part of the price of {product} is refunded",
        "was partly refunded for {product}", True,
    ),
    Trigger("prospect_created", "Prospect Created", "{product} is left in the cart for 2 hours", "left {product} in the cart"),
    Trigger(
        "subscription_canceled", "Subscription Canceled", "a subscription to {product} is canceled",
        "canceled the subscription to {product}", True,
    ),
    Trigger(
        "subscription_charge_failed", "Subscription Charge Failed", "a payment for {product} fails for the first time",
        "had a failed payment for {product}", True,
    ),
    Trigger("subscription_charged", "Subscription Charged", "a payment for {product} succeeds", "paid for {product}"),
    Trigger(
        "subscription_delinquent", "Subscription Delinquent", "a subscription to {product} turns delinquent",
        "turned delinquent on {product}", True,
    ),
    Trigger(
        "subscription_recovered", "Subscription Recovered", "a payment for {product} succeeds after failed ones",
        "paid for {product} after failed payments",
    ),
    Trigger(
        "subscription_restarted", "Subscription Restarted", "a subscription to {product} is restarted",
        "restarted the subscription to {product}",
    ),
    Trigger(
        "subscription_completed", "Subscription Completed", "a limited subscription to {product} has its final payment",
        "made the final payment for {product}",
    ),
)  # fmt: skip

TRIGGERS: Mapping[str, Trigger] = {trigger.key: trigger for trigger in _ALL}
"""By key, in the order in which pages list them."""

RECOVERIES = frozenset({"subscription_charged", "subscription_recovered", "subscription_restarted"})
"""What cancels a removal that waits out its grace, beside a new add on the purchase."""

SETBACKS = frozenset(trigger.key for trigger in _ALL if trigger.takes_back)
"""Bad news: what a rule adds for it cancels nothing that waits."""

ON_RECORD = frozenset(
    {"product_purchased", "subscription_charged", "subscription_recovered", "subscription_restarted", "subscription_completed"}
)
"""What puts a purchase on record; a refund or a cancellation alone does not."""
