"""A rule in plain words, as the audit keeps it when one is made, changed, switched or deleted. Nothing is changed here."""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.engine.triggers import TRIGGERS
from webapp.models import PAID_PERIOD, Integration, Product, Rule, Target

ANY_PRODUCT = "every product"


def about(session: Session, rule: Rule) -> str:
    """Which rule it is: "Product Purchased, Ads 101: add to space VIP Room in My community"."""
    said = facts(session, rule)
    where = " ".join(filter(None, (said["action"], said["target"])))
    return f"{said['trigger']}, {said['product']}: {where} in {said['integration']}"


def facts(session: Session, rule: Rule) -> dict[str, str]:
    """Everything that can be changed of a rule, in words."""
    product = session.get(Product, rule.product_id) if rule.product_id else None
    target, integration = session.get(Target, rule.target_id), session.get(Integration, rule.integration_id)
    return {
        "trigger": TRIGGERS[rule.trigger].label,
        "product": product.name if product else ANY_PRODUCT,
        "action": rule.action.replace("_", " "),
        "target": target.name if target else "",
        "integration": integration.name if integration else "",
        "spares": rule.removal or "",
        "holds": f"{rule.for_days} days" if rule.for_days else "",
        "acts": _acts(rule.after_days),
    }


def _acts(after_days: int) -> str:
    if after_days == PAID_PERIOD:
        return "at the end of the paid period"
    return f"{after_days} days later" if after_days else "at once"
