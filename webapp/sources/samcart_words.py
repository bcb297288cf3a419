"""What SamCart calls things: its triggers' names and the words of `type`, and what each means for us.

SamCart publishes the names of its triggers, but no body: the words of `type` are those that public receivers have seen. A word that
is not here is not understood, and never a purchase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NOTHING = "nothing"
"""The kind of what SamCart says and no rule is about."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "purchased": (
        "Order", "Product Purchased", "Upsell Purchased", "Product Added to Order", "Added to Order", "Order Completed", "Checkout Charged",
    ),
    "refunded": ("Refund", "Product Refunded", "Subscription Charge Refunded"),
    "partially_refunded": ("PartialRefund", "Product Partially Refunded", "Subscription Charge Partially Refunded"),
    "prospect": ("Prospect", "Prospect Created"),
    "charged": ("RecurringPaymentSucceeded", "Subscription Charged", "Subscription Started"),
    "charge_failed": ("RecurringPaymentFailed", "Subscription Charge Failed", "Failed payment"),
    "recovered": ("RecurringPaymentRecovered", "SubscriptionRecovered"),
    "canceled": ("Cancel", "Canceled", "Cancelled", "Cancellation", "Subscription Canceled", "Subscription Cancelled"),
    "delinquent": ("Delinquent", "Subscription Delinquent"),
    "restarted": ("SubscriptionRestarted",),
    "completed": ("SubscriptionCompleted",),
    NOTHING: (
        "Lead", "Lead Added", "Checkout Failed", "Subscription Cancel Scheduled", "Subscription Cancellation Scheduled",
        "Subscription Stopped",
    ),
}  # fmt: skip


def plain(word: str) -> str:
    """A word without regard to case, spaces, `_`, `-` and `.`: they are written in all of these ways."""
    return re.sub(r"[\W_]+", "", word).lower()


_KINDS = {plain(word): kind for kind, words in _WORDS.items() for word in words}


def kind_of(word: str) -> str | None:
    """The kind of `Line` that a word means, or NOTHING; None for a word that nobody has seen. Our own triggers' keys are among the words."""
    bare = plain(word)
    if bare.startswith("student"):  # four of them, all about SamCart's own courses
        return NOTHING
    return _KINDS.get(bare)
