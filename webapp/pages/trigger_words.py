"""When each trigger fires, for who chooses one. No page lives here."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.engine.triggers import TRIGGERS

CATEGORY = "eCommerce"

FIRES: Mapping[str, str] = {
    "product_purchased": "when {product} is purchased as primary product, upsell, order bump or payment option: once for each product of an order",
    "product_refunded": "when {product} is refunded in full",
    "product_partially_refunded": "when a part of the price of {product} is refunded",
    "prospect_created": "2 hours after somebody left {product} in the cart, unless they have bought it by then",
    "subscription_canceled": "when a subscription to {product} turns to canceled or to delinquent",
    "subscription_charge_failed": "at the first failed recurring payment for {product} of a run of failures",
    "subscription_charged": "at each successful recurring charge for {product}",
    "subscription_delinquent": "when a subscription to {product} turns to delinquent: after 4 failed payments in a row",
    "subscription_recovered": "when a charge for {product} succeeds while payments were failing",
    "subscription_restarted": "when you restart a delinquent or canceled subscription to {product} by hand",
    "subscription_completed": "when a limited subscription to {product} has its final successful charge",
}


def fires(trigger: str, product: str | None) -> str:
    """The whole sentence, with its trigger's name: what a list beside it has chosen since may be another."""
    return f"{TRIGGERS[trigger].label} fires {FIRES[trigger].replace('{product}', product or 'a product')}."


def grouped() -> dict[str, list[tuple[str, str]]]:
    """Every trigger's key and label, by what it is about."""
    groups: dict[str, list[tuple[str, str]]] = {"Products": [], "Subscriptions": []}
    for trigger in TRIGGERS.values():
        groups["Subscriptions" if trigger.key.startswith("subscription_") else "Products"].append((trigger.key, trigger.label))
    return groups
